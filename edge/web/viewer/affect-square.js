// The square of valence and arousal: how one feels as a place, by mouse, touch or keyboard.

import { el, mark, say } from "./dom.js";
import { EMOTIONS } from "./emotions.js";
import { clamp } from "./geometry.js";

const STEP = 0.1;
const MOVES = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };

/** A place in words: `rather unpleasant, very excited`. */
export function placeWords({ valence, arousal }) {
  return `${grade(valence, "unpleasant", "pleasant")}, ${grade(arousal, "calm", "excited")}`;
}

/** The probe of a place: first letter valence, second arousal. */
export function probeOf({ valence, arousal }) {
  return `${valence >= 0 ? "H" : "L"}${arousal >= 0 ? "H" : "L"}`;
}

/**
 * The square inside `root`. `onMove(place, held)` hears each move of it, `onChoose(place)` when the hand lets go or
 * Enter is pressed. Returns `{reset, focus}`.
 */
export function createAffectSquare(root, { onMove = () => {}, onChoose = () => {} }) {
  const dot = el("span", { class: "square-dot", "aria-hidden": "true" });
  const field = el("div", {
    class: "square-field",
    tabindex: "0",
    role: "slider",
    "aria-label": "How you feel: left unpleasant, right pleasant, down calm, up excited",
    "aria-valuemin": "-1",
    "aria-valuemax": "1",
  });
  let now = { valence: 0, arousal: 0 };
  field.append(...Object.entries(EMOTIONS).map(([probe, emotion]) => quarter(probe, emotion)), dot);
  root.replaceChildren(
    el("span", { class: "square-edge top" }, "excited"),
    el("span", { class: "square-edge left" }, "unpleasant"),
    field,
    el("span", { class: "square-edge right" }, "pleasant"),
    el("span", { class: "square-edge bottom" }, "calm"),
  );

  function go(place, held) {
    now = place;
    dot.style.left = `${50 + 50 * now.valence}%`;
    dot.style.top = `${50 - 50 * now.arousal}%`;
    mark(field, "aria-valuenow", String(now.valence));
    mark(field, "aria-valuetext", placeWords(now));
    onMove(now, held);
  }

  field.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    field.focus({ preventScroll: true });
    field.setPointerCapture(event.pointerId);
    go(placeOf(event, field), true);
  });
  field.addEventListener("pointermove", (event) => field.hasPointerCapture(event.pointerId) && go(placeOf(event, field), true));
  field.addEventListener("pointerup", (event) => {
    if (!field.hasPointerCapture(event.pointerId)) return;
    go(placeOf(event, field), false);
    onChoose(now);
  });
  field.addEventListener("pointercancel", () => onMove(now, false));
  field.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move && event.key !== "Enter") return;
    event.preventDefault();
    if (move) go({ valence: step(now.valence, move[0]), arousal: step(now.arousal, move[1]) }, true);
    else onChoose(now);
  });
  field.addEventListener("keyup", ({ key }) => MOVES[key] && onMove(now, false));

  go(now, false);
  return { reset: () => go({ valence: 0, arousal: 0 }, false), focus: () => field.focus() };
}

function quarter(probe, { name, color }) {
  const part = el("span", { class: "square-quarter", "data-probe": probe, "aria-hidden": "true" });
  part.style.setProperty("--tint", color);
  say(part, name);
  return part;
}

function placeOf({ clientX, clientY }, field) {
  const { left, top, width, height } = field.getBoundingClientRect();
  return { valence: round(2 * ((clientX - left) / width) - 1), arousal: round(1 - 2 * ((clientY - top) / height)) };
}

function step(value, by) {
  return round(value + by);
}

function round(value) {
  return Math.round(clamp(value, -1, 1) * 100) / 100;
}

function grade(value, low, high) {
  const size = Math.abs(value);
  if (size < 0.15) return `neither ${low} nor ${high}`;
  const how = size < 0.4 ? "slightly" : size < 0.75 ? "rather" : "very";
  return `${how} ${value < 0 ? low : high}`;
}
