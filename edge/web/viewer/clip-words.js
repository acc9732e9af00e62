// Recordings, uploads and the disk in words. Pure.

import { bytes, counted, duration, moment, quantity, words } from "./format.js";

const REASONS = {
  continuous: "Continuous",
  schedule: "By schedule",
  event: "Event",
  manual: "By hand",
  session: "Session",
};
const CLIP_STATES = { growing: "Recording now", waiting: "On this device only", uploaded: "Uploaded" };
const UPLOAD_STATES = {
  waiting: "Waits its turn",
  growing: "Sent while it is recorded",
  uploading: "Uploading",
  paused: "Paused",
  failed: "Failed",
  done: "Done",
};
const CLASSES = {
  continuous: "Continuous video",
  event: "Video of events",
  manual: "Video by hand",
  session: "Video of sessions",
  collected: "Videos from browsers",
  timelapse: "Timelapses",
  samples: "Signals of sessions",
};

/** Why it was recorded. */
export const reasonOf = (reason) => REASONS[reason] ?? words(reason);

/** Where it is. */
export const clipStateOf = (state) => CLIP_STATES[state] ?? words(state);

/** The name of a class of things on the disk. */
export const classOf = (kind) => CLASSES[kind] ?? words(kind);

/** When it began, how long it is and what it takes. */
export function clipAbout(clip, nowMs) {
  const end = clip.end_ms ?? nowMs;
  return [moment(clip.start_ms, nowMs), duration((end - clip.start_ms) / 1000), bytes(clip.size_bytes)].join(" · ");
}

/** What a person should know of it, as short words. */
export function clipMarks(clip) {
  const events = clip.event_ids.length;
  return [
    reasonOf(clip.reason),
    events && clip.reason !== "event" ? counted(events, "event") : null,
    clip.salvaged ? "End cut off" : null,
    clip.frames_dropped ? `${counted(clip.frames_dropped, "picture")} missing` : null,
  ].filter(Boolean);
}

/** How far an upload is and what stands in its way. */
export function uploadAbout(upload, nowMs) {
  const { size_bytes: size, sent_bytes: sent, rate_bps: rate, eta_s: eta } = upload;
  const amount = upload.state === "done" ? bytes(size) : size === null ? bytes(sent) : `${bytes(sent)} of ${bytes(size)}`;
  return [
    UPLOAD_STATES[upload.state] ?? words(upload.state),
    upload.done_ms ? moment(upload.done_ms, nowMs) : null,
    amount,
    rate > 0 ? bitRate(rate) : null,
    Number.isFinite(eta) ? `${duration(eta)} left` : null,
    upload.last_error && upload.state !== "done" ? upload.last_error : null,
  ].filter(Boolean).join(" · ");
}

/** All of them together, in a sentence. */
export function uploadsAbout({ paused, totals }) {
  if (!totals.count) return paused ? "Everything is uploaded. New files are held back." : "Everything is uploaded.";
  const left = bytes(Math.max(0, totals.size_bytes - totals.sent_bytes));
  const files = `${counted(totals.count, "file")} to go, ${left}`;
  if (paused) return `Paused: ${files}.`;
  const pace = totals.rate_bps > 0 ? `, ${bitRate(totals.rate_bps)}` : "";
  const eta = Number.isFinite(totals.eta_s) ? `, ${duration(totals.eta_s)} left` : "";
  const none = totals.limit_bps === 0 ? " Nothing may be sent at this hour." : "";
  return `${files}${pace}${eta}.${none}`;
}

/** How long the disk lasts, in a sentence: U5. */
export function horizonOf(storage) {
  if (!storage.room) return `The disk is full: ${bytes(storage.short_bytes)} are missing, and recording waits.`;
  if (!Number.isFinite(storage.horizon_s)) return "Nothing is being recorded now.";
  const more = storage.horizon_s <= 0 || storage.kept_s > 1.1 * storage.horizon_s; // of an empty disk it is the same
  const kept = Number.isFinite(storage.kept_s) && more ? ` The disk keeps ${duration(storage.kept_s)} of it.` : "";
  if (storage.horizon_s <= 0) return `The oldest gives way to the newest.${kept}`;
  return `Room for ${duration(storage.horizon_s)} at this rate, then the oldest gives way.${kept}`;
}

/** What everything may take: the budget, or less where the disk has less beside its reserve. */
export function mostBytes({ used_bytes: used, max_bytes: most, free_bytes: free, reserve_bytes: reserve }) {
  return Math.min(most, used + Math.max(0, free - (reserve ?? 0)));
}

/** What the disk has left, and what of that no recording may take. */
export function freeWords({ room, free_bytes: free, reserve_bytes: reserve }) {
  const kept = !room && reserve ? `, and ${bytes(reserve)} have to stay free for everything else` : "";
  return `the disk has ${bytes(free)} free${kept}`;
}

/** What gave way before it was anywhere else; empty where nothing did. */
export function lostWords(lost) {
  if (!lost) return "";
  return lost === 1 ? "1 recording gave way before it was uploaded." : `${lost} recordings gave way before they were uploaded.`;
}

/** One class: how much, since when, and what of it is nowhere else. */
export function classAbout(one, nowMs) {
  return [
    `${counted(one.count, "file")} · ${bytes(one.size_bytes)}`,
    one.max_bytes ? `of ${bytes(one.max_bytes)}` : null,
    one.oldest_ms ? `since ${moment(one.oldest_ms, nowMs)}` : null,
    one.unsent_bytes ? `${bytes(one.unsent_bytes)} not uploaded yet` : null,
    Number.isFinite(one.kept_s) ? `keeps ${duration(one.kept_s)}` : null,
  ].filter(Boolean).join(" · ");
}

/** What the disk has to bear; empty where that is not known. */
export function wearAbout(wear) {
  if (!wear) return "";
  const pace = `${bytes(wear.bytes_per_day)} a day, ${quantity(wear.syncs_per_minute, "syncs a minute", 1)}`;
  if (!wear.held) return `Written: ${pace}.`;
  const left = wear.left < 0.3 ? ` The budget is short: ${wear.plain_recording ? "writes are grouped longer" : "only events are recorded"}.` : "";
  return `Written: ${pace}, of ${bytes(wear.max_bytes_per_day)} a day that spare the card.${left}`;
}

/** Bits per second, as links are sold. */
function bitRate(bps) {
  return bps >= 1e6 ? quantity(bps / 1e6, "Mbit/s", 1) : quantity(bps / 1e3, "kbit/s");
}
