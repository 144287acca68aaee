// Everything about one photo, beside the others: large, with its probabilities, what people said, what is like it.

import { get, state } from "./api.js";
import { filled, made, press } from "./elements.js";
import { heatButton, heatOf } from "./heat.js";
import { complain } from "./messages.js";
import { address, copiesWords, guessWords, keptBack, KEPT_BACK, picture, shares, sureWords } from "./photo.js";
import { heard, sayOf } from "./choosing.js";
import { inTurn, unsavedPhotos } from "./saving.js";
import { bytes, day, percent, saidWord, sentence } from "./words.js";

const [SMALL, LARGE] = [140, 360]; // px

export class Detail {
  // `said(photo)` is called when something was said here or is heard anew, `turned(photo)` when a photo that is like it is looked at,
  // `closed()` when it is closed while the keyboard is in it.
  constructor(place, { said, turned = () => {}, closed = () => {} }) {
    Object.assign(this, { place, said, turned, closed, asking: null, id: null });
  }

  close() {
    const inside = this.place.contains(document.activeElement);
    this.asking?.abort();
    this.id = null;
    this.place.hidden = true;
    if (inside) this.closed();
  }

  async show(brief) {
    if (this.id === brief.id) return;
    this.id = brief.id;
    this.place.hidden = false;
    this.asking?.abort();
    this.asking = new AbortController();
    filled(this.place, this.closeButton(), picture(brief, SMALL, { alt: "" }), made("h2", { class: "whole" }, brief.name));
    try {
      const photo = await get(`/api/photo/${brief.id}`, {}, this.asking.signal);
      if (this.id !== brief.id) return;
      if (unsavedPhotos().includes(brief.id)) heard(photo, brief); // what was said since is not on the disk yet
      else heard(brief, photo);
      Object.assign(brief, { sha: photo.sha, model: photo.model }); // what is said now is said of what is shown now
      if (!keptBack(photo)) Object.assign(brief, { label: photo.label, confidence: photo.confidence });
      this.said(brief);
      this.draw(photo, brief);
    } catch (error) {
      if (this.id === brief.id && error.name !== "AbortError") this.id = null; // pressed again, it is asked for again
      complain(error);
    }
  }

  draw(photo, brief) {
    const box = picture(photo, LARGE, { alt: `Photo ${photo.name}`, eager: true });
    box.style.background = `center / contain no-repeat url("${address(photo, SMALL)}")`; // there already, until the large one is
    const words = made("p", { class: "quiet small", hidden: true });
    const told = (text) => ((words.hidden = !text), (words.textContent = text));
    const heat = photo.problem || keptBack(photo) ? null : heatButton(box, heatOf(photo.id), told);
    const like = photo.problem ? null : made("a", { class: "button light", href: `/search?photo=${photo.id}` }, "Find what is like it");
    filled(
      this.place,
      this.closeButton(),
      box,
      made("div", { class: "toolbar" }, heat, like),
      words,
      this.about(photo),
      this.guess(photo),
      this.answers(photo, brief),
      people(photo),
      findings(photo),
      this.neighbours(photo),
    );
    this.place.scrollTop = 0;
  }

  closeButton() {
    return made("button", { type: "button", class: "round close", "aria-label": "Close", onclick: () => this.close() }, "×");
  }

  about(photo) {
    const size = [photo.width && `${photo.width} × ${photo.height} px`, bytes(photo.bytes)].filter(Boolean).join(", ");
    const copies = photo.copies?.length
      ? made(
          "details",
          { class: "small" },
          made("summary", {}, copiesWords(photo.copies)),
          made(
            "ul",
            { class: "quiet" },
            photo.copies.map((one) => made("li", { class: "whole" }, one.path)),
          ),
        )
      : null;
    const own = photo.own && !keptBack(photo) ? `the shop says ${photo.own}` : "";
    return made(
      "div",
      {},
      made("h2", { class: "whole" }, photo.name),
      made("p", { class: "quiet small" }, [size, own].filter(Boolean).join(" · ")),
      copies,
    );
  }

  guess(photo) {
    if (photo.problem) return made("p", { class: "notice wrong" }, sentence(photo.words || photo.problem.replaceAll("_", " ")));
    if (keptBack(photo)) return made("p", { class: "notice" }, KEPT_BACK);
    return made(
      "div",
      { class: "guessed" },
      made("h3", {}, guessWords(photo), made("span", { class: "quiet" }, ` ${sureWords(photo)}`)),
      photo.words ? made("p", { class: "quiet small" }, sentence(photo.words)) : null,
      shares(photo),
    );
  }

  answers(photo, brief) {
    const settle = photo.conflict || Boolean(photo.ruled);
    const say = (kind, label = null) =>
      inTurn(() => {
        sayOf([brief], kind, label, settle);
        const { said, ruled, settled } = brief;
        Object.assign(photo, { said, ruled, settled, conflict: settle ? false : photo.conflict, replaced: false });
        this.said(brief);
        if (this.id !== brief.id) return;
        const inside = this.place.contains(document.activeElement);
        this.draw(photo, brief);
        if (inside) this.place.querySelector('.answers [aria-pressed="true"]')?.focus();
      });
    const stands = photo.ruled || photo.said;
    const on = (kind, label = null) => stands?.kind === kind && stands.label === label;
    const classes = state().project.classes.map((name) =>
      press(name, () => say("label", name), { class: "button light", "aria-pressed": on("label", name) }),
    );
    const others = [
      ["unsure", "Unsure"],
      ["bad", "Bad picture"],
    ].map(([kind, words]) => press(words, () => say(kind), { class: "button light", "aria-pressed": on(kind) }));
    const heading = photo.ruled
      ? `${photo.ruled.who} settled it: your word takes the place of that`
      : settle
        ? "People disagree: your word settles it"
        : photo.said
          ? "You said"
          : "What is it?";
    return made(
      "div",
      { class: settle ? "answers notice doubt" : "answers" },
      made("h3", {}, heading),
      photo.replaced ? made("p", { class: "notice doubt" }, "The photo was replaced since: is that still right?") : null,
      made("div", { class: "chips" }, classes, others),
    );
  }

  neighbours(photo) {
    if (!photo.neighbours?.length) return null;
    const tiles = photo.neighbours.map((one) =>
      made(
        "button",
        {
          type: "button",
          title: `${one.name}, ${percent(one.similarity)} alike`,
          "aria-label": `${one.name}, ${one.said ? saidWord(one.said) : one.label || ""}`,
          onclick: () => (this.turned(one), this.show(one)),
        },
        picture(one, 84, { lazy: true }),
        made("span", { class: "name" }, one.said ? saidWord(one.said) : one.label || ""),
      ),
    );
    return made("div", {}, made("h3", {}, "Most like it"), made("div", { class: "neighbours" }, tiles));
  }
}

function people(photo) {
  const said = [photo.said && { ...photo.said, who: `${photo.said.who || state().who} (you)` }, ...(photo.others || [])].filter(Boolean);
  if (!said.length) return null;
  const rows = said.map((one) =>
    made("li", {}, made("strong", {}, one.who), `: ${saidWord(one)}`, one.at ? made("span", { class: "quiet" }, ` ${day(one.at)}`) : null),
  );
  return made("div", { class: "small" }, made("h3", {}, "What people said"), made("ul", {}, rows));
}

function findings(photo) {
  if (!photo.findings?.length) return null;
  return made(
    "div",
    { class: "small" },
    made("h3", {}, "What the audit found"),
    made(
      "ul",
      {},
      photo.findings.map((one) => made("li", { class: "whole" }, sentence([one.words, one.detail, one.other].filter(Boolean).join(": ")))),
    ),
  );
}
