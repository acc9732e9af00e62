// The last hour of scores against the threshold: a spike for each second, those that would have been flagged in red.

import { freshCanvas } from "./dom.js";
import { clockTime, number } from "./format.js";
import { color } from "./ink.js";
import { fraction, timeTicks } from "./geometry.js";

const HOUR_MS = 3_600_000;
const FOOT = 16;

/** `draw({scores, threshold, saved, endMs})`: `saved` is the threshold in force, `threshold` the one that is tried. */
export function createUnusualPlot(canvas) {
  return function draw({ scores, threshold, saved, endMs }) {
    const { pen, width, height } = freshCanvas(canvas);
    if (!width) return;
    const top = scaleOf(scores, Math.max(threshold, saved));
    const floor = height - FOOT;
    const place = {
      x: (t) => fraction(t, endMs - HOUR_MS, endMs) * width,
      y: (score) => floor - Math.sqrt(Math.min(score / top, 1)) * (floor - 4),
    };
    drawGrid(pen, place, { width, floor, endMs });
    drawScores(pen, place, { scores, threshold, floor, endMs });
    if (Math.abs(saved - threshold) > 1e-6) drawThreshold(pen, place.y(saved), width, "--muted", "");
    drawThreshold(pen, place.y(threshold), width, "--text", `alarm from ${number(threshold, 1)} σ`);
  };
}

/** The top of the plot: the threshold well within, and the highest score if that is not absurd. */
export function scaleOf(scores, threshold) {
  const most = scores.reduce((top, [, score]) => Math.max(top, score), 0);
  return Math.max(threshold * 1.6, Math.min(most * 1.1, threshold * 6), 1);
}

function drawGrid(pen, place, { width, floor, endMs }) {
  pen.strokeStyle = color("--grid");
  pen.fillStyle = color("--muted");
  pen.font = `10px ${color("--font")}`;
  pen.textAlign = "center";
  pen.textBaseline = "bottom";
  pen.lineWidth = 1;
  for (const tick of timeTicks(endMs - HOUR_MS, endMs, width, 70)) {
    const x = Math.round(place.x(tick)) + 0.5;
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, floor);
    pen.stroke();
    if (x > 18 && x < width - 18) pen.fillText(clockTime(tick).slice(0, 5), x, floor + FOOT);
  }
  pen.beginPath();
  pen.moveTo(0, floor + 0.5);
  pen.lineTo(width, floor + 0.5);
  pen.stroke();
}

function drawScores(pen, place, { scores, threshold, floor, endMs }) {
  for (const flagged of [false, true]) {
    pen.strokeStyle = color(flagged ? "--bad" : "--accent");
    pen.lineWidth = flagged ? 2 : 1;
    pen.globalAlpha = flagged ? 1 : 0.5;
    pen.beginPath();
    for (const [t, score] of scores) {
      if (score > threshold !== flagged || t < endMs - HOUR_MS) continue;
      pen.moveTo(place.x(t), floor);
      pen.lineTo(place.x(t), place.y(score));
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function drawThreshold(pen, y, width, ink, text) {
  pen.strokeStyle = color(ink);
  pen.lineWidth = 1.25;
  pen.setLineDash(text ? [] : [3, 4]);
  pen.beginPath();
  pen.moveTo(0, y);
  pen.lineTo(width, y);
  pen.stroke();
  pen.setLineDash([]);
  if (!text) return;
  pen.font = `600 10px ${color("--font")}`;
  pen.fillStyle = color("--text");
  pen.textAlign = "left";
  pen.textBaseline = y > 16 ? "bottom" : "top";
  pen.fillText(text, 3, y > 16 ? y - 2 : y + 3);
}
