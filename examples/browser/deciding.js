// What is done with an answer: labelled automatically, reviewed by people, or rejected; as modiste's serving/deciding decides.
"use strict";

const DOUBT = 0.05; // the share of calibrations in which a class may miss the precision that was asked for
const STARTS = [[0.2, 0.25], [0.5, 0.75]]; // share of a class's photos from which on ranks are tested, part of the doubt spent there
const STEPS = 20; // ranks that are tested in a class
const WHY = {
  strange: "unlike the photos that the network learnt from",
  too_little_evidence: "too little evidence for this class",
  unsure: "less sure than this class needs",
  empty: "the file has no bytes",
  not_an_image: "its content is no picture",
  format_not_allowed: "this browser does not open its format: export it as JPEG",
  truncated: "the end of the picture is missing",
  corrupt: "the picture is damaged",
  too_many_pixels: "more than 50 megapixels: export it smaller",
  file_too_big: "more than 256 MB: export it smaller",
  unreadable: "the file cannot be read any more",
  decoder_crashed: "the browser gave up on it",
};

// For each class the lowest confidence from which on a photo called so is labelled automatically; null: never.
function thresholds(card, precision) {
  if (!card.evidence) return card.classes.map(() => precision);
  const { called, right, confidence, strangeness } = card.evidence;
  const known = card.reject_above !== null && strangeness.length > 0;
  return card.classes.map((_, code) => {
    const own = called.flatMap((one, row) => (one === code && !(known && strangeness[row] > card.reject_above) ? [row] : []));
    return threshold(own.map((row) => ({ confidence: confidence[row], right: right[row] })), precision);
  });
}

// The lowest confidence from which on so many are right, tested at ranks chosen beforehand, from the surest photos down; null: none.
function threshold(photos, precision) {
  const sure = photos.toSorted((one, other) => other.confidence - one.confidence);
  let wrong = 0;
  const wrongs = sure.map((photo) => (wrong += photo.right ? 0 : 1));
  let [found, held] = [null, 0];
  for (const [rank, own] of ranks(sure.length, precision)) {
    const least = sure[rank - 1].confidence;
    const downTo = sure.findLastIndex((photo) => photo.confidence >= least) + 1; // more than `rank` where several are equally sure
    held += own;
    if (held && atMost(wrongs[downTo - 1], downTo, 1 - precision) <= held) found = least;
    else held = 0;
  }
  return found;
}

// How many of the surest photos are tested, in order, and the doubt that each test has of its own.
function ranks(photos, precision) {
  const own = new Map();
  for (const [share, part] of STARTS) {
    const fewest = Math.ceil(Math.log(part * DOUBT) / Math.log(precision)); // fewer can pass no test, be they all right
    const rank = Math.min(photos, Math.max(fewest, toEven(share * photos)));
    own.set(rank, (own.get(rank) ?? 0) + part * DOUBT);
  }
  const start = Math.min(...own.keys());
  for (let step = 0; photos && step < STEPS; step += 1) {
    const rank = toEven(start + (step * (photos - start)) / (STEPS - 1));
    own.set(rank, own.get(rank) ?? 0);
  }
  return [...own].filter(([rank]) => rank > 0).sort(([one], [other]) => one - other);
}

// The chance that so many of `photos`, or fewer, are wrong where each is with probability `share`.
function atMost(wrong, photos, share) {
  if (wrong >= photos) return 1;
  let [choose, sum] = [0, 0];
  for (let count = 0; count <= wrong; count += 1) {
    sum += Math.exp(choose + count * Math.log(share) + (photos - count) * Math.log1p(-share));
    choose += Math.log(photos - count) - Math.log(count + 1);
  }
  return Math.min(1, sum);
}

// The class called, how sure that is, the decision and why it is not automatic, for one answer of the network.
function decided(answer, card, least) {
  if (answer.refused) return { called: null, confidence: null, decision: "reject", reason: answer.refused };
  const confidence = Math.max(...answer.probabilities);
  const called = answer.probabilities.indexOf(confidence);
  const reason = reasonOf(answer, confidence, least[called], card.reject_above);
  return { called, confidence, decision: reason === "" ? "auto" : reason === "strange" ? "reject" : "review", reason };
}

function reasonOf(answer, confidence, least, rejectAbove) {
  if (rejectAbove !== null && answer.strangeness !== null && answer.strangeness > rejectAbove) return "strange";
  if (least === null) return "too_little_evidence";
  return confidence >= least ? "" : "unsure";
}

if (typeof module !== "undefined") {
  globalThis.toEven = require("./pixels.js").toEven;
  module.exports = { decided, thresholds };
}
