// The videos that wait to be handed in: one at a time, in their order, and one that fails does not hold up the next.
// Every step is kept, so that a page that was closed goes on from the chunk at which it stood.

import { createMemory } from "./collect-memory.js";

const MOST_ATTEMPTS = 5;
const GAP_MS = 250;
const SESSION_GONE = 404;
/** What trying again would not change. */
const HOPELESS = new Set([400, 403, 409, 410, 413]);
const PARTICIPANT = "participant";
const SESSIONS = "sessions";

/** Milliseconds before attempt `n + 1` of a video, after `n` failed: 2, 4, 8, 16, 32 s. */
export const backoffMs = (n) => 2 ** n * 1000;

/** How the queue is as a whole: numbers of videos, by state, and whether nothing more is to be done, nor `arriving`. */
export function summaryOf(videos, arriving = 0) {
  const count = (state) => videos.filter((video) => video.state === state).length;
  const summary = { pending: count("pending"), uploading: count("uploading"), completed: count("completed"), failed: count("failed") };
  return { ...summary, done: !arriving && videos.length > 0 && summary.completed === videos.length };
}

/** Whether closing the page would lose the video or the step at which it stands: the browser could not keep it. */
export function atRisk({ state, kept = true, noted = true }) {
  return state !== "completed" && !(kept && noted);
}

/**
 * `store` as of `openCollectStore`, `uploader` as `VideoUploader`; `onChange(videos)` hears of every step. `begin()` takes
 * up what an earlier page left, and fails where the browser cannot tell, which hinders nothing else;
 * `add(blob, {videoId, name, metadata})`; `retryFailed()`; `hurry()` when the network is back; `clear()` forgets what is
 * done; `participant()` is who was told of last; `renew(participant)` has the videos that come from now on belong to a new
 * session of theirs. Of a video that the browser could not keep `kept` is false, where only its last step was not, `noted`.
 */
export function createQueue({ store, uploader, onChange, wait = pause, now = Date.now }) {
  let videos = [];
  let busy = false;
  let sleep = 0;
  const memory = createMemory(store);

  async function begin() {
    const left = await store.list();
    videos = [...left.map(({ state, ...video }) => ({ ...video, state: state === "uploading" ? "pending" : state, noted: true })), ...videos];
    tell();
    for (const { id, state } of left) if (state !== "completed") await memory.hold(id);
    pump();
  }

  async function add(blob, { videoId, name, metadata }) {
    const fresh = { videoId, name, metadata, size: blob.size, state: "pending", noted: true, attempts: 0, current: 0, total: 0, error: "", sessionId: null };
    fresh.participant = await participant();
    const id = await memory.add(fresh, blob);
    videos = [...videos, { ...fresh, id: id ?? `unkept-${videoId}`, kept: id !== null }];
    tell();
    pump();
  }

  async function pump() {
    if (busy) return;
    busy = true;
    try {
      for (let next = due(); next; next = due()) {
        await send(next);
        await wait(GAP_MS);
      }
    } finally {
      busy = false;
    }
    const sleeping = videos.filter(({ state }) => state === "pending").map(({ notBefore = 0 }) => notBefore - now());
    const mine = (sleep += 1);
    if (sleeping.length) wait(Math.max(GAP_MS, Math.min(...sleeping))).then(() => mine === sleep && pump());
  }

  function due() {
    return videos.find(({ state, notBefore = 0 }) => state === "pending" && notBefore <= now());
  }

  async function send(video) {
    const step = (facts) => note(video.id, facts);
    await step({ state: "uploading", error: "" });
    const result = await attempt(video, step).catch((problem) => ({ success: false, error: problem.message, status: problem.status ?? 0 }));
    if (result.success) await finish(video.id, step);
    else await fail(find(video.id), result, step);
  }

  async function attempt(video, step) {
    const blob = await memory.blob(video.id);
    if (!blob) return { success: false, error: "The browser has lost this video.", status: 410 };
    const sessionId = video.sessionId ?? (await session(video.participant));
    await step({ sessionId });
    return uploader.uploadComplete(sessionId, blob, { ...video.metadata, videoId: video.videoId }, (percent, current, total) => step({ percent, current, total }));
  }

  async function finish(id, step) {
    await step({ state: "completed", percent: 100 });
    await memory.release(id);
  }

  async function fail(video, { error, status }, step) {
    const attempts = video.attempts + 1;
    const state = attempts >= MOST_ATTEMPTS || HOPELESS.has(status) ? "failed" : "pending";
    const facts = { state, attempts, error, notBefore: now() + backoffMs(attempts) };
    if (status !== SESSION_GONE) return step(facts);
    await forgetSession(video);
    return step({ ...facts, sessionId: null, current: 0 });
  }

  /** One session for all videos of a participant, also of pages to come, until `renew`; a video stays its participant's. */
  async function session(whose) {
    const known = (await memory.fact(SESSIONS)) ?? {};
    if (known[whose]) return known[whose];
    const sessionId = await uploader.createSession(whose || undefined);
    await memory.setFact(SESSIONS, { ...known, [whose]: sessionId });
    return sessionId;
  }

  async function forgetSession({ participant: whose, sessionId }) {
    const known = (await memory.fact(SESSIONS)) ?? {};
    if (known[whose] === sessionId) await memory.setFact(SESSIONS, { ...known, [whose]: null });
  }

  async function participant() {
    return (await memory.fact(PARTICIPANT)) ?? "";
  }

  async function renew(whose) {
    await memory.setFact(PARTICIPANT, whose);
    await memory.setFact(SESSIONS, { ...(await memory.fact(SESSIONS)), [whose]: null });
  }

  async function note(id, facts) {
    change(id, facts);
    const { kept = true, noted, ...video } = find(id);
    if (!kept) return;
    const now = await memory.note(video);
    if (now !== noted) change(id, { noted: now });
  }

  function change(id, facts) {
    videos = videos.map((video) => (video.id === id ? { ...video, ...facts } : video));
    tell();
  }

  async function retryFailed() {
    for (const { id, state } of videos) if (state === "failed") await note(id, { state: "pending", attempts: 0, notBefore: 0 });
    pump();
  }

  async function hurry() {
    for (const { id, state } of videos) if (state === "pending") await note(id, { notBefore: 0 });
    pump();
  }

  async function clear() {
    for (const { id, state } of videos) if (state === "completed") await memory.remove(id);
    videos = videos.filter(({ state }) => state !== "completed");
    tell();
  }

  const find = (id) => videos.find((video) => video.id === id);
  const tell = () => onChange(videos);

  return { begin, add, retryFailed, hurry, clear, participant, renew };
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
