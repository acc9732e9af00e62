// The health of each part of the appliance, worst first, with the reason where there is one.

import { el, mark, say } from "./dom.js";
import { partName } from "./part-words.js";

const ORDER = ["failed", "degraded", "starting", "ok", "stopped"];
const WORDS = { failed: "failed", degraded: "impaired", starting: "starting", ok: "works", stopped: "off" };

/** Parts by how much they need somebody, then by name. */
export function sorted(parts) {
  return [...parts].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.part.localeCompare(b.part));
}

/** The list `root` with its one-line `verdict`; `draw(health, names)`, a map of `health` messages by part, and names of cameras and sensors. */
export function createParts(root, verdict) {
  return function draw(health, names) {
    const parts = sorted(health.values());
    root.replaceChildren(...parts.map((part) => line(part, names)));
    const ill = parts.filter(({ state }) => state === "failed" || state === "degraded").length;
    say(verdict, parts.length === 0 ? "" : ill ? `${ill} need${ill === 1 ? "s" : ""} attention` : "All well");
    mark(verdict, "data-grade", ill ? "held" : "good");
  };
}

function line({ part, state, detail }, names) {
  return el(
    "li",
    { class: "part", "data-state": state, "data-part": part, title: part },
    el("span", { class: "dot", "aria-hidden": "true" }),
    partName(part, names),
    el("span", { class: "how" }, WORDS[state] ?? state),
    detail && state !== "ok" ? el("span", { class: "why" }, detail) : null,
  );
}
