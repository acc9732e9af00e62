// Doing something again and again: at once when asked, never while nobody looks, and less often where it takes long.

const SHARE = 4; // what is waited, at least, in times of what the asking took
const LONGEST_MS = 30000; // but no longer than this for what takes long, such as a cloud that does not answer

/** `work` every `everyMs`, a promise that never fails. `now()` does it at once, `stop()` ends it until then. */
export function repeating(work, everyMs) {
  let timer;
  let turn = 0;
  let running = false;

  async function now() {
    clearTimeout(timer);
    running = true;
    const mine = ++turn;
    const began = performance.now();
    await work();
    const patient = Math.min(LONGEST_MS, SHARE * (performance.now() - began));
    if (mine === turn) timer = setTimeout(due, Math.max(everyMs, patient));
  }

  function due() {
    if (!document.hidden) now();
  }

  function stop() {
    clearTimeout(timer);
    running = false;
    turn += 1;
  }

  document.addEventListener("visibilitychange", () => {
    if (running && !document.hidden) now();
  });
  return { now, stop };
}
