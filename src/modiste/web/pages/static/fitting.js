// How many photos fit a window, and how large.

const LEAST = 104; // px of a photo's side
const GAP = 8;

// What is confirmed is seen: as many photos as fit the window, two dozen at most, as large as they can be.
export function fitting(box, margin, most) {
  const [width, height] = [box.clientWidth - 2 * margin, box.clientHeight - 2 * margin];
  const sizes = [];
  for (let columns = 3; columns <= 12; columns++) {
    const rows = Math.ceil(most / columns);
    const side = Math.min((width - GAP * (columns - 1)) / columns, (height - GAP * (rows - 1)) / rows);
    sizes.push({ side, columns, many: most });
  }
  const best = sizes.sort((one, other) => other.side - one.side)[0];
  if (best.side >= LEAST) return best;
  const side = (width - 2 * GAP) / 3;
  return { side, columns: 3, many: Math.min(most, 3 * Math.max(2, Math.floor((height + GAP) / (side + GAP)))) };
}
