// A bundle of modiste: its card stands in the first bytes of the file, sealed with the file's own SHA-256.
"use strict";

const KEY = "modiste";
const METADATA = 0x72; // field 14 of ONNX's ModelProto, a message: metadata_props
const SEAL_WITHIN = 1 << 20; // bytes from the beginning in which the seal stands
const AGAIN = "Copy it again from where it was made, or export it again with modiste export.";

class NoBundle extends Error {}

// The card of a bundle, its seal checked, and the name that stands in every result. `sealed` is null where the browser cannot tell.
async function readBundle(bytes) {
  const text = cardIn(bytes);
  if (text === null) throw new NoBundle("This file is no bundle of modiste: it has no card. modiste export makes one of a run.");
  const sealed = await isUnbroken(bytes);
  if (sealed === false) throw new NoBundle(`This bundle is damaged: its SHA-256 is not the one it was sealed with. ${AGAIN}`);
  const card = JSON.parse(text);
  return { card, sealed, id: await nameOf(card, bytes) };
}

// The JSON text of the card that a file opens with; null where it opens with something else.
function cardIn(bytes) {
  if (bytes[0] !== METADATA) return null;
  const entry = fieldAt(bytes, 1);
  const name = entry && entry.value[0] === 0x0a ? fieldAt(entry.value, 1) : null;
  if (!name || asText(name.value) !== KEY || entry.value[name.end] !== 0x12) return null;
  const card = fieldAt(entry.value, name.end + 1);
  return card && asText(card.value);
}

// A protobuf field's bytes, whose length stands at `at` in sevens of bits, and where they end; null where they are cut.
function fieldAt(bytes, at) {
  let length = 0;
  for (let place = 0; place < 6; place += 1) {
    const byte = bytes[at + place];
    if (byte === undefined) return null;
    length += (byte & 0x7f) * 2 ** (7 * place);
    if (byte < 0x80) {
      const start = at + place + 1;
      return start + length <= bytes.length ? { value: bytes.subarray(start, start + length), end: start + length } : null;
    }
  }
  return null;
}

// Whether the bytes are those that were sealed: their SHA-256 with zeros where the seal stands. null: this page may not compute it.
async function isUnbroken(bytes) {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, SEAL_WITHIN));
  const found = /seal\\?": ?\\?"([0-9a-f]{64})\\?"/.exec(head);
  if (!found) return false;
  const start = found.index + found[0].indexOf(found[1]);
  const blank = bytes.slice();
  blank.fill(0x30, start, start + 64);
  const sum = await sha256(blank);
  return sum === null ? null : sum === found[1];
}

async function nameOf(card, bytes) {
  const sum = await sha256(bytes);
  return sum === null ? card.name : `${card.name}-${sum.slice(0, 12)}`;
}

// SHA-256 in hexadecimal digits; null where the page came by plain http from elsewhere, for browsers then keep their cryptography back.
async function sha256(bytes) {
  if (!globalThis.crypto || !crypto.subtle) return null;
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function asText(bytes) {
  return new TextDecoder().decode(bytes);
}

if (typeof module !== "undefined") module.exports = { NoBundle, cardIn, readBundle, sha256 };
