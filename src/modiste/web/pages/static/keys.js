// Keys: what each does on this page, changed to one's liking, and the list of them in the help dialog.

import { filled, here, made } from "./elements.js";
import { inTurn } from "./saving.js";

const STORE = "modiste.keys";
const NAMES = {
  " ": "Space",
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Enter: "Enter",
  Escape: "Esc",
  Backspace: "⌫",
};
const TYPING = "input:not([type=checkbox]):not([type=radio]):not([type=button]), select, textarea, [contenteditable]";
const STEPS = /^(Arrow|Page)/; // keys that go on while they are held down; a key that speaks of photos speaks once
const PRESSED = "button, a, summary, [role=option], input";

const actions = new Map(); // name -> { name, words, keys, act }
let changed = stored();
let listening = null; // the action that waits for its new key

function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORE)) || {};
  } catch {
    return {};
  }
}

function store() {
  try {
    localStorage.setItem(STORE, JSON.stringify(changed));
  } catch {
    // a browser that keeps nothing: the keys hold until the page is left
  }
}

// One key, as it is written down: "a", "1", " ", "ArrowLeft". Digits by their place, so that they need no shift anywhere.
function keyOf(event) {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  if (digit && !event.shiftKey) return digit[1];
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

const keyWord = (key) => NAMES[key] || key.toUpperCase();

// An action: its name, what it does in words, its keys, and act(event), which gives a promise where later keys have to wait for it.
// Later ones come after earlier ones in the help.
export function bind(name, words, keys, act) {
  actions.set(name, { name, words, keys: [].concat(keys), act });
}

function keysOf(name) {
  return changed[name] ? [changed[name]] : actions.get(name)?.keys || [];
}

// How the first key of an action is shown beside its button.
export function cap(name) {
  const key = keysOf(name)[0];
  return key ? made("kbd", { "aria-hidden": "true", "data-key-of": name }, keyWord(key)) : "";
}

function actionOf(key) {
  return [...actions.values()].find((one) => keysOf(one.name).includes(key));
}

document.addEventListener("keydown", (event) => {
  if (listening && document.querySelector("#help-dialog[open]")) return learn(event); // its event `close` comes a moment late
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (document.querySelector("dialog[open]") || target.matches(TYPING)) return;
  const key = keyOf(event);
  if ((key === " " || key === "Enter") && target.matches(PRESSED) && target.matches(":focus-visible") && !target.matches("[data-tile]"))
    return;
  const action = actionOf(key);
  if (!action) return;
  event.preventDefault();
  if (!event.repeat || STEPS.test(key)) inTurn(() => action.act(event));
});

// A button that was clicked gives the keyboard back to the page: Space is for the suggestion, not for the last button.
document.addEventListener("click", (event) => {
  if (event.detail > 0 && event.target instanceof Element) event.target.closest("button:not([data-tile])")?.blur();
});

// --- the list in the help dialog

function learn(event) {
  event.preventDefault();
  event.stopPropagation();
  const key = keyOf(event);
  if (["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return;
  if (key !== "Escape") {
    const other = actionOf(key);
    if (other && other !== listening) changed[other.name] = keysOf(listening.name)[0];
    changed[listening.name] = key;
    store();
  }
  listening = null;
  showKeys();
}

// The help was closed: the next key is no new one.
export function heedKeys() {
  listening = null;
}

export function showKeys() {
  filled(
    here("keys"),
    [...actions.values()].flatMap((one) => [made("span", {}, one.words), keyButton(one)]),
  );
  for (const cap of document.querySelectorAll("[data-key-of]")) cap.textContent = keyWord(keysOf(cap.dataset.keyOf)[0] || "");
}

function keyButton(one) {
  const words = listening === one ? "press a key" : keysOf(one.name).map((key) => made("kbd", {}, keyWord(key)));
  const names = keysOf(one.name).map(keyWord).join(" or ");
  const listen = () => {
    listening = one;
    showKeys();
    here("keys").querySelector(".listening").focus();
  };
  return made(
    "button",
    {
      type: "button",
      class: listening === one ? "listening" : null,
      "aria-label": `${one.words}: ${names}. Change the key`,
      onclick: listen,
    },
    words,
  );
}

export function resetKeys() {
  changed = {};
  store();
  showKeys();
}
