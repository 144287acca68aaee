// Asking the server, and hearing of changes. Whatever goes wrong comes as `Refused`, in words that can be shown.

const POLL_MS = 3000;
const NOT_YET_MS = 2000;
const PATIENCE_MS = 60_000;
const GONE = "modiste does not answer. Is it still running?";
const LOCKED = "modiste was started with another token, and asks for it.";

export class Refused extends Error {
  constructor(words, reason = "", status = 0) {
    super(words);
    this.reason = reason;
    this.status = status;
  }
  // The server asks for its token, which can be entered in another tab.
  get locked() {
    return this.status === 401;
  }
  // Asking again may help: nobody answered, or the server was busy or in need, or waits for its token.
  get passing() {
    return this.locked || this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

// Ask for something. Where the photos are being looked at for the first time there is nothing to say yet: it waits, and asks again, saying so:
// the server begins nothing anew for that which failed.
export async function get(path, parameters = {}, signal) {
  for (let asked = parameters; ; asked = { ...parameters, again: true }) {
    try {
      return await answered(`${path}${query(asked)}`, { signal });
    } catch (error) {
      if (error.reason !== "not_yet") throw error;
      await new Promise((done) => setTimeout(done, NOT_YET_MS));
    }
  }
}

export const post = (path, value = {}, { patient = false } = {}) =>
  answered(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) }, patient);

export const sendFile = (path, file, parameters = {}) =>
  answered(`${path}${query(parameters)}`, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file }, true);

export const send = (path, form, parameters = {}) => answered(`${path}${query(parameters)}`, { method: "POST", body: form });

function query(parameters) {
  const some = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return some.length ? `?${new URLSearchParams(some)}` : "";
}

// Whoever is patient waits for as long as the work takes: of many photos that may be minutes.
async function answered(address, options, patient = false) {
  const clock = patient ? null : AbortSignal.timeout(PATIENCE_MS);
  const signal = options.signal && clock ? AbortSignal.any([options.signal, clock]) : options.signal || clock;
  let answer;
  let value;
  try {
    answer = await fetch(address, { credentials: "same-origin", ...options, signal });
    value = await answer.json();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw answer && !answer.ok ? new Refused(`modiste answered ${answer.status}.`, "", answer.status) : new Refused(GONE);
  }
  if (answer.status === 401) throw new Refused(LOCKED, value.reason, 401);
  if (!answer.ok) throw new Refused(value.error || `modiste answered ${answer.status}.`, value.reason, answer.status);
  return value;
}

// --- the state of the project, as it was last heard

let known = JSON.parse(document.getElementById("state").textContent);
const listeners = new Set();

export const state = () => known;

// heard(state) is called at once, and at each change.
export function follow(heard) {
  listeners.add(heard);
  heard(known);
}

// What an answer to a decision says of the whole: counts, pace, version.
export function took(part) {
  if (part.version === undefined || part.version < known.version) return;
  tell({ ...known, ...part });
}

function tell(next) {
  known = next;
  for (const heard of listeners) heard(known);
}

// --- events of the server; where they do not come, the state is asked for

let source = null;
let timer = 0;
let anew = true; // after a gap the server may have been started again, and counts from the beginning

export function listen() {
  if (document.visibilityState === "hidden" || source) return;
  source = new EventSource("/api/events");
  source.addEventListener("open", () => (anew = true));
  source.addEventListener("state", (event) => {
    clearTimeout(timer);
    timer = 0;
    hear(JSON.parse(event.data));
  });
  source.addEventListener("error", () => {
    anew = true;
    if (source?.readyState === EventSource.CLOSED) source = null;
    timer ||= setTimeout(poll, POLL_MS);
  });
}

function hear(next) {
  if (!anew && next.version < known.version) return;
  anew = false;
  tell(next);
}

async function poll() {
  timer = 0;
  if (document.visibilityState === "hidden") return;
  try {
    anew = true;
    hear(await get("/api/state"));
    if (!source) listen();
  } catch {
    timer = setTimeout(poll, POLL_MS);
  }
}

// A page that nobody looks at keeps no connection: a browser has six for all its pages.
function rest() {
  if (document.visibilityState === "visible") return listen();
  source?.close();
  source = null;
  clearTimeout(timer);
  timer = 0;
}

document.addEventListener("visibilitychange", rest);
