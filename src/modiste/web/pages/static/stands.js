// How a project stands: what the network makes of the photos, labels of each class, how often it is right, whether people agree.

import { made } from "./elements.js";
import { bar } from "./photo.js";
import { number, percent, sentence } from "./words.js";

const LANES = [
  ["auto", "automatic", "sure enough to be labelled without you"],
  ["review", "to review", "somebody should look"],
  ["reject", "rejected", "not of your classes, or not to be read"],
];

export function stands(now, pairs) {
  return [lanes(now), classes(now), estimate(now), agree(pairs)].filter(Boolean);
}

function lanes({ counts }) {
  const all = Math.max(1, counts.lanes.auto + counts.lanes.review + counts.lanes.reject);
  const parts = LANES.map(([name]) => {
    const part = made("i", { class: name });
    part.style.flexGrow = counts.lanes[name] / all;
    part.hidden = !counts.lanes[name];
    return part;
  });
  const key = LANES.flatMap(([name, words, why]) => [
    made("i", { class: name }),
    made("a", { href: `/review?lane=${name}`, title: why }, words),
    made("span", {}, number(counts.lanes[name])),
  ]);
  return made(
    "section",
    { "aria-labelledby": "lanes-heading" },
    made("h2", { id: "lanes-heading" }, "What the network makes of them"),
    made("div", { class: "lanes", "aria-hidden": "true" }, parts),
    made("div", { class: "key" }, key),
  );
}

function classes({ counts, pace }) {
  const most = Math.max(1, ...Object.values(counts.classes));
  const rows = Object.entries(counts.classes).flatMap(([name, many]) => [
    made("span", { class: "name" }, name),
    bar(many / most),
    made("span", { class: "number" }, number(many)),
  ]);
  const speed = pace?.per_minute
    ? made("p", { class: "quiet small" }, `${number(Math.round(pace.per_minute))} labels a minute lately`)
    : null;
  return made(
    "section",
    { "aria-labelledby": "classes-heading" },
    made("h2", { id: "classes-heading" }, "Labels of each class"),
    made("div", { class: "shares" }, rows),
    speed,
  );
}

function estimate({ estimate: found }) {
  const heading = made("h2", { id: "estimate-heading" }, "How often suggestions are right");
  if (!found || found.accuracy === null || found.accuracy === undefined) {
    const words =
      found?.words || "Every fifth photo you annotate is drawn by chance: from those modiste tells honestly how often it is right.";
    return made("section", { "aria-labelledby": "estimate-heading" }, heading, made("p", { class: "quiet small" }, words));
  }
  const line = made("div", { class: "interval", "aria-hidden": "true" }, made("i"), made("b"));
  const [range, point] = line.children;
  range.style.left = percentage(found.low);
  range.style.right = percentage(1 - found.high);
  point.style.left = percentage(found.accuracy);
  const told = [found.words, found.more_words].filter(Boolean).map((words) => made("p", { class: "quiet small" }, sentence(words)));
  const big = made(
    "p",
    { class: "big" },
    percent(found.accuracy),
    made("span", { class: "quiet small" }, `  ${percent(found.low)} to ${percent(found.high)}`),
  );
  return made("section", { "aria-labelledby": "estimate-heading" }, heading, big, line, told);
}

const percentage = (share) => `${100 * Math.max(0, Math.min(1, share))}%`;

function agree(pairs) {
  if (!pairs.length) return null;
  const told = pairs.map((one) => made("p", { class: "quiet small" }, `${one.words}.`));
  return made("section", { "aria-labelledby": "agree-heading" }, made("h2", { id: "agree-heading" }, "Whether people agree"), told);
}
