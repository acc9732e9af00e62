// What an event is, where and how long, in the words of the list and of its details. Pure.

import { duration, moment, percent, quantity, reasons, severity, words } from "./format.js";
import { shapesOf } from "./plan-edit.js";
import { shapeName } from "./plan-words.js";

const TITLES = {
  roi_violation: "In a restricted zone",
  zone_entered: "Entered a zone",
  zone_left: "Left a zone",
  line_crossed: "Crossed a line",
  speeding: "Too fast",
  object_left: "Object left behind",
  object_removed: "Object removed",
  camera_tampered: "Camera tampered with",
};

export const TYPES = [
  "motion", "unusual_activity", "sudden_motion", "loitering", "roi_violation", "crowding", "wrong_way", "speeding",
  "line_crossed", "zone_entered", "zone_left", "object_left", "object_removed", "camera_tampered",
];

/** What people call a type of event. */
export const titleOf = (type) => TITLES[type] ?? words(type);

/** What people call the zone or line of an event; its id where the plan no longer has it. */
export function zoneName(id, plan) {
  if (!id) return "";
  const shape = plan && shapesOf(plan).find((one) => one.id === id);
  return shape ? shapeName(shape) : id;
}

/** The line below the title: when, where, and whether it still goes on. */
export function whenWhere(view, { plan, nowMs, cameras }) {
  const camera = cameras.size > 1 ? (cameras.get(view.camera)?.name ?? view.camera) : "";
  const long = isOpen(view) ? "going on" : lasted(view);
  return [moment(view.start_ms, nowMs), zoneName(view.zone, plan), camera, long].filter(Boolean).join(" · ");
}

export const isOpen = (view) => view.phase !== "close";
export const reasonsOf = (view) => reasons(view.reasoning);
export const gradeOf = (view) => severity(view.severity ?? "LOW");

/** That several were taken together, where they were. */
export function mergedWords(merged) {
  return merged > 0 ? `with ${merged} more like it` : "";
}

/** What came of what people said of it: only what was told by what is usual is learned, rules go on as they are. */
export function feedbackWords({ feedback, baseline_deviation: sigma }) {
  if (feedback === "unusual") return "Said to be unusual. What the camera learns stays as it is.";
  if (feedback !== "normal") return "";
  if (!Number.isFinite(sigma)) return "Said to be normal. A rule told it, which goes on; change the rule if it should not.";
  return "Said to be normal. The camera has learned from it; its like should not alarm again.";
}

/** Facts for the details, as `[name, value]`; what is not known is left out. */
export function factsOf(view, context) {
  const { plan, nowMs, cameras } = context;
  return [
    ["Camera", cameras.get(view.camera)?.name ?? view.camera],
    ["Where", zoneName(view.zone, plan)],
    ["Began", moment(view.start_ms, nowMs)],
    ["Lasted", isOpen(view) ? "going on" : duration((view.end_ms - view.start_ms) / 1000)],
    ["Severity", words(gradeOf(view).toLowerCase())],
    ["Confidence", view.confidence ? percent(view.confidence) : ""],
    ["From usual", Number.isFinite(view.baseline_deviation) ? quantity(view.baseline_deviation, "σ", 1) : ""],
    ["Track", Number.isInteger(view.track) ? `#${view.track}` : ""],
    ["Counted", mergedWords(view.merged)],
  ].filter(([, value]) => value);
}

/** What held events back, where anything did: findings merged, and events that a rate limit kept from opening. */
export function floodWords({ merged = 0, suppressed = 0 } = {}) {
  const together = merged ? `${merged} more ${merged === 1 ? "was" : "were"} counted with one like ${merged === 1 ? "it" : "them"}` : "";
  const held = suppressed ? `${suppressed} more ${suppressed === 1 ? "was" : "were"} held back so that nothing floods` : "";
  return [together, held].filter(Boolean).join("; ");
}

function lasted({ start_ms: start, end_ms: end }) {
  return end ? duration((end - start) / 1000) : "";
}
