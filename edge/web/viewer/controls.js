// Start, stop, record, snapshot: each button says what it will do, waits visibly and tells how it went.

import { byId, el, mark, say } from "./dom.js";

const WARM_UP_MS = 500;

/**
 * Wire the buttons. `api` has `start`, `stop`, `snapshot` and `record`; `camera()` is the chosen camera's newest message;
 * `onPending("start" | "stop" | null)` hears what is under way; `picture` is shown and hidden as S1.18 and S1.21 have it.
 */
export function createControls({ api, camera, picture, onPending, onRefused }) {
  const power = byId("power");
  const record = byId("record");
  const snapshot = byId("snapshot");
  const fullscreen = byId("fullscreen");
  const said = byId("said");
  const asked = new Set();
  let pending = null;

  /** Whether somebody wants this recording; one that an event began ends by itself and is no matter of the button. */
  const byHand = (now) => now?.manual ?? asked.has(now?.camera);

  power.addEventListener("click", () => (running(camera()) ? stop() : start()));
  record.addEventListener("click", toggleRecording);
  snapshot.addEventListener("click", takeSnapshot);
  fullscreen.hidden = !byId("stage").requestFullscreen;
  fullscreen.addEventListener("click", () => byId("stage").requestFullscreen());

  function start() {
    return during("start", async (id) => {
      await api.start(id);
      await new Promise((done) => setTimeout(done, WARM_UP_MS));
      picture.show(id);
      return "";
    });
  }

  function stop() {
    return during("stop", async (id) => {
      picture.hide();
      await api.stop(id);
      return "";
    });
  }

  function toggleRecording() {
    return during("record", async (id) => {
      const on = !byHand(camera());
      await api.record(id, on);
      if (on) asked.add(id);
      else asked.delete(id);
      return on ? "Recording." : "Recording ended.";
    });
  }

  function takeSnapshot() {
    return during("snapshot", async (id) => {
      const { filename, url } = await api.snapshot(id);
      return el("a", { href: url, target: "_blank" }, `Saved as ${filename}`);
    });
  }

  async function during(what, work) {
    if (pending) return;
    become(what);
    say(said, "");
    mark(said, "data-tone", "plain");
    try {
      said.replaceChildren(await work(camera().camera));
    } catch (problem) {
      mark(said, "data-tone", "bad");
      say(said, problem.message);
      onRefused(problem);
    } finally {
      become(null);
    }
  }

  function become(what) {
    pending = what;
    onPending(what);
    draw();
  }

  function draw(link = "live") {
    const now = camera();
    const on = running(now);
    const idle = Boolean(now) && pending === null && link !== "lost";
    const busyPower = pending === "start" || pending === "stop";
    say(power, busyPower ? (pending === "start" ? "Starting…" : "Stopping…") : on ? "Stop" : "Start");
    mark(power, "data-busy", String(busyPower));
    power.classList.toggle("primary", !on);
    power.disabled = !idle;
    record.disabled = snapshot.disabled = !idle || !on;
    fullscreen.disabled = !on || link === "lost";
    const recording = byHand(now);
    mark(record, "aria-pressed", String(recording));
    say(record, recording ? "Stop recording" : "Record");
  }

  return { draw };
}

/** Whether a camera is meant to deliver pictures, be it connected or not. */
export function running(camera) {
  return Boolean(camera) && camera.state !== "stopped";
}
