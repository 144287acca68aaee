// Many photos: filters above, a wall of those that are left, what is chosen, one of them in full.

import { get, state } from "./api.js";
import { calmly, filled, here, made, notFetched, say } from "./elements.js";
import { answerWith, bindAnswers, bulkBar, Choosing, heard, hearAgain } from "./choosing.js";
import { Detail } from "./detail.js";
import { bind } from "./keys.js";
import { complain } from "./messages.js";
import { allSaved, identity, inTurn, onRefused, undo } from "./saving.js";
import { photos as photosWords } from "./words.js";
import { Wall } from "./wall.js";

const SAID = [
  ["", "said or not"],
  ["none", "nothing said yet"],
  ["label", "labelled"],
  ["unsure", "unsure"],
  ["bad", "bad pictures"],
  ["conflict", "people disagree"],
  ["replaced", "replaced since"],
  ["corrected", "corrected by people"],
  ["disagrees", "unlike the shop's words"],
];
const SORTS = [
  ["doubt", "doubtful first"],
  ["strange", "strange first"],
  ["recent", "last said first"],
  ["path", "by name"],
];
const ARROWS = {
  ArrowLeft: "Left",
  ArrowRight: "Right",
  ArrowUp: "Up",
  ArrowDown: "Down",
  PageUp: "A page up",
  PageDown: "A page down",
  Home: "First",
  End: "Last",
};
const NOTHING = () => [made("h2", {}, "No photo is left"), made("p", {}, "Change the filters above, or take them away.")];
const STEADY_MS = 150; // a photo that is only passed is not looked up

// A browser of photos in the elements of `_browse.html`; `asked` is what it begins with, `changed(asked)` hears of each other question;
// `elsewhere(act, label)` takes the keys of answers, and of undo, while the wall is not in sight: what cannot be seen is not spoken of.
export class Browse {
  constructor(asked, changed, elsewhere = () => {}) {
    this.asked = { said: "", label: "", text: "", sort: "doubt", ...asked };
    this.changed = changed;
    this.elsewhere = elsewhere;
    this.choosing = new Choosing(() => this.refresh());
    this.detail = new Detail(here("detail"), {
      said: (photo) => this.said(photo),
      turned: (photo) => this.turned(photo),
      closed: () => here("wall").focus(),
    });
    this.wall = new Wall(here("wall"), {
      pages: (offset, limit) => this.pages(offset, limit),
      chosen: this.choosing,
      opened: (photo, place, event) => this.opened(photo, place, event),
      moved: (photo, place, event) => this.moved(photo, place, event),
      failed: complain,
    });
    this.bar = bulkBar(here("bulk"), this.choosing, (act, label) => inTurn(() => this.act(act, label)));
    this.look = calmly((photo) => this.detail.show(photo), STEADY_MS);
    this.bindFilters();
    this.bindKeys();
    onRefused(() => this.show());
  }

  async pages(offset, limit) {
    if (this.given) return { total: this.given.length, photos: this.given.slice(offset, offset + limit) };
    return get("/api/photos", { ...this.asked, list: this.list, offset, limit });
  }

  // Ask anew, with some of the question changed; or show photos that are given.
  async show(part = {}, given = null) {
    Object.assign(this.asked, part);
    this.given = given;
    this.list = identity(); // stays what it is while photos of it are spoken of
    this.changed(this.asked);
    this.choosing.clear();
    here("nothing").hidden = true;
    if (!(await this.wall.show())) return; // asked something else meanwhile
    const { total, trouble } = this.wall;
    say(here("many"), trouble ? "" : photosWords(total));
    here("nothing").hidden = total > 0;
    if (!total) filled(here("nothing"), trouble ? notFetched(trouble, () => this.show()) : NOTHING());
    if (!total) this.detail.close();
    this.refresh();
  }

  refresh() {
    this.bar?.();
    this.wall?.refresh();
  }

  opened(photo, place, event) {
    if (event.shiftKey) this.choosing.reach(place, (each) => this.wall.at(each));
    else if (event.ctrlKey || event.metaKey || event.target.closest("[data-pick]")) this.choosing.toggle(photo, place);
    else {
      this.choosing.only(photo, place);
      this.detail.show(photo);
    }
  }

  moved(photo, place, event) {
    if (!photo) return this.choosing.clear();
    if (event?.shiftKey) this.choosing.reach(place, (each) => this.wall.at(each));
    else this.choosing.only(photo, place);
    if (!here("detail").hidden) this.look(photo);
  }

  inSight() {
    return here("wall").offsetParent !== null;
  }

  // One that is like the photo in full takes its place: keys are for what is seen large.
  turned(photo) {
    const place = this.wall.placeOf(photo.id);
    this.wall.place = place;
    this.choosing.only(place >= 0 ? this.wall.at(place) : photo, place >= 0 ? place : null);
  }

  // What was said of a photo is shown on its tile, too.
  said(photo) {
    const place = this.wall.placeOf(photo.id);
    if (place >= 0 && this.wall.at(place) !== photo) heard(this.wall.at(place), photo);
    this.refresh();
  }

  act(act, label) {
    answerWith([...this.choosing.photos.values()], act, label);
    this.refresh();
    this.lookAgain();
  }

  // The photo in full as it stands now, once that is on the disk; not where another is there by then.
  async lookAgain() {
    const { id } = this.detail;
    await allSaved();
    if (here("detail").hidden || !id || this.detail.id !== id) return;
    this.detail.id = null;
    const place = this.wall.placeOf(id);
    this.detail.show(place >= 0 ? this.wall.at(place) : (this.choosing.photos.get(id) ?? { id, name: "" }));
  }

  async takeBack() {
    const answer = await undo();
    for (const photo of answer?.photos || []) {
      const place = this.wall.placeOf(photo.id);
      if (place >= 0) heard(this.wall.at(place), photo);
    }
    if (answer?.rest) await hearAgain(this.wall.loaded()).catch(complain);
    this.lookAgain();
    this.refresh();
  }

  // --- filters and keys

  bindFilters() {
    const options = (pairs) => pairs.map(([value, words]) => made("option", { value }, words));
    filled(here("said"), options(SAID));
    filled(here("sort"), options(SORTS));
    filled(
      here("label"),
      made("option", { value: "" }, "any class"),
      state().project.classes.map((name) => made("option", { value: name }, name)),
    );
    for (const name of ["said", "label", "sort"]) {
      here(name).value = this.asked[name];
      here(name).addEventListener("change", () => (here(name).blur(), this.show({ [name]: here(name).value })));
    }
    here("text").value = this.asked.text;
    here("text").addEventListener(
      "input",
      calmly(() => this.show({ text: here("text").value.trim() }), 250),
    );
    here("text").addEventListener("keydown", (event) => ["Enter", "Escape"].includes(event.key) && here("wall").focus());
  }

  bindKeys() {
    for (const [key, words] of Object.entries(ARROWS))
      bind(key, words, key, (event) => this.wall.go(this.wall.place < 0 ? 0 : this.wall.place + this.wall.step(key), event));
    bind("open", "Open the photo", "Enter", () => void (this.wall.at(this.wall.place) && this.detail.show(this.wall.at(this.wall.place))));
    bind(
      "choose",
      "Choose, or not",
      " ",
      () => this.inSight() && this.wall.at(this.wall.place) && this.choosing.toggle(this.wall.at(this.wall.place), this.wall.place),
    );
    bindAnswers((act, label) => (this.inSight() ? this.act(act, label) : this.elsewhere(act, label)));
    bind("undo", "Take back", "z", () => (this.inSight() ? this.takeBack() : this.elsewhere("undo")));
    bind("filter", "Find by name", "/", () => here("text").focus());
    bind("clear", "Close, or choose none", "Escape", () =>
      this.choosing.size > 1 || here("detail").hidden ? this.choosing.clear() : this.detail.close(),
    );
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "a" || event.target.matches("input, select") || !this.inSight())
        return;
      event.preventDefault();
      this.choosing.all(this.wall.loaded());
    });
  }
}
