// The photos that were shown and those that come: one list, and a place in it. More are asked for before they run out.

import { get } from "./api.js";
import { unsavedPhotos } from "./saving.js";

const AT_ONCE = 20;
const FEWEST_AHEAD = 8;
const SKIPPED = 200; // photos passed over that the server is told not to give again
const REMEMBERED = 400; // photos one can go back to

export class Queue {
  constructor() {
    this.items = []; // { photo, said: null | { kind, label } }
    this.place = 0;
    this.round = 0; // answers to another question than the present one are not heard
    this.asking = null;
    this.dry = false;
  }

  get now() {
    return this.items[this.place] || null;
  }

  ahead(many) {
    return this.items
      .slice(this.place + 1)
      .filter((item) => !item.said)
      .slice(0, many);
  }

  // Another question: what was shown stays behind, what was to come is asked anew.
  async ask(question) {
    this.question = question;
    this.round += 1;
    this.asking = null;
    this.dry = false;
    this.items = this.items.slice(0, this.place).filter((item) => item.said);
    this.place = this.items.length;
    await this.more();
  }

  more() {
    this.asking ||= this.fetch(this.round).finally(() => (this.asking = null));
    return this.asking;
  }

  async fetch(round) {
    const open = this.items.filter((item) => !item.said).map((item) => item.photo.id);
    const skip = [...new Set([...open, ...unsavedPhotos()])].slice(-SKIPPED).join(",");
    const { photos } = await get("/api/queue", { ...this.question, n: AT_ONCE, skip });
    if (round !== this.round) return;
    const known = new Set(
      this.items
        .slice(this.place)
        .map((item) => item.photo.id)
        .concat(unsavedPhotos(), open),
    );
    const fresh = photos.filter((photo) => !known.has(photo.id));
    this.items.push(...fresh.map((photo) => ({ photo, said: null })));
    this.dry = photos.length === 0;
  }

  // On to the next photo that has no answer yet, or to the next at all.
  forward({ open = false } = {}) {
    let next = this.place + 1;
    while (open && this.items[next]?.said) next += 1;
    this.place = Math.min(next, this.items.length);
    this.trim();
  }

  back() {
    if (this.place === 0) return false;
    this.place -= 1;
    return true;
  }

  get low() {
    return !this.dry && this.items.length - this.place <= FEWEST_AHEAD;
  }

  // A decision was taken back: its photos are open again, and the first is shown.
  reopen(photos) {
    for (const photo of photos) {
      const item = this.items.find((one) => one.photo.id === photo.id);
      if (item) Object.assign(item, { said: photo.said, photo });
      else this.items.splice(this.place, 0, { photo, said: photo.said });
    }
    const first = photos.find((photo) => !photo.said) || photos[0];
    const place = this.items.findIndex((item) => item.photo.id === first?.id);
    if (place >= 0) this.place = place;
  }

  forget(ids) {
    for (const item of this.items) if (ids.has(item.photo.id)) item.said = null;
  }

  trim() {
    const many = this.place - REMEMBERED;
    if (many <= 0) return;
    this.items.splice(0, many);
    this.place -= many;
  }
}
