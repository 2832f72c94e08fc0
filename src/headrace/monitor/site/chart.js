// Lines over time, with the moments at which models changed marked on them. Drawn as SVG, by no library.

import { clock, make } from "./page.js";

const WIDTH = 1000;
const MARGIN = { left: 58, right: 12, top: 20, bottom: 22 };

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function niceStep(most, steps) {
  const rough = most / steps;
  const size = 10 ** Math.floor(Math.log10(rough));
  return size * [1, 2, 5, 10].find((factor) => rough <= size * factor);
}

/** A chart of ``lines`` ({name, colour, thin, area, value(point)}); draw it anew with ``draw(points, marks, window)``. */
export class Chart {
  constructor({ title, lines, write, height = 230, wide = false, least = 1, decades = false }) {
    Object.assign(this, { title, lines, write, height, least, decades });
    this.plot = svg("svg", { class: "plot", role: "img", "aria-label": title, viewBox: `0 0 ${WIDTH} ${height}` });
    this.hover = make("p.hover", { "aria-hidden": "true" });
    this.legend = make("div.legend");
    this.element = make("figure.chart.sheet", { class: wide ? "wide" : "", style: null },
      make("div.head", {}, make("h3", {}, title), this.legend), this.plot, this.hover);
    this.element.style.margin = 0;
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    this.plot.addEventListener("pointerleave", () => this.leave());
  }

  setLines(lines) {
    this.lines = lines;
    this.legend.replaceChildren(...lines.map((line) =>
      make("span", {}, make("span.swatch", { class: line.colour }), line.name)));
  }

  draw(points, marks, window) {
    const measured = this.plot.clientWidth || WIDTH;
    this.width = Math.max(300, measured);
    this.plot.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    const [from, to] = window;
    const shown = points.filter((point) => point.at >= from);
    const values = shown.flatMap((point) => this.lines.map((line) => line.value(point))).filter((value) => value > 0);
    const { ticks, share } = this.decades ? this.scaleByDecades(values) : this.scale(values);
    this.x = (at) => MARGIN.left + ((at - from) / (to - from)) * (this.width - MARGIN.left - MARGIN.right);
    this.y = (value) => this.height - MARGIN.bottom - share(value) * (this.height - MARGIN.top - MARGIN.bottom);
    this.points = shown;
    this.plot.replaceChildren(...this.axes(from, to, ticks), ...this.curves(), ...this.marks(marks, from));
    this.describe(shown, marks.filter((mark) => mark.at >= from));
  }

  /** From zero to above the most, in even steps. */
  scale(values) {
    const most = Math.max(this.least, ...values);
    const step = niceStep(most * 1.05, 4);
    const top = Math.ceil((most * 1.02) / step) * step;
    const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, place) => place * step);
    return { ticks, share: (value) => value / top };
  }

  /** From the power of ten below the least to the one above the most: for values that differ a thousandfold. */
  scaleByDecades(values) {
    const low = Math.floor(Math.log10(Math.min(...values, this.least)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values, this.least))));
    const ticks = Array.from({ length: high - low + 1 }, (_, place) => 10 ** (low + place));
    return { ticks, share: (value) => Math.max(0, (Math.log10(Math.max(value, 1)) - low) / (high - low)) };
  }

  axes(from, to, ticks) {
    const drawn = [];
    for (const value of ticks) {
      const y = this.y(value);
      drawn.push(svg("line", { class: "grid", x1: MARGIN.left, x2: this.width - MARGIN.right, y1: y, y2: y }));
      drawn.push(svg("text", { class: "tick", x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, this.write(value)));
    }
    const count = Math.max(2, Math.floor(this.width / 130));
    for (let tick = 0; tick <= count; tick += 1) {
      const at = from + ((to - from) * tick) / count;
      const anchor = tick === 0 ? "start" : tick === count ? "end" : "middle";
      drawn.push(svg("text", { class: "tick", x: this.x(at), y: this.height - 4, "text-anchor": anchor }, clock(at)));
    }
    return drawn;
  }

  curves() {
    return this.lines.flatMap((line) => {
      const runs = [];
      let run = null;
      let before = null;
      for (const point of this.points) {
        const value = line.value(point);
        if (value === null || value === undefined || (before && point.at - before > 5000)) run = null;
        before = point.at;
        if (value === null || value === undefined) continue;
        if (!run) runs.push((run = []));
        run.push([this.x(point.at), this.y(value)]);
      }
      return runs.flatMap((each) => {
        const path = each.map(([x, y], place) => `${place ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
        if (each.length === 1) return [svg("circle", { class: `dot-alone ${line.colour}`, cx: each[0][0], cy: each[0][1], r: 2.5 })];
        const curve = svg("path", { class: `curve ${line.colour} ${line.thin ? "thin" : ""}`, d: path });
        if (!line.area) return [curve];
        const closed = `${path}L${each.at(-1)[0].toFixed(1)} ${this.floor()}L${each[0][0].toFixed(1)} ${this.floor()}Z`;
        return [svg("path", { class: `area ${line.colour}`, d: closed }), curve];
      });
    });
  }

  floor() {
    return this.height - MARGIN.bottom;
  }

  marks(marks, from) {
    let free = [-Infinity, -Infinity];
    return marks.filter((mark) => mark.at >= from).flatMap((mark) => {
      const x = this.x(mark.at);
      const kind = mark.refused ? "refusal" : "switch";
      const line = svg("line", { class: kind, x1: x, x2: x, y1: MARGIN.top - 6, y2: this.height - MARGIN.bottom });
      line.append(svg("title", {}, `${clock(mark.at)} ${mark.told}`));
      const width = mark.label.length * 6.4 + 8;
      const left = Math.min(x + 4, this.width - width);
      const row = free.findIndex((end) => left >= end);
      if (row < 0) return [line];
      free[row] = left + width;
      const y = MARGIN.top - 6 + row * 15;
      return [line,
        svg("rect", { class: "flag-ground", x: left - 2, y: y - 10, width, height: 14, rx: 3 }),
        svg("text", { class: `flag ${mark.refused ? "bad" : ""}`, x: left, y: y + 1 }, mark.label)];
    });
  }

  describe(shown, marks) {
    const last = shown.at(-1);
    const now = last ? this.lines.map((line) => `${line.name} ${this.write(line.value(last) ?? 0)}`).join(", ") : "nothing yet";
    const told = marks.slice(-5).map((mark) => `${mark.told} at ${clock(mark.at)}`).join("; ");
    this.plot.setAttribute("aria-label", `${this.title}. Now: ${now}.${told ? ` Marked: ${told}.` : ""}`);
    if (!this.pointing) this.hover.textContent = last ? "" : "No records yet.";
  }

  point(event) {
    if (!this.points?.length) return;
    const box = this.plot.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.width;
    const near = this.points.reduce((best, point) => (Math.abs(this.x(point.at) - x) < Math.abs(this.x(best.at) - x) ? point : best));
    this.plot.querySelector(".cross")?.remove();
    const at = this.x(near.at);
    this.plot.append(svg("line", { class: "cross", x1: at, x2: at, y1: MARGIN.top, y2: this.height - MARGIN.bottom }));
    const told = this.lines.map((line) => [line.name, line.value(near)]).filter(([, value]) => value !== null && value !== undefined);
    this.pointing = true;
    this.hover.textContent = `${clock(near.at)}  ·  ${told.map(([name, value]) => `${name} ${this.write(value)}`).join("  ·  ")}`;
  }

  leave() {
    this.pointing = false;
    this.hover.textContent = "";
    this.plot.querySelector(".cross")?.remove();
  }
}
