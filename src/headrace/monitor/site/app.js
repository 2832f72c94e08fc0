// The page as a whole: which part is shown, what streams in, light and dark.

import { askTokensBy, follow, get } from "./api.js";
import { askToken, publish } from "./dialogs.js";
import { DeadLetters, Events } from "./lists.js";
import { ModelPage, Models } from "./models.js";
import { Overview } from "./overview.js";
import { make } from "./page.js";

const KEPT = 900;
const live = { points: [], events: [], slots: [], total: null };
const main = document.getElementById("main");
const link = document.getElementById("link");
let shown = null;
let failing = false;

function route() {
  const [, page = "", position] = location.hash.split("/");
  if (page === "models" && position) return ["models", new ModelPage(position)];
  if (page === "models") return ["models", new Models()];
  if (page === "events") return ["events", new Events(live)];
  if (page === "dead-letters") return ["dead-letters", new DeadLetters()];
  return ["overview", new Overview(live)];
}

async function show() {
  const [name, page] = route();
  const first = shown === null;
  shown = page;
  for (const each of document.querySelectorAll("nav a")) {
    if (each.dataset.page === name) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  main.replaceChildren(page.element);
  if (!first) main.focus();
  await refresh();
}

async function refresh() {
  const page = shown;
  try {
    Object.assign(live, await get("/v1/slots"));
    await page.refresh();
    if (failing && page === shown && !page.element.isConnected) main.replaceChildren(page.element);
    failing = false;
  } catch (error) {
    if (!failing && page === shown && !page.element.querySelector("h1:not(.hidden), .tile")) {
      main.replaceChildren(make("p.alarm", { role: "alert" }, error instanceof TypeError ? "The engine cannot be reached. This page goes on once it is back." : error.message));
    }
    failing = true;
  }
  await tellReady();
}

async function tellReady() {
  const told = await get("/health/ready").catch(() => null);
  if (!told || link.classList.contains("lost")) return;
  link.className = `link ${told.ready ? "live" : "unready"}`;
  link.querySelector(".text").textContent = told.ready ? "live" : "not ready";
  link.title = told.reasons.join("\n");
}

function hear(kind, data) {
  if (kind === "point") {
    live.points.push(data);
    live.points.splice(0, Math.max(0, live.points.length - KEPT));
    if (shown instanceof Overview) shown.draw();
  } else if (kind === "change" && !live.events.some((event) => event.id === data.id)) {
    live.events.push(data);
    soon();
  }
}

let planned = null;
function soon() {
  planned ??= setTimeout(() => {
    planned = null;
    refresh();
  }, 250);
}

async function catchUp(isLive) {
  link.className = `link ${isLive ? "live" : "lost"}`;
  link.querySelector(".text").textContent = isLive ? "live" : "no connection";
  if (!isLive) return;
  const [series, events] = await Promise.all([get("/v1/series"), get("/v1/events")]).catch(() => [null, null]);
  if (!series) return;
  const began = series.points[0]?.at ?? Infinity;
  live.points = [...live.points.filter((point) => point.at < began), ...series.points].slice(-KEPT);
  live.events = events.events;
  refresh();
}

function beginTheme() {
  const wanted = localStorage.getItem("headrace-theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = wanted;
  document.getElementById("theme").addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("headrace-theme", next);
  });
}

let token = null;
askTokensBy((message) => (token ??= askToken(message).finally(() => (token = null))));
beginTheme();
document.getElementById("publish").addEventListener("click", () => publish(live.slots));
addEventListener("hashchange", show);
addEventListener("resize", () => shown instanceof Overview && shown.draw());
show();
follow(hear, catchUp);
setInterval(refresh, 2000);
