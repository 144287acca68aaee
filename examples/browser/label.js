// The page: photos in, a card for each, a summary, a table to save. Nothing here asks the network for anything but the bundle beside it.
"use strict";

const PICTURES = /\.(jpe?g|jpe|jfif|png|gif|webp|tiff?|bmp|avif|heic|heif|jp2|jxl)$/i;
const DECISIONS = ["auto", "review", "reject"];
const AT_ONCE = 120; // cards on the page until somebody asks for more
const MOST_WORKERS = 4;
const here = (id) => document.getElementById(id);
const named = (name) => document.querySelector(`meta[name="${name}"]`).content;

let opened = null; // the bundle: bytes, card, id
let runtime = null; // where onnxruntime-web stands, or its parts
let least = []; // the threshold of each class, null: never automatic
let rows = []; // a photo each, in the order they came
let next = 0; // the first row that no worker has been given
let known = 0; // the rows before this one have their answers
let workers = [];
let round = 0; // answers to photos that were cleared away are not heard
let most = AT_ONCE;
let since = 0;

// --- opening the network

async function begin() {
  try {
    const packed = here("packed-bundle");
    runtime = packed ? { glue: await unpacked("packed-glue"), wasm: await unpacked("packed-wasm") } : { base: baseOf(named("onnxruntime-web")) };
    if (packed) runtime.code = await unpacked("packed-worker");
    const bytes = packed ? await unpacked("packed-bundle") : await fetched(named("modiste-bundle"));
    if (bytes) await open(bytes);
    else tell("Open a bundle of modiste to begin: the link at the foot of the page.");
  } catch (error) {
    alarm(error.message);
  }
}

function baseOf(place) {
  return new URL(place, document.baseURI).href;
}

// What `pack` wrote into the page: bytes, compressed, in base64.
async function unpacked(id) {
  const text = here(id).textContent;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The bundle beside the page; null where there is none.
async function fetched(place) {
  if (location.protocol === "file:") {
    throw new Error("A page opened from disk may not read the files beside it. Write one file with everything inside: see pack in the README.");
  }
  const answer = await fetch(place);
  return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : null;
}

async function open(bytes) {
  tell("Opening the network …");
  const { card, sealed, id } = await readBundle(bytes);
  dismiss();
  opened = { bytes, card, id };
  await hire();
  decideAll();
  here("classes").textContent = `Photos of fashion products: ${inWords(card.classes)}.`;
  here("model").textContent = `Network: ${id}.`;
  here("about").hidden = !card.text;
  here("text").textContent = card.text;
  if (sealed === null) alarm("This page came by plain http, where browsers compute no SHA-256: the bundle was not checked for damage.");
  tell("Ready.");
  document.body.dataset.state = "ready";
  rows = rows.map((row) => ({ photo: row.photo, file: row.file, number: row.number }));
  if (rows.length) start();
}

function inWords(names) {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names.join();
}

// --- workers

// One worker now, so that a network that does not open is told of at once.
async function hire() {
  const { worker, ready } = worked();
  await ready;
  workers.push(worker);
}

function worked() {
  const url = runtime.code ? URL.createObjectURL(new Blob([runtime.code], { type: "text/javascript" })) : "worker.js";
  const worker = new Worker(url);
  const ready = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.failed ? reject(new Error(`The network does not open: ${data.failed}`)) : resolve());
    worker.onerror = () => reject(new Error("onnxruntime-web does not open. Is it where this page looks for it (see the README)?"));
  }).then(() => {
    worker.onmessage = ({ data }) => heard(worker, data);
    worker.onerror = () => lost(worker);
  });
  const { base, glue, wasm } = runtime;
  worker.postMessage({ bundle: opened.bytes, pixels: opened.card.pixels, runtime: { base, glue, wasm } });
  return { worker, ready };
}

function dismiss() {
  workers.forEach((worker) => worker.terminate());
  workers = [];
}

// Give each idle worker a photo; hire more while photos wait.
function start() {
  round += 1;
  [next, known] = [0, 0];
  resume();
  show();
}

function resume() {
  if (!opened || next >= rows.length) return;
  since = since || performance.now();
  document.body.dataset.state = "working";
  here("working").hidden = here("found").hidden = false;
  const wanted = Math.min(MOST_WORKERS, navigator.hardwareConcurrency || 1, rows.length - next);
  workers.filter((worker) => worker.at === undefined).forEach(give);
  for (let more = workers.length; more < wanted; more += 1) {
    const { worker, ready } = worked();
    workers.push(worker);
    worker.at = -1;
    ready.then(() => give(worker)).catch((error) => alarm(error.message));
  }
}

function give(worker) {
  worker.at = next < rows.length ? next : undefined;
  if (worker.at === undefined) return;
  next += 1;
  worker.round = round;
  worker.postMessage({ number: worker.at, file: rows[worker.at].file });
}

function heard(worker, said) {
  const current = worker.round === round;
  give(worker);
  if (!current) return;
  if (said.failed) {
    stop();
    alarm(`The network fails on ${rows[said.number].photo}: ${said.failed}`);
    return;
  }
  take(said);
}

// A worker that died, of the photo it was at.
function lost(worker) {
  const { at } = worker;
  const current = worker.round === round;
  worker.terminate();
  workers = workers.filter((one) => one !== worker);
  if (current && at >= 0) take({ number: at, sha256: null, refused: "decoder_crashed" });
  resume();
}

function take(said) {
  const row = rows[said.number];
  const { sha256: sum, small, refused, probabilities = null, strangeness = null } = said;
  Object.assign(row, { sha256: sum, refused, probabilities, strangeness, small: small ? URL.createObjectURL(small) : null });
  Object.assign(row, decided(row, opened.card, least));
  while (known < rows.length && rows[known].decision) {
    const { childElementCount: shown } = here("cards");
    if (isShown(rows[known]) && shown < most) here("cards").append(cardOf(rows[known]));
    known += 1;
  }
  sumUp();
  if (known === rows.length) done();
}

function done() {
  const seconds = (performance.now() - since) / 1000;
  since = 0;
  here("working").hidden = true;
  document.body.dataset.state = "done";
  const count = DECISIONS.map((word) => `${rows.filter((row) => row.decision === word).length.toLocaleString()} ${word}`).join(", ");
  tell(`${counted(rows.length)} labelled in ${seconds.toFixed(seconds < 10 ? 1 : 0)} s: ${count}.`);
  show();
}

// What has its answer stays; what waits is let go.
function stop() {
  const left = rows.length - rows.filter((row) => row.decision).length;
  rows = rows.filter((row) => row.decision);
  round += 1;
  next = known = rows.length;
  if (rows.length) done();
  else clear();
  tell(`Stopped: ${counted(left)} not labelled.`);
}

function clear() {
  rows.forEach((row) => row.small && URL.revokeObjectURL(row.small));
  rows = [];
  round += 1;
  [next, known, since, most] = [0, 0, 0, AT_ONCE];
  here("working").hidden = here("found").hidden = true;
  document.body.dataset.state = opened ? "ready" : "";
  tell("");
  show();
}

function counted(number) {
  return number === 1 ? "1 photo" : `${number.toLocaleString()} photos`;
}

// --- photos in

// Files as { photo: name, file }; what is no picture by its name is left aside, and counted.
function add(files) {
  const pictures = files.filter(({ photo }) => PICTURES.test(photo) && !/(^|\/)\./.test(photo));
  pictures.sort((one, other) => (one.photo < other.photo ? -1 : one.photo > other.photo ? 1 : 0));
  const left = files.length - pictures.length;
  if (!pictures.length) {
    tell(files.length ? "None of these files is called a picture." : "There are no files in it.");
    return;
  }
  rows = [...rows, ...pictures];
  tell(left ? `${counted(pictures.length)}; ${left.toLocaleString()} other files are left aside.` : `${counted(pictures.length)}.`);
  if (opened) resume();
  sumUp();
}

function chosen(input) {
  add(Array.from(input.files, (file) => ({ photo: file.webkitRelativePath || file.name, file })));
  input.value = "";
}

// Everything that was dropped, folders walked through to their ends.
async function dropped(items) {
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter(Boolean);
  const found = await Promise.all(entries.map(walked));
  add(found.flat());
}

async function walked(entry) {
  const name = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) return new Promise((resolve) => entry.file((file) => resolve([{ photo: name, file }]), () => resolve([])));
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) break;
    inside.push(...some);
  }
  return (await Promise.all(inside.map(walked))).flat();
}

// --- what is shown

function decideAll() {
  if (!opened) return;
  const share = Number(here("precision").value) / 100;
  if (!(share > 0 && share < 1)) return;
  least = thresholds(opened.card, share);
  rows.filter((row) => row.decision).forEach((row) => Object.assign(row, decided(row, opened.card, least)));
}

function isShown(row) {
  const wanted = document.querySelector('input[name="show"]:checked').value;
  return wanted === "all" || row.decision === wanted;
}

function show() {
  const fitting = rows.slice(0, known).filter(isShown);
  here("cards").replaceChildren(...fitting.slice(0, most).map(cardOf));
  sumUp();
}

function sumUp() {
  if (!opened) return;
  const answered = rows.filter((row) => row.decision);
  const names = [...opened.card.classes, ...(answered.some((row) => row.called === null) ? ["not read"] : [])];
  const lines = names.map((name, code) => {
    const own = answered.filter((row) => (row.called ?? opened.card.classes.length) === code);
    return [name, own.length, ...DECISIONS.map((word) => own.filter((row) => row.decision === word).length)];
  });
  const all = ["all", ...[1, 2, 3, 4].map((column) => lines.reduce((sum, line) => sum + line[column], 0))];
  here("by-class").replaceChildren(...[...lines, all].map(lineOf));
  const never = opened.card.classes.filter((_, code) => least[code] === null);
  here("never").textContent = never.length ? `Never automatic at this precision: ${inWords(never)}. The bundle's evidence does not carry it.` : "";
  Object.assign(here("progress"), { max: Math.max(1, rows.length), value: answered.length });
  const left = rows.slice(0, known).filter(isShown).length - here("cards").childElementCount;
  here("more").hidden = left <= 0;
  here("more").textContent = `Show ${Math.min(left, AT_ONCE).toLocaleString()} more of ${left.toLocaleString()}`;
}

function lineOf([name, ...numbers]) {
  const line = made("tr");
  line.append(made("th", name, { scope: "row" }), ...numbers.map((number) => made("td", number.toLocaleString(), { className: number ? "number" : "number none" })));
  return line;
}

function cardOf(row) {
  const card = made("li", "", { className: `card ${row.decision}` });
  const picture = row.small ? made("img", "", { src: row.small, alt: "", loading: "lazy" }) : made("div", "no picture", { className: "gone" });
  const head = made("p", "", { className: "called" });
  head.append(made("b", row.called === null ? "No label" : opened.card.classes[row.called]), made("span", row.decision, { className: "decision" }));
  card.append(picture, head, ...(row.probabilities ? [bars(row)] : []));
  if (row.reason) card.append(made("p", WHY[row.reason] ?? row.reason, { className: "reason" }));
  card.append(made("p", row.photo, { className: "name", title: row.photo }));
  return card;
}

// A bar for each class, in the order of the classes, so that cards can be compared at a glance.
function bars(row) {
  const list = made("dl", "", { className: "bars" });
  opened.card.classes.forEach((name, code) => {
    const bar = made("i", "", { className: code === row.called ? "most" : "" });
    bar.style.width = `${100 * row.probabilities[code]}%`;
    const track = made("dd", "", { className: "bar", ariaHidden: "true" });
    track.append(bar);
    const group = made("div");
    group.append(made("dt", name, { title: name }), made("dd", percent(row.probabilities[code]), { className: "number" }), track);
    list.append(group);
  });
  return list;
}

// Never 100 % for what is not certain, nor 0 % for what is possible.
function percent(share) {
  const value = 100 * share;
  return value > 99.9 ? "> 99.9 %" : value < 0.1 ? "< 0.1 %" : `${value.toFixed(1)} %`;
}

function made(tag, text = "", properties = {}) {
  const { scope, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  if (scope) element.setAttribute("scope", scope);
  if (text) element.textContent = text;
  return element;
}

function tell(words) {
  here("told").textContent = words;
  alarm("");
}

function alarm(words) {
  here("alarm").textContent = words;
  here("alarm").hidden = !words;
}

function save() {
  const answered = rows.filter((row) => row.decision);
  const link = made("a", "", { download: "labels.csv", href: URL.createObjectURL(new Blob([toCsv(answered, opened.card, opened.id)], { type: "text/csv" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// --- what people do

here("photos").addEventListener("change", ({ target }) => chosen(target));
here("folder").addEventListener("change", ({ target }) => chosen(target));
here("bundle").addEventListener("change", async ({ target }) => {
  if (!target.files.length) return;
  try {
    await open(new Uint8Array(await target.files[0].arrayBuffer()));
  } catch (error) {
    alarm(error.message);
  }
  target.value = "";
});
here("save").addEventListener("click", save);
here("clear").addEventListener("click", clear);
here("stop").addEventListener("click", stop);
here("more").addEventListener("click", () => {
  most += AT_ONCE;
  show();
});
here("filter").addEventListener("change", () => {
  most = AT_ONCE;
  show();
});
here("precision").addEventListener("change", () => {
  decideAll();
  show();
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  dropped(event.dataTransfer.items);
});
begin();
