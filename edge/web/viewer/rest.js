// A declared rest: a minute in which the participant sits still, from which their normal is learned.

import * as api from "./session-api.js";
import { say, smallButton } from "./dom.js";

const NAME = "rest";
const REST_MS = 60_000;
const BASELINES = {
  none: "Compared without a rest of this person",
  learning: "Learning this person's rest",
  complete: "Compared with this person's rest",
};

/** The button of a running session: `{button, draw(view, nowMs)}`; it marks the rest and counts the minute down. */
export function createRestButton({ book, notices }, id) {
  const button = smallButton("Rest (1 min)", begin);

  async function begin() {
    try {
      book.marker(id, await api.mark(id, { name: NAME }));
      notices.tell("Rest", "For a minute nothing is shown and the participant sits still.");
    } catch (problem) {
      notices.fail(problem);
    }
  }

  function draw(view, nowMs) {
    const leftMs = restLeftMs(view, nowMs);
    say(button, leftMs > 0 ? `Resting, ${Math.ceil(leftMs / 1000)} s left` : "Rest (1 min)");
    button.disabled = leftMs > 0;
  }

  return { button, draw };
}

/** What the newest segment says of the person's normal, in plain words; empty where nothing is known. */
export function baselineWords(segment) {
  return BASELINES[segment?.baseline] ?? "";
}

/** Milliseconds of the newest rest that are left; 0 where none goes on. */
export function restLeftMs({ markers = [] }, nowMs) {
  const began = Math.max(...markers.filter(({ name }) => name.trim().toLowerCase() === NAME).map(({ at_ms: at }) => at));
  return Number.isFinite(began) ? Math.min(REST_MS, Math.max(0, began + REST_MS - nowMs)) : 0;
}
