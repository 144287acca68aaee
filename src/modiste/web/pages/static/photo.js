// A photo's elements: its picture, what the network says of it, in bars and in words.

import { made } from "./elements.js";
import { percent, saidWord } from "./words.js";

const SIDES = [160, 320, 640, 1280];
const DOUBTFUL = 0.25; // a margin below which two classes are named
const SURE = 0.9;
const AGAIN_MS = 1500; // before a picture that did not come is asked for again, then three times as long
const LONGEST_MS = 15_000;

// The address of a photo that is shown `px` wide: the smallest picture that is sharp there.
export function address(photo, px) {
  const need = px * Math.min(window.devicePixelRatio || 1, 2);
  const side = SIDES.find((one) => one >= need * 0.9) || SIDES.at(-1);
  return `/photo/${photo.id}?side=${side}&v=${(photo.sha || "").slice(0, 8)}`;
}

export function picture(photo, px, { alt = "", lazy = false, eager = false } = {}) {
  const box = made("span", { class: "picture" });
  const unasked = photo.label === null && photo.confidence === null && !photo.sample; // not hidden: the network could not be asked
  if (photo.problem || unasked) return unreadable(box, photo.problem || "cannot be read");
  const image = made("img", {
    alt,
    loading: lazy ? "lazy" : null,
    decoding: "async",
    draggable: "false",
    fetchpriority: eager ? "high" : null,
  });
  image.src = address(photo, px);
  box.append(image);
  tryAgain(box, image, AGAIN_MS);
  return box;
}

// A picture that does not come is asked for again while it is shown: the server may be on its way back.
function tryAgain(box, image, pause) {
  image.addEventListener(
    "error",
    () => {
      unreadable(box, "cannot be shown");
      if (pause > LONGEST_MS) return;
      setTimeout(() => {
        if (!box.isConnected) return;
        box.replaceChildren(image);
        tryAgain(box, image, 3 * pause);
        image.src = image.src.replace(/(&again=\d+)?$/, `&again=${pause}`);
      }, pause);
    },
    { once: true },
  );
}

function unreadable(box, words) {
  box.replaceChildren(made("span", { class: "none" }, words.replaceAll("_", " ")));
  return box;
}

const kept = new Set();

// Have the browser fetch a picture before it is wanted.
export function preload(photo, px) {
  const image = new Image();
  kept.add(image);
  image.onload = image.onerror = () => kept.delete(image);
  image.src = address(photo, px);
}

// Classes with their probabilities, the likeliest first.
function ranked(photo) {
  return Object.entries(photo.probabilities || {}).sort(([, one], [, other]) => other - one);
}

// The guess, as one would say it: a class, or two that it wavers between.
export function guessWords(photo) {
  const [first, second] = ranked(photo);
  if (!photo.label || !first) return "No suggestion";
  return second && photo.margin !== null && photo.margin < DOUBTFUL ? `${first[0]} or ${second[0]}?` : first[0];
}

export function sureWords(photo) {
  if (!photo.label) return "";
  if (photo.confidence >= SURE) return `sure, ${percent(photo.confidence)}`;
  return photo.margin !== null && photo.margin < DOUBTFUL
    ? `in doubt, ${percent(photo.confidence)}`
    : `likely, ${percent(photo.confidence)}`;
}

export function fill(bar, share) {
  bar.firstElementChild.style.width = `${Math.max(0, Math.min(100, 100 * share))}%`;
  return bar;
}

export const bar = (share) => fill(made("span", { class: "bar" }, made("i")), share);

// Bars of the likeliest classes.
export function shares(photo, most = 9) {
  const rows = ranked(photo).slice(0, most);
  return made(
    "div",
    { class: "shares" },
    rows.flatMap(([name, share], place) => [
      made("span", { class: place ? "rest name" : "first name" }, name),
      bar(share),
      made("span", { class: "number" }, percent(share)),
    ]),
  );
}

// The suggestion of a photo of the honest sample is kept back until whoever sits here has said what it is.
export const keptBack = (photo) => Boolean(photo.sample && !photo.said);
export const KEPT_BACK = "Of the honest sample: the suggestion is shown once you have said what it is.";

// What a decision says of a photo as it was shown: which bytes of it, and what was guessed by which network, where that was to be seen.
export function asShown(photo, guess = photo.label) {
  const { id, sha, model, confidence } = photo;
  return { photo: id, sha, model, suggested: guess ?? null, confidence: guess ? (confidence ?? null) : null };
}

// What stands of a photo, as a tag.
export function standing(photo) {
  if (photo.conflict) return made("span", { class: "tag doubt" }, "disagreement");
  const stands = photo.ruled || photo.said;
  if (stands) return made("span", { class: stands.kind === "label" ? "tag said" : "tag doubt" }, saidWord(stands));
  return photo.settled ? made("span", { class: "tag said" }, photo.settled) : null;
}

// One of each group of copies, the first: what is said of it is said of all.
export function withoutCopies(photos) {
  const covered = new Set();
  return photos.filter((photo) => {
    if (covered.has(photo.id)) return false;
    for (const copy of photo.copies || []) covered.add(copy.id);
    return true;
  });
}

export function copiesWords(copies) {
  if (!copies?.length) return "";
  return copies.length === 1 ? "and 1 copy" : `and ${copies.length} copies`;
}
