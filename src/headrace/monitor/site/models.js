// The list of models, and one model's page: what it passed, takes and gives, did and went through.

import { get } from "./api.js";
import { showDrift } from "./drift.js";
import { badge, bytes, count, duration, fill, make, moment, slotName, table } from "./page.js";

export class Models {
  constructor() {
    this.list = make("div.sheet");
    this.element = make("div", {}, make("div.head", {}, make("h1", {}, "Models"),
      make("p.note", {}, "the publications of the model stream, the newest first")), this.list);
  }

  async refresh() {
    const { models } = await get("/v1/models?limit=300");
    const rows = models.sort((one, other) => other.position - one.position).map((model) => make("tr", {},
      make("td.number", {}, model.position),
      make("td", {}, make("a", { href: `#/models/${model.position}`, "data-key": `m${model.position}` }, `${model.name} ${model.version}`)),
      make("td", {}, slotName(model)), make("td", {}, badge(model.state)),
      make("td.when", {}, moment(model.since)), make("td.when", {}, moment(model.until)),
      make("td.number", {}, count(model.records)), make("td.number", {}, duration(model.p50_ns)),
      make("td.reason", {}, model.reason)));
    const heads = [{ name: "position", number: true }, "model", "slot", "state", "since", "until",
      { name: "records", number: true }, { name: "median", number: true }, "reason"];
    fill(this.list, table("Models", heads, rows, "Nothing was published yet."));
  }
}

const REACHED = ["received", "loading", "verifying", "warming", "staged"];

export class ModelPage {
  constructor(position) {
    this.position = position;
    this.element = make("div", {}, make("p.empty", {}, "Reading…"));
  }

  async refresh() {
    const model = await get(`/v1/models/${this.position}`);
    const written = JSON.stringify(model);
    if (written === this.written) return;
    this.written = written;
    fill(this.element,
      make("p.note", {}, make("a", { href: "#/models", "data-key": "all" }, "Models"), ` / position ${model.position}`),
      make("div.head", {}, make("h1", {}, `${model.name} ${model.version}`), badge(model.state), model.pinned && model.state === "serving" && make("span.badge.pin", {}, "pinned")),
      model.description && make("p", {}, model.description),
      model.reason && make("p.alarm", { class: model.state === "rejected" ? "" : "note" }, model.reason),
      make("section.two", {}, this.showFacts(model), this.showChecks(model)),
      make("section.two", {}, this.showWork(model), this.showSignature(model)),
      make("section", {}, make("h2", {}, "Drift"), showDrift(model)),
      make("section", {}, make("h2", {}, "History"), this.showHistory(model)));
  }

  showFacts(model) {
    const fact = (name, value) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value));
    return make("div.sheet.pad", {}, make("h2", {}, "What it is"), make("table", {}, make("tbody", {},
      fact("Slot", slotName(model)), fact("Digest", make("code", {}, model.digest || "not known yet")),
      fact("Serves since", moment(model.since)), fact("Until", moment(model.until)),
      fact("Memory", bytes(model.memory_bytes)),
      fact("Bytes from", model.location || "the model log"),
      fact("A roll back may name it", model.retained ? "yes" : "no"))));
  }

  showChecks(model) {
    const kinds = model.history.map((event) => event.kind);
    const far = Math.max(...REACHED.map((state, place) => (kinds.includes(state) ? place : 0)), model.load_ns ? 4 : 0);
    const failed = model.state === "rejected";
    const line = (place, name, took) => {
      const passed = far > place || (far === 4 && place === 3);
      const stopped = failed && !passed && far === place;
      return make("li", {}, make(passed ? "span.passed" : stopped ? "span.failed" : "span", { "aria-hidden": "true" }, passed ? "✓" : stopped ? "✕" : "·"),
        make("span", {}, name, make("span.hidden", {}, passed ? ": passed" : stopped ? ": failed" : ": not reached")),
        make("span.took", {}, took ? duration(took) : ""));
    };
    const forgotten = ["retired", "rejected", "skipped"].includes(model.state) && !model.golden_records;
    const golden = forgotten ? "golden records, its own verification" : model.golden_records ? `${count(model.golden_records)} golden records and its own verification` : "its own verification (no golden records were sent)";
    return make("div.sheet.pad", {}, make("h2", {}, "Checks"), make("ul.checks", {},
      line(0, "bytes fetched, digest right", 0), line(1, "parsed, checked, compiled", model.load_ns),
      line(2, `verified: ${golden}`, model.verify_ns), line(3, "warmed, outputs fit the slot", model.warm_ns)));
  }

  showWork(model) {
    const fact = (name, value) => make("tr", {}, make("th", { scope: "row" }, name), make("td.number", {}, value));
    const most = Math.max(1, ...model.histogram.map((each) => each.records));
    return make("div.sheet.pad", {}, make("h2", {}, "What it did"), make("table", {}, make("tbody", {},
      fact("Records scored", count(model.records)), fact("Errors", count(model.errors)),
      fact("Mean, median", `${duration(model.mean_ns)}, ${duration(model.p50_ns)}`),
      fact("90 %, 99 % within", `${duration(model.p90_ns)}, ${duration(model.p99_ns)}`),
      fact("Least, most", `${duration(model.min_ns)}, ${duration(model.max_ns)}`),
      fact("In all", duration(model.total_ns)))),
      model.histogram.length > 1 && make("div.bars", { role: "img", "aria-label": `Scoring times from ${duration(model.min_ns)} to ${duration(model.max_ns)}` },
        model.histogram.map((each) => {
          const bar = make("span.s0", { title: `${duration(each.time_ns)}: ${count(each.records)} records` });
          Object.assign(bar.style, { flex: "1", background: "currentColor", borderRadius: "2px 2px 0 0", height: `${Math.max(2, (each.records / most) * 100)}%` });
          return bar;
        })),
      model.last_error && make("p.note", {}, `Last error: ${model.last_error}`));
  }

  showSignature(model) {
    if (!model.inputs) return make("div.sheet.pad", {}, make("h2", {}, "Signature"), make("p.empty", {}, "Known while the model is loaded."));
    const rows = (fields) => fields.map((field) => make("tr", {}, make("td", {}, field.name),
      make("td", {}, make("code", {}, field.type + (field.shape.length ? ` [${field.shape.join(", ")}]` : ""))),
      make("td", {}, (model.mapping[field.name] ?? []).join(", ") || (field.required ? "" : "may be absent"))));
    return make("div.sheet.pad", {}, make("h2", {}, "Signature"),
      table("Inputs", ["input", "type", "fed by"], rows(model.inputs), "It takes nothing."),
      table("Outputs", ["output", "type", ""], rows(model.outputs.map((field) => ({ ...field, required: true }))), "It gives nothing."));
  }

  showHistory(model) {
    const rows = model.history.map((event) => make("tr", {}, make("td.when", {}, moment(event.at)), make("td", {}, badge(event.kind)), make("td.reason", {}, event.reason)));
    return make("div.sheet", {}, table("History", ["when", "what", "why"], rows, "Nothing is remembered of it."));
  }
}
