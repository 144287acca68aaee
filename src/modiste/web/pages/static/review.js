// What the network would do with every photo, in three lanes; looked through, corrected, accepted.

import { follow } from "./api.js";
import { Browse } from "./browse.js";
import { asked, here, remember, say, tabs } from "./elements.js";
import { begin } from "./frame.js";
import { number, percent } from "./words.js";

const WHY = {
  auto: (share) => `Sure enough to be right ${percent(share)} of the time, without you`,
  review: () => "Not sure enough: somebody should look",
  reject: () => "Unlike your classes, or not to be read",
  "": () => "Every photo",
};

let precision = 0;

function showCounts({ counts, project }) {
  precision = project.precision;
  const all = Object.values(counts.lanes).reduce((sum, many) => sum + many, 0);
  for (const place of document.querySelectorAll("[data-lane]"))
    say(place, number(place.dataset.lane ? counts.lanes[place.dataset.lane] : all));
}

begin();
follow(showCounts);
const { said, lane = said ? "" : "review", ...rest } = asked();
const browse = new Browse({ ...rest, said: said || "", lane }, ({ sort, ...question }) =>
  remember({ ...question, sort: sort === "doubt" ? "" : sort }),
);
const choose = tabs(here("lane-list"), (name) => {
  say(here("why"), WHY[name](precision));
  browse.show({ lane: name });
});
choose(lane in WHY ? lane : "review");
