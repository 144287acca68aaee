// From a decoded photo to the pixels that a network is given, as modiste's data/opening makes them: Pillow's resizing, step by step.
"use strict";

const WHITE = 255;
const BITS = 22; // Pillow keeps its weights as whole numbers of 2^-22
const FILTERS = {
  box: { reach: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { reach: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
};

// RGBA on white, upright, (H, W, 4) -> uint8 (S, S, C); `eyes` is the card's pixels: side, colour, fit.
function toPixels(rgba, width, height, eyes, isJpeg) {
  let picture = eyes.colour === "rgb" ? inColours(rgba, width, height) : inGrey(rgba, width, height);
  const least = 2 * eyes.side;
  if (isJpeg) picture = scaledAsJpeg(picture, least);
  const factor = Math.max(1, Math.floor(Math.min(picture.width, picture.height) / least));
  if (factor > 1) picture = resized(picture, Math.floor(picture.width / factor), Math.floor(picture.height / factor), "box");
  return FITS[eyes.fit](picture, eyes.side).data;
}

function inColours(rgba, width, height) {
  const data = new Uint8ClampedArray(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from];
    data[to + 1] = rgba[from + 1];
    data[to + 2] = rgba[from + 2];
  }
  return { data, width, height, channels: 3 };
}

// Luma as Pillow and JPEG have it (ITU-R BT.601), in whole numbers.
function inGrey(rgba, width, height) {
  const data = new Uint8ClampedArray(width * height);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 1) {
    data[to] = (19595 * rgba[from] + 38470 * rgba[from + 1] + 7471 * rgba[from + 2] + 0x8000) >> 16;
  }
  return { data, width, height, channels: 1 };
}

// libjpeg-turbo decodes a large photo at 1/8 to 4/8, `least` px or more a side, from the lowest frequencies of each block of 8 x 8.
function scaledAsJpeg(picture, least) {
  for (const eighths of [1, 2, 3, 4]) {
    const [width, height] = [picture.width, picture.height].map((length) => Math.ceil((length * eighths) / 8));
    if (width < least || height < least) continue;
    const across = stretched(picture, frequencies(picture.width, width, eighths));
    return transposed(stretched(transposed(across), frequencies(picture.height, height, eighths)));
  }
  return picture;
}

// The weights by which each 8 places become `eighths` through their cosine transform, its higher frequencies left out.
function frequencies(length, to, eighths) {
  const rows = Array.from({ length: eighths }, (_, place) => Array.from({ length: 8 }, (_, x) => throughCosines(place, x, eighths)));
  return Array.from({ length: to }, (_, place) => {
    const first = 8 * Math.floor(place / eighths);
    const parts = new Int32Array(Math.min(8, length - first));
    rows[place % eighths].forEach((part, x) => {
      parts[Math.min(x, parts.length - 1)] += Math.round(part * 2 ** BITS); // the last place stands for what an edge cuts off
    });
    return { first, parts };
  });
}

function throughCosines(place, x, eighths) {
  let sum = 1;
  for (let u = 1; u < eighths; u += 1) {
    sum += 2 * Math.cos(((2 * place + 1) * u * Math.PI) / (2 * eighths)) * Math.cos(((2 * x + 1) * u * Math.PI) / 16);
  }
  return sum / 8;
}

function squash(picture, side) {
  return resized(picture, side, side, "bilinear");
}

// The whole picture in its own proportions, centred on white.
function letterbox(picture, side) {
  const scale = side / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width, picture.height].map((length) => Math.max(1, toEven(length * scale)));
  const small = resized(picture, width, height, "bilinear");
  const [left, top, row] = [Math.floor((side - width) / 2), Math.floor((side - height) / 2), width * picture.channels];
  const data = new Uint8ClampedArray(side * side * picture.channels).fill(WHITE);
  for (let y = 0; y < height; y += 1) {
    data.set(small.data.subarray(y * row, (y + 1) * row), ((top + y) * side + left) * picture.channels);
  }
  return { ...picture, data, width: side, height: side };
}

// The largest square in the middle.
function crop(picture, side) {
  const short = Math.min(picture.width, picture.height);
  return resized(picture, side, side, "bilinear", [(picture.width - short) / 2, (picture.height - short) / 2, short, short]);
}

// To the nearest whole number, halves to the even one, as Python rounds.
function toEven(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 ? floor + 1 : floor;
}

// Pillow's resize: across, then down, each rounded to whole numbers; from Pillow 13 on down first where much more is taken off the height.
// `box` is left, top, width, height.
function resized(picture, width, height, filter, box = [0, 0, picture.width, picture.height]) {
  const [left, top, wide, high] = box;
  const isWhole = left === 0 && top === 0 && wide === picture.width && high === picture.height;
  const across = (one) => (isWhole && width === one.width ? one : stretched(one, weights(one.width, left, wide, width, filter)));
  const down = (one) =>
    isWhole && height === one.height ? one : transposed(stretched(transposed(one), weights(one.height, top, high, height, filter)));
  const less = picture.height - height;
  return less > 0 && less > 2 * (picture.width - width) ? across(down(picture)) : down(across(picture));
}

// For each of `to` places: where its first source stands, and the weights of it and those behind it.
function weights(length, start, span, to, name) {
  const filter = FILTERS[name];
  const scale = span / to;
  const wide = Math.max(1, scale);
  const reach = filter.reach * wide;
  return Array.from({ length: to }, (_, place) => {
    const centre = start + (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const last = Math.min(length, Math.trunc(centre + reach + 0.5));
    const parts = Array.from({ length: last - first }, (_, x) => filter.at((x + first - centre + 0.5) / wide));
    const sum = parts.reduce((one, other) => one + other, 0);
    return { first, parts: Int32Array.from(parts, (part) => Math.round((part / sum) * 2 ** BITS)) };
  });
}

function stretched(picture, places) {
  const { width, height, channels } = picture;
  const data = new Uint8ClampedArray(places.length * height * channels);
  let to = 0;
  for (let y = 0; y < height; y += 1) {
    for (const { first, parts } of places) {
      const from = (y * width + first) * channels;
      for (let channel = 0; channel < channels; channel += 1) {
        let sum = 1 << (BITS - 1);
        for (let x = 0; x < parts.length; x += 1) sum += picture.data[from + x * channels + channel] * parts[x];
        data[to] = sum >> BITS;
        to += 1;
      }
    }
  }
  return { data, width: places.length, height, channels };
}

function transposed(picture) {
  const { width, height, channels } = picture;
  const data = new Uint8ClampedArray(picture.data.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const from = (y * width + x) * channels;
      const to = (x * height + y) * channels;
      for (let channel = 0; channel < channels; channel += 1) data[to + channel] = picture.data[from + channel];
    }
  }
  return { data, width: height, height: width, channels };
}

const FITS = { squash, letterbox, crop };

if (typeof module !== "undefined") module.exports = { toEven, toPixels };
