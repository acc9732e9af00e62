// Boxes of what moves: what it is, which track, where it came from, where it goes and how fast.

import { color, pill } from "./ink.js";
import { words } from "./format.js";
import { titleOf } from "./event-words.js";
import { place } from "./geometry.js";
import { strength } from "./trails.js";

const ALARMS = new Set([
  "sudden_motion", "unusual_activity", "loitering", "roi_violation", "crowding", "wrong_way", "speeding",
  "line_crossed", "zone_entered", "zone_left", "object_left", "object_removed", "camera_tampered",
]);
const LEAST_SPEED = 0.02;
const AHEAD_S = 0.6;

/** What is written at a box: what it is, unless that is only that it moves, and its track. */
export function caption(box) {
  const track = Number.isInteger(box.track) ? `#${box.track}` : "";
  return [plainly(box) ? "" : alarming(box) ? titleOf(box.label) : words(box.label), track].filter(Boolean).join(" ");
}

/** Whether a box is what an alarm is about (S1.15). */
export function alarming(box) {
  return ALARMS.has(box.label);
}

/** From where to where the arrow of a box points, in picture coordinates; null while it stands or has no heading. */
export function arrowOf(box, aspect) {
  if (!Number.isFinite(box.heading_deg) || !(box.speed >= LEAST_SPEED)) return null;
  const angle = (box.heading_deg * Math.PI) / 180;
  const reach = Math.max(0.03, Math.min(box.speed * AHEAD_S, 0.25));
  const from = { x: box.x + box.w / 2, y: box.y + box.h / 2 };
  return { from, to: { x: from.x + Math.sin(angle) * reach, y: from.y - Math.cos(angle) * reach * aspect } };
}

/** Draw the trails first, then boxes, arrows and captions over them. */
export function drawBoxes(pen, vision, view, trails) {
  const boxes = vision.boxes ?? [];
  for (const box of boxes) drawTrail(pen, trails.of(box.track), vision.t_ms, view, inkOf(box));
  for (const box of boxes) drawFrame(pen, place(box, view), inkOf(box));
  for (const box of boxes) drawArrow(pen, arrowOf(box, view.w / view.h), view, inkOf(box));
  for (const box of boxes) drawCaption(pen, box, view);
}

function plainly(box) {
  return !box.label || box.label === "motion" || box.label === "still";
}

function inkOf(box) {
  return color(alarming(box) ? "--box-alarm" : "--box");
}

function drawTrail(pen, points, nowMs, view, ink) {
  pen.strokeStyle = ink;
  pen.lineWidth = 3;
  pen.lineCap = "round";
  for (let i = 1; i < points.length; i += 1) {
    pen.globalAlpha = 0.75 * strength(points[i].t, nowMs);
    pen.beginPath();
    pen.moveTo(view.x + points[i - 1].x * view.w, view.y + points[i - 1].y * view.h);
    pen.lineTo(view.x + points[i].x * view.w, view.y + points[i].y * view.h);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function drawFrame(pen, { x, y, w, h }, ink) {
  pen.lineJoin = "round";
  for (const [style, width] of [["rgb(0 0 0 / 55%)", 4], [ink, 2]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.strokeRect(x, y, w, h);
  }
}

function drawArrow(pen, arrow, view, ink) {
  if (!arrow) return;
  const [ax, ay] = [view.x + arrow.from.x * view.w, view.y + arrow.from.y * view.h];
  const [bx, by] = [view.x + arrow.to.x * view.w, view.y + arrow.to.y * view.h];
  const angle = Math.atan2(by - ay, bx - ax);
  const wing = (turn) => [bx - 8 * Math.cos(angle + turn), by - 8 * Math.sin(angle + turn)];
  for (const [style, width] of [["rgb(0 0 0 / 55%)", 4], [ink, 2]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(ax, ay);
    pen.lineTo(bx, by);
    pen.moveTo(...wing(0.5));
    pen.lineTo(bx, by);
    pen.lineTo(...wing(-0.5));
    pen.stroke();
  }
}

function drawCaption(pen, box, view) {
  const text = caption(box);
  if (!text) return;
  const { x, y } = place(box, view);
  pill(pen, text, { x: x - 1, y: y >= 18 ? y - 18 : y, view, fill: inkOf(box), ink: "#06131a" });
}
