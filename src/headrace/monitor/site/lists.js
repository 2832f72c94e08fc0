// Events and dead letters, the newest first.

import { get } from "./api.js";
import { badge, fill, make, moment, slotName, table } from "./page.js";

export class Events {
  constructor(live) {
    this.live = live;
    this.list = make("div.sheet");
    this.element = make("div", {}, make("div.head", {}, make("h1", {}, "Events"), make("p.note", {}, "what happened to models")), this.list);
  }

  async refresh() {
    const events = this.live.events.slice(-300).reverse();
    if (events[0]?.id === this.newest && this.list.hasChildNodes()) return;
    this.newest = events[0]?.id;
    const rows = events.map((event) => make("tr", {}, make("td.when", {}, moment(event.at)), make("td", {}, badge(event.kind)),
      make("td", {}, event.name ? make("a", { href: `#/models/${event.position}`, "data-key": `e${event.id}` }, `${event.name} ${event.version}`) : `position ${event.position}`),
      make("td", {}, slotName(event)), make("td.reason", {}, event.reason)));
    fill(this.list, table("Events", ["when", "what", "model", "slot", "why"], rows, "Nothing has happened yet."));
  }
}

export class DeadLetters {
  constructor() {
    this.list = make("div.sheet");
    this.element = make("div", {}, make("div.head", {}, make("h1", {}, "Dead letters"),
      make("p.note", {}, "records that could not be scored, as they came; ", make("code", {}, "headrace dead-letters resend"), " sends them again")), this.list);
  }

  async refresh() {
    const letters = (await get("/v1/dead-letters?limit=200")).dead_letters;
    const written = JSON.stringify(letters);
    if (written === this.written) return;
    this.written = written;
    const rows = letters.map((letter) => make("tr", {},
      make("td.mono", {}, letter.id, make("br"), make("span.note", {}, `${letter.source} ${letter.partition}/${letter.offset}`)),
      make("td", {}, make("code", {}, letter.code)),
      make("td", {}, letter.data_type === null ? "no slot" : slotName(letter), letter.model && make("span.note", {}, ` by ${letter.model} ${letter.version}`)),
      make("td.reason", {}, letter.reason, make("details", {}, make("summary", {}, "the record"), make("pre", {}, letter.original ?? JSON.stringify(letter.row) ?? "it had no value")))));
    fill(this.list, table("Dead letters", ["record", "code", "slot", "reason"], rows, "Every record could be scored."));
  }
}
