// The stimulus, played in the page: its own clock is told to the appliance at each change and every few seconds.

const EVERY_MS = 5_000;
const CHANGES = ["playing", "pause", "seeked", "ratechange", "ended", "waiting"];

/**
 * Play in `video`. `tell({at_ms, stimulus_ms, rate})` gets the clock, `now` is the device's time, `onState(state)` hears
 * `playing`, `paused`, `blocked` (the browser wants a touch first), `failed` and `ended`.
 */
export function createStimulusPlayer(video, { tell, now, onState }) {
  let running = false;
  let timer = 0;

  function report() {
    if (!running || !Number.isFinite(video.currentTime)) return;
    const moves = !video.paused && !video.ended && video.readyState > 2;
    tell({ at_ms: Math.round(now()), stimulus_ms: positionMs(), rate: moves ? video.playbackRate : 0 });
  }

  function positionMs() {
    return Math.round(video.currentTime * 1000);
  }

  for (const name of CHANGES) video.addEventListener(name, report);
  video.addEventListener("playing", () => onState("playing"));
  video.addEventListener("pause", () => onState(video.ended ? "ended" : "paused"));
  video.addEventListener("ended", () => onState("ended"));
  video.addEventListener("error", () => running && onState("failed"));

  return {
    /** Load `url` and play from `fromMs`. */
    open(url, fromMs = 0) {
      running = true;
      video.src = url;
      if (fromMs) video.currentTime = fromMs / 1000;
      clearInterval(timer);
      timer = setInterval(report, EVERY_MS);
      return this.play();
    },
    play: () => video.play().catch((problem) => problem.name === "NotAllowedError" && onState("blocked")),
    close() {
      running = false;
      clearInterval(timer);
      video.pause();
      video.removeAttribute("src");
      video.load();
    },
    /** Where the stimulus is, or null while there is none. */
    positionMs: () => (running ? positionMs() : null),
  };
}
