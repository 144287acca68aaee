// Two dozen photos of one guessed class: the wrong ones are marked, one key confirms the rest.

import { follow, get, state } from "./api.js";
import { asked, filled, here, made, notFetched, press, remember, say } from "./elements.js";
import { fitting } from "./fitting.js";
import { begin } from "./frame.js";
import { bind, cap } from "./keys.js";
import { complain, speak } from "./messages.js";
import { asShown, preload, withoutCopies } from "./photo.js";
import { decide, inTurn, onRefused, onSaving, undo, unsaved } from "./saving.js";
import { mark, tile } from "./tiles.js";
import { number } from "./words.js";

const MANY = 24;
const FETCHED = 100;
const SKIPPED = 300; // photos left open that the server is told not to give again
const LONGEST_S = 600;

let label = asked().label || null;
let left = {}; // photos left, a class
let shown = [];
let coming = [];
const marked = new Map(); // id -> null, or the answer it is given: { kind, label }
const passed = new Set(); // answered or left open in this sitting: not shown again
const leftOpen = new Set(); // those of them that have no answer
let place = 0;
let anchor = 0;
let since = performance.now();
let round = 0;
let columnsNow = 8;
let sideNow = 148; // px
let page = MANY;

// --- showing

function show() {
  marked.clear();
  place = anchor = 0;
  since = performance.now();
  const none = !shown.length;
  here("tiles").hidden = none;
  here("done").hidden = !none;
  filled(
    here("tiles"),
    shown.map((photo, index) => tile(photo, sideNow, { onclick: (event) => clicked(event, index), onfocus: () => (place = index) })),
  );
  here("tiles").scrollTop = 0;
  refresh();
  for (const photo of coming.slice(0, page)) preload(photo, sideNow);
}

function layOut() {
  const margin = parseFloat(getComputedStyle(here("tiles")).paddingLeft);
  const { side, columns, many } = fitting(here("sheet"), margin, MANY);
  columnsNow = columns;
  sideNow = Math.floor(side);
  page = many;
  here("tiles").style.gridTemplateColumns = `repeat(${columns}, ${sideNow}px)`;
}

// What depends on what is marked.
function refresh() {
  [...here("tiles").children].forEach((button, index) => {
    const photo = shown[index];
    button.tabIndex = index === place ? 0 : -1;
    mark(button, photo, label, marked.has(photo.id), marked.get(photo.id));
  });
  filled(here("confirm"), confirmWords(), cap("confirm"));
  here("confirm").hidden = !shown.length;
  showGive();
}

function confirmWords() {
  const rest = shown.length - marked.size;
  if (rest) return rest === shown.length ? `All ${rest} are ${label}` : `The other ${rest} are ${label}`;
  return [...marked.values()].some(Boolean) ? "As marked" : "None of these";
}

function showGive() {
  const open = [...marked.values()].filter((answer) => !answer).length;
  if (!marked.size) return filled(here("give"), made("span", { class: "quiet small" }, shown.length ? "Mark the wrong ones." : ""));
  const classes = state().project.classes.map((name, index) =>
    name === label
      ? null
      : press([name, index < 9 ? cap(`class-${index + 1}`) : ""], () => give({ kind: "label", label: name }), { class: "button light" }),
  );
  const rest = [
    press(["Unsure", cap("unsure")], () => give({ kind: "unsure", label: null }), { class: "button light" }),
    press(["Bad", cap("bad")], () => give({ kind: "bad", label: null }), { class: "button light" }),
  ];
  filled(here("give"), made("span", { class: "quiet small" }, open ? `${open} marked:` : `${marked.size} marked`), classes, rest);
}

function showLabels() {
  const chip = (name) =>
    press([made("span", {}, name), made("span", { class: "count" }, number(Math.max(0, left[name] ?? 0)))], () => turnTo(name), {
      class: "chip",
      "aria-pressed": name === label,
    });
  filled(here("labels"), state().project.classes.map(chip));
  here("labels").querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function showNone() {
  const other = Object.entries(left)
    .sort(([, one], [, two]) => two - one)
    .find(([name, many]) => many > 0 && name !== label);
  const to = other
    ? press(`On to ${other[0]}`, () => turnTo(other[0]), { class: "button primary" })
    : made("a", { class: "button primary", href: "/train" }, "Train");
  const single = made("a", { class: "button", href: "/annotate" }, "What was left open");
  filled(
    here("done"),
    made("h2", {}, `No more ${label || "photos"} here`),
    made("p", {}, "What you marked as wrong and gave no class waits to be annotated one by one."),
    made("div", { class: "toolbar" }, to, single),
  );
}

// --- marking

function clicked(event, index) {
  const photo = shown[index];
  const to = !marked.has(photo.id);
  const [first, last] = event.shiftKey ? [Math.min(anchor, index), Math.max(anchor, index)] : [index, index];
  const mark = event.shiftKey ? marked.has(shown[anchor].id) : to;
  for (const one of shown.slice(first, last + 1)) mark ? marked.set(one.id, marked.get(one.id) || null) : marked.delete(one.id);
  if (!event.shiftKey) anchor = index;
  place = index;
  refresh();
}

function toggle() {
  const photo = shown[place];
  if (!photo) return;
  marked.has(photo.id) ? marked.delete(photo.id) : marked.set(photo.id, null);
  anchor = place;
  refresh();
  speak(marked.has(photo.id) ? "marked" : "not marked");
}

// The marked ones without an answer get this one; where none is marked, the photo under the keyboard.
function give(answer) {
  let open = [...marked].filter(([, given]) => !given).map(([id]) => id);
  if (!open.length && shown[place] && here("tiles").contains(document.activeElement)) open = [shown[place].id];
  const same = answer.kind === "label" && answer.label === label;
  for (const id of open) same ? marked.delete(id) : marked.set(id, answer);
  refresh();
}

function move(step) {
  if (!shown.length) return;
  const inside = here("tiles").contains(document.activeElement);
  place = inside ? Math.max(0, Math.min(shown.length - 1, place + step)) : place;
  refresh();
  here("tiles").children[place].focus();
}

// --- deciding

function confirm() {
  if (!shown.length) return;
  const seconds = Number((Math.min(LONGEST_S, (performance.now() - since) / 1000) / shown.length).toFixed(3));
  const decisions = shown
    .filter((photo) => !marked.has(photo.id) || marked.get(photo.id))
    .map((photo) => {
      const answer = marked.get(photo.id) || { kind: "label", label };
      return { ...asShown(photo), ...answer, how: "grid", seconds };
    });
  for (const photo of shown) passed.add(photo.id);
  for (const [id, answer] of marked) if (!answer) leftOpen.add(id);
  if (decisions.length) decide(decisions);
  left[label] -= decisions.length;
  here("tiles").focus();
  next();
}

function next() {
  shown = coming.splice(0, page);
  showLabels();
  show();
  if (coming.length < MANY) fetchMore();
}

// More of the class, once what was decided is on disk: else it would come again.
async function fetchMore() {
  if (!shown.length) filled(here("done"), made("p", {}, "Fetching photos …"));
  const asking = ++round; // an answer to what was asked before is of no use any more
  if (unsaved()) return (waits = true);
  failed = null;
  try {
    const answer = await get("/api/grid", { label, n: FETCHED, by: here("by").value, skip: [...leftOpen].slice(-SKIPPED).join(",") });
    if (asking !== round) return;
    label = answer.label;
    left = answer.left;
    const there = new Set([...shown.map((photo) => photo.id), ...passed]);
    coming = answer.photos.filter((photo) => !there.has(photo.id));
    if (!coming.length && !shown.length) coming = again(answer.photos.filter((photo) => leftOpen.has(photo.id)));
    failed = null;
  } catch (error) {
    if (asking !== round) return;
    complain(error);
    failed = error;
  }
  showLabels();
  if (shown.length) return;
  shown = coming.splice(0, page);
  if (!shown.length && failed) filled(here("done"), notFetched(failed, fetchMore));
  else if (!shown.length) showNone();
  show();
}

// So many were left open that they are all that comes: they are shown once more.
function again(photos) {
  for (const photo of photos) passed.delete(photo.id), leftOpen.delete(photo.id);
  return photos;
}

let waits = false;
let failed = null; // why the last photos that were asked for did not come

function turnTo(name) {
  label = name;
  remember({ label });
  shown = [];
  coming = [];
  show();
  showLabels();
  fetchMore();
}

async function takeBack() {
  const answer = await undo();
  if (!answer?.photos?.length) return;
  const photos = withoutCopies(answer.photos.toReversed()).filter((photo) => !photo.said); // the last comes first
  for (const photo of photos) passed.delete(photo.id), leftOpen.delete(photo.id);
  const back = photos.filter((photo) => photo.label === label && !photo.sample); // what is guessed of the honest sample is not to be seen
  if (!back.length) return void fetchMore();
  const others = shown.filter((photo) => !back.some((one) => one.id === photo.id));
  coming = [...back.slice(page), ...others, ...coming];
  shown = back.slice(0, page);
  left[label] += back.length;
  showLabels();
  show();
}

function bindKeys() {
  bind("confirm", "Confirm the rest", "Enter", confirm);
  bind("mark", "Mark, or unmark", " ", toggle);
  state()
    .project.classes.slice(0, 9)
    .forEach((name, index) =>
      bind(`class-${index + 1}`, `The marked ones: ${name}`, String(index + 1), () => give({ kind: "label", label: name })),
    );
  bind("unsure", "The marked ones: unsure", "x", () => give({ kind: "unsure", label: null }));
  bind("bad", "The marked ones: bad pictures", "b", () => give({ kind: "bad", label: null }));
  bind("undo", "Take back the last page", "z", takeBack);
  for (const [name, words, key, step] of [
    ["left", "Left", "ArrowLeft", () => -1],
    ["right", "Right", "ArrowRight", () => 1],
    ["up", "Up", "ArrowUp", () => -columnsNow],
    ["down", "Down", "ArrowDown", () => columnsNow],
  ])
    bind(name, words, key, () => move(step()));
  bind("next-class", "Next class", ".", () => step(1));
  bind("previous-class", "Class before", ",", () => step(-1));
}

function step(by) {
  const { classes } = state().project;
  turnTo(classes[(classes.indexOf(label) + by + classes.length) % classes.length]);
}

begin();
bindKeys();
filled(here("undo"), "Undo", cap("undo"));
here("undo").addEventListener("click", () => inTurn(takeBack));
here("confirm").addEventListener("click", (event) => event.detail < 2 && inTurn(confirm)); // the second click of two is for no other page
here("by").addEventListener("change", () => (here("by").blur(), turnTo(label)));
onRefused((decisions) => decisions.forEach((one) => passed.delete(one.photo)));
onSaving(({ unsaved: many }) => {
  if (many || !waits) return;
  waits = false;
  fetchMore();
});
follow(({ pace, counts }) => {
  say(here("pace"), `${pace?.per_minute ? `${number(Math.round(pace.per_minute))} a minute · ` : ""}${number(counts.left)} left`);
  if (failed?.passing && !shown.length) fetchMore(); // modiste is heard of again
});
new ResizeObserver(layOut).observe(here("sheet"));
layOut();
showLabels();
fetchMore();
