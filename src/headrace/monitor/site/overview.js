// The first page: what flows now, the slots, what was refused, what failed.

import { get } from "./api.js";
import { Chart } from "./chart.js";
import { pin, rollBack } from "./dialogs.js";
import { ago, badge, bytes, count, duration, fill, make, moment, rate, slotName, table } from "./page.js";

const SPANS = [["1 min", 60], ["5 min", 300], ["15 min", 900]];
const SHORTEST = 60000;
let span = 300;

function tile(name, value, bad = false) {
  return make(`div.tile.sheet${bad ? ".bad" : ""}`, {}, make("p.name", {}, name), make("p.value", {}, value));
}

const ofSlot = (name, member) => (point) => point.slots.find((each) => slotName(each) === name)?.[member] ?? null;

export class Overview {
  constructor(live) {
    this.live = live;
    this.tiles = make("div.tiles", {});
    this.slots = make("div.slots", {});
    this.instances = make("section", {});
    this.refused = make("div.sheet");
    this.letters = make("div.sheet");
    this.flow = new Chart({ title: "Records a second", lines: [], write: rate, wide: true, height: 250 });
    this.times = new Chart({ title: "Time to score a record", lines: [], write: duration, least: 1000, decades: true });
    this.losses = new Chart({ title: "Failed and skipped a second", lines: [], write: rate });
    this.losses.setLines([
      { name: "dead-lettered", colour: "sbad", area: true, value: (point) => point.failed },
      { name: "skipped", colour: "sfaint", value: (point) => point.skipped },
    ]);
    this.spans = make("div.choice", { role: "group", "aria-label": "Time shown" }, SPANS.map(([name, seconds]) =>
      make("button", { type: "button", "aria-pressed": String(seconds === span), onclick: (event) => this.choose(event.target, seconds) }, name)));
    this.element = make("div", {},
      make("h1.hidden", {}, "What flows now"), this.tiles,
      make("section", { "aria-label": "Charts" }, make("div.head", {}, make("h2", {}, "Flow"), this.spans),
        make("div.charts", {}, this.flow.element, this.times.element, this.losses.element)),
      make("section", {}, make("div.head", {}, make("h2", {}, "Slots")), this.slots),
      this.instances,
      make("section", {}, make("div.head", {}, make("h2", {}, "Refused"), make("a.more", { href: "#/models" }, "All models")), this.refused),
      make("section", {}, make("div.head", {}, make("h2", {}, "Last dead letters"), make("a.more", { href: "#/dead-letters" }, "All of them")), this.letters));
    this.known = {};
  }

  choose(button, seconds) {
    span = seconds;
    for (const each of this.spans.children) each.setAttribute("aria-pressed", String(each === button));
    this.draw();
  }

  /** Read what is not streamed: slots, refusals, dead letters. */
  async refresh() {
    const [rejected, letters, engine] = await Promise.all([get("/v1/models?state=rejected&limit=5"), get("/v1/dead-letters?limit=5"), get("/v1/engine")]);
    const { slots } = this.live;
    this.change("slots", slots, () => this.showSlots(slots));
    this.change("instances", engine.instances, () => this.showInstances(engine.instances));
    this.change("rejected", rejected.models, () => this.showRefused(rejected.models));
    this.change("letters", letters.dead_letters, () => this.showLetters(letters.dead_letters));
    this.draw();
  }

  change(name, told, show) {
    const written = JSON.stringify(told);
    if (this.known[name] !== written) {
      this.known[name] = written;
      show();
    }
  }

  draw() {
    const { points, events, slots } = this.live;
    const names = slots.map(slotName);
    if (this.names !== names.join()) {
      this.names = names.join();
      this.flow.setLines(names.slice(0, 6).map((name, place) => ({ name, colour: `s${place}`, area: names.length === 1, value: ofSlot(name, "scored") })));
      this.times.setLines(names.slice(0, 6).flatMap((name, place) => [
        { name: `${name} 99 %`, colour: `s${place}`, value: ofSlot(name, "p99_ns") },
        { name: "50 %", colour: `s${place}`, thin: true, value: ofSlot(name, "p50_ns") },
      ]));
    }
    const to = Math.max(Date.now(), points.at(-1)?.at ?? 0);
    const began = points[0]?.at ?? to;
    const window = [Math.max(to - span * 1000, Math.min(began, to - SHORTEST)), to];
    const marks = events.filter((event) => event.kind === "serving" || event.kind === "rejected").map((event) => ({
      at: event.at, refused: event.kind === "rejected", label: `${event.kind === "rejected" ? "✕ " : ""}${event.name}`,
      told: `${event.name} ${event.version} ${event.kind === "rejected" ? "rejected" : "serves"} ${slotName(event)}`,
    }));
    this.flow.draw(points, marks, window);
    this.times.draw(points, marks.filter((mark) => !mark.refused), window);
    this.losses.draw(points, [], window);
    this.showTiles(points, slots);
  }

  showTiles(points, slots) {
    const now = points.at(-1);
    const total = this.live.total ?? {};
    const busy = slots.map((slot) => slot.serving).filter((model) => model?.p50_ns !== null && model !== null && model !== undefined);
    const middle = busy.length ? busy.reduce((best, model) => (model.records > best.records ? model : best)) : null;
    this.tiles.replaceChildren(
      tile("Scored a second", rate(now?.scored)),
      tile("Scored in all", count(total.scored)),
      tile("Half scored within", duration(middle?.p50_ns)),
      tile("99 % scored within", duration(middle?.p99_ns)),
      tile("Dead-lettered", count(total.dead_lettered), total.dead_lettered > 0),
      tile("Skipped", count(total.skipped)));
  }

  showSlots(slots) {
    if (!slots.length) return fill(this.slots, make("p.empty.sheet", {}, "No slot yet: publish a model, and records of its data type are scored."));
    fill(this.slots, ...slots.map((slot) => this.showSlot(slot)));
  }

  showSlot(slot) {
    const model = slot.serving;
    const figure = (name, value) => make("div", {}, make("dt", {}, name), make("dd", {}, value));
    const key = slotName(slot);
    return make("article.slot.sheet", { "aria-label": `Slot ${key}` },
      make("div.title", {}, badge(model ? "serving" : "empty"), slot.pinned && make("span.badge.pin", {}, "pinned"),
        make("span.where", {}, "slot ", make("strong", {}, key), ` · ${slot.mode}`)),
      model
        ? make("p.serving", {}, make("a", { href: `#/models/${model.position}`, "data-key": `model ${key}` }, `${model.name} ${model.version}`))
        : make("p.serving", {}, "No model serves"),
      model && make("p.note", {}, "since ", moment(model.since), ` (${ago(model.since)})`, model.description ? ` · ${model.description}` : ""),
      model && make("dl.figures", {}, figure("records", count(model.records)), figure("errors", count(model.errors)),
        figure("median", duration(model.p50_ns)), figure("99 %", duration(model.p99_ns)), figure("memory", bytes(model.memory_bytes))),
      slot.staged && make("p.staged", {}, badge("staged"), " ", make("a", { href: `#/models/${slot.staged.position}` }, `${slot.staged.name} ${slot.staged.version}`),
        slot.pinned ? " waits: the slot is pinned" : " waits for its moment"),
      make("div.actions", {},
        make("button.small", { type: "button", "data-key": `pin ${key}`, onclick: () => pin(slot) }, slot.pinned ? "Unpin…" : "Pin…"),
        make("button.small", { type: "button", "data-key": `back ${key}`, onclick: () => rollBack(slot) }, "Roll back…")));
  }

  showInstances(instances) {
    if (!instances.length) return fill(this.instances);
    const rows = instances.map((each) => make("tr", {},
      make("td.mono", {}, each.name), make("td", {}, each.host), make("td", {}, badge(each.state)),
      make("td.number", {}, each.partitions.length), make("td.when", {}, moment(each.seen))));
    const heads = ["instance", "host", "state", { name: "partitions", number: true }, "last seen"];
    fill(this.instances, make("div.head", {}, make("h2", {}, "Instances")), make("div.sheet", {}, table("Instances", heads, rows, "")));
  }

  showRefused(models) {
    const rows = models.reverse().map((model) => make("tr", {},
      make("td", {}, make("a", { href: `#/models/${model.position}` }, `${model.name} ${model.version}`)),
      make("td", {}, slotName(model)), make("td.reason", {}, model.reason)));
    fill(this.refused, table("Refused models", ["model", "slot", "reason"], rows, "No model was refused."));
  }

  showLetters(letters) {
    const rows = letters.map((letter) => make("tr", {},
      make("td.mono", {}, letter.id), make("td", {}, make("code", {}, letter.code)), make("td.reason", {}, letter.reason)));
    fill(this.letters, table("Last dead letters", ["record", "code", "reason"], rows, "Every record could be scored."));
  }
}
