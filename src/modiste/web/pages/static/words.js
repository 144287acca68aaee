// Numbers and times as people read them.

const NUMBER = new Intl.NumberFormat("en");
const PERCENT = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });
const FINER = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false });

export const number = (value) => NUMBER.format(value);

// A probability is never called 100 % before it is one.
export function percent(share) {
  if (share === null || share === undefined) return "–";
  if (share > 0.99 && share < 1) return FINER.format(Math.min(share, 0.999));
  return PERCENT.format(share);
}

export const photos = (many) => `${number(many)} ${many === 1 ? "photo" : "photos"}`;

export const some = (many, one, more = `${one}s`) => `${number(many)} ${many === 1 ? one : more}`;

// Words as a sentence.
export const sentence = (words) => (words ? `${words[0].toUpperCase()}${words.slice(1)}${/[.!?…]$/.test(words) ? "" : "."}` : "");

export function seconds(value) {
  if (value === null || value === undefined) return "";
  if (value < 90) return `about ${Math.max(1, Math.round(value))} s left`;
  if (value < 5400) return `about ${Math.round(value / 60)} min left`;
  return `about ${(value / 3600).toFixed(1)} h left`;
}

export function day(text) {
  const when = new Date(text);
  return Number.isNaN(when.valueOf()) ? text || "" : DAY.format(when);
}

export function bytes(many) {
  if (!many) return "";
  return many < 1e6 ? `${Math.max(1, Math.round(many / 1e3))} kB` : `${(many / 1e6).toFixed(1)} MB`;
}

const KINDS = { unsure: "unsure", bad: "bad picture" };

// What was said, in a word: a class, "unsure" or "bad picture".
export const saidWord = (said) => (said ? (said.kind === "label" ? said.label : KINDS[said.kind] || said.kind) : "");

const WORK = {
  look: "Looking at the photos",
  train: "Training",
  compare: "Comparing",
  map: "Laying out the map",
};

// What goes on in the background, and how far it is.
export function workWords(job) {
  const name = WORK[job.kind] || job.kind;
  const stage = job.kind !== "look" && job.stage ? `: ${job.stage}` : "";
  const far = job.total > 1 ? `${number(job.done)} of ${number(job.total)} ${job.unit || ""}`.trim() : "";
  return [name + stage, job.words || far, seconds(job.seconds_left)].filter(Boolean).join(" · ");
}
