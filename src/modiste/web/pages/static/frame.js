// What stands around every page: counts in the nav, saved or not, who sits here, work in the background, help.

import { follow, listen, post, state } from "./api.js";
import { filled, here, made, say } from "./elements.js";
import { bind, heedKeys, resetKeys, showKeys } from "./keys.js";
import { complain, tell } from "./messages.js";
import { onSaving, tryNow, unsaved } from "./saving.js";
import { number, some, workWords } from "./words.js";

let ended = null; // the last job that was told of

// Counts beside the words of the nav: what is left to do there.
function showCounts({ counts }) {
  const left = { annotate: counts.left, review: counts.conflicts };
  for (const [name, many] of Object.entries(left)) {
    const place = document.querySelector(`[data-count="${name}"]`);
    say(place, many ? number(many) : "");
    place.title = name === "annotate" ? `${some(many, "photo is", "photos are")} left` : `${some(many, "disagreement")} to settle`;
  }
}

function showSaving({ now, unsaved: open, saved, locked }) {
  const words = {
    idle: "",
    saving: `saving ${number(open)} …`,
    saved: `${number(saved)} saved`,
    failing: `${number(open)} not saved${locked ? "" : ", trying again"}`,
  };
  here("kept").dataset.now = now;
  here("kept").hidden = now === "idle";
  here("kept").title = now === "failing" ? "They are kept in this page. Leave it open." : "";
  say(here("kept-words"), words[now]);
  here("kept-again").hidden = now !== "failing" || locked;
  here("kept-login").hidden = now !== "failing" || !locked;
}

// --- who

function showWho({ who, annotators }) {
  say(here("whose"), who);
  here("whose").setAttribute("aria-label", `You are ${who}: change the name`);
  filled(
    here("annotators"),
    annotators.map((name) => made("option", { value: name })),
  );
}

async function rename(event) {
  event.preventDefault();
  const name = here("who-name").value.trim();
  if (!name) return;
  if (unsaved())
    return tell("Some decisions are not saved yet. Wait until they are: they are yours under the name of now.", { wrong: true });
  try {
    await post("/api/who", { who: name });
    location.reload();
  } catch (error) {
    complain(error);
  }
}

// --- work in the background

function showWork({ job, last }) {
  const bar = here("work-bar");
  here("work").hidden = !job;
  if (job) {
    say(here("work-words"), workWords(job));
    const share = job.total ? job.done / job.total : null;
    bar.classList.toggle("unknown", share === null);
    bar.firstElementChild.style.width = share === null ? "" : `${100 * share}%`;
    if (share === null) bar.removeAttribute("aria-valuenow");
    else bar.setAttribute("aria-valuenow", Math.round(100 * share));
  }
  const told = last && `${last.kind} ${last.words}`;
  if (ended !== null && last && told !== ended && !job) tell(last.words, { wrong: !last.ok });
  if (!job) ended = told || "";
}

async function stop() {
  try {
    await post("/api/stop");
  } catch (error) {
    complain(error);
  }
}

// --- help

function help() {
  showKeys();
  here("help-dialog").showModal();
}

export function begin() {
  ended = state().last ? `${state().last.kind} ${state().last.words}` : "";
  bind("help", "Help and keys", "?", help);
  here("help").addEventListener("click", help);
  here("help-dialog").addEventListener("close", heedKeys);
  here("keys-reset").addEventListener("click", resetKeys);
  here("whose").addEventListener("click", () => {
    here("who-name").value = state().who;
    here("who-dialog").showModal();
  });
  here("who-form").addEventListener("submit", rename);
  here("work-stop").addEventListener("click", stop);
  here("kept-again").addEventListener("click", tryNow);
  for (const dialog of document.querySelectorAll("dialog"))
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  follow((now) => (showCounts(now), showWho(now), showWork(now)));
  onSaving(showSaving);
  document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  listen();
}
