// Body signals against time: one lane for each channel, all on the axis of the emotion timeline. Gaps stay gaps.

import { color, el, freshCanvas, mark, say } from "./dom.js";
import { clockTime, counted, number, quantity } from "./format.js";
import { fraction, stretch, timeTicks, valueRange } from "./geometry.js";
import { CHANNELS, WITHIN, extent, gaps, nearest, runs, thin } from "./series.js";
import { drawMarks } from "./signal-marks.js";

/** The lanes inside `root`: `setChannels(store)` makes them, `draw(startMs, endMs, cursorMs)` paints them. */
export function createPlots(root, axis) {
  let lanes = [];

  return {
    get count() {
      return lanes.length;
    },
    setChannels(store) {
      const several = store.series.size > 1;
      lanes = [...store.series].flatMap(([sensor, series]) =>
        CHANNELS.filter(({ key, unless }) => series.has(key) && !series.has(unless)).map((info) => ({
          ...makeLane(info, series.get(info.key), several ? store.sensors.get(sensor)?.name || sensor : ""),
          within: within(info.key, series),
          marks: () => store.marks.get(sensor),
        })),
      );
      root.replaceChildren(...lanes.map((lane) => lane.element));
    },
    draw(startMs, endMs, cursorMs) {
      for (const lane of lanes) drawLane(lane, startMs, endMs, cursorMs);
      drawAxis(axis, startMs, endMs);
    },
    describe(startMs, endMs) {
      for (const lane of lanes) describeLane(lane, startMs, endMs);
    },
  };
}

/** The channels drawn into the lane of `lane`. */
function within(lane, series) {
  return Object.keys(WITHIN).filter((key) => WITHIN[key] === lane && series.has(key)).map((key) => ({ key, channel: series.get(key) }));
}

function makeLane(info, channel, sensor) {
  const value = el("span", { class: "now-value" }, "–");
  const name = [info.name, sensor].filter(Boolean).join(", ");
  const canvas = el("canvas", { class: "plot", role: "img", "aria-label": name });
  const head = el(
    "div",
    { class: "lane-head" },
    el("h3", {}, info.name, sensor ? el("span", { class: "sensor" }, sensor) : null),
    el("p", { class: "now" }, value, el("span", { class: "unit" }, info.unit)),
  );
  const element = el("div", { class: "lane", "data-channel": info.key }, head, el("div", { class: "lane-plot" }, canvas));
  return { info, name, channel, canvas, value, element };
}

function drawLane({ info, channel, canvas, value, within: others, marks }, startMs, endMs, cursorMs) {
  const { pen, width, height } = freshCanvas(canvas);
  if (!width) return;
  const found = runs(channel, startMs, endMs);
  const { low, high } = extent(found);
  const range = valueRange(low, high, info.span);
  const place = {
    x: (t) => fraction(t, startMs, endMs) * width,
    y: (v) => height - 5 - fraction(v, range.low, range.high) * (height - 10),
  };
  drawGrid(pen, place, timeTicks(startMs, endMs, width), height);
  drawGaps(pen, gaps(found), startMs, endMs, width, height);
  pen.lineJoin = "round";
  for (const other of others) drawOther(pen, other, startMs, endMs, place);
  pen.strokeStyle = color(`--${info.key}`) || color("--accent");
  pen.lineWidth = 1.6;
  for (const run of found) drawRun(pen, thin(run, (endMs - startMs) / width), place);
  drawMarks(pen, info.key, marks(), { startMs, endMs, place, height });
  drawRange(pen, range, info, height);
  const shown = cursorMs === null ? freshest(channel, endMs) : nearest(channel, cursorMs);
  say(value, shown ? number(shown.v, info.digits) : "–");
  if (cursorMs !== null) drawCursor(pen, place, cursorMs, shown, height);
}

/** A channel that is part of the lane's own, thin and dashed. */
function drawOther(pen, { key, channel }, startMs, endMs, place) {
  pen.strokeStyle = color(`--${key}`);
  pen.lineWidth = 1.2;
  pen.setLineDash([4, 3]);
  for (const run of runs(channel, startMs, endMs)) drawRun(pen, run, place);
  pen.setLineDash([]);
}

/** The newest value, unless the channel has fallen silent. */
function freshest(channel, endMs) {
  const last = channel.points.at(-1);
  return last && endMs - last.t < 5_000 ? last : null;
}

function drawGrid(pen, place, ticks, height) {
  pen.strokeStyle = color("--grid");
  pen.lineWidth = 1;
  pen.beginPath();
  for (const tick of ticks) {
    pen.moveTo(Math.round(place.x(tick)) + 0.5, 0);
    pen.lineTo(Math.round(place.x(tick)) + 0.5, height);
  }
  pen.stroke();
}

function drawGaps(pen, list, startMs, endMs, width, height) {
  pen.fillStyle = color("--gap");
  for (const { from, to } of list) {
    const part = stretch(from, to, startMs, endMs);
    if (part) pen.fillRect(part.left * width, 0, part.width * width, height);
  }
}

function drawRun(pen, run, place) {
  pen.beginPath();
  run.forEach(({ t, v }, i) => (i ? pen.lineTo(place.x(t), place.y(v)) : pen.moveTo(place.x(t), place.y(v))));
  if (run.length === 1) pen.lineTo(place.x(run[0].t) + 1.5, place.y(run[0].v));
  pen.stroke();
}

function drawRange(pen, range, info, height) {
  pen.font = `10px ${color("--font")}`;
  pen.fillStyle = color("--faint");
  pen.strokeStyle = color("--surface");
  pen.lineWidth = 4;
  for (const [value, baseline, y] of [[range.high, "top", 2], [range.low, "bottom", height - 2]]) {
    pen.textBaseline = baseline;
    pen.strokeText(number(value, info.digits), 3, y); // what runs through a figure is kept off it
    pen.fillText(number(value, info.digits), 3, y);
  }
}

function drawCursor(pen, place, cursorMs, point, height) {
  pen.strokeStyle = color("--muted");
  pen.lineWidth = 1.6;
  pen.beginPath();
  pen.moveTo(Math.round(place.x(cursorMs)) + 0.5, 0);
  pen.lineTo(Math.round(place.x(cursorMs)) + 0.5, height);
  pen.stroke();
  if (!point) return;
  pen.fillStyle = color("--text");
  pen.beginPath();
  pen.arc(place.x(point.t), place.y(point.v), 3, 0, 7);
  pen.fill();
}

function drawAxis(canvas, startMs, endMs) {
  const { pen, width, height } = freshCanvas(canvas);
  pen.font = `11px ${color("--font")}`;
  pen.fillStyle = color("--muted");
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (const tick of timeTicks(startMs, endMs, width)) {
    const x = fraction(tick, startMs, endMs) * width;
    if (x > 28 && x < width - 28) pen.fillText(clockTime(tick), x, height / 2);
  }
}

function describeLane({ info, name, channel, canvas }, startMs, endMs) {
  const found = runs(channel, startMs, endMs);
  const { low, high } = extent(found);
  const now = freshest(channel, endMs);
  const parts = [
    `${name}: ${now ? `now ${quantity(now.v, info.unit, info.digits)}` : "silent now"}`,
    Number.isFinite(low) ? `between ${number(low, info.digits)} and ${quantity(high, info.unit, info.digits)}` : "nothing measured",
    found.length > 1 ? counted(found.length - 1, "gap") : "",
  ];
  mark(canvas, "aria-label", parts.filter(Boolean).join(", "));
}
