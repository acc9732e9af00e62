// One event stream that stays: it reconnects by itself, later and later, and continues after the last record it had.

import { identity } from "./request.js";
import { createParser } from "./sse.js";

const FIRST_DELAY_MS = 1_000;
const LAST_DELAY_MS = 15_000;
const SILENCE_MS = 10_000;
const MISSED = 2.5;

/** How long to wait before attempt `n` (from 1): doubling from one second to fifteen, spread by a fifth. `random` is 0..1. */
export function retryDelay(n, random) {
  const delay = Math.min(FIRST_DELAY_MS * 2 ** (n - 1), LAST_DELAY_MS);
  return Math.round(delay * (0.8 + 0.4 * random));
}

/**
 * Keep `url` open. The appliance's greeting says how long it may be quiet; ten seconds without a word, or two and a half
 * times that long, mean that it is gone.
 *
 * `onMessage({topic, data, id})` gets every message, decoded; `onLink({state, attempt, retryMs})` every change of the
 * connection: `connecting`, `live`, `lost` (will retry in `retryMs`), `refused` (401: sign in, then call `retry`).
 * Returns `{close, retry}`.
 */
export function openStream(url, { onMessage, onLink }) {
  let attempt = 0;
  let lastId = "";
  let timer = 0;
  let abort = null;
  let closed = false;
  let silenceMs = SILENCE_MS;

  async function run() {
    if (closed) return;
    const mine = new AbortController();
    abort = mine;
    if (attempt === 0) onLink({ state: "connecting", attempt });
    const refused = await read(mine).catch(() => false);
    if (closed || abort !== mine) return;
    if (refused) return onLink({ state: "refused", attempt });
    attempt += 1;
    const retryMs = retryDelay(attempt, Math.random());
    onLink({ state: "lost", attempt, retryMs });
    timer = setTimeout(run, retryMs);
  }

  async function read(mine) {
    let watchdog = setTimeout(() => mine.abort(), silenceMs);
    try {
      const headers = { ...identity(), ...(lastId ? { "Last-Event-ID": lastId } : {}) };
      const response = await fetch(url, { headers, signal: mine.signal, cache: "no-store" });
      if (response.status === 401) return true;
      if (!response.ok) return false;
      attempt = 0;
      onLink({ state: "live", attempt });
      const feed = createParser(deliver);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        feed(part.value);
        clearTimeout(watchdog);
        watchdog = setTimeout(() => mine.abort(), silenceMs);
      }
      return false;
    } finally {
      clearTimeout(watchdog);
      mine.abort();
    }
  }

  function deliver({ event, data, id }) {
    if (id) lastId = id;
    try {
      const said = JSON.parse(data);
      if (event === "hello") silenceMs = Math.max(SILENCE_MS, MISSED * 1_000 * (said.keepalive_s ?? 0));
      onMessage({ topic: event, data: said, id: id || null });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }

  function retry() {
    clearTimeout(timer);
    attempt = 0;
    abort?.abort();
    run();
  }

  function close() {
    closed = true;
    clearTimeout(timer);
    abort?.abort();
  }

  run();
  return { close, retry };
}
