// How old a picture is when it reaches this browser, measured on the picture's own way: each part of the live stream
// tells when it was taken. An <img> hides that, so a short second look is taken now and then.

const FIRST_MS = 3_000;
const EVERY_MS = 15_000;
const LONGEST_MS = 5_000;

/** The `X-Timestamp` of each part in `text`, in ms. */
export function stamps(text) {
  return [...text.matchAll(/^X-Timestamp: (\d+\.\d+)\r$/gim)].map((found) => Number(found[1]) * 1000);
}

/** Measure as long as `target()` gives the address of a live picture that is being looked at; `onMeasured(ms)`. */
export function createLatencyProbe({ target, clock, onMeasured }) {
  async function measure() {
    const url = document.hidden ? null : target();
    const taken = url ? await newestPart(url).catch(() => null) : null;
    const latency = taken ? clock.latency(taken.stampMs, taken.atMs) : null;
    if (latency !== null) onMeasured(latency);
    setTimeout(measure, EVERY_MS);
  }

  setTimeout(measure, FIRST_MS);
}

/** The first part that was sent while we listened: the one before it may have waited for us. */
async function newestPart(url) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), LONGEST_MS);
  try {
    const response = await fetch(url, { signal: abort.signal, cache: "no-store" });
    if (!response.ok) return null;
    const reader = response.body.pipeThrough(new TextDecoderStream("latin1")).getReader();
    let seen = 0;
    let tail = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const atMs = Date.now();
      const text = tail + part.value;
      const found = stamps(text);
      if (found.length && (seen += found.length) > 1) return { stampMs: found.at(-1), atMs };
      tail = found.length ? "" : text.slice(-100);
    }
    return null;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}
