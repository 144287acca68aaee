// A map of the photos on a canvas: moved, come closer to, hovered over, and looped around.

const NEAREST_PX = 14; // from the pointer to the photo it means
const CLOSEST = 60; // times the whole
const MARGIN = 0.06;
const COLOURS = ["one", "two", "three", "four", "five", "six", "seven", "eight"];

export const colourOf = (code) =>
  getComputedStyle(document.documentElement)
    .getPropertyValue(code < 0 ? "--quiet" : `--${COLOURS[code % COLOURS.length]}`)
    .trim();

export class PhotoMap {
  // hovered(point or null, x, y), looped(points), opened(point); a point is [x, y, code of the class, id].
  constructor(canvas, { hovered, looped, opened }) {
    Object.assign(this, { canvas, hovered, looped, opened, points: [], hidden: new Set(), lassoing: false, loop: null, chosen: new Set() });
    this.pen = canvas.getContext("2d");
    this.fingers = new Map();
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, (event) => this.up(event));
    canvas.addEventListener("pointerleave", () => this.hovered(null));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.size()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(points) {
    this.points = points;
    const [xs, ys] = [points.map((point) => point[0]), points.map((point) => point[1])];
    const span = (all) => [all.reduce((a, b) => Math.min(a, b), Infinity), all.reduce((a, b) => Math.max(a, b), -Infinity)];
    [[this.left, this.right], [this.low, this.high]] = [span(xs), span(ys)];
    this.whole();
  }

  whole() {
    Object.assign(this, { zoom: 1, x: 0, y: 0 });
    this.draw();
  }

  size() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = this.width * ratio;
    this.canvas.height = this.height * ratio;
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.draw();
  }

  // Where a point lies, in px of the canvas.
  place([x, y]) {
    const side = Math.min(this.width, this.height) * (1 - 2 * MARGIN);
    const wide = Math.min(this.width * (1 - 2 * MARGIN), side * 1.6);
    const [across, up] = [(x - this.left) / (this.right - this.left || 1) - 0.5, (y - this.low) / (this.high - this.low || 1) - 0.5];
    return [this.width / 2 + this.x + across * wide * this.zoom, this.height / 2 + this.y - up * side * this.zoom];
  }

  draw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  paint() {
    const { pen } = this;
    if (!this.width) return;
    pen.clearRect(0, 0, this.width, this.height);
    const radius = Math.min(6, (this.points.length > 3000 ? 2 : 3) * Math.sqrt(this.zoom) ** 0.7);
    const byCode = Map.groupBy ? Map.groupBy(this.points, (point) => point[2]) : grouped(this.points);
    for (const [code, points] of byCode) {
      if (this.hidden.has(code)) continue;
      pen.fillStyle = colourOf(code);
      this.dots(points, radius, this.chosen.size ? 0.25 : 0.75);
      if (this.chosen.size)
        this.dots(
          points.filter((point) => this.chosen.has(point[3])),
          radius + 0.5,
          1,
        );
    }
    pen.globalAlpha = 1;
    if (this.loop) this.paintLoop();
  }

  dots(points, radius, opacity) {
    const { pen } = this;
    pen.globalAlpha = opacity;
    for (const point of points) {
      const [x, y] = this.place(point);
      if (x < -9 || y < -9 || x > this.width + 9 || y > this.height + 9) continue;
      pen.beginPath();
      pen.arc(x, y, radius, 0, 7);
      pen.fill();
    }
  }

  paintLoop() {
    const { pen } = this;
    const style = getComputedStyle(document.documentElement);
    pen.beginPath();
    for (const [x, y] of this.loop) pen.lineTo(x, y);
    pen.closePath();
    pen.strokeStyle = style.getPropertyValue("--ink");
    pen.setLineDash([5, 4]);
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.globalAlpha = 0.08;
    pen.fillStyle = style.getPropertyValue("--ink");
    pen.fill();
    pen.globalAlpha = 1;
    pen.setLineDash([]);
  }

  nearest(x, y) {
    let [best, found] = [NEAREST_PX ** 2, null];
    for (const point of this.points) {
      if (this.hidden.has(point[2])) continue;
      const [px, py] = this.place(point);
      const far = (px - x) ** 2 + (py - y) ** 2;
      if (far < best) [best, found] = [far, point];
    }
    return found;
  }

  // --- hands

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    this.moved = 0;
    if (this.fingers.size === 1 && (this.lassoing || event.shiftKey)) this.loop = [[event.offsetX, event.offsetY]];
    else this.loop = null;
  }

  move(event) {
    const now = [event.offsetX, event.offsetY];
    const before = this.fingers.get(event.pointerId);
    if (!before) return this.hovered(this.nearest(...now), ...now);
    this.moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (this.loop) this.loop.push(now);
    else if (this.fingers.size === 2) this.pinch(event.pointerId, before, now);
    else this.shift(now[0] - before[0], now[1] - before[1]);
    this.fingers.set(event.pointerId, now);
    this.draw();
  }

  up(event) {
    this.fingers.delete(event.pointerId);
    const { loop } = this;
    this.loop = null;
    if (event.type === "pointerup" && loop?.length > 5) this.looped(this.inside(loop));
    else if (event.type === "pointerup" && this.moved < 5) {
      const point = this.nearest(event.offsetX, event.offsetY);
      if (point) this.opened(point);
    }
    this.draw();
  }

  pinch(id, before, now) {
    const [, other] = [...this.fingers].find(([each]) => each !== id);
    const far = (from) => Math.hypot(from[0] - other[0], from[1] - other[1]) || 1;
    this.closer(far(now) / far(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  shift(x, y) {
    this.x += x;
    this.y += y;
  }

  wheel(event) {
    event.preventDefault();
    this.closer(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    this.hovered(null);
    this.draw();
  }

  closer(times, x = this.width / 2, y = this.height / 2) {
    const next = Math.max(0.8, Math.min(CLOSEST, this.zoom * times));
    const by = next / this.zoom;
    this.x = (this.x + this.width / 2 - x) * by - this.width / 2 + x;
    this.y = (this.y + this.height / 2 - y) * by - this.height / 2 + y;
    this.zoom = next;
  }

  key(event) {
    const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (steps[event.key]) this.shift(...steps[event.key]);
    else if (event.key === "+" || event.key === "=") this.closer(1.4);
    else if (event.key === "-") this.closer(1 / 1.4);
    else if (event.key === "0") this.whole();
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.draw();
  }

  inside(loop) {
    return this.points.filter((point) => !this.hidden.has(point[2]) && within(this.place(point), loop));
  }
}

// Whether a place lies in a loop: by how often a ray from it crosses the line.
function within([x, y], loop) {
  let odd = false;
  for (let each = 0, before = loop.length - 1; each < loop.length; before = each++) {
    const [[ax, ay], [bx, by]] = [loop[each], loop[before]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

function grouped(points) {
  const groups = new Map();
  for (const point of points) groups.has(point[2]) ? groups.get(point[2]).push(point) : groups.set(point[2], [point]);
  return groups;
}
