// The photo that is asked about: large, with what is known of it, the suggestion, the classes, the photos before and after.

import { filled, here, made, say } from "./elements.js";
import { heatButton, heatOf } from "./heat.js";
import { cap } from "./keys.js";
import { copiesWords, fill, guessWords, picture, sureWords } from "./photo.js";
import { percent, saidWord, sentence } from "./words.js";

export const AHEAD = 4; // pictures fetched before they are wanted, and shown in the strip
const BEFORE = 6; // photos of the strip before the present one
const HONEST = "Drawn by chance: your answer comes first, so that modiste learns honestly how often it is right.";

// The suggestion of a photo of the honest sample is kept back until it is answered.
export const hidden = (item) => item.photo.sample && !item.said;

export const frameWidth = () => Math.max(320, Math.min(here("frame").clientWidth, here("frame").clientHeight) || 640);

export function about(photo) {
  const copies = photo.copies?.length
    ? made(
        "details",
        { class: "copies" },
        made("summary", {}, copiesWords(photo.copies)),
        made(
          "ul",
          {},
          photo.copies.map((one) => made("li", { class: "name" }, one.path)),
        ),
      )
    : null;
  const own = photo.own && !photo.sample ? made("span", {}, "the shop says ", made("strong", {}, photo.own)) : null;
  const others = (photo.others || [])
    .filter(() => !photo.sample)
    .map((one) => made("span", { class: "tag" }, `${one.who}: ${saidWord(one)}`));
  const heat = photo.problem || photo.sample ? null : heatButton(here("frame").firstElementChild, heatOf(photo.id));
  heat?.append(cap("heat"));
  return [made("span", { class: "name", title: photo.path }, photo.name), copies, own, others, heat];
}

export function showGuess(item) {
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

export function showClasses(item, buttons) {
  const honest = hidden(item);
  for (const { name, button, share, bar } of buttons) {
    const p = honest ? null : (item.photo.probabilities?.[name] ?? null);
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

export function showStrip(queue, go) {
  const first = Math.max(0, queue.place - BEFORE);
  const some = queue.items.slice(first, queue.place + AHEAD + 1);
  filled(
    here("strip"),
    some.map((item, index) => stripButton(queue, item, first + index, go)),
  );
}

function stripButton(queue, item, place, go) {
  const what = item.said ? saidWord(item.said) : place === queue.place ? "now" : "";
  const label = `${item.photo.name}${what ? `, ${what}` : ""}`;
  return made(
    "button",
    {
      type: "button",
      class: place > queue.place && !item.said ? "ahead" : null,
      "aria-current": place === queue.place ? "true" : null,
      "aria-label": label,
      title: label,
      onclick: () => go(place),
    },
    picture(item.photo, frameWidth()),
    made("span", { class: "what name" }, what),
  );
}

export function flash(buttons, label) {
  const one = buttons.find(({ name }) => name === label);
  if (!one) return;
  one.button.classList.remove("flash");
  void one.button.offsetWidth; // begin anew
  one.button.classList.add("flash");
}
