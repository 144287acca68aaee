// A photo dropped on the page, or one of the project: what it is called, where the network looked, what is like it.

import { get, send, state } from "./api.js";
import { asked as inAddress, filled, here, made, press } from "./elements.js";
import { begin } from "./frame.js";
import { heatButton, heatOf } from "./heat.js";
import { bind } from "./keys.js";
import { complain, speak } from "./messages.js";
import { bar, copiesWords, guessWords, keptBack, KEPT_BACK, picture, shares, standing, sureWords } from "./photo.js";
import { percent, photos as photosWords, sentence } from "./words.js";

const MANY = 36;

let question = null; // { id } or { file, address }
let label = "";
let asking = 0;

// --- asking

async function ask(next, push = true) {
  if (question?.address && question !== next) URL.revokeObjectURL(question.address);
  if (push) history.pushState(null, "", next.id ? `?photo=${next.id}` : location.pathname);
  question = next;
  await look();
}

async function look() {
  const round = ++asking;
  here("ask").setAttribute("aria-busy", "true");
  try {
    const answer = question.id
      ? await get("/api/search", { photo: question.id, label, k: MANY })
      : await send("/api/search", form(question.file), { label, k: MANY });
    if (round === asking) show(answer);
  } catch (error) {
    if (round === asking) complain(error);
  }
  here("ask").removeAttribute("aria-busy");
}

function form(file) {
  const made = new FormData();
  made.append("photo", file, "photo");
  return made;
}

// --- showing

function show({ asked, neighbours }) {
  here("drop").hidden = true;
  here("ask").classList.remove("empty-handed");
  for (const id of ["asked", "alike", "another"]) here(id).hidden = false;
  showAsked(asked);
  showClasses();
  filled(here("likes"), neighbours.length ? neighbours.map(alike) : made("p", { class: "quiet" }, "Nothing here is like it."));
  const called = keptBack(asked) ? KEPT_BACK : `${asked.label || "No class"}, ${percent(asked.confidence)}.`;
  speak(`${called} ${photosWords(neighbours.length)} like it.`);
  scrollTo({ top: 0 });
}

function showAsked(asked) {
  const box = question.id ? picture({ ...asked, id: question.id }, 352, { alt: `Photo ${asked.name || ""}`, eager: true }) : dropped();
  const words = made("p", { class: "quiet small", hidden: true });
  const told = (text) => (
    (words.textContent = text || "Red: covered, the photo looks less like what it is called."),
    (words.hidden = false)
  );
  const hidden = keptBack(asked);
  const fetched = question.id ? heatOf(question.id) : async () => ({ heat: asked.heat });
  const heat = asked.problem || hidden ? null : heatButton(box, fetched, told);
  const name = question.id ? asked.name : question.file.name;
  const first = Object.entries(asked.probabilities || {})
    .sort(([, one], [, two]) => two - one)
    .map(([, share]) => share);
  const photo = { margin: first.length > 1 ? first[0] - first[1] : null, ...asked };
  filled(
    here("asked"),
    box,
    made("div", { class: "toolbar" }, heat),
    words,
    hidden ? made("p", { class: "notice" }, KEPT_BACK) : guess(photo),
    hidden ? null : shares(photo),
    made("p", { class: "quiet small name-of" }, name || "", copiesWords(asked.copies) ? `, ${copiesWords(asked.copies)}` : ""),
    standing(asked),
  );
}

function guess(photo) {
  return made(
    "div",
    {},
    made("h2", {}, guessWords(photo), made("span", { class: "quiet small" }, ` ${sureWords(photo)}`)),
    photo.words ? made("p", { class: "quiet small" }, sentence(photo.words)) : null,
  );
}

function dropped() {
  question.address ||= URL.createObjectURL(question.file);
  return made("span", { class: "picture" }, made("img", { src: question.address, alt: "The photo you gave" }));
}

function showClasses() {
  const chip = (value, words) => press(words, () => ((label = value), look()), { class: "chip", "aria-pressed": label === value });
  filled(
    here("classes"),
    chip("", "Any class"),
    state().project.classes.map((name) => chip(name, name)),
  );
}

function alike(one) {
  const box = picture(one, 150, { lazy: true });
  if (one.copies?.length) box.append(made("span", { class: "tag", title: copiesWords(one.copies) }, `+${one.copies.length}`));
  const go = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    ask({ id: one.id });
  };
  const said = standing(one) || made("span", { class: "name" }, one.label || (keptBack(one) ? "not shown yet" : "no guess"));
  return made(
    "a",
    {
      href: `?photo=${one.id}`,
      title: one.name,
      "aria-label": `${one.name}, ${one.label || ""}, ${percent(one.similarity)} alike`,
      onclick: go,
    },
    box,
    bar(one.similarity),
    made("span", { class: "line" }, said, made("span", { class: "quiet" }, percent(one.similarity))),
  );
}

function showNone() {
  question = null;
  asking += 1;
  here("drop").hidden = false;
  here("ask").classList.add("empty-handed");
  for (const id of ["asked", "alike", "another"]) here(id).hidden = true;
}

// --- a photo comes

function take(files) {
  const file = [...(files || [])].find((one) => one.type.startsWith("image/")) || files?.[0];
  if (file) ask({ file });
}

function bindDrop() {
  addEventListener("dragover", (event) => (event.preventDefault(), document.body.classList.add("over")));
  addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    take(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => event.clipboardData.files.length && take(event.clipboardData.files));
  here("file").addEventListener("change", (event) => (take(event.target.files), (event.target.value = "")));
  for (const id of ["choose", "another"]) here(id).addEventListener("click", () => here("file").click());
}

function fromAddress() {
  const { photo } = inAddress();
  if (photo) ask({ id: photo }, false);
  else showNone();
}

begin();
bindDrop();
bind("another", "Another photo", "o", () => here("file").click());
addEventListener("popstate", fromAddress);
fromAddress();
