// What asks before it acts: publish, roll back, pin, unpin; and what tells how it went.

import { get, post } from "./api.js";
import { ago, make, slotName } from "./page.js";

const PATIENCE = 60;
const OVER = new Set(["serving", "retired", "rejected", "skipped"]);

export function tell(text, bad = false) {
  const toast = make(`div.toast${bad ? ".bad" : ""}`, {}, text);
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), bad ? 15000 : 7000);
  return toast;
}

/** Open a dialog over a form; ``submit`` is called with the form's data and may give a promise. */
function open(title, content, confirm, submit, danger = false) {
  return new Promise((resolve) => {
    const problem = make("p.alarm", { role: "alert", hidden: true });
    const go = make(`button.${danger ? "danger" : "primary"}`, { type: "submit" }, confirm);
    const form = make("form", { method: "dialog" },
      make("h2", { id: "dialog-title" }, title), content, problem,
      make("div.buttons", {}, make("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), go));
    const dialog = make("dialog", { "aria-labelledby": "dialog-title" }, form);
    let result = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      try {
        result = (await submit(new FormData(form))) ?? true;
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
      }
      go.disabled = false;
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function askToken(message) {
  return open("A token is needed", [
    make("p.note", {}, message),
    make("label.field", {}, make("span", {}, "Token"), make("input", { name: "token", type: "password", required: true, autocomplete: "off" })),
  ], "Continue", (data) => data.get("token")).then((token) => token ?? "");
}

/** Follow a publication until the engine has given its verdict, and tell that. */
async function awaitVerdict(position, what) {
  const toast = tell(`${what}: sent, at position ${position} of the model stream. Waiting for its checks…`);
  for (let tries = 0; tries < PATIENCE * 2; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const model = await get(`/v1/models/${position}`).catch(() => null);
    if (!model || !(OVER.has(model.state) || (model.state === "staged" && model.pinned))) continue;
    toast.remove();
    const told = { rejected: `was rejected: ${model.reason}`, serving: "serves now", staged: "has passed its checks and is staged: the slot is pinned" };
    tell(`${model.name} ${model.version} ${told[model.state] ?? `is ${model.state}`}`, model.state === "rejected");
    return;
  }
  toast.remove();
  tell(`${what}: no verdict after ${PATIENCE} s; its page tells how far it is`);
}

export async function pin(slot) {
  const name = slotName(slot);
  const [verb, path] = slot.pinned ? ["Unpin", "/v1/unpin"] : ["Pin", "/v1/pin"];
  const model = slot.serving ? `${slot.serving.name} ${slot.serving.version}` : "its model";
  const told = slot.pinned
    ? `The newest model that is staged in ${name} will take over.`
    : `${model} stays in ${name}: models that are published from now on are checked and staged, and do not serve until it is unpinned.`;
  const order = { data_type: slot.data_type, slot: slot.slot };
  const sent = await open(`${verb} ${name}?`, make("p", {}, told), verb, () => post(path, order));
  if (sent) tell(`${verb} ${name}: sent`);
}

export async function rollBack(slot) {
  const known = (await get(`/v1/models?data_type=${encodeURIComponent(slot.data_type)}&slot=${encodeURIComponent(slot.slot)}`)).models;
  const serving = slot.serving?.digest;
  const choices = [];
  for (const model of known.reverse()) {
    if (model.retained && model.digest !== serving && !choices.some((each) => each.digest === model.digest)) choices.push(model);
  }
  if (!choices.length) return tell(`${slotName(slot)} keeps no other version to go back to`);
  const options = choices.map((model, place) => make("label.option", {},
    make("input", { type: "radio", name: "to", value: model.digest, checked: place === 0 }),
    make("span", {}, make("strong", {}, `${model.name} ${model.version}`), " ", make("code", {}, model.digest.slice(0, 12))),
    make("span.note", {}, model.until ? `served until ${ago(model.until)} ago` : model.state)));
  const content = [
    make("p", {}, `Choose what ${slotName(slot)} goes back to. It passes all checks again; ${slot.serving ? `${slot.serving.name} ${slot.serving.version}` : "nothing"} serves until then.`),
    make("fieldset.options", {}, make("legend.hidden", {}, "Versions"), options),
  ];
  const sent = await open(`Roll back ${slotName(slot)}`, content, "Roll back", (data) =>
    post("/v1/rollback", { data_type: slot.data_type, slot: slot.slot, to: data.get("to") }), true);
  if (sent) awaitVerdict(sent.position, `Roll back ${slotName(slot)}`);
}

async function encode(file) {
  const content = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let place = 0; place < content.length; place += 32768) text += String.fromCharCode(...content.subarray(place, place + 32768));
  return btoa(text);
}

export async function publish(slots) {
  const field = (name, label, more = {}) =>
    make("label.field", {}, make("span", {}, label), make("input", { name, ...more }));
  const content = [
    make("p.note", {}, "The model is loaded, verified and warmed beside the one that serves, and takes over only if it passes."),
    field("file", "Model file (PMML, ONNX, …)", { type: "file", required: true }),
    make("div.pair", {},
      field("data_type", "Data type", { required: true, value: slots[0]?.data_type ?? "", list: "data-types" }),
      field("slot", "Slot (optional)")),
    make("datalist", { id: "data-types" }, [...new Set(slots.map((slot) => slot.data_type))].map((name) => make("option", { value: name }))),
    make("div.pair", {}, field("name", "Name (optional)"), field("version", "Version (optional)")),
    field("description", "Description"),
    field("golden", "Golden records (JSON), checked before it may serve", { type: "file", accept: ".json" }),
    make("label.check", {}, make("input", { type: "checkbox", name: "replaces" }), "Its outputs may differ from the slot's"),
  ];
  const sent = await open("Publish a model", content, "Publish", async (data) => {
    const file = data.get("file");
    const golden = data.get("golden");
    return post("/v1/publish", {
      data_type: data.get("data_type"), slot: data.get("slot"), version: data.get("version"),
      name: data.get("name") || file.name.replace(/\.[^.]+$/, ""), description: data.get("description"),
      content: await encode(file), replaces_signature: data.get("replaces") !== null,
      golden: golden?.size ? JSON.parse(await golden.text()) : [],
    });
  });
  if (sent) awaitVerdict(sent.position, `Publish ${sent.name}`);
}
