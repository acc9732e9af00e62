// Whose row is whose, where several sensors share the emotion strip: the name of each and its newest emotion.

import { el, say } from "./dom.js";
import { nowWords } from "./segment-words.js";

/** Names over the rows of the strip `root`; `draw(sources, segments, endMs)`, with nothing to tell where there is one row. */
export function createRowNames(root, nameOf) {
  const names = el("div", { class: "row-names", "aria-hidden": "true" });
  root.after(names);

  return function draw(sources, segments, endMs) {
    const rows = sources.length > 1 ? sources : [];
    root.parentElement.style.setProperty("--rows", String(Math.max(1, rows.length)));
    while (names.children.length > rows.length) names.lastChild.remove();
    while (names.children.length < rows.length) names.append(el("span", {}, el("b", {}, el("span"), el("span", { class: "row-now" }))));
    rows.forEach((source, at) => {
      const newest = nowWords(segments.findLast((segment) => segment.source === source), endMs);
      const [name, now] = names.children[at].firstChild.children;
      say(name, nameOf(source));
      say(now, newest ? ` · ${newest}` : "");
    });
  };
}
