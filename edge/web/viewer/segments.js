// Predictions as stretches of time. They are placed by start and end, never by their number (X.7).

import { UNSURE, emotionOf } from "./emotions.js";

const KEEP = 2_000;

/** A segment from a prediction record (SSE) or a row of the prediction list; null where it is neither. */
export function segmentOf(entry) {
  const body = entry?.body ?? entry;
  if (!Number.isFinite(body?.start_ms) || !Number.isFinite(body?.end_ms) || body.end_ms <= body.start_ms) return null;
  const emotion = emotionOf(body.probe);
  return {
    id: entry.id ?? `${body.source ?? ""}:${body.start_ms}`,
    startMs: body.start_ms,
    endMs: body.end_ms,
    probe: body.probe ?? null,
    emotion: emotion.name,
    color: emotion.color,
    unsure: emotion === UNSURE,
    confidence: Number.isFinite(body.confidence) ? body.confidence : null,
    quality: Number.isFinite(body.quality) ? body.quality : null,
    source: body.source ?? "",
    session: body.session_id ?? null,
    stimulusMs: Number.isFinite(body.stimulus_ms) ? body.stimulus_ms : null,
    voices: body.voices ?? {},
    pushes: body.pushes ?? {},
    changeScore: Number.isFinite(body.change_score) ? body.change_score : null,
    baseline: body.baseline ?? null,
  };
}

/** `known` with `more` merged in: one of each id, in order of time, the oldest beyond the limit forgotten. */
export function merge(known, more) {
  const byId = new Map(known.map((segment) => [segment.id, segment]));
  for (const segment of more) if (segment) byId.set(segment.id, segment);
  return [...byId.values()].sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs).slice(-KEEP);
}

/** The segments that touch [startMs, endMs). */
export function within(segments, startMs, endMs) {
  return segments.filter((segment) => segment.endMs > startMs && segment.startMs < endMs);
}
