// What the signals of each sensor show, second by second: taken into the series that are plotted, and the marks on them.

import { addRows, emptySeries } from "./series.js";

const KEEP_MS = 11 * 60_000;

/** Take a `signals` message into the store: its numbers as channels, its responses and beats as marks. */
export function takeView(store, view) {
  store.signals.set(view.sensor, view);
  if (!store.series.has(view.sensor)) store.series.set(view.sensor, emptySeries());
  addRows(store.series.get(view.sensor), [rowOf(view, view.t_ms)]);
  store.marks.set(view.sensor, merged(store.marks.get(view.sensor), view));
}

/**
 * What is known of before this page was opened: the numbers of each segment, put before the first live ones. `bodies`
 * are predictions, oldest first.
 */
export function fillBack(store, bodies) {
  const past = new Map();
  for (const { source, start_ms: start, end_ms: end, signals } of bodies) {
    if (!signals) continue;
    if (!past.has(source)) past.set(source, emptySeries());
    addRows(past.get(source), [rowOf(signals, (start + end) / 2)]);
  }
  for (const [source, series] of past) {
    if (!store.series.has(source) && series.size) store.series.set(source, emptySeries());
    for (const [key, channel] of series) prepend(store.series.get(source), key, channel);
  }
}

function prepend(series, key, { points, typicalMs }) {
  const now = series.get(key);
  const first = now?.points[0]?.t ?? Infinity;
  const before = points.filter(({ t }) => t < first);
  if (!now) series.set(key, { points: before, broken: false, typicalMs });
  else now.points.unshift(...before);
  if (now && before.length) now.typicalMs = Math.max(now.typicalMs, typicalMs);
}

/** The heart rate found here has a name of its own: a board may send one too. */
function rowOf({ scl_us, phasic_us, rmssd_ms, hr_bpm }, t_ms) {
  return { t_ms, scl_us, phasic_us, rmssd_ms, rate_bpm: hr_bpm };
}

/** Responses by their onset (a later view may tell of its recovery), beats once each, the old forgotten. */
function merged(known = { responses: [], beats: [] }, view) {
  const oldest = view.t_ms - KEEP_MS;
  const responses = new Map(known.responses.map((one) => [one.onset_ms, one]));
  for (const one of view.responses ?? []) responses.set(one.onset_ms, one);
  const beats = new Set([...known.beats, ...(view.beats_ms ?? [])]);
  return {
    responses: [...responses.values()].filter(({ peak_ms: peak }) => peak > oldest).sort((a, b) => a.onset_ms - b.onset_ms),
    beats: [...beats].filter((beat) => beat > oldest).sort((a, b) => a - b),
  };
}
