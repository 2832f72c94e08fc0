// Requests to the engine, with a token where it asks for one, and its stream of events.

const KEY = "headrace-token";
let asking = null;

function headers(more = {}) {
  const token = sessionStorage.getItem(KEY);
  return token ? { authorization: `Bearer ${token}`, ...more } : more;
}

/** Set how a token is asked for: a function that gives a promise of one. */
export function askTokensBy(ask) {
  asking = ask;
}

async function request(path, options = {}, again = true) {
  const sent = sessionStorage.getItem(KEY);
  const response = await fetch(path, { ...options, headers: headers(options.headers) });
  const changed = sessionStorage.getItem(KEY) !== sent; // another request has asked meanwhile
  if (response.status === 401 && changed) return request(path, options, again);
  if (response.status === 401 && again && asking) {
    sessionStorage.setItem(KEY, await asking((await response.json()).error.message));
    return request(path, options, false);
  }
  return response;
}

async function read(response) {
  const told = await response.json();
  if (!response.ok && response.status !== 503) throw new Error(told.error?.message ?? told.error ?? response.statusText);
  if (response.status === 503 && told.error) throw new Error(told.error.message);
  return told;
}

export const get = async (path) => read(await request(path));

export const post = async (path, body) =>
  read(await request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }));

/** Follow the stream of events for ever: ``onEvent(kind, data)`` for each, ``onLink(live)`` when it breaks or returns. */
export async function follow(onEvent, onLink) {
  let last = "";
  for (;;) {
    try {
      const response = await request("/v1/events/stream", { headers: last ? { "last-event-id": last } : {} });
      if (!response.ok) throw new Error(response.statusText);
      onLink(true);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        for (const part of parts) {
          const fields = Object.fromEntries(part.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
          if (fields.id) last = fields.id;
          if (fields.data) onEvent(fields.event, JSON.parse(fields.data));
        }
      }
    } catch {
      // told by onLink; tried again below
    }
    onLink(false);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
