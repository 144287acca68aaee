// One photo at a time, beside the page: its file decoded by the browser, its pixels made, the network asked.
"use strict";

const MOST_PIXELS = 50_000_000;
const MOST_BYTES = 256_000_000;
const THUMBNAIL = 240; // px, the longer side
const FORMATS = [
  ["JPEG", /^\xff\xd8\xff/],
  ["PNG", /^\x89PNG\r\n\x1a\n/],
  ["GIF", /^GIF8[79]a/],
  ["WebP", /^RIFF[^]{4}WEBP/],
  ["BMP", /^BM/],
  ["TIFF", /^(II[*+]\0|MM\0[*+])/],
  ["AVIF or HEIC", /^[^]{4}ftyp/],
];
const NOT_OURS = /^(%PDF|8BPS|<svg|<\?xml)/;
let session = null;
let eyes = null;

class Refused extends Error {}

self.onmessage = async ({ data: asked }) => {
  try {
    self.postMessage(asked.file ? await labelled(asked) : await opened(asked));
  } catch (error) {
    self.postMessage({ number: asked.number, failed: error instanceof Error ? error.message : String(error) });
  }
};

// Open the network; `runtime` is where onnxruntime-web stands: a folder's address, or its parts as they came with the page.
async function opened({ bundle, pixels, runtime }) {
  if (runtime.base) importScripts("bundle.js", "pixels.js", new URL("ort.wasm.min.js", runtime.base));
  ort.env.wasm.numThreads = 1; // several workers, each on one thread, need no special headers
  ort.env.logLevel = "error";
  ort.env.wasm.wasmPaths = runtime.base ?? { mjs: URL.createObjectURL(new Blob([runtime.glue], { type: "text/javascript" })) };
  if (runtime.wasm) ort.env.wasm.wasmBinary = runtime.wasm;
  session = await ort.InferenceSession.create(bundle, { executionProviders: ["wasm"] });
  eyes = pixels;
  return { ready: true };
}

// What the network says of a photo, or why it gives no pixels; with a small picture of it for the page.
async function labelled({ number, file }) {
  let sum = null;
  try {
    const bytes = await bytesOf(file);
    sum = await sha256(bytes);
    const canvas = await decoded(bytes);
    const small = await thumbnail(canvas);
    const isJpeg = kindOf(bytes) === "JPEG";
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return { number, sha256: sum, small, ...(await answered(toPixels(data, canvas.width, canvas.height, eyes, isJpeg))) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { number, sha256: sum, refused: error.message };
  }
}

async function bytesOf(file) {
  if (file.size === 0) throw new Refused("empty");
  if (file.size > MOST_BYTES) throw new Refused("file_too_big");
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new Refused("unreadable");
  }
}

// The photo upright and on white, on a canvas; colour profiles are left as they are.
async function decoded(bytes) {
  const kind = kindOf(bytes);
  if (kind === "JPEG" && isCut(bytes)) throw new Refused("truncated");
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none" };
  const picture = await createImageBitmap(new Blob([bytes]), options).catch(() => {
    throw new Refused(kind === "" ? "not_an_image" : ["JPEG", "PNG", "GIF", "WebP", "BMP"].includes(kind) ? "corrupt" : "format_not_allowed");
  });
  if (picture.width * picture.height > MOST_PIXELS) throw new Refused("too_many_pixels");
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const drawing = canvas.getContext("2d", { willReadFrequently: true });
  drawing.fillStyle = "white";
  drawing.fillRect(0, 0, canvas.width, canvas.height);
  drawing.drawImage(picture, 0, 0);
  picture.close();
  return canvas;
}

// The format of a file by its first bytes; "" for no picture.
function kindOf(bytes) {
  const head = Array.from(bytes.subarray(0, 16), (byte) => String.fromCharCode(byte)).join("");
  const found = FORMATS.find(([, mark]) => mark.test(head));
  return found ? found[0] : NOT_OURS.test(head) ? "another" : "";
}

// Whether a JPEG has no end marker behind the last segment that opens a scan or describes the picture.
function isCut(bytes) {
  for (let at = bytes.length - 2; at >= 0; at -= 1) {
    if (bytes[at] !== 0xff) continue;
    if (bytes[at + 1] === 0xd9) return false;
    if ([0xda, 0xc4, 0xdb].includes(bytes[at + 1])) return true;
  }
  return true;
}

async function thumbnail(canvas) {
  const scale = Math.min(1, THUMBNAIL / Math.max(canvas.width, canvas.height));
  const [width, height] = [canvas.width, canvas.height].map((length) => Math.max(1, Math.round(length * scale)));
  const small = new OffscreenCanvas(width, height);
  const drawing = small.getContext("2d");
  drawing.imageSmoothingQuality = "high";
  drawing.drawImage(canvas, 0, 0, width, height);
  return small.convertToBlob({ type: "image/jpeg", quality: 0.85 });
}

async function answered(pixels) {
  const shape = [1, eyes.side, eyes.side, pixels.length / eyes.side ** 2];
  const given = { pixels: new ort.Tensor("uint8", new Uint8Array(pixels.buffer), shape) };
  const wanted = ["probabilities", ...session.outputNames.filter((name) => name === "strangeness")];
  const answer = await session.run(given, wanted);
  const [probabilities, strangeness] = [Array.from(answer.probabilities.data), answer.strangeness ? answer.strangeness.data[0] : null];
  if (![...probabilities, strangeness ?? 0].every(Number.isFinite)) throw new Error("The network gives values that are no numbers: its weights are broken.");
  return { probabilities, strangeness };
}
