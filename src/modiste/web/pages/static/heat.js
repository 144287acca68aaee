// Where the network looked: a heat map laid over a photo, shown and hidden.

import { get } from "./api.js";
import { made, press } from "./elements.js";
import { complain, speak } from "./messages.js";

// A button that lays the map over the picture in `box`; fetched() gives { heat, words }, and is asked once.
export function heatButton(box, fetched, told = () => {}) {
  let layer = null;
  const button = press("Where it looked", toggle, { class: "button light", "aria-pressed": false });
  async function toggle() {
    if (layer) return show(layer.hidden);
    button.disabled = true;
    try {
      const { heat, words } = await fetched();
      if (!heat) throw new Error("There is no heat map for this photo.");
      layer = over(box, heat);
      told(words || "");
      show(true);
      speak(words || "Heat map shown.");
    } catch (error) {
      complain(error);
    }
    button.disabled = false;
  }
  function show(on) {
    layer.hidden = !on;
    button.setAttribute("aria-pressed", String(on));
    box.classList.toggle("heated", on);
  }
  return button;
}

export const heatOf = (id) => () => get(`/api/heat/${id}`);

// The map is square, as the network sees; it is drawn in the photo's own shape, so that it lies where the photo lies.
function over(box, heat) {
  const photo = box.querySelector("img");
  const canvas = made("canvas", { class: "heat", role: "img", "aria-label": "Where the network looked" });
  const map = new Image();
  map.onload = () => {
    canvas.width = photo?.naturalWidth || map.width;
    canvas.height = photo?.naturalHeight || map.height;
    canvas.getContext("2d").drawImage(map, 0, 0, canvas.width, canvas.height);
  };
  map.src = heat;
  box.append(canvas);
  return canvas;
}
