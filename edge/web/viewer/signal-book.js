// What the signals of each sensor show, second by second: taken into the series that are plotted, and the marks on them.

import { addRows, emptySeries } from "./series.js";

const KEEP_MS = 11 * 60_000;

/** Take a `signals` message into the store: its numbers as channels, its responses and beats as marks. */
export function takeView(store, view) {
  store.signals.set(view.sensor, view);
  if (!store.series.has(view.sensor)) store.series.set(view.sensor, emptySeries());
  const { t_ms, scl_us, phasic_us, rmssd_ms } = view;
  addRows(store.series.get(view.sensor), [{ t_ms, scl_us, phasic_us, rmssd_ms, ...derivedRate(store, view) }]);
  store.marks.set(view.sensor, merged(store.marks.get(view.sensor), view));
}

/** The heart rate found in the pulse, for boards that send none themselves. */
function derivedRate(store, { sensor, t_ms, hr_bpm }) {
  const own = store.series.get(sensor).get("hr_bpm");
  const sent = own && own.derived !== true;
  if (sent || !Number.isFinite(hr_bpm)) return {};
  queueMicrotask(() => {
    const made = store.series.get(sensor)?.get("hr_bpm");
    if (made && made.points.at(-1)?.t === t_ms) made.derived = true;
  });
  return { hr_bpm };
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
