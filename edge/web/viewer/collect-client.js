// Hands a video in by chunks of 1 MiB, one at a time, each tried again when the network fails; goes on where it was cut off.
// The programming interface is that of existing pages: createSession, uploadComplete, getSession.

export const CHUNK_BYTES = 1024 * 1024;
const RETRIES = 3;
const FINAL = new Set([400, 401, 403, 404, 409, 413]);
const WORDS = {
  0: "The appliance does not answer.",
  401: "Sign in first, or open this page by your link.",
  404: "Session not found: the appliance does not know this session any more.",
};

/** An answer that says no; `status` is HTTP's, 0 where there was no answer. */
export class UploadError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Milliseconds before retry `n`, counted from 0: 2^n seconds, and up to one more at random so that not all come at once. */
export function retryDelayMs(n, random = Math.random()) {
  return (2 ** n + random) * 1000;
}

/** The indices below `total` that are in none of the closed ranges `held`. */
export function missingOf(total, held) {
  const has = (index) => held.some(([first, last]) => first <= index && index <= last);
  return Array.from({ length: total }, (_, index) => index).filter((index) => !has(index));
}

/** The body of the metadata request: names as existing servers know them, nothing that is not known. */
export function metadataOf(sessionId, blob, metadata) {
  const named = Object.entries(metadata).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]);
  const known = named.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return { ...Object.fromEntries(known), session_id: sessionId, file_size: blob.size };
}

/** A client; `request` is `fetch`, `wait(ms)` lets time pass. */
export function createUploader({ request = (path, options) => fetch(path, options), wait = pause, random = Math.random } = {}) {
  /** Begin a session; its id. */
  async function createSession(participantId) {
    const body = participantId ? { participant_id: participantId } : {};
    return (await ask("/api/session/create", asJson(body))).session_id;
  }

  /** What the appliance holds of a session. */
  function getSession(sessionId) {
    return ask(`/api/session/${encodeURIComponent(sessionId)}`, {});
  }

  /**
   * Hand in a whole video; `metadata.videoId` names it. `onProgress(percent, current, total)` hears of each chunk. Never
   * throws: `{success: true, videoId, sent}` or `{success: false, error, status}`. Chunks that are held are not sent again.
   */
  async function uploadComplete(sessionId, blob, metadata, onProgress = () => {}) {
    try {
      return { success: true, videoId: metadata.videoId, sent: await handIn(sessionId, blob, metadata, onProgress) };
    } catch (problem) {
      return { success: false, error: problem.message, status: problem.status ?? 0 };
    }
  }

  async function handIn(sessionId, blob, metadata, onProgress) {
    const total = Math.ceil(blob.size / CHUNK_BYTES);
    if (!total) throw new UploadError(400, "This video is empty.");
    const missing = await toSend(sessionId, metadata.videoId, total);
    await again(() => ask("/api/upload/metadata", asJson(metadataOf(sessionId, blob, metadata))));
    let current = total - missing.length;
    onProgress(percentOf(current, total), current, total);
    for (const index of missing) {
      await again(async () => ask("/api/upload/chunk", { method: "POST", body: await formOf(sessionId, blob, metadata, index, total) }));
      current += 1;
      onProgress(percentOf(current, total), current, total);
    }
    return missing.length;
  }

  async function toSend(sessionId, videoId, total) {
    const known = await again(() => getSession(sessionId));
    if (known.videos.some((video) => video.video_id === videoId)) return [];
    const upload = (known.uploads ?? []).find((one) => one.video_id === videoId);
    return missingOf(total, upload?.held ?? []);
  }

  /** Try up to three times more, unless the answer is final. */
  async function again(send) {
    for (let n = 0; ; n += 1) {
      try {
        return await send();
      } catch (problem) {
        if (n >= RETRIES || FINAL.has(problem.status)) throw problem;
        await wait(retryDelayMs(n, random()));
      }
    }
  }

  async function ask(path, options) {
    const response = await request(path, { cache: "no-store", ...options }).catch(() => null);
    const answer = await response?.json().catch(() => null);
    if (response?.ok && answer) return answer;
    const status = response && !response.ok ? response.status : 0;
    throw new UploadError(status, WORDS[status] ?? answer?.error ?? `HTTP ${status}: ${response?.statusText ?? ""}`);
  }

  return { createSession, getSession, uploadComplete };
}

/** The client of this page. */
export const VideoUploader = createUploader();

async function formOf(sessionId, blob, metadata, index, total) {
  const chunk = blob.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
  const form = new FormData();
  form.append("session_id", sessionId);
  form.append("video_id", metadata.videoId);
  form.append("chunk_index", String(index));
  form.append("total_chunks", String(total));
  if (blob.type.startsWith("video/mp4")) form.append("file_extension", "mp4");
  const digest = await digestOf(chunk);
  if (digest) form.append("chunk_sha256", digest);
  form.append("chunk", chunk, `chunk_${index}`);
  return form;
}

/** Only pages of a secure origin can compute one. */
async function digestOf(chunk) {
  if (!crypto.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await chunk.arrayBuffer()));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function asJson(body) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

function percentOf(current, total) {
  return Math.round((100 * current) / total);
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
