// Boxes drawn over the picture by the browser: the stream itself stays the camera's own bytes.

import { color, freshCanvas } from "./dom.js";
import { contain, place } from "./geometry.js";

const STALE_MS = 2_500;
const ALARM_LABELS = /anomal|alarm|alert|intru|roi|zone/i;

/** Returns `draw(vision, now)`: show the boxes of a `vision` message over `img`, nothing where it is null or stale. */
export function createOverlay(canvas, img, sizeOf) {
  return function draw(vision, now) {
    const { pen, width, height } = freshCanvas(canvas);
    if (!vision?.boxes?.length || now - vision.heardAt > STALE_MS) return;
    const { w, h } = sizeOf(img);
    const view = contain(width, height, w, h);
    const alert = vision.ai_status === "ALERT";
    for (const box of vision.boxes) drawBox(pen, place(box, view), box, alert || ALARM_LABELS.test(box.label ?? ""));
  };
}

/** What is written at a box: its label, its track, or both. */
export function caption(box) {
  const track = Number.isInteger(box.track) ? `#${box.track}` : "";
  return [box.label, track].filter(Boolean).join(" ");
}

function drawBox(pen, { x, y, w, h }, box, alarm) {
  const stroke = color(alarm ? "--box-alarm" : "--box");
  pen.lineJoin = "round";
  pen.strokeStyle = "rgb(0 0 0 / 55%)";
  pen.lineWidth = 4;
  pen.strokeRect(x, y, w, h);
  pen.strokeStyle = stroke;
  pen.lineWidth = 2;
  pen.strokeRect(x, y, w, h);
  const text = caption(box);
  if (text) drawCaption(pen, text, x, y, stroke);
}

function drawCaption(pen, text, x, y, fill) {
  pen.font = `600 11px ${color("--font")}`;
  const wide = pen.measureText(text).width + 10;
  const top = y >= 18 ? y - 18 : y;
  pen.fillStyle = fill;
  pen.fillRect(x - 1, top, wide, 18);
  pen.fillStyle = "#06131a";
  pen.textBaseline = "middle";
  pen.fillText(text, x + 4, top + 9.5);
}
