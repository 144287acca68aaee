// What the page tells in passing: a line above the foot, which a screen reader reads too.

import { here, made } from "./elements.js";

const SHOWN_MS = 5000;
let box = null;
let timer = 0;

// Tell something; `act`, with its words, is offered beside it. What is wrong stays until it is read away.
export function tell(words, { wrong = false, action = "", act = null } = {}) {
  clear();
  const button = act && made("button", { type: "button", class: "link", onclick: () => (clear(), act()) }, action);
  const away = wrong && made("button", { type: "button", class: "link", "aria-label": "Close the message", onclick: clear }, "×");
  const over = document.querySelector("dialog[open]"); // all that is not in it can be neither pressed nor heard
  const role = over && (wrong ? "alert" : "status");
  box = made("div", { class: wrong ? "said-so wrong" : "said-so", role }, made("span", {}, words), button, away);
  (over || document.body).append(box);
  if (!over) speak(words, wrong);
  if (!wrong) timer = setTimeout(clear, SHOWN_MS);
}

// What went wrong; where the server asks for its token, the way to it.
export function complain(error) {
  if (error.name === "AbortError") return;
  tell(error.message, { wrong: true, ...(error.locked && { action: "Enter the token", act: () => open("/login") }) });
}

export function clear() {
  clearTimeout(timer);
  box?.remove();
  box = null;
}

// For screen readers alone.
export function speak(words, urgent = false) {
  const place = here(urgent ? "alarm" : "spoken");
  place.textContent = "";
  setTimeout(() => (place.textContent = words), 30);
}
