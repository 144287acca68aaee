// The table that is saved: the columns of `modiste label`, a row a photo.
"use strict";

const FIRST = ["photo", "sha256", "label", "confidence"];
const LAST = ["decision", "reason", "strangeness", "text_label", "agrees", "model"];

// All rows as CSV in UTF-8. text_label and agrees stay empty: a photo alone does not say what its shop calls it.
function toCsv(rows, card, model) {
  const columns = [...FIRST, ...card.classes.map((name) => `p_${name}`), ...LAST];
  const lines = rows.map((row) => [
    escaped(row.photo),
    row.sha256 ?? "",
    row.called === null ? "" : escaped(card.classes[row.called]),
    digits(row.confidence),
    ...card.classes.map((_, code) => digits(row.probabilities && row.probabilities[code])),
    row.decision,
    row.reason,
    digits(row.strangeness),
    "",
    "",
    escaped(model),
  ]);
  return [columns.map(escaped), ...lines].map((cells) => `${cells.map(quoted).join(",")}\n`).join("");
}

// Text that no spreadsheet takes for a formula.
function escaped(text) {
  return /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function quoted(cell) {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

// Six digits behind the point, as modiste writes them; nothing where there is no number.
function digits(value) {
  if (value === null || value === undefined) return "";
  const rounded = Number(value.toFixed(6));
  return Number.isInteger(rounded) ? rounded.toFixed(1) : String(rounded);
}

if (typeof module !== "undefined") module.exports = { toCsv };
