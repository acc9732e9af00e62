// Boxes drawn over the picture by the browser: the stream itself stays the camera's own bytes.

import { color, freshCanvas } from "./dom.js";
import { words } from "./format.js";
import { contain, place } from "./geometry.js";

const STALE_MS = 2_500;

/** Returns `draw(vision, now)`: show the boxes of a `vision` message over `img`, nothing where it is null or stale. */
export function createOverlay(canvas, img, sizeOf) {
  return function draw(vision, now) {
    const { pen, width, height } = freshCanvas(canvas);
    if (!vision?.boxes?.length || now - vision.heardAt > STALE_MS) return;
    const { w, h } = sizeOf(img);
    const view = contain(width, height, w, h);
    for (const box of vision.boxes) drawBox(pen, box, view);
  };
}

/** What is written at a box: its label, its track, or both. */
export function caption(box) {
  const track = Number.isInteger(box.track) ? `#${box.track}` : "";
  return [words(box.label), track].filter(Boolean).join(" ");
}

/** Whether a box is what an alarm is about: then it is labelled with more than that it moves (S1.15). */
export function alarming(box) {
  return Boolean(box.label) && box.label !== "motion";
}

function drawBox(pen, box, view) {
  const { x, y, w, h } = place(box, view);
  const stroke = color(alarming(box) ? "--box-alarm" : "--box");
  pen.lineJoin = "round";
  pen.strokeStyle = "rgb(0 0 0 / 55%)";
  pen.lineWidth = 4;
  pen.strokeRect(x, y, w, h);
  pen.strokeStyle = stroke;
  pen.lineWidth = 2;
  pen.strokeRect(x, y, w, h);
  const text = caption(box);
  if (text) drawCaption(pen, text, { x, y, right: view.x + view.w }, stroke);
}

function drawCaption(pen, text, { x, y, right }, fill) {
  pen.font = `600 11px ${color("--font")}`;
  const wide = pen.measureText(text).width + 10;
  const left = Math.max(0, Math.min(x - 1, right - wide));
  const top = y >= 18 ? y - 18 : y;
  pen.fillStyle = fill;
  pen.fillRect(left, top, wide, 18);
  pen.fillStyle = "#06131a";
  pen.textBaseline = "middle";
  pen.fillText(text, left + 5, top + 9.5);
}
