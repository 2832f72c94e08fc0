// Small things that every page needs: elements, numbers and times as people read them.

/** Make an element. Text is always text: nothing that a model or a record holds becomes markup. */
export function make(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className += ` ${value}`;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const count = (number) => (number ?? 0).toLocaleString("en", { maximumFractionDigits: 0 });

export function rate(number) {
  return (number ?? 0).toLocaleString("en", { maximumFractionDigits: number < 10 ? 1 : 0 });
}

export function duration(nanoseconds) {
  if (nanoseconds === null || nanoseconds === undefined) return "–";
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) {
    if (nanoseconds >= size) return `${(nanoseconds / size).toPrecision(3).replace(/\.?0+$/, (end) => (end.includes(".") ? "" : end))} ${unit}`;
  }
  return `${Math.round(nanoseconds)} ns`;
}

export function bytes(number) {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (number >= size) return `${(number / size).toFixed(1)} ${unit}`;
  }
  return `${number} B`;
}

export function clock(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString("en-GB");
}

export function moment(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return make("span", {}, "–");
  const at = new Date(milliseconds);
  const today = at.toDateString() === new Date().toDateString();
  const text = today ? at.toLocaleTimeString("en-GB") : `${at.toLocaleDateString("en-GB")} ${at.toLocaleTimeString("en-GB")}`;
  return make("time", { datetime: at.toISOString(), title: at.toISOString() }, text);
}

export function ago(milliseconds) {
  const seconds = Math.max(0, (Date.now() - milliseconds) / 1000);
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
}

export const slotName = (each) => (each.slot ? `${each.data_type}/${each.slot}` : each.data_type ?? "–");

export function badge(state) {
  const kinds = { serving: "serving-now", staged: "staged-now", loading: "busy", verifying: "busy", warming: "busy", received: "busy", present: "serving-now", gone: "rejected" };
  return make("span.badge", { class: kinds[state] ?? state }, state.replaceAll("-", " "));
}

export function table(caption, heads, rows, none) {
  if (!rows.length) return make("p.empty", {}, none);
  return make("div.table", { tabindex: "0", role: "region", "aria-label": caption },
    make("table", {}, make("caption.hidden", {}, caption),
      make("thead", {}, make("tr", {}, heads.map((head) => make(head.number ? "th.number" : "th", { scope: "col" }, head.name ?? head)))),
      make("tbody", {}, rows)));
}

let pressed = false;
const waiting = new Map();

addEventListener("pointerdown", () => (pressed = true), true);
for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, () => setTimeout(() => {
    pressed = false;
    for (const [place, content] of waiting) fill(place, ...content);
    waiting.clear();
  }), true);
}

/**
 * Put content into a place, keeping the keyboard's focus on what has the same key. While a button is held down nothing
 * is replaced: what is pressed must be what is released, or there is no click.
 */
export function fill(place, ...content) {
  if (pressed) return void waiting.set(place, content);
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  place.replaceChildren(...content.filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
