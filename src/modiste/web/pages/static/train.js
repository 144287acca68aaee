// Learn another network from the labels, see where it differs from the one in use, put it in use.

import { follow, get, post, state } from "./api.js";
import { asked, filled, here, made, press, remember, say } from "./elements.js";
import { begin } from "./frame.js";
import { complain, tell } from "./messages.js";
import { bar, picture } from "./photo.js";
import { day, number, percent, photos as photosWords, sentence, some, workWords } from "./words.js";

const PAGE = 60;
const MOST_PAIRS = 14;

let models = [];
let versions = ""; // of what the table was drawn
let compared = null; // { a, b, pair, photos, differ }
let asking = 0;

// --- learning

function showLearn({ counts, job, last, tried }) {
  const { learnable, labelled, classes, judging } = counts;
  const given = Object.entries(classes).map(([name, many]) => [name, many - judging[name]]);
  const most = Math.max(1, ...given.map(([, many]) => many));
  const judges = labelled > learnable ? ` ${number(labelled - learnable)} more, of the honest sample, only judge.` : "";
  say(
    here("learn-why"),
    learnable
      ? `From ${some(learnable, "label")}, on this machine.${judges} It is judged on photos it did not learn from; nothing changes until you put it in use.`
      : `${labelled ? "What is labelled so far is of the honest sample" : "Nothing is labelled yet"}: there is nothing to learn from. Annotate some photos first.`,
  );
  say(here("learn-hint"), job ? "" : tried && learnable > tried ? `${number(learnable - tried)} more labels than at the last training` : "");
  here("learn").disabled = Boolean(job) || !learnable;
  filled(
    here("shares"),
    given.flatMap(([name, many]) => [
      made("span", { class: "name" }, name),
      bar(many / most),
      made("span", { class: "number" }, number(many)),
    ]),
  );
  showJob(job);
  here("last").hidden = Boolean(job) || !last || !["train", "compare"].includes(last.kind);
  here("last").classList.toggle("wrong", Boolean(last && !last.ok));
  say(here("last"), last?.words || "");
}

function showJob(job) {
  const mine = Boolean(job);
  here("live").hidden = !mine;
  if (!mine) return;
  here("live-bar").firstElementChild.style.width = `${job.total ? (100 * job.done) / job.total : 0}%`;
  say(here("live-words"), workWords(job));
}

async function learn() {
  here("learn").disabled = true;
  try {
    const answer = await post("/api/train");
    if (answer.words) tell(answer.words);
  } catch (error) {
    complain(error);
    here("learn").disabled = false;
  }
}

// --- the networks

async function fetchModels() {
  try {
    ({ models } = await get("/api/models"));
    filled(here("models"), models.toReversed().map(row));
    showLearn(state());
  } catch (error) {
    complain(error);
  }
}

function row(model) {
  const use = inUse();
  const acts = model.in_use
    ? [made("span", { class: "tag said" }, "in use")]
    : [
        press("Compare", () => compare(use.number, model.number), {
          class: "button light",
          "aria-label": `Compare ${model.name} with the one in use`,
        }),
        press("Use", () => ask(model), { class: "button light", "aria-label": `Put ${model.name} in use` }),
      ];
  const words = []
    .concat(model.words || [])
    .filter(Boolean)
    .join(" ");
  const verdict = model.verdict
    ? [made("span", {}, sentence(model.verdict))]
    : [made("span", { class: "quiet" }, "as it came")];
  return made(
    "tr",
    { class: model.in_use ? "used" : null },
    made("td", {}, made("strong", {}, model.name || `Network ${model.number}`)),
    made("td", { class: "number", "data-words": "labels:" }, number(model.labels || 0)),
    made("td", { class: "verdict", title: words }, verdict),
    made("td", { class: "quiet" }, day(model.made)),
    made("td", {}, made("div", { class: "toolbar" }, acts)),
  );
}

const inUse = () => models.find((one) => one.in_use) || models[0];

function ask(model) {
  const { counts } = state();
  const lines = [
    `From now on ${model.name} gives the suggestions, the lanes and the map.`,
    model.verdict ? `Its verdict: ${sentence(model.verdict)}` : "",
    `What people said stays as it is: ${some(counts.labelled, "label")}. ${inUse().name} is kept, and can be put in use again at any time.`,
  ];
  filled(
    here("promote-words"),
    lines.filter(Boolean).map((line) => made("p", {}, line)),
  );
  say(here("promote-heading"), `Put ${model.name} in use?`);
  here("promote-go").onclick = () => promote(model);
  here("promote").showModal();
}

async function promote(model) {
  here("promote").close();
  try {
    await post("/api/promote", { number: model.number });
    tell(`${model.name} is in use.`);
    compared = null;
    here("compare").hidden = true;
    remember({});
    await fetchModels();
  } catch (error) {
    complain(error);
  }
}

// --- comparing

async function compare(a, b, pair = null) {
  compared = { a, b, pair, photos: [], offset: 0 };
  remember({ a, b });
  here("compare").hidden = false;
  say(here("differ"), "Asking both …");
  filled(here("pairs"));
  filled(here("changes"));
  await more();
  if (!pair) here("compare").scrollIntoView({ behavior: "smooth", block: "start" });
}

async function more() {
  const { a, b, pair, offset } = compared;
  const round = ++asking;
  try {
    const answer = await get("/api/compare", { a, b, offset, limit: PAGE, from: pair?.from, to: pair?.to });
    if (round === asking) showCompared(answer);
  } catch (error) {
    complain(error);
    say(here("differ"), "");
  }
}

function showCompared(answer) {
  const { a, b, pair } = compared;
  const fits = (photo) => !pair || (photo.a.label === pair.from && photo.b.label === pair.to);
  const total = answer.total ?? (pair ? pair.n : answer.differ);
  compared.offset += answer.photos.length;
  compared.photos.push(...answer.photos.filter(fits));
  say(here("compare-heading"), `${nameOf(a)} and ${nameOf(b)}`);
  say(here("differ"), `differ on ${number(answer.differ)} of ${photosWords(answer.differ + answer.same)}`);
  const judged = compared.photos.filter((photo) => photo.settled);
  const honest = judged.filter((photo) => photo.sample);
  const right = (photos, side) => photos.filter((photo) => photo[side].label === photo.settled).length;
  const rights = (photos) => `${nameOf(a)} is right on ${right(photos, "a")}, ${nameOf(b)} on ${right(photos, "b")}`;
  say(
    here("compare-why"),
    judged.length
      ? `Of the ${number(judged.length)} below that people have labelled, from which networks may have learnt, ${rights(judged)}. ` +
          (honest.length
            ? `Of the ${number(honest.length)} of the honest sample among them, from which none learns, ${rights(honest)}.`
            : "None of them is of the honest sample, from which none learns.")
      : answer.differ
        ? "The surest differences come first. None of those below is labelled yet."
        : "",
  );
  showChanges(answer.pairs);
  filled(here("pairs"), compared.photos.map(side));
  here("more").hidden = compared.photos.length >= total || !answer.photos.length;
  if (pair && !compared.photos.length && answer.photos.length) more();
}

function showChanges(pairs) {
  const { a, b, pair } = compared;
  const same = (one) => pair && one.from === pair.from && one.to === pair.to;
  const chip = (one) =>
    press(
      [made("span", {}, `${one.from} → ${one.to}`), made("span", { class: "count" }, number(one.n))],
      () => compare(a, b, same(one) ? null : one),
      { class: "chip", "aria-pressed": Boolean(same(one)) },
    );
  filled(here("changes"), pairs.slice(0, MOST_PAIRS).map(chip));
}

function side(photo) {
  const lines = ["a", "b"].flatMap((name) => [
    made("span", { class: "quiet" }, short(compared[name])),
    made(
      "span",
      { class: photo.settled && photo[name].label === photo.settled ? "name right" : "name" },
      `${photo[name].label}${photo.settled && photo[name].label === photo.settled ? " ✓" : ""}`,
    ),
    made("span", { class: "quiet" }, percent(photo[name].confidence)),
  ]);
  const people = photo.settled ? made("span", { class: "quiet" }, `people: ${photo.settled}`) : null;
  return made(
    "a",
    { class: "pair", href: `/search?photo=${photo.id}`, title: photo.name },
    picture(photo, 160, { lazy: true, alt: photo.name }),
    made("span", { class: "sides" }, lines),
    people,
  );
}

const nameOf = (of) => models.find((one) => one.number === of)?.name || `Network ${of}`;

const short = (of) => (of === inUse()?.number ? "now" : of > inUse()?.number ? "new" : "old");

begin();
here("learn").addEventListener("click", learn);
here("live-stop").addEventListener("click", () => post("/api/stop").catch(complain));
here("more").addEventListener("click", more);
follow((now) => {
  showLearn(now);
  const key = `${now.model.number} ${now.job ? "" : now.last?.words}`;
  if (key !== versions && !now.job) {
    versions = key;
    fetchModels();
  }
});
const { a, b } = asked();
fetchModels().then(() => {
  const newest = models.filter((one) => !one.in_use).at(-1);
  if (a && b) compare(Number(a), Number(b));
  else if (location.hash === "#compare" && newest) compare(inUse().number, newest.number);
});
