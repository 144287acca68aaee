// A wall of photos of which only those in sight are in the page, however many there are: 100,000 scroll like a hundred.

import { made } from "./elements.js";
import { keptBack, picture, standing } from "./photo.js";
import { percent } from "./words.js";

const PAGE = 200; // photos that are asked for at once
const KEPT = 40; // pages that are remembered
const AROUND = 2; // rows above and below the window
const GAP = 8;
const CAPTION = 26; // px under each picture
const NARROW = 108; // px of a picture on a phone, at least
const CALM_MS = 90; // photos that fly past are not asked for

export class Wall {
  // pages(offset, limit) -> { total, photos }; chosen: has(id); opened(photo, place, event) when one is pressed;
  // moved(photo, place, event) when the keyboard came to one: null until that one is loaded.
  constructor(scroller, { pages, chosen, opened, moved = () => {}, failed = () => {}, least = 132 }) {
    Object.assign(this, { scroller, pages, chosen, opened, moved, failed, least });
    this.tall = scroller.appendChild(made("div", { class: "tall" }));
    this.reset();
    scroller.addEventListener("scroll", () => this.soon(), { passive: true });
    scroller.addEventListener("click", (event) => this.clicked(event));
    new ResizeObserver(() => this.layOut()).observe(scroller);
  }

  reset() {
    this.round = (this.round || 0) + 1;
    this.known = new Map(); // number of a page -> its photos, or null while it is asked for
    this.tiles = new Map(); // place -> element
    this.total = 0;
    this.trouble = null; // why photos did not come
    this.place = -1; // under the keyboard
    this.coming = null; // the place that it came to before the photo was there, and the event
    this.tall.replaceChildren();
  }

  // Other photos: from the top. Whether they are still those that are wanted.
  async show() {
    this.reset();
    const { round } = this;
    this.scroller.scrollTop = 0;
    this.scroller.setAttribute("aria-busy", "true");
    await this.fetch(0);
    if (round !== this.round) return false;
    this.scroller.removeAttribute("aria-busy");
    this.layOut();
    return true;
  }

  at(place) {
    return this.known.get(Math.floor(place / PAGE))?.[place % PAGE] || null;
  }

  loaded() {
    return [...this.known.values()].filter(Boolean).flat();
  }

  placeOf(id) {
    for (const [page, photos] of this.known) {
      const index = photos ? photos.findIndex((photo) => photo.id === id) : -1;
      if (index >= 0) return page * PAGE + index;
    }
    return -1;
  }

  async fetch(page) {
    if (this.known.has(page)) return;
    const { round } = this;
    this.known.set(page, null);
    try {
      const { total, photos } = await this.pages(page * PAGE, PAGE);
      if (round !== this.round) return;
      this.known.delete(page);
      this.known.set(page, photos);
      if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value);
      if (total !== this.total) {
        this.total = total;
        this.layOut();
      }
      this.draw(true);
      this.arrived();
    } catch (error) {
      if (round !== this.round) return;
      this.known.delete(page);
      this.trouble = error;
      this.failed(error);
    }
  }

  layOut() {
    const width = this.scroller.clientWidth - 2 * GAP;
    if (width <= 0) return;
    const first = this.columns ? this.firstRow() * this.columns : 0;
    const least = width < 500 ? NARROW : this.least;
    this.columns = Math.max(2, Math.floor((width + GAP) / (least + GAP)));
    this.side = Math.floor((width - GAP * (this.columns - 1)) / this.columns);
    this.row = this.side + CAPTION + GAP;
    this.tall.style.height = `${Math.ceil(this.total / this.columns) * this.row + GAP}px`;
    if (first) this.scroller.scrollTop = Math.floor(first / this.columns) * this.row;
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    this.draw();
  }

  firstRow() {
    return this.row ? Math.floor(this.scroller.scrollTop / this.row) : 0;
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  // Have in the page what is in sight, and nothing else.
  draw(anew = false) {
    if (!this.columns) return;
    const from = Math.max(0, this.firstRow() - AROUND) * this.columns;
    const rows = Math.ceil(this.scroller.clientHeight / this.row) + 2 * AROUND + 1;
    const to = Math.min(this.total, from + rows * this.columns);
    for (const [place, tile] of this.tiles) {
      if (place >= from && place < to && !(anew && tile.classList.contains("blank"))) continue;
      tile.remove();
      this.tiles.delete(place);
    }
    for (let place = from; place < to; place++) if (!this.tiles.has(place)) this.add(place);
    clearTimeout(this.calm);
    if (to > from) this.calm = setTimeout(() => this.want(from, to), CALM_MS);
  }

  want(from, to) {
    for (let page = Math.floor(from / PAGE); page <= Math.floor((to - 1) / PAGE); page++) this.fetch(page);
  }

  add(place) {
    const tile = this.tile(place);
    tile.style.width = `${this.side}px`;
    tile.style.height = `${this.row - GAP}px`;
    const [row, column] = [Math.floor(place / this.columns), place % this.columns];
    tile.style.transform = `translate(${GAP + column * (this.side + GAP)}px, ${row * this.row}px)`;
    this.tiles.set(place, tile);
    this.tall.append(tile);
  }

  tile(place) {
    const photo = this.at(place);
    const common = { role: "option", id: this.idOf(place), "aria-posinset": place + 1, "aria-setsize": this.total, "data-place": place };
    if (!photo) return made("div", { ...common, class: "one blank", "aria-selected": "false", "aria-label": "not loaded yet" });
    const box = picture(photo, this.side, {});
    box.style.height = `${this.side}px`;
    const tile = made(
      "div",
      { ...common, class: "one" },
      box,
      made("span", { class: "pick", "aria-hidden": "true", "data-pick": true }),
      made("span", { class: "caption" }),
    );
    return this.marked(tile, photo, place);
  }

  marked(tile, photo, place) {
    const on = this.chosen.has(photo.id);
    tile.setAttribute("aria-selected", on);
    tile.classList.toggle("here", place === this.place);
    const said = standing(photo);
    const sure = photo.confidence === undefined ? "" : percent(photo.confidence); // a point of the map does not say
    const none = keptBack(photo) ? "not shown yet" : photo.decision === "reject" ? "cannot be read" : "no guess";
    const words = photo.label ? `${photo.label} ${sure}` : none;
    const guess = made("span", { class: "quiet name" }, words);
    const agreed = said && photo.said?.label === photo.label;
    tile.lastElementChild.replaceChildren(...(agreed ? [said] : said ? [said, guess] : [guess]));
    tile.setAttribute("aria-label", [photo.name, said ? said.textContent : "nothing said yet", guess.textContent].join(", "));
    tile.title = photo.name;
    return tile;
  }

  // What is said or chosen has changed: the tiles in the page say so.
  refresh() {
    for (const [place, tile] of this.tiles) {
      const photo = this.at(place);
      if (photo && !tile.classList.contains("blank")) this.marked(tile, photo, place);
    }
    if (this.tiles.has(this.place)) this.scroller.setAttribute("aria-activedescendant", this.idOf(this.place));
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  // A page may have two walls.
  idOf(place) {
    return `${this.scroller.id}-${place}`;
  }

  clicked(event) {
    const tile = event.target.closest("[data-place]");
    if (!tile) return;
    const place = Number(tile.dataset.place);
    const photo = this.at(place);
    if (!photo) return;
    this.place = place;
    this.coming = null;
    this.opened(photo, place, event);
  }

  // By arrows; the window follows.
  go(place, event) {
    if (!this.total) return;
    this.place = Math.max(0, Math.min(this.total - 1, place));
    const top = Math.floor(this.place / this.columns) * this.row;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + this.row > scrollTop + clientHeight) this.scroller.scrollTop = top + this.row - clientHeight;
    this.draw();
    this.refresh();
    this.coming = { place: this.place, event };
    if (this.at(this.place)) this.arrived();
    else this.moved(null, this.place, event);
  }

  // The photo that the keyboard is on is there.
  arrived() {
    const { place, event } = this.coming || {};
    const photo = place === this.place && this.at(place);
    if (!photo) return;
    this.coming = null;
    this.moved(photo, place, event);
  }

  step(key) {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.row) - 1) * this.columns;
    return (
      {
        ArrowLeft: -1,
        ArrowRight: 1,
        ArrowUp: -this.columns,
        ArrowDown: this.columns,
        PageUp: -page,
        PageDown: page,
        Home: -this.total,
        End: this.total,
      }[key] || 0
    );
  }
}
