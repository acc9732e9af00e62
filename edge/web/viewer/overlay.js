// Everything that the browser draws over the picture: the stream itself stays the camera's own bytes.

import { freshCanvas } from "./dom.js";
import { contain } from "./geometry.js";
import { drawMap } from "./heat.js";
import { drawBoxes } from "./overlay-boxes.js";
import { drawPlan } from "./overlay-plan.js";
import { createTrails } from "./trails.js";

const STALE_MS = 2_500;

/**
 * `hear(vision)` with each message builds the trails; `draw({vision, plan, map}, now)` paints boxes, plan and map image
 * over `img`, whichever are given. A message that is old is not shown.
 */
export function createOverlay(canvas, img, sizeOf) {
  const trails = createTrails();

  function draw({ vision, plan, map, boxes }, now) {
    const { pen, width, height } = freshCanvas(canvas);
    const { w, h } = sizeOf(img);
    const view = contain(width, height, w, h);
    const fresh = vision && now - vision.heardAt <= STALE_MS ? vision : null;
    if (!view.w) return;
    if (map) drawMap(pen, map, view);
    if (plan) drawPlan(pen, plan, fresh, view);
    if (boxes && fresh) drawBoxes(pen, fresh, view, trails);
  }

  return { draw, hear: trails.take, clear: () => freshCanvas(canvas) };
}
