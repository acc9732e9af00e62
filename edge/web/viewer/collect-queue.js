// The videos that wait to be handed in: one at a time, in their order, and one that fails does not hold up the next.
// Every step is kept, so that a page that was closed goes on from the chunk at which it stood.

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

/**
 * `store` as of `openCollectStore`, `uploader` as `VideoUploader`; `onChange(videos)` hears of every step. `begin()` takes
 * up what an earlier page left; `add(blob, {videoId, name, metadata})`; `retryFailed()`; `hurry()` when the network is back;
 * `clear()` forgets what is done; `renew(participant)` has the videos that come from now on belong to a new session of theirs.
 */
export function createQueue({ store, uploader, onChange, wait = pause, now = Date.now }) {
  let videos = [];
  let busy = false;
  const unkept = new Map();

  async function begin() {
    videos = (await store.list()).map((video) => (video.state === "uploading" ? { ...video, state: "pending" } : video));
    tell();
    pump();
  }

  async function add(blob, { videoId, name, metadata }) {
    const fresh = { videoId, name, metadata, size: blob.size, state: "pending", attempts: 0, current: 0, total: 0, error: "", sessionId: null };
    fresh.participant = (await store.fact(PARTICIPANT)) ?? "";
    try {
      fresh.id = await store.add(fresh, blob);
    } catch {
      // the browser has no room: this one lives as long as the page
      fresh.id = `unkept-${videoId}`;
      unkept.set(fresh.id, blob);
    }
    videos = [...videos, { ...fresh, kept: !unkept.has(fresh.id) }];
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
    if (sleeping.length) wait(Math.max(GAP_MS, Math.min(...sleeping))).then(pump);
  }

  function due() {
    return videos.find(({ state, notBefore = 0 }) => state === "pending" && notBefore <= now());
  }

  async function send(video) {
    const change = (facts) => note(video.id, facts);
    await change({ state: "uploading", error: "" });
    const result = await attempt(video, change).catch((problem) => ({ success: false, error: problem.message, status: problem.status ?? 0 }));
    if (result.success) await finish(video.id, change);
    else await fail(find(video.id), result, change);
  }

  async function attempt(video, change) {
    const blob = unkept.get(video.id) ?? (await store.blob(video.id));
    if (!blob) return { success: false, error: "The browser has lost this video.", status: 410 };
    const sessionId = video.sessionId ?? (await session(video.participant));
    await change({ sessionId });
    return uploader.uploadComplete(sessionId, blob, { ...video.metadata, videoId: video.videoId }, (percent, current, total) => change({ percent, current, total }));
  }

  async function finish(id, change) {
    await change({ state: "completed", percent: 100 });
    if (!unkept.delete(id)) await store.release(id);
  }

  async function fail(video, { error, status }, change) {
    const attempts = video.attempts + 1;
    const state = attempts >= MOST_ATTEMPTS || HOPELESS.has(status) ? "failed" : "pending";
    const facts = { state, attempts, error, notBefore: now() + backoffMs(attempts) };
    if (status !== SESSION_GONE) return change(facts);
    await forgetSession(video);
    return change({ ...facts, sessionId: null, current: 0 });
  }

  /** One session for all videos of a participant, also of pages to come, until `renew`; a video stays its participant's. */
  async function session(participant) {
    const known = (await store.fact(SESSIONS)) ?? {};
    if (known[participant]) return known[participant];
    const sessionId = await uploader.createSession(participant || undefined);
    await store.setFact(SESSIONS, { ...known, [participant]: sessionId });
    return sessionId;
  }

  async function forgetSession({ participant, sessionId }) {
    const known = (await store.fact(SESSIONS)) ?? {};
    if (known[participant] === sessionId) await store.setFact(SESSIONS, { ...known, [participant]: null });
  }

  async function renew(participant) {
    await store.setFact(PARTICIPANT, participant);
    await store.setFact(SESSIONS, { ...(await store.fact(SESSIONS)), [participant]: null });
  }

  async function note(id, facts) {
    videos = videos.map((video) => (video.id === id ? { ...video, ...facts } : video));
    tell();
    if (!unkept.has(id)) await store.note(find(id));
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
    for (const { id, state } of videos) if (state === "completed") await store.remove(id);
    videos = videos.filter(({ state }) => state !== "completed");
    tell();
  }

  const find = (id) => videos.find((video) => video.id === id);
  const tell = () => onChange(videos);

  return { begin, add, retryFailed, hurry, clear, renew };
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
