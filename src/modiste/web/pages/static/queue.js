// The photos that were shown and those that come: one list, and a place in it. More are asked for before they run out.

import { get } from "./api.js";
import { withoutCopies } from "./photo.js";
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
    this.failed = null; // why the last ones that were asked for did not come
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
    this.failed = null;
    this.items = this.items.slice(0, this.place).filter((item) => item.said);
    this.place = this.items.length;
    await this.more();
  }

  more() {
    if (this.asking) return this.asking;
    const asking = this.fetch(this.round).finally(() => this.asking === asking && (this.asking = null));
    this.asking = asking;
    return asking;
  }

  async fetch(round) {
    const open = this.items.filter((item) => !item.said).map((item) => item.photo.id);
    const skip = [...new Set([...open, ...unsavedPhotos()])].slice(-SKIPPED);
    const asked = get("/api/queue", { ...this.question, n: AT_ONCE, skip: skip.join(",") });
    const { photos } = await asked.catch((error) => {
      if (round === this.round) this.failed = error;
      throw error;
    });
    if (round !== this.round) return;
    this.failed = null;
    const ahead = this.items.slice(this.place);
    const known = new Set([...ahead.map((item) => item.photo.id), ...unsavedPhotos(), ...skip]);
    const fresh = photos.filter((photo) => !known.has(photo.id));
    const again = new Set(fresh.map((photo) => photo.id)); // passed over so long ago that they come round once more
    const behind = this.items.slice(0, this.place).filter((item) => !again.has(item.photo.id));
    this.items = [...behind, ...ahead, ...fresh.map((photo) => ({ photo, said: null }))];
    this.place = behind.length;
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

  // A decision was taken back, the last photo first: its photos are open again, copies under one, and one of them is shown.
  reopen(photos) {
    const known = (photo) => this.items.find((item) => item.photo.id === photo.id);
    const others = photos.filter((photo) => !known(photo)).toReversed();
    const ones = withoutCopies([...photos.filter(known), ...others]);
    const fresh = ones.filter((photo) => !known(photo));
    for (const photo of ones) if (known(photo)) Object.assign(known(photo), { said: photo.said, photo });
    this.items.splice(this.place, 0, ...fresh.map((photo) => ({ photo, said: photo.said })));
    const first = ones.find((photo) => !photo.said) || ones[0];
    if (first) this.place = this.items.indexOf(known(first));
  }

  // A photo that is to be looked at anew comes next.
  renew(photo) {
    const item = { photo, said: null };
    const at = this.items.findIndex((one) => one.photo.id === photo.id);
    if (at >= 0 && at === this.place) return void (this.items[at] = item);
    if (at >= 0) this.items.splice(at, 1);
    if (at >= 0 && at < this.place) this.place -= 1;
    this.items.splice(this.place + 1, 0, item);
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
