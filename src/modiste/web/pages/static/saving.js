// The outbox: decisions on their way to the disk. "Saved" is shown only once the server said so; what it did not take is kept here and sent
// again under the same id, which counts once however often it arrives.

import { post, Refused, state, took } from "./api.js";
import { complain, speak, tell } from "./messages.js";
import { some } from "./words.js";

const AT_ONCE = 200;
const MOST = 5000; // decisions that the server takes at once: whole, or not at all
const FIRST_MS = 500;
const LONGEST_MS = 10_000;
const CALM_MS = 900;
const TO_COME = new Refused("modiste is still looking at the photo.", "not_yet");
const HELD_MS = 4000; // a press that waited longer was meant for a photo that is no longer before one's eyes

const events = new EventTarget();
let waiting = []; // batches of decisions, or parts of those that no request holds, in the order they were made
let later = []; // those of photos that are still to come, which hold up no others
let busy = false;
let trouble = null; // why the last try did not help
let wake = () => {};
const presses = []; // { act, at }, in the order in which they came
let pressing = false;
let saved = 0; // since the page was opened
let spoken = 0;
let calm = 0;

const all = () => [...waiting, ...later].flat();
export const unsaved = () => all().length;
export const unsavedPhotos = () => all().map((one) => one.photo);

// heard({ now: idle | saving | saved | failing, unsaved, saved, locked }) at each change.
export function onSaving(heard) {
  const now = () => (trouble ? "failing" : unsaved() ? "saving" : saved ? "saved" : "idle");
  const call = () => heard({ now: now(), unsaved: unsaved(), saved, locked: Boolean(trouble?.locked) });
  events.addEventListener("change", call);
  call();
}

// heard(decisions, error): the server will never take these.
export const onRefused = (heard) => events.addEventListener("refused", (event) => heard(event.detail.decisions, event.detail.error));

export const identity = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// Decisions made together, and taken back together; each { photo, kind, label, how, seconds, suggested, confidence }. They are of whom this
// page names, also where somebody else has said who they are in another one.
export function decide(decisions) {
  const [batch, { who }] = [decisions.length > 1 ? identity() : null, state()];
  const rest = { label: null, seconds: null, suggested: null, confidence: null };
  const made = decisions.map((one) => ({ ...rest, ...one, id: identity(), batch, who }));
  for (let first = 0; first < made.length; first += MOST) waiting.push(made.slice(first, first + MOST));
  keepOrder();
  if (trouble === TO_COME) wake();
  change();
  drain();
}

const change = () => events.dispatchEvent(new Event("change"));

async function drain() {
  if (busy) return;
  busy = true;
  let pause = FIRST_MS;
  while (unsaved()) {
    if (!waiting.length) {
      await again(TO_COME, pause);
      pause = Math.min(2 * pause, LONGEST_MS);
      waiting.push(...later.splice(0));
    }
    const batches = next();
    try {
      const decisions = batches.flat().map(({ who: _, ...one }) => one);
      const answer = await post("/api/decisions", { decisions, who: batches[0][0].who });
      took(received(batches, answer));
      if (answer.saved.length || !later.length) [pause, trouble] = [FIRST_MS, null];
      change();
    } catch (error) {
      if (!error.passing) refused(batches, error);
      else await again(error, pause);
      pause = Math.min(2 * pause, LONGEST_MS);
    }
  }
  busy = false;
  clearTimeout(calm);
  calm = setTimeout(quietly, CALM_MS);
}

// What one person said, as much as fits. After trouble batches go one by one, so that one which is refused holds up no other.
function next() {
  let many = 0;
  const fits = waiting.findIndex((batch) => (many += batch.length) > AT_ONCE || batch[0].who !== waiting[0][0].who);
  return waiting.slice(0, trouble ? 1 : Math.max(1, fits < 0 ? waiting.length : fits));
}

// What is saved is done with, and so is what never will be; what is of photos that are still to come waits for them.
function received(batches, { saved: on, left, counts, pace, version }) {
  const why = new Map(left.map((one) => [one.id, one]));
  const sent = batches.flat();
  const known = new Set([...on, ...why.keys()]);
  const lost = batches.map((batch) => batch.filter((one) => !known.has(one.id))).filter((batch) => batch.length);
  const early = sent.filter((one) => why.get(one.id)?.reason === "not_yet");
  saved += on.length;
  waiting = [...lost, ...waiting.slice(batches.length)];
  if (early.length) later.push(early);
  keepOrder();
  for (const reason of new Set(left.map((one) => one.reason)))
    if (reason !== "not_yet")
      notTaken(
        sent.filter((one) => why.get(one.id)?.reason === reason),
        new Refused(left.find((one) => one.reason === reason).error, reason),
      );
  if (lost.length) throw Object.assign(new Error("modiste did not say that all of it is saved."), { passing: true });
  return { counts, pace, version };
}

// What is said of a photo that is still to come waits behind what was said of it before: the last word is to be the last.
function keepOrder() {
  const photos = new Set(later.flat().map((one) => one.photo));
  waiting = waiting.filter((batch) => {
    if (!batch.some((one) => photos.has(one.photo))) return true;
    for (const one of batch) photos.add(one.photo);
    later.push(batch);
    return false;
  });
}

function refused(batches, error) {
  if (batches.length > 1) {
    trouble = error; // which of them? They go one by one
    return;
  }
  waiting.shift();
  trouble = null;
  notTaken(batches.flat(), error);
}

function notTaken(decisions, error) {
  change();
  const more = decisions.length > 1 ? ` And ${some(decisions.length - 1, "other")} like it.` : "";
  tell(`Not taken: ${error.message}${more}`, { wrong: true });
  events.dispatchEvent(new CustomEvent("refused", { detail: { decisions, error } }));
}

async function again(error, pause) {
  if (!trouble) speak(`Not saved yet: ${error.message} It is kept in this page and sent again.`, true);
  trouble = error;
  change();
  await new Promise((done) => {
    wake = done;
    setTimeout(done, pause);
  });
}

export const tryNow = () => wake();

function quietly() {
  if (saved > spoken && !unsaved()) speak(`${some(saved - spoken, "decision")} saved.`);
  spoken = saved;
}

// --- taking back

// Do what was pressed; while something is being taken back, after that. It is then said of the photo that came back, and what came
// after an undo is not what that takes back. `act` gives a promise where others have to wait for it.
export async function inTurn(act) {
  if (pressing && trouble) return tell("Something is being taken back, and waits until the rest is saved.");
  presses.push({ act, at: performance.now() });
  if (pressing) return;
  pressing = true;
  try {
    while (presses.length) {
      const press = presses.shift();
      if (performance.now() - press.at < HELD_MS) await press.act();
      else tell("Something was being taken back. Press again.");
    }
  } finally {
    pressing = false;
  }
}

// Take back the last decision or batch of whoever sits here, once all before it is saved; the answer of the server, or null. In turn.
export async function undo() {
  if (unsaved() && trouble) tell("Undo waits until the rest is saved.");
  await allSaved();
  try {
    const { words, counts, version, ...answer } = await insisting("/api/undo", { id: identity(), who: state().who });
    if (counts) took({ counts, version });
    tell(words);
    return answer;
  } catch (error) {
    complain(error);
    return null;
  }
}

// Once nothing is on its way any more.
export async function allSaved() {
  while (unsaved()) await new Promise((done) => events.addEventListener("change", done, { once: true }));
}

// Asked until there is an answer: the same id counts once.
async function insisting(path, value) {
  for (let pause = FIRST_MS; ; pause = Math.min(2 * pause, LONGEST_MS)) {
    try {
      return await post(path, value);
    } catch (error) {
      if (!error.passing || pause === LONGEST_MS) throw error;
      await new Promise((done) => setTimeout(done, pause));
    }
  }
}

addEventListener("online", tryNow);
document.addEventListener("visibilitychange", tryNow); // from the tab where the token was entered, for one
addEventListener("beforeunload", (event) => {
  if (unsaved()) event.preventDefault();
});
