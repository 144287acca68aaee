// One photo at a time: the suggestion, the classes, one key each; saved while the next photo is already there.

import { follow, state } from "./api.js";
import { asked, filled, here, made, remember, say } from "./elements.js";
import { begin } from "./frame.js";
import { bind, cap } from "./keys.js";
import { complain, speak, tell } from "./messages.js";
import { copiesWords, fill, guessWords, picture, preload, sureWords } from "./photo.js";
import { Queue } from "./queue.js";
import { decide, onRefused, onSaving, undo } from "./saving.js";
import { number, percent, saidWord, sentence } from "./words.js";

const ORDERS = [
  ["uncertainty", "most doubtful"],
  ["margin", "closest calls"],
  ["diversity", "most different"],
  ["typical", "most typical"],
  ["rare", "rare classes"],
  ["random", "by chance"],
];
const HONEST = "Drawn by chance: your answer comes first, so that modiste learns honestly how often it is right.";
const BEFORE = 6; // photos of the strip before the present one
const STRIP = 14;
const AHEAD = 4; // pictures fetched before they are wanted
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
  showClasses(item);
  showStrip();
  for (const next of queue.ahead(AHEAD)) preload(next.photo, frameWidth());
}

const frameWidth = () => Math.max(320, Math.min(here("frame").clientWidth, here("frame").clientHeight) || 640);

const hidden = (item) => item.photo.sample && !item.said;

function about(photo) {
  const copies = photo.copies?.length
    ? made("details", { class: "copies" }, made("summary", {}, copiesWords(photo.copies)), made("ul", {}, photo.copies.map((one) => made("li", { class: "name" }, one.path))))
    : null;
  const own = photo.own && !photo.sample ? made("span", {}, "the shop says ", made("strong", {}, photo.own)) : null;
  const others = (photo.others || []).filter(() => !photo.sample).map((one) => made("span", { class: "tag" }, `${one.who}: ${saidWord(one)}`));
  return [made("span", { class: "name", title: photo.path }, photo.name), copies, own, others];
}

function showGuess(item) {
  const { photo, said } = item;
  const honest = hidden(item);
  here("guess").classList.toggle("honest", honest);
  say(here("guess-words"), honest ? "What is this?" : guessWords(photo));
  const words = said ? `You said: ${saidWord(said)}` : honest ? "" : sureWords(photo);
  say(here("sure"), words);
  here("sure").hidden = !words;
  say(here("why"), honest ? HONEST : sentence(photo.words));
  const accept = here("accept");
  accept.hidden = honest || !photo.label;
  filled(accept, photo.label ? `It is ${photo.label}` : "");
}

function showClasses(item) {
  const honest = hidden(item);
  for (const { name, button, share, bar } of buttons) {
    const p = honest ? null : item.photo.probabilities?.[name] ?? null;
    button.classList.toggle("likeliest", !honest && name === item.photo.label);
    const chosen = item.said?.kind === "label" && item.said.label === name;
    button.classList.toggle("said", chosen);
    button.setAttribute("aria-pressed", chosen);
    say(share, p === null ? "" : percent(p));
    bar.hidden = p === null;
    fill(bar, p || 0);
  }
  for (const kind of ["unsure", "bad"]) here(`say-${kind}`).classList.toggle("said", item.said?.kind === kind);
}

function showStrip() {
  const first = Math.max(0, queue.place - BEFORE);
  const some = queue.items.slice(first, first + STRIP);
  filled(here("strip"), some.map((item, index) => stripButton(item, first + index)));
}

function stripButton(item, place) {
  const what = item.said ? saidWord(item.said) : place === queue.place ? "now" : "";
  const go = () => {
    queue.place = place;
    show();
  };
  const label = `${item.photo.name}${what ? `, ${what}` : ""}`;
  return made("button", { type: "button", class: place > queue.place && !item.said ? "ahead" : null, "aria-current": place === queue.place ? "true" : null, "aria-label": label, title: label, onclick: go },
    picture(item.photo, 66), made("span", { class: "what name" }, what));
}

function showEnd() {
  if (queue.asking) return filled(here("done"), made("p", {}, "Fetching photos …"));
  const none = here("label").value ? `Nothing is left that is guessed to be ${here("label").value}.` : "Every photo that can be read has an answer.";
  const links = [made("a", { class: "button primary", href: "/train" }, "Train"), made("a", { class: "button", href: "/review" }, "Review")];
  filled(here("done"), made("h2", {}, "Nothing is left here"), made("p", {}, none), made("div", { class: "toolbar" }, links));
}

// --- deciding

function answer(kind, label = null) {
  const item = queue.now;
  if (!item) return;
  const { photo } = item;
  const blind = hidden(item);
  const looked = Math.min(LONGEST_S, (performance.now() - since) / 1000);
  const suggested = blind ? null : photo.label;
  decide([{ photo: photo.id, kind, label, how: "single", seconds: Number(looked.toFixed(2)), suggested, confidence: suggested ? photo.confidence : null }]);
  item.said = { kind, label };
  flash(label);
  queue.forward({ open: true });
  show();
  refill();
}

function flash(label) {
  const one = buttons.find(({ name }) => name === label);
  if (!one) return;
  one.button.classList.remove("flash");
  void one.button.offsetWidth; // begin anew
  one.button.classList.add("flash");
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

async function refill() {
  if (!queue.low) return;
  const ended = !queue.now;
  try {
    await queue.more();
  } catch (error) {
    complain(error);
  }
  if (ended || !queue.now) show();
  else showStrip();
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
  filled(here("counts"), Object.entries(counts.classes).map(([name, many]) => made("span", {}, `${name} ${number(many)}`)));
  const speed = pace?.per_minute ? `${number(Math.round(pace.per_minute))} a minute · ` : "";
  say(here("pace"), `${speed}${number(counts.labelled)} labelled · ${number(counts.left)} left`);
}

function makeButtons() {
  buttons = state().project.classes.map((name, place) => {
    if (place < 9) bind(`class-${place + 1}`, name, String(place + 1), () => answer("label", name));
    const share = made("span", { class: "share" });
    const bar = made("span", { class: "bar", "aria-hidden": "true" }, made("i"));
    const button = made("button", { type: "button", class: "class", onclick: () => answer("label", name) }, place < 9 ? cap(`class-${place + 1}`) : made("span"), made("span", { class: "name" }, name), share, bar);
    return { name, button, share, bar };
  });
  filled(here("classes"), buttons.map(({ button }) => button));
}

function makeOthers() {
  const rows = [["unsure", "Unsure", "x", () => answer("unsure")], ["bad", "Bad picture", "b", () => answer("bad")], ["undo", "Undo", "z", takeBack], ["skip", "Skip", "ArrowRight", () => move(1)]];
  bind("accept", "Accept the suggestion", " ", accept);
  for (const [name, words, key, act] of rows) bind(name, { undo: "Take back the last answer", skip: "Forward" }[name] || words, key, act);
  bind("back", "Back", "ArrowLeft", () => move(-1));
  bind("filter", "Which photos next", "/", focusFilter);
  filled(here("others"), rows.map(([name, words, , act]) => made("button", { type: "button", class: "button", id: `say-${name}`, onclick: act }, words, cap(name))));
}

function focusFilter() {
  here("how").classList.add("open");
  here("by").focus();
}

async function choose() {
  remember({ by: here("by").value === "uncertainty" ? "" : here("by").value, label: here("label").value });
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
  makeButtons();
  makeOthers();
  filled(here("by"), ORDERS.map(([value, words]) => made("option", { value }, words)));
  filled(here("label"), made("option", { value: "" }, "any class"), state().project.classes.map((name) => made("option", { value: name }, name)));
  here("by").value = asked().by || "uncertainty";
  here("label").value = asked().label || "";
  for (const id of ["by", "label"]) here(id).addEventListener("change", () => (here(id).blur(), choose()));
  here("accept").addEventListener("click", accept);
  onRefused((decisions) => (queue.forget(new Set(decisions.map((one) => one.photo))), show()));
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
