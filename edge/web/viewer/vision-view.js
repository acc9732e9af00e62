// What analysis says of the chosen camera, shown: activity, announcement, what is drawn over the picture, notes on it.

import { createBanner } from "./banner.js";
import { createCondition } from "./condition.js";
import { byId, mark, say } from "./dom.js";
import { activity, number } from "./format.js";
import { mapImage } from "./heat.js";
import { createOverlay } from "./overlay.js";
import { createLearning } from "./panels.js";

/**
 * `draw(vision, {live, editing})` shows the newest `vision` message, or null; `live` tells whether the picture is
 * there to draw on. `hear(vision)` takes each message for the trails. `onMap()` hears that a map was switched.
 */
export function createVisionView({ img, sizeOf, plan, anomaly, onMap, onShow }) {
  const overlay = createOverlay(byId("overlay"), img, sizeOf);
  const condition = createCondition({ note: byId("stage-condition"), list: byId("stage-badges") });
  const learning = createLearning(byId("learning"));
  const shows = { boxes: true, plan: true, map: null };
  let made = {};
  const banner = createBanner(byId("banner"), {
    tag: byId("banner-severity"),
    title: byId("banner-title"),
    list: byId("banner-reasons"),
    side: byId("banner-side"),
    alarm: byId("alarm"),
  });

  for (const layer of ["boxes", "plan"]) byId(`show-${layer}`).addEventListener("click", () => show({ [layer]: !shows[layer] }));
  for (const map of ["heat", "usual"]) byId(`show-${map}`).addEventListener("click", () => show({ map: shows.map === map ? null : map }));

  function show(changes) {
    Object.assign(shows, changes);
    for (const layer of ["boxes", "plan"]) mark(byId(`show-${layer}`), "aria-pressed", String(shows[layer]));
    for (const map of ["heat", "usual"]) mark(byId(`show-${map}`), "aria-pressed", String(shows.map === map));
    if ("map" in changes) onMap();
    onShow();
  }

  function draw(vision, { live, editing }) {
    const now = performance.now();
    const state = activity(vision?.ai_status);
    mark(byId("activity"), "data-state", state);
    say(byId("activity"), state);
    banner(vision, now);
    learning(vision?.learning);
    condition(live ? vision : null);
    if (live) drawOver(vision, now, editing);
    else overlay.clear();
    drawLegend(live);
  }

  function drawOver(vision, now, editing) {
    overlay.draw({ vision, map: shows.map && mapOf(anomaly()), plan: shows.plan && !editing ? plan() : null, boxes: shows.boxes }, now);
  }

  /** Made anew only when there is another answer. */
  function mapOf(answer) {
    if (made.answer !== answer || made.kind !== shows.map) made = { answer, kind: shows.map, image: mapImage(shows.map, answer) };
    return made.image;
  }

  function drawLegend(live) {
    const found = anomaly();
    byId("map-legend").hidden = !(live && shows.map && found?.heat);
    mark(byId("map-legend"), "data-map", shows.map ?? "");
    if (!shows.map || !found?.heat) return;
    say(byId("map-from"), shows.map === "heat" ? "usual" : "never");
    say(byId("map-to"), shows.map === "heat" ? `${number(found.threshold_raw, 1)} σ and more` : "most movement");
  }

  return { draw, hear: overlay.hear, get map() { return shows.map; } };
}
