// One photo at a time: the suggestion, the classes, one key each; saved while the next photo is already there.

import { follow, get, state } from "./api.js";
import { asked, filled, here, made, notFetched, remember, say } from "./elements.js";
import { begin } from "./frame.js";
import { bind, cap, showKeys } from "./keys.js";
import { complain, speak, tell } from "./messages.js";
import { asShown, picture, preload } from "./photo.js";
import { Queue } from "./queue.js";
import { decide, inTurn, onRefused, onSaving, undo } from "./saving.js";
import { about, AHEAD, flash, frameWidth, hidden, showClasses, showGuess, showStrip } from "./stage.js";
import { number, some } from "./words.js";

const ORDERS = [
  ["margin", "closest calls"], // teaches most: results/annotating
  ["uncertainty", "most doubtful"],
  ["diversity", "most different"],
  ["typical", "most typical"],
  ["rare", "rare classes"],
  ["random", "by chance"],
];
const LONGEST_S = 600;

const queue = new Queue();
let since = performance.now(); // since when the photo is looked at
let buttons = []; // one a class

// --- showing

function show() {
  const item = queue.now;
  here("annotate").hidden = !item;
  here("done").hidden = Boolean(item);
  if (!item) return showEnd();
  const { photo } = item;
  since = performance.now();
  filled(here("frame"), picture(photo, frameWidth(), { alt: `Photo ${photo.name}`, eager: true }));
  filled(here("about"), about(photo));
  showGuess(item);
  showClasses(item, buttons);
  showStrip(queue, go);
  for (const next of queue.ahead(AHEAD)) preload(next.photo, frameWidth());
}

function go(place) {
  const item = queue.items[place];
  inTurn(() => {
    queue.place = Math.max(0, queue.items.indexOf(item));
    show();
  });
}

function showEnd() {
  if (queue.asking) return filled(here("done"), made("p", {}, "Fetching photos …"));
  if (queue.failed) return filled(here("done"), notFetched(queue.failed, fetchAgain));
  const open = queue.items.filter((item) => !item.said).length;
  const none = open
    ? `${some(open, "photo")} that you passed over: go back to answer.`
    : here("label").value
    ? `Nothing is left that is guessed to be ${here("label").value}.`
    : "Every photo that can be read has an answer.";
  const links = [
    made("a", { class: "button primary", href: "/train" }, "Train"),
    made("a", { class: "button", href: "/review" }, "Review"),
  ];
  filled(here("done"), made("h2", {}, "Nothing is left here"), made("p", {}, none), made("div", { class: "toolbar" }, links));
}

// --- deciding

function answer(kind, label = null) {
  const item = queue.now;
  if (!item) return;
  const { photo } = item;
  const looked = Math.min(LONGEST_S, (performance.now() - since) / 1000);
  decide([{ ...asShown(photo, hidden(item) ? null : photo.label), kind, label, how: "single", seconds: Number(looked.toFixed(2)) }]);
  item.said = { kind, label };
  flash(buttons, label);
  queue.forward({ open: true });
  show();
  refill();
}

function accept() {
  const item = queue.now;
  if (!item) return;
  if (hidden(item)) return tell("This one comes without a suggestion: choose a class.");
  if (!item.photo.label) return tell("There is no suggestion for this photo: choose a class.");
  answer("label", item.photo.label);
}

async function takeBack() {
  const answered = await undo();
  if (!answered?.photos?.length) return;
  queue.reopen(answered.photos);
  show();
}

// Photos that were replaced while they were shown, as they are now: next, for the keys are for the one that is shown.
async function comeAgain(ids) {
  try {
    for (const id of ids) queue.renew(await get(`/api/photo/${id}`));
  } catch (error) {
    complain(error);
  }
  show();
}

async function refill() {
  if (!queue.low) return;
  const ended = !queue.now;
  try {
    await queue.more();
  } catch (error) {
    complain(error);
  }
  if (ended || !queue.now) show();
  else showStrip(queue, go);
}

function fetchAgain() {
  queue.failed = null;
  const asking = refill();
  show();
  return asking;
}

function move(step) {
  if (step < 0 && !queue.back()) return tell("This is the first photo of this sitting. Undo reaches further back.");
  if (step > 0) queue.forward();
  show();
  refill();
  if (queue.now) speak(`${queue.now.photo.name}. ${here("guess-words").textContent}`);
}

// --- what is about the photo

function showCounts({ counts, pace }) {
  filled(
    here("counts"),
    Object.entries(counts.classes).map(([name, many]) => made("span", {}, `${name} ${number(many)}`)),
  );
  const speed = pace?.per_minute ? `${number(Math.round(pace.per_minute))} a minute · ` : "";
  say(here("pace"), `${speed}${number(counts.labelled)} labelled · ${number(counts.left)} left`);
  if (queue.failed?.passing && !queue.now && !queue.asking) fetchAgain(); // modiste is heard of again
}

function makeButtons() {
  buttons = state().project.classes.map((name, place) => {
    if (place < 9) bind(`class-${place + 1}`, name, String(place + 1), () => answer("label", name));
    const share = made("span", { class: "share" });
    const space = made("span", { class: "space" }, cap("accept"));
    const bar = made("span", { class: "bar", "aria-hidden": "true" }, made("i"));
    const button = made(
      "button",
      { type: "button", class: "class", onclick: () => inTurn(() => answer("label", name)) },
      place < 9 ? cap(`class-${place + 1}`) : made("span"),
      made("span", { class: "name" }, name),
      space,
      share,
      bar,
    );
    return { name, button, share, bar };
  });
  filled(
    here("classes"),
    buttons.map(({ button }) => button),
  );
}

function makeOthers() {
  const rows = [
    ["unsure", "Unsure", "x", () => answer("unsure")],
    ["bad", "Bad picture", "b", () => answer("bad")],
    ["undo", "Undo", "z", takeBack],
    ["skip", "Skip", "ArrowRight", () => move(1)],
  ];
  bind("accept", "Accept the suggestion", " ", accept);
  for (const [name, words, key, act] of rows) bind(name, { undo: "Take back the last answer", skip: "Forward" }[name] || words, key, act);
  bind("back", "Back", "ArrowLeft", () => move(-1));
  bind("filter", "Which photos next", "/", focusFilter);
  bind("heat", "Where the network looked", "h", () => here("about").querySelector("button")?.click());
  filled(
    here("others"),
    rows.map(([name, words, , act]) =>
      made("button", { type: "button", class: "button", id: `say-${name}`, onclick: () => inTurn(act) }, words, cap(name)),
    ),
  );
}

function focusFilter() {
  here("how").classList.add("open");
  here("by").focus();
}

async function choose() {
  remember({ by: here("by").value === ORDERS[0][0] ? "" : here("by").value, label: here("label").value });
  const asking = queue.ask({ by: here("by").value, label: here("label").value });
  show();
  try {
    await asking;
  } catch (error) {
    complain(error);
  }
  show();
}

function start() {
  makeOthers();
  makeButtons();
  showKeys();
  filled(
    here("by"),
    ORDERS.map(([value, words]) => made("option", { value }, words)),
  );
  filled(
    here("label"),
    made("option", { value: "" }, "any class"),
    state().project.classes.map((name) => made("option", { value: name }, name)),
  );
  here("by").value = asked().by || ORDERS[0][0];
  here("label").value = asked().label || "";
  for (const id of ["by", "label"]) here(id).addEventListener("change", () => (here(id).blur(), choose()));
  here("accept").addEventListener("click", () => inTurn(accept));
  onRefused((decisions, error) => {
    const ids = new Set(decisions.map((one) => one.photo));
    queue.forget(ids);
    show();
    if (error.reason === "replaced") comeAgain(ids);
  });
  let left = 0;
  onSaving(({ unsaved }) => {
    if (left && !unsaved && !queue.now) refill(); // the last ones are saved: is there more?
    left = unsaved;
  });
  follow(showCounts);
  choose();
}

begin();
start();
