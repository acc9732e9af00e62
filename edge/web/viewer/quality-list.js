// The quality of each channel as a list: a shape and a word for its state, and what helps where it is not good.

import { el, mark, say } from "./dom.js";
import { percent } from "./format.js";
import { createKeyed } from "./keyed.js";
import { qualities } from "./quality-words.js";

const SHAPES = { ok: "●", absent: "○", electrode_off: "✕" };

/** `draw(quality)` of a map of channel qualities, into the list `root`. */
export function createQualityList(root) {
  const draw = createKeyed(root, { key: ({ channel }) => channel, make: makeLine });
  return (quality) => draw(qualities(quality));
}

function makeLine() {
  const shape = el("span", { class: "quality-shape", "aria-hidden": "true" });
  const words = el("span", { class: "quality-words" });
  const remedy = el("span", { class: "quality-remedy" });
  const element = el("li", { class: "quality" }, shape, el("span", {}, words, remedy));
  return {
    element,
    fill(one) {
      mark(element, "data-state", one.state);
      mark(element, "data-channel", one.channel);
      say(shape, SHAPES[one.state] ?? "▲");
      say(words, `${one.name}: ${one.words}${one.good && Number.isFinite(one.index) ? ` (${percent(one.index)})` : ""}`);
      say(remedy, one.remedy);
    },
  };
}
