// Photos that are chosen among many, and what is said of all of them at once.

import { post, state } from "./api.js";
import { filled, press } from "./elements.js";
import { bind, cap } from "./keys.js";
import { tell } from "./messages.js";
import { asShown } from "./photo.js";
import { decide } from "./saving.js";
import { number, photos as photosWords, some } from "./words.js";

export class Choosing {
  constructor(changed) {
    this.photos = new Map(); // id -> photo
    this.anchor = null; // place from which a range reaches
    this.changed = changed;
  }

  has(id) {
    return this.photos.has(id);
  }

  get size() {
    return this.photos.size;
  }

  only(photo, place) {
    this.photos = new Map([[photo.id, photo]]);
    this.anchor = place;
    this.changed();
  }

  toggle(photo, place) {
    if (!this.photos.delete(photo.id)) this.photos.set(photo.id, photo);
    this.anchor = place;
    this.changed();
  }

  // All from the anchor to a place, as far as they are loaded; `at(place)` gives a photo.
  reach(place, at) {
    const from = this.anchor ?? place;
    for (let each = Math.min(from, place); each <= Math.max(from, place); each++) {
      const photo = at(each);
      if (photo) this.photos.set(photo.id, photo);
    }
    this.changed();
  }

  all(photos) {
    for (const photo of photos) this.photos.set(photo.id, photo);
    this.changed();
  }

  clear() {
    this.photos.clear();
    this.changed();
  }
}

// Say the same of some photos; `settle` it also where they are not known to be disputed.
export function sayOf(photos, kind, label, settle = false) {
  sayEach(
    photos.map((photo) => [photo, kind, label]),
    settle,
  );
}

// How many there were to accept.
function acceptAll(photos) {
  const guessed = photos.filter((photo) => photo.label);
  sayEach(guessed.map((photo) => [photo, "label", photo.label]));
  return guessed.length;
}

// What the server says of a photo now, on what is known of it here.
export function heard(known, { said, settled, ruled, conflict }) {
  return Object.assign(known, { said, settled, ruled, conflict });
}

const AT_ONCE = 5000; // photos that the server speaks of at once

// The same, asked of the server.
export async function hearAgain(photos) {
  for (let first = 0; first < photos.length; first += AT_ONCE) {
    const some = new Map(photos.slice(first, first + AT_ONCE).map((photo) => [photo.id, photo]));
    const answer = await post("/api/briefs", { ids: [...some.keys()] });
    for (const photo of answer.photos) heard(some.get(photo.id), photo);
  }
}

// Say something of each photo; it is shown as said at once, and saved as one batch. Where people disagree it settles that,
// and what was settled before is settled anew: a word beside that would change nothing.
function sayEach(said, settle = false) {
  if (!said.length) return;
  const settles = (photo) => settle || Boolean(photo.ruled || photo.conflict);
  decide(
    said.map(([photo, kind, label]) => ({
      ...asShown(photo),
      kind,
      label,
      how: settles(photo) ? "adjudicated" : "review",
    })),
  );
  for (const [photo, kind, label] of said) {
    const word = { who: state().who, kind, label };
    Object.assign(photo, settles(photo) ? { ruled: word, conflict: false } : { said: word }, { settled: label, replaced: false });
  }
}

// The buttons for what is chosen; `targets()` gives those photos, `done()` is called after something was said.
export function bulkBar(place, choosing, act, least = 2) {
  const { classes } = state().project;
  const give = classes.map((name, index) =>
    press([name, index < 9 ? cap(`class-${index + 1}`) : ""], () => act("label", name), { class: "button light" }),
  );
  const rest = [
    press(["Accept", cap("accept")], () => act("accept"), { class: "button light primary" }),
    press(["Unsure", cap("unsure")], () => act("unsure"), { class: "button light" }),
    press(["Bad", cap("bad")], () => act("bad"), { class: "button light" }),
  ];
  const count = Object.assign(document.createElement("strong"), { className: "small" });
  const clear = press("Clear", () => choosing.clear(), { class: "button light plain" });
  filled(place, count, rest[0], give, rest.slice(1), clear);
  return () => {
    place.hidden = choosing.size < least;
    count.textContent = `${number(choosing.size)} chosen`;
  };
}

export function bindAnswers(act) {
  state()
    .project.classes.slice(0, 9)
    .forEach((name, index) => bind(`class-${index + 1}`, `What is chosen: ${name}`, String(index + 1), () => act("label", name)));
  bind("accept", "Accept the suggestions", "a", () => act("accept"));
  bind("unsure", "Unsure", "x", () => act("unsure"));
  bind("bad", "Bad picture", "b", () => act("bad"));
}

// Do what was pressed with some photos, and say so.
export function answerWith(photos, act, label = null) {
  if (!photos.length) return tell("Choose photos first: click one, or press the arrows.");
  if (act === "accept") return tellAccepted(photos.length, acceptAll(photos));
  sayOf(photos, act, label);
  if (photos.length > 1)
    tell(`${photosWords(photos.length)}: ${act === "label" ? label : { unsure: "unsure", bad: some(photos.length, "bad picture") }[act]}.`);
}

function tellAccepted(chosen, accepted) {
  const rest = chosen - accepted;
  if (!accepted) tell("There is no suggestion to accept.");
  else if (chosen > 1)
    tell(`${some(accepted, "suggestion")} accepted.${rest ? ` ${some(rest, "photo has", "photos have")} none to accept.` : ""}`);
}
