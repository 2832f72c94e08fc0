// How outputs are distributed, and how far inputs and outputs have drifted from the profile published with a model.

import { count, make, table } from "./page.js";

const STEADY = 0.1;
const DRIFTED = 0.25;

const judge = (drift) => (drift === null ? ["not seen yet", "over"] : drift < STEADY ? ["steady", "serving-now"] : drift < DRIFTED ? ["moved", "staged-now"] : ["drifted", "rejected"]);
const percent = (share) => `${(share * 100).toFixed(1)} %`;

function bars(field) {
  const most = Math.max(...field.bins.flatMap((bin) => [bin.expected ?? 0, bin.found]), 1e-9);
  const told = field.bins.map((bin) => `${bin.name}: ${percent(bin.found)}${bin.expected === null ? "" : `, expected ${percent(bin.expected)}`}`);
  return make("div.spread", { role: "img", "aria-label": `${field.name}: ${told.join("; ")}` }, field.bins.map((bin, place) => {
    const pair = make("span.pair", { title: told[place] });
    for (const [kind, share] of [["expected", bin.expected], ["found", bin.found]]) {
      if (share === null) continue;
      const bar = make(`span.${kind}`);
      bar.style.height = `${Math.max(share > 0 ? 3 : 0, (share / most) * 100)}%`;
      pair.append(bar);
    }
    return pair;
  }));
}

export function showDrift(model) {
  if (!model.distributions.length) {
    return make("div.sheet.pad", {}, make("p.empty", {}, "Nothing was scored yet."));
  }
  const rows = model.distributions.map((field) => {
    const unmeasured = field.bins.every((bin) => bin.expected === null);
    const [word, kind] = unmeasured ? ["not measured", "over"] : judge(field.drift);
    return make("tr", {}, make("td", {}, field.name), make("td", {}, field.output ? "output" : "input"),
      make("td.number", {}, count(field.records)), make("td.number", {}, field.drift === null ? "–" : field.drift.toFixed(3)),
      make("td", {}, make("span.badge", { class: kind }, word)), make("td", {}, bars(field)));
  });
  return make("div.sheet", {}, table("Drift", ["field", "side", { name: "values", number: true }, { name: "index", number: true }, "", "expected and found, by bin"], rows, ""),
    make("p.note.pad", {}, "Population stability index against the profile of the training data that is published with a model (headrace profile): below 0.1 is steady, from 0.25 on drifted. The pale bar is what the profile has, the full one what came. Outputs that no profile names are shown as they came."));
}
