// What happened to the appliance itself, from records: recordings, parts that fail and work again, what was given up.

import { bytes, duration, moment, quantity, words } from "./format.js";
import { partName } from "./part-words.js";

const KEEP = 100;

const READERS = {
  recording: (body) => ({
    key: `recording:${body.recording_id}`,
    at: body.start_ms,
    title: body.phase === "uploaded" ? "Recording delivered" : "Recording kept on the device",
    where: body.camera,
    severity: null,
    details: [duration((body.end_ms - body.start_ms) / 1000), bytes(body.size_bytes)],
    good: body.phase === "uploaded",
  }),
  health: (body, record) => ({
    key: `health:${record.id}`,
    part: body.part,
    at: Date.parse(record.t),
    title: healthTitle(body),
    health: body,
    where: "",
    severity: body.state === "failed" ? "HIGH" : body.state === "degraded" ? "MEDIUM" : null,
    details: body.detail && body.state !== "ok" ? [body.detail] : [],
    good: body.state === "ok",
  }),
  loss: (body, record) => ({
    key: `loss:${record.id}`,
    at: Date.parse(record.t),
    title: `Given up: ${quantity(body.count, body.what)}`,
    where: "",
    severity: "HIGH",
    details: [words(body.reason)],
  }),
};

const STATE_WORDS = { ok: "works again", degraded: "impaired", failed: "failed" };

/**
 * `list` with one more record worked in, later ones last. Records of other kinds, steps older than what is known, and
 * parts that start and stop as they should, change nothing.
 */
export function fold(list, record) {
  const kind = record?.body?.kind;
  if (!Object.hasOwn(READERS, kind ?? "") || (kind === "health" && isRoutine(list, record))) return list;
  const entry = { kind, id: record.id, ...READERS[kind](record.body, record) };
  const known = list.find((other) => other.key === entry.key);
  if (known && isOlder(record.id, known.id)) return list;
  return [entry, ...list.filter((other) => other !== known)].sort((a, b) => b.at - a.at).slice(0, KEEP);
}

/** What happened in one line, by the names of `cameras` and `sensors`, maps by id. */
export function titleOf(entry, names) {
  return entry.health ? healthTitle(entry.health, names) : entry.title;
}

function healthTitle({ part, state }, names) {
  return `${partName(part, names)}: ${STATE_WORDS[state] ?? state}`;
}

/** One line that says when and where, by the names of `cameras`, a map by id. */
export function whenAndWhere(entry, { nowMs, cameras }) {
  return [moment(entry.at, nowMs), cameras.get(entry.where)?.name || entry.where].filter(Boolean).join(" · ");
}

/** Only trouble is worth telling, and its end. */
function isRoutine(list, { body }) {
  if (body.state === "failed" || body.state === "degraded") return false;
  const last = list.find(({ part }) => part === body.part);
  return body.state !== "ok" || !last || last.good;
}

/** Records in the order in which the device made them. */
export function inOrder(records) {
  return [...records].sort((a, b) => (isOlder(a.id, b.id) ? -1 : 1));
}

function isOlder(id, knownId) {
  const [boot, seq] = String(id).split(":");
  const [knownBoot, knownSeq] = String(knownId).split(":");
  return boot === knownBoot ? Number(seq) <= Number(knownSeq) : boot < knownBoot;
}
