// The plan of the place over the picture: zones and lines, how many are in each, and in red what must not be (S1.15).

import { color, pill } from "./ink.js";
import { labelPlace, lineCaption, lineNormal, zoneCaption, zoneInk } from "./plan-words.js";

/** Draw every zone and line of `plan` with what `vision` says of them now. */
export function drawPlan(pen, plan, vision, view) {
  const states = new Map([...(vision?.zones ?? []), ...(vision?.lines ?? [])].map((state) => [state.id, state]));
  for (const zone of plan.zones) drawZone(pen, zone, states.get(zone.id), view);
  for (const line of plan.lines) drawLine(pen, line, view);
  for (const zone of plan.zones) labelZone(pen, zone, states.get(zone.id), view);
  for (const line of plan.lines) labelLine(pen, line, states.get(line.id), view);
}

function drawZone(pen, zone, state, view) {
  const ink = color(zoneInk(zone, state));
  trace(pen, zone.points, view);
  fillZone(pen, zone, state, ink);
  pen.setLineDash(zone.kind === "watch" ? [] : zone.kind === "privacy" ? [2, 4] : [8, 6]);
  pen.lineJoin = "round";
  for (const [style, width] of [["rgb(0 0 0 / 45%)", 3.5], [ink, state?.alarm ? 3 : 1.75]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.stroke();
  }
  pen.setLineDash([]);
}

function fillZone(pen, zone, state, ink) {
  if (zone.kind === "include") return;
  pen.globalAlpha = zone.kind === "exclude" ? 0.4 : state?.alarm ? 0.24 : 0.08;
  pen.fillStyle = zone.kind === "exclude" ? hatching(pen, ink) : ink;
  pen.fill();
  pen.globalAlpha = 1;
}

let hatched = null;

function hatching(pen, ink) {
  hatched ??= hatchedTile(ink);
  return pen.createPattern(hatched, "repeat");
}

function hatchedTile(ink) {
  const tile = new OffscreenCanvas(8, 8);
  const brush = tile.getContext("2d");
  brush.strokeStyle = ink;
  brush.lineWidth = 1.5;
  for (const x of [-8, 0, 8]) {
    brush.moveTo(x, 8);
    brush.lineTo(x + 8, 0);
  }
  brush.stroke();
  return tile;
}

function trace(pen, points, view) {
  pen.beginPath();
  points.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](view.x + x * view.w, view.y + y * view.h));
  pen.closePath();
}

function drawLine(pen, line, view) {
  const [a, b] = [line.a, line.b].map(([x, y]) => ({ x: view.x + x * view.w, y: view.y + y * view.h }));
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  const normal = lineNormal(a, b);
  const tip = { x: middle.x + normal.x * 18, y: middle.y + normal.y * 18 };
  const side = { x: -normal.y * 5, y: normal.x * 5 };
  const foot = { x: tip.x - normal.x * 8, y: tip.y - normal.y * 8 };
  for (const [style, width] of [["rgb(0 0 0 / 50%)", 4.5], [color("--line"), 2.25]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.lineCap = "round";
    pen.beginPath();
    for (const [from, to] of [[a, b], [middle, tip]]) {
      pen.moveTo(from.x, from.y);
      pen.lineTo(to.x, to.y);
    }
    pen.moveTo(foot.x + side.x, foot.y + side.y);
    pen.lineTo(tip.x, tip.y);
    pen.lineTo(foot.x - side.x, foot.y - side.y);
    pen.stroke();
  }
}

function labelZone(pen, zone, state, view) {
  const { point: [x, y], end } = labelPlace(zone.points);
  const fill = state?.alarm ? color("--box-alarm") : color("--over-picture");
  const ink = state?.alarm ? "#06131a" : color(zoneInk(zone, state));
  pill(pen, zoneCaption(zone, state), { x: view.x + x * view.w + (end ? -4 : 4), y: view.y + y * view.h + 5, end, view, fill, ink });
}

function labelLine(pen, line, state, view) {
  const [x, y] = line.a[1] < line.b[1] ? line.a : line.b;
  const at = { x: view.x + x * view.w + 6, y: view.y + y * view.h - 9, view };
  pill(pen, lineCaption(line, state), { ...at, fill: color("--over-picture"), ink: color("--line") });
}
