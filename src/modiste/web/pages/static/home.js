// The landing page: gather, label, train, compare, use; how far each is, and the one thing to do next.

import { follow, get, post, sendFile, state } from "./api.js";
import { filled, here, made, press, say } from "./elements.js";
import { begin } from "./frame.js";
import { complain, tell } from "./messages.js";
import { stands } from "./stands.js";
import { number, photos, sentence, some } from "./words.js";

const DOWNLOADS = [
  ["labels.csv", "labels"],
  ["log", "all that was said"],
];
const FEW = 40; // labels before a training makes sense
let models = [];
let agreement = { pairs: [] };
let late = false; // there is more to show than is shown
let heardOf = ""; // networks and work of which the rest was fetched
let open = null; // photos to review that nobody has spoken of

// --- what to do next

// The first thing that holds: { heading, why, go, words }.
function nextStep(now) {
  const { counts, project, job, last, trouble, tried } = now;
  const use = models.find((one) => one.in_use);
  const newer = models.filter((one) => use && one.number > use.number).at(-1);
  const fresh = counts.learnable - tried;
  if (!project.photos && job)
    return step("Your photos are being looked at", "You can begin as soon as the first are there.", "/look", "See the photos");
  if (!project.photos && trouble)
    return {
      ...step(
        last?.stopped ? "The first look at your photos was stopped" : "The photos could not be looked at",
        sentence(trouble),
        "/look",
        "Look again",
      ),
      act: true,
    };
  if (!project.photos)
    return step("There are no photos yet", `Put photos into ${project.source}, then open this project again.`, "/look", "See the photos");
  if (counts.conflicts)
    return step(
      `${some(counts.conflicts, "photo is", "photos are")} disputed: settle them`,
      "People said different things of them. Your word decides.",
      "/review?said=conflict",
      "Settle",
    );
  if (counts.replaced)
    return step(
      `${some(counts.replaced, "photo was", "photos were")} replaced since people spoke of ${counts.replaced === 1 ? "it" : "them"}`,
      "What was said still stands. See whether it is still right.",
      "/review?said=replaced",
      "See them",
    );
  if (newer)
    return step(
      `${newer.name} waits for your verdict`,
      `${sentence(newer.verdict)} See where it differs from the one in use, then decide.`,
      `/train?a=${use.number}&b=${newer.number}`,
      "Compare",
    );
  if (counts.labelled >= FEW && fresh >= Math.max(FEW, counts.labelled / 4))
    return step(`${number(fresh)} new labels: train`, "A network learnt from them may know your photos better.", "/train", "Train");
  if (counts.left) return needed(now);
  return step("Everything is labelled", "Take the labels along, or search the photos by what they show.", "/search", "Search");
}

function needed({ counts, estimate }) {
  const many = Math.min(open ?? counts.lanes.review, counts.left);
  const chance = estimate ? Math.max(0, estimate.sample - estimate.sampled) : 0;
  const told =
    estimate?.accuracy && estimate.more_words ? sentence(estimate.more_words) : "The network's suggestion is there: most take one key.";
  if (many)
    return step(
      `${some(many, "photo needs", "photos need")} you: annotate`,
      `${told} The doubtful ones come first.`,
      "/annotate",
      "Annotate",
    );
  if (chance)
    return step(
      "How often is the network right?",
      `${some(chance, "photo", "photos")} drawn by chance will tell: annotate, and every fifth is one of them.`,
      "/annotate",
      "Annotate",
    );
  return step(
    `${photos(counts.left)} have only the network's word`,
    "A page of the grid confirms two dozen at a time.",
    "/grid",
    "Confirm by the grid",
  );
}

const step = (heading, why, go, words) => ({ heading, why, go, words });

async function lookAgain() {
  try {
    await post("/api/look");
  } catch (error) {
    complain(error);
  }
}

// --- the steps

function steps({ project, counts, model, job, trouble }) {
  const unreadable = project.photos - project.readable;
  const use = models.find((one) => one.in_use);
  const newer = models.filter((one) => use && one.number > use.number);
  const learnt = models.length > 1;
  const done = [project.photos > 0, counts.labelled >= FEW, learnt, learnt && !newer.length, Boolean(use?.number)];
  const now = done.indexOf(false);
  const rows = [
    [
      "Gather",
      [
        `${photos(project.photos)} in ${project.source}`,
        unreadable ? `${number(unreadable)} cannot be read` : "",
        ...project.left_out.map(sentence),
        trouble && project.photos ? `The last look did not come to its end: ${trouble}` : "",
      ],
      [
        link("/look", "Browse"),
        unreadable > 0 && link("/review?lane=reject", "What cannot be read"),
        !job && press("Look again", lookAgain, { class: "chip" }),
      ],
    ],
    [
      "Label",
      labelWords(counts),
      [
        link("/annotate", "One by one"),
        link("/grid", "By the grid"),
        press("Import labels", () => here("import-dialog").showModal(), { class: "chip" }),
      ],
    ],
    [
      "Train",
      [
        learnt
          ? `${some(models.length - 1, "network")} learnt here, the last from ${number(models.at(-1).labels)} labels`
          : "On this machine: the first time it goes through all labelled photos once, later through new ones alone.",
      ],
      [link("/train", "Train")],
    ],
    [
      "Compare",
      [
        newer.length
          ? `${some(newer.length, "newer network")} beside the one in use`
          : "A new network is put in use by you, never by itself.",
      ],
      [learnt && link("/train#compare", "See where they differ")],
    ],
    [
      "Use",
      [`In use: ${use?.name || model.name}`],
      [
        ...DOWNLOADS.map(download),
        press("Write a folder", () => here("export-dialog").showModal(), { class: "chip" }),
        link("/search", "Search"),
      ],
    ],
  ];
  return rows.map(([name, words, acts], place) => row(name, place, words, acts, done[place] ? "done" : place === now ? "now" : ""));
}

function labelWords(counts) {
  const others = [counts.unsure && `${number(counts.unsure)} unsure`, counts.bad && some(counts.bad, "bad picture")].filter(Boolean);
  return [`${number(counts.labelled)} labelled, ${number(counts.left)} left`, others.join(", ")];
}

function row(name, place, words, acts, how) {
  const mark = made("span", { class: "mark", "aria-hidden": "true" }, how === "done" ? "✓" : String(place + 1));
  const told = words.filter(Boolean).map((line) => made("p", { class: "quiet small" }, line));
  const state = made("span", { class: "unseen" }, { done: " (done)", now: " (now)" }[how] || "");
  return made(
    "li",
    { class: `step ${how}` },
    mark,
    made("div", {}, made("h2", {}, name, state), told, made("div", { class: "chips" }, acts)),
  );
}

function download([format, words]) {
  return made("a", { class: "chip", href: `/api/export?format=${format}`, download: "", onclick: notBefore }, `↓ ${words}`);

  // What the server refuses would be saved as a file.
  function notBefore(event) {
    const { looked, photos: all } = state().project;
    if (format !== "labels.csv" || (all && looked === all)) return;
    event.preventDefault();
    tell("The photos are still being looked at: take the labels along once that has ended.");
  }
}

const link = (href, words) => made("a", { class: "chip", href }, words);

// --- the whole

function show(now) {
  const next = nextStep(now);
  say(here("title"), now.project.name);
  say(
    here("lead"),
    `${photos(now.project.photos)}, ${some(now.project.classes.length, "class", "classes")}: ${now.project.classes.slice(0, 8).join(", ")}${now.project.classes.length > 8 ? " …" : ""}`,
  );
  say(here("next-heading"), next.heading);
  say(here("next-why"), next.why);
  here("next-go").hidden = Boolean(next.act);
  here("next-do").hidden = !next.act;
  say(here(next.act ? "next-do" : "next-go"), next.words);
  here("next-go").href = next.go;
  if (
    here("main").contains(document.activeElement) &&
    document.activeElement !== here("main") &&
    !["next-go", "next-do"].includes(document.activeElement.id)
  )
    return (late = true); // not under the hands of who is there
  late = false;
  filled(here("steps"), steps(now));
  filled(here("stands"), stands(now, agreement.pairs));
}

// Have a dialog's form do its work once, however often it is sent, and say what came of it.
async function working(event, dialog, work) {
  event.preventDefault();
  const button = event.target.querySelector("[type=submit]");
  if (button.getAttribute("aria-disabled") === "true") return;
  const words = button.textContent;
  button.setAttribute("aria-disabled", "true");
  button.textContent = "At work …";
  try {
    const answer = await work();
    dialog.close();
    event.target.reset();
    here("main").focus(); // what is below is drawn anew, and says what has changed
    tell(answer.words);
  } catch (error) {
    complain(error);
  }
  button.removeAttribute("aria-disabled");
  button.textContent = words;
}

function takeLabels() {
  const [file] = here("import-file").files;
  return file
    ? sendFile("/api/import/file", file, { name: file.name })
    : post("/api/import", { path: here("import-path")?.value.trim() }, { patient: true });
}

const writeFolder = () => post("/api/export", { format: here("export-format").value }, { patient: true });

async function fetchRest() {
  const doubtful = { lane: "review", said: "none", limit: 1 };
  const answers = await Promise.allSettled([get("/api/models"), get("/api/agreement"), get("/api/photos", doubtful)]);
  if (answers[0].value) models = answers[0].value.models;
  if (answers[1].value) agreement = answers[1].value;
  if (answers[2].value) open = answers[2].value.total;
  show(state());
}

begin();
here("import-form").addEventListener("submit", (event) => working(event, here("import-dialog"), takeLabels));
here("export-form").addEventListener("submit", (event) => working(event, here("export-dialog"), writeFolder));
here("next-do").addEventListener("click", lookAgain);
here("main").addEventListener("focusout", () => setTimeout(() => late && show(state())));
follow((now) => {
  show(now);
  const key = `${now.models} ${now.model.number} ${now.last?.words} ${now.counts.conflicts}`;
  if (now.job || key === heardOf) return;
  heardOf = key;
  fetchRest();
});
if (state().job) fetchRest();
