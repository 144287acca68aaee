// The photos with what an audit found, a map of what looks alike, the runs and studies with their reports.

import { get, post } from "./api.js";
import { Browse } from "./browse.js";
import { answerWith, bindAnswers, bulkBar, Choosing, heard, hearAgain } from "./choosing.js";
import { asked, filled, here, made, notFetched, press, remember, say, tabs } from "./elements.js";
import { begin } from "./frame.js";
import { bind } from "./keys.js";
import { colourOf, PhotoMap } from "./map.js";
import { complain } from "./messages.js";
import { picture } from "./photo.js";
import { inTurn, onRefused, undo } from "./saving.js";
import { day, number, percent, photos as photosWords } from "./words.js";
import { Wall } from "./wall.js";

const AGAIN_MS = 3000;

let browse = null;
let map = null;
let classes = [];
let now = "photos";

// --- photos

function openPhotos() {
  if (browse) return;
  const { tab, sort = "path", ...rest } = asked();
  browse = new Browse(
    { sort, finding: "", ...rest },
    ({ sort: order, ...question }) => now === "photos" && remember({ ...question, sort: order === "path" ? "" : order }),
    sayOfLoop,
  );
  browse.show();
  showFindings();
}

async function showFindings() {
  try {
    const { kinds } = await get("/api/findings");
    here("found").hidden = !kinds.length;
    const chip = (kind, words, many) =>
      press([made("span", {}, words), many === null ? null : made("span", { class: "count" }, number(many))], () => choose(kind), {
        class: "chip",
        "aria-pressed": browse.asked.finding === kind,
      });
    const choose = (kind) => {
      browse.show({ finding: browse.asked.finding === kind ? "" : kind });
      draw();
    };
    const draw = () =>
      filled(
        here("found"),
        made("span", {}, "The audit found"),
        kinds.map((one) => chip(one.kind, one.words, one.n)),
      );
    draw();
  } catch (error) {
    complain(error);
  }
}

// --- the map

// `again`: asked by itself, while the map is drawn.
async function openMap(again = false) {
  map ||= new PhotoMap(here("canvas"), { hovered, looped, opened: ([, , , id]) => location.assign(`/search?photo=${id}`) });
  try {
    const answer = await get("/api/map", { again: again || null });
    here("map-waits").hidden = answer.ready;
    if (!answer.ready) {
      filled(
        here("map-waits"),
        made("h2", {}, "The map is being drawn"),
        made("p", {}, "Once for each network; it is there by itself when it is done."),
      );
      return setTimeout(() => now === "map" && openMap(true), AGAIN_MS);
    }
    classes = answer.classes;
    map.show(answer.points);
    legend();
  } catch (error) {
    here("map-waits").hidden = false;
    filled(here("map-waits"), notFetched(error, () => openMap(), "The map is not there"));
    complain(error);
  }
}

function legend() {
  const entry = (name, code) => {
    const dot = made("i");
    dot.style.background = colourOf(code);
    const turn = () => {
      map.hidden.has(code) ? map.hidden.delete(code) : map.hidden.add(code);
      map.draw();
      legend();
    };
    return made("button", { type: "button", "aria-pressed": !map.hidden.has(code), onclick: turn }, dot, made("span", {}, name));
  };
  const untold = map.points.some((point) => point[2] < 0);
  filled(here("legend"), classes.map(entry), untold ? entry("no guess, or not shown yet", -1) : null);
}

function hovered(point, x, y) {
  const box = here("hovered");
  box.hidden = !point;
  if (!point) return;
  if (box.dataset.id !== point[3]) {
    box.dataset.id = point[3];
    filled(box, picture({ id: point[3] }, 140), made("span", {}, classes[point[2]] || "no guess"));
  }
  const { clientWidth, clientHeight } = here("field");
  box.style.left = `${Math.min(x + 16, clientWidth - 160)}px`;
  box.style.top = `${Math.min(y + 16, clientHeight - 190)}px`;
}

// What lies in the loop: looked at, labelled at once.
const loop = { photos: [], choosing: null, wall: null, bar: null, round: 0 };

function makeLoop() {
  loop.choosing = new Choosing(() => refreshLoop());
  loop.wall = new Wall(here("map-wall"), {
    pages: async (offset, limit) => ({ total: loop.photos.length, photos: loop.photos.slice(offset, offset + limit) }),
    chosen: loop.choosing,
    opened: (photo, place, event) =>
      event.shiftKey ? loop.choosing.reach(place, (each) => loop.wall.at(each)) : loop.choosing.toggle(photo, place),
    least: 96,
  });
  loop.bar = bulkBar(here("map-bulk"), loop.choosing, (act, label) => inTurn(() => sayOfLoop(act, label)), 1);
}

async function takeBack() {
  const answer = await undo();
  for (const photo of answer?.photos || []) {
    const known = loop.photos.find((one) => one.id === photo.id);
    if (known) heard(known, photo);
  }
  if (answer?.rest) await hearAgain(loop.photos).catch(complain);
  refreshLoop();
}

function sayOfLoop(act, label) {
  if (act === "undo") return takeBack();
  if (now !== "map" || !loop.choosing) return;
  answerWith([...loop.choosing.photos.values()], act, label);
  refreshLoop();
}

function refreshLoop() {
  loop.bar?.();
  loop.wall?.refresh();
}

async function looped(points) {
  closeLoop();
  if (!points.length) return;
  const { round } = loop;
  const ids = points.map((point) => point[3]);
  map.chosen = new Set(ids);
  map.draw();
  try {
    const { photos } = await post("/api/briefs", { ids });
    if (round === loop.round) openLoop(photos);
  } catch (error) {
    if (round === loop.round) closeLoop();
    complain(error);
  }
}

function openLoop(photos) {
  if (!loop.wall) makeLoop();
  loop.photos = photos;
  here("lassoed").hidden = false;
  say(here("lassoed-words"), photosWords(photos.length));
  loop.choosing.clear();
  loop.choosing.all(loop.photos);
  loop.wall.show();
}

// What lay in it can no longer be seen: no key speaks of it.
function closeLoop() {
  loop.round += 1;
  loop.photos = [];
  loop.choosing?.clear();
  here("lassoed").hidden = true;
  map.chosen = new Set();
  map.draw();
}

// --- runs and studies

async function openRuns() {
  try {
    const { runs, studies, folder } = await get("/api/runs");
    const none =
      folder === null
        ? "modiste app was started without a folder of runs: --runs names one."
        : "There are no studies yet: `modiste study` makes one.";
    here("studies-none").hidden = studies.length > 0;
    say(here("studies-none"), none);
    filled(
      here("studies"),
      studies.map((one) =>
        one.report
          ? press(one.name, (event) => openReport(one, event.currentTarget), { class: "chip", "aria-pressed": false })
          : made("span", { class: "tag" }, one.name),
      ),
    );
    filled(here("runs"), runs.map(runRow));
  } catch (error) {
    complain(error);
  }
}

function openReport(study, button) {
  for (const one of here("studies").children) one.setAttribute("aria-pressed", String(one === button));
  filled(here("report"), made("iframe", { sandbox: "allow-popups", src: study.report, title: `The report of ${study.name}` }));
}

function runRow(run) {
  return made(
    "tr",
    {},
    made("td", { class: "whole" }, run.id),
    made("td", {}, run.variant),
    made("td", { class: "number" }, String(run.seed)),
    made("td", { class: "number" }, percent(run.accuracy)),
    made("td", { class: "number" }, run.macro_f1?.toFixed(3) ?? "–"),
    made("td", { class: "quiet" }, day(run.made)),
  );
}

begin();
bindAnswers(sayOfLoop);
onRefused(() => loop.photos.length && looped(loop.photos.map((photo) => [0, 0, 0, photo.id])));
bind("undo", "Take back", "z", takeBack);
const choose = tabs(here("tabs"), (name) => {
  now = name;
  if (name !== "photos") remember({ tab: name });
  ({ photos: openPhotos, map: openMap, runs: openRuns })[name]();
});
here("lasso").addEventListener("click", () => {
  map.lassoing = !map.lassoing;
  here("lasso").setAttribute("aria-pressed", String(map.lassoing));
  here("field").classList.toggle("lasso", map.lassoing);
});
here("whole").addEventListener("click", () => map.whole());
here("lassoed-close").addEventListener("click", closeLoop);
bind("lasso", "Draw a loop on the map (or hold Shift)", "l", () => here("lasso").click());
choose(["map", "runs"].includes(asked().tab) ? asked().tab : "photos");
