// Samples of one sensor, channel by channel. What was not measured stays a gap; nothing is filled in.

const KEEP_MS = 11 * 60_000;
const LEAST_GAP_MS = 2_000;

/**
 * Every channel we know how to show, in the order shown: key on the wire, name, unit, decimals and the least range. It is
 * not shown where there is the channel `unless`.
 */
export const CHANNELS = [
  { key: "gsr_us", name: "Skin conductance", unit: "µS", digits: 2, span: 0.4 },
  { key: "gsr_raw", name: "Skin conductance", unit: "counts", digits: 0, span: 20 },
  { key: "phasic_us", name: "Skin responses", unit: "µS", digits: 2, span: 0.2 },
  { key: "hr_bpm", name: "Heart rate", unit: "bpm", digits: 0, span: 10 },
  { key: "rate_bpm", name: "Heart rate", unit: "bpm", digits: 0, span: 10, unless: "hr_bpm" },
  { key: "rmssd_ms", name: "Variability (RMSSD)", unit: "ms", digits: 0, span: 20 },
  { key: "pulse_raw", name: "Pulse", unit: "counts", digits: 0, span: 50 },
  { key: "skin_c", name: "Skin temperature", unit: "°C", digits: 1, span: 0.6 },
];

/** Channels that are drawn into the lane of another one: the tonic level below the skin conductance that it is part of. */
export const WITHIN = { scl_us: "gsr_us" };

const KEYS = [...CHANNELS.map(({ key }) => key), ...Object.keys(WITHIN)];

/** An empty set of channels. */
export function emptySeries() {
  return new Map();
}

/**
 * Take rows `{t_ms, <channel>: value, gap?: true}` in. A row older than the newest of its channel is ignored (it was
 * sent twice). Returns whether anything was new.
 */
export function addRows(series, rows) {
  let added = false;
  for (const row of rows) {
    for (const key of KEYS) {
      if (Number.isFinite(row[key])) added = addPoint(channelOf(series, key), row.t_ms, row[key], row.gap === true) || added;
    }
    if (row.gap === true && !hasValue(row)) for (const channel of series.values()) channel.broken = true;
  }
  return added;
}

/** The points of one channel within [startMs, endMs] as runs without a gap: `[[{t, v}, …], …]`. */
export function runs(channel, startMs, endMs) {
  const limit = gapLimit(channel);
  const found = [];
  let run = null;
  let last = -Infinity;
  for (const point of channel.points) {
    if (point.t < startMs - limit || point.t > endMs + limit) continue;
    if (run === null || point.gap || point.t - last > limit) found.push((run = []));
    run.push(point);
    last = point.t;
  }
  return found;
}

/** The stretches between runs, `[{from, to}]`: nothing was measured there. */
export function gaps(found) {
  return found.slice(1).map((run, i) => ({ from: found[i].at(-1).t, to: run[0].t }));
}

/** Lowest and highest value of some runs; infinite where there is none. */
export function extent(found) {
  let low = Infinity;
  let high = -Infinity;
  for (const run of found) {
    for (const { v } of run) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  return { low, high };
}

/** At most four points for each pixel column (first, lowest, highest, last), so that a fast channel keeps its peaks. */
export function thin(run, msPerPx) {
  if (run.length < 3) return run;
  const out = [];
  let column = null;
  for (const point of run) {
    const at = Math.floor(point.t / msPerPx);
    if (column?.at !== at) {
      if (column) flush(column, out);
      column = { at, first: point, low: point, high: point, last: point };
    } else {
      if (point.v < column.low.v) column.low = point;
      if (point.v > column.high.v) column.high = point;
      column.last = point;
    }
  }
  flush(column, out);
  return out;
}

/** The measured point nearest to a moment, if one lies within the channel's gap limit. */
export function nearest(channel, tMs) {
  let best = null;
  for (const point of channel.points) {
    if (best === null || Math.abs(point.t - tMs) < Math.abs(best.t - tMs)) best = point;
  }
  return best && Math.abs(best.t - tMs) <= gapLimit(channel) ? best : null;
}

function channelOf(series, key) {
  if (!series.has(key)) series.set(key, { points: [], broken: false, typicalMs: 0 });
  return series.get(key);
}

function addPoint(channel, t, v, gap) {
  const last = channel.points.at(-1);
  if (last && t <= last.t) return false;
  const broken = gap || channel.broken;
  if (last && !broken) channel.typicalMs = channel.typicalMs ? channel.typicalMs * 0.9 + (t - last.t) * 0.1 : t - last.t;
  channel.points.push({ t, v, gap: broken });
  channel.broken = false;
  if (channel.points[0].t < t - KEEP_MS) channel.points.splice(0, channel.points.findIndex((p) => p.t >= t - KEEP_MS));
  return true;
}

function gapLimit(channel) {
  return Math.max(LEAST_GAP_MS, Math.min(channel.typicalMs, 10_000) * 3);
}

function hasValue(row) {
  return KEYS.some((key) => Number.isFinite(row[key]));
}

function flush({ first, low, high, last }, out) {
  const inner = low.t <= high.t ? [low, high] : [high, low];
  for (const point of [first, ...inner, last]) if (out.at(-1) !== point) out.push(point);
}
