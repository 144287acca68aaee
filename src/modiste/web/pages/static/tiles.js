// A tile of the grid: a photo to be confirmed with the others, or marked as wrong.

import { made, say } from "./elements.js";
import { copiesWords, picture } from "./photo.js";
import { percent, saidWord } from "./words.js";

const SURE = 0.8; // a confidence below it is shown on the tile

export function tile(photo, side, hands) {
  const doubt = photo.confidence < SURE ? made("span", { class: "tag doubt" }, percent(photo.confidence)) : null;
  const copies = photo.copies?.length
    ? made("span", { class: "tag copies", title: copiesWords(photo.copies) }, `+${photo.copies.length}`)
    : null;
  const verdict = made("span", { class: "verdict", hidden: true });
  return made(
    "button",
    { type: "button", class: "tile", "data-tile": true, title: photo.name, ...hands },
    picture(photo, side),
    doubt,
    copies,
    verdict,
  );
}

// Show whether it is marked as wrong, and what it is given instead.
export function mark(button, photo, label, wrong, answer) {
  const verdict = button.lastElementChild;
  const words = answer ? `→ ${saidWord(answer)}` : `not ${label}`;
  button.setAttribute("aria-pressed", String(wrong));
  button.setAttribute("aria-label", `${photo.name}, ${wrong ? words : `${label}, ${percent(photo.confidence)}`}`);
  verdict.hidden = !wrong;
  say(verdict, words);
}
