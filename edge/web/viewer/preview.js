// What another sensitivity would have raised in the last hour. Pure: scores in, alarms and words out.

import { clockTime, counted } from "./format.js";

const APART_MS = 6_000;
const MOST_NAMED = 4;
const STEP = 0.05;

/** The score at which an alarm begins: twice the sensitivity, half the score. */
export function thresholdAt(thresholdRaw, sensitivity) {
  return thresholdRaw / sensitivity;
}

/** Alarms `{from, to, peak}` that scores `[[t_ms, sustained], …]` would have raised; seconds close together are one. */
export function alarmsAt(scores, threshold) {
  const alarms = [];
  for (const [t, score] of scores) {
    if (!(score > threshold)) continue;
    const last = alarms.at(-1);
    if (last && t - last.to < APART_MS) Object.assign(last, { to: t, peak: Math.max(last.peak, score) });
    else alarms.push({ from: t, to: t, peak: score });
  }
  return alarms;
}

/** `Would have raised 3 alarms in the last hour, at 14:02, 14:17 and 14:40.` */
export function previewWords(alarms, scores) {
  if (!scores.length) return "Nothing has moved in the last hour, so there is nothing to compare with yet.";
  if (!alarms.length) return "Would have raised no alarm in the last hour.";
  const count = counted(alarms.length, "alarm");
  return `Would have raised ${count} in the last hour, at ${times(alarms)}.`;
}

/** The position of a slider for a sensitivity: the scale is one of doublings, so that ×½ and ×2 are equally far. */
export const toSlider = (sensitivity) => Math.round(Math.log2(sensitivity) / STEP) * STEP;
export const fromSlider = (position) => Math.min(4, Math.max(0.25, Math.round(2 ** position * 100) / 100));

/** A sensitivity as words. */
export function sensitivityWords(sensitivity) {
  const names = [[0.5, "much calmer"], [0.85, "calmer"], [1.2, "as learned"], [2, "more sensitive"], [Infinity, "very sensitive"]];
  return `×${sensitivity.toFixed(2).replace(/0$/, "")}, ${names.find(([most]) => sensitivity < most)[1]}`;
}

function times(alarms) {
  const named = [...new Set(alarms.map(({ from }) => clockTime(from).slice(0, 5)))];
  const shown = named.length > MOST_NAMED ? [...named.slice(0, MOST_NAMED - 1), `${named.length - MOST_NAMED + 1} times more`] : named;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
