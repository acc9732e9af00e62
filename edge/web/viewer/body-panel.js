// The panel of body signals and emotion: everything in it stands on one axis of time.

import { openAnnotation } from "./annotate.js";
import { byId, el, mark, say } from "./dom.js";
import { createPlots } from "./plots.js";
import { createTimeline, fillLegend } from "./timeline.js";

const SPANS = [["1 min", 60_000], ["2 min", 120_000], ["10 min", 600_000]];
const LAG_MS = 400;
const SLOW_FRAME_MS = 1_000;
const FRAME_MS = 66;

/** Wire the panel to the store; `begin()` starts drawing: only while it can be seen, and slowly for who wants calm. */
export function createBodyPanel(store) {
  const lanes = byId("lanes");
  const plots = createPlots(byId("channels"), byId("axis"));
  const timeline = createTimeline(byId("timeline"), {
    empty: byId("timeline-empty"),
    now: byId("emotion-now"),
    tip: byId("tip"),
    onOpen: openAnnotation,
    nameOf: (sensor) => store.sensors.get(sensor)?.name || sensor,
  });
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let spanMs = SPANS[1][1];
  let cursor = null;
  let described = 0;

  fillLegend(byId("legend"));
  fillSpans(byId("spans"), spanMs, (ms) => {
    spanMs = ms;
    draw();
  });
  lanes.addEventListener("pointermove", (event) => (cursor = shareOf(event, byId("timeline"))));
  lanes.addEventListener("pointerleave", () => (cursor = null));
  store.on("channels", () => plots.setChannels(store));

  /** Why there is no signal; `known` once the appliance said which parts it has. */
  function drawEmpty(known) {
    const sensors = [...store.health.values()].filter(({ part }) => part.startsWith("sensor."));
    const trouble = sensors.find(({ state, detail }) => state !== "ok" && detail);
    const words = known && !sensors.length ? "No body sensor is configured." : (trouble?.detail ?? "Waiting for a body sensor…");
    say(byId("body-empty"), words);
    byId("body-empty").hidden = plots.count > 0;
    const none = known && store.health.size > 0 && !sensors.length && plots.count === 0 && store.segments.length === 0;
    for (const id of ["lanes", "legend", "spans"]) byId(id).hidden = none;
  }

  function draw() {
    const endMs = store.clock.now(Date.now()) - LAG_MS;
    const startMs = endMs - spanMs;
    timeline.draw(store.segments, startMs, endMs);
    plots.draw(startMs, endMs, cursor === null ? null : startMs + cursor * spanMs);
    if (endMs - described < 10_000) return;
    described = endMs;
    plots.describe(startMs, endMs);
  }

  function turn() {
    if (!document.hidden && store.link.state === "live") draw();
    setTimeout(() => requestAnimationFrame(turn), calm.matches ? SLOW_FRAME_MS : FRAME_MS);
  }

  return { begin: () => requestAnimationFrame(turn), drawEmpty };
}

/** Where a pointer is on the axis, 0..1, or null outside it. */
function shareOf(event, axis) {
  const { left, width } = axis.getBoundingClientRect();
  const share = (event.clientX - left) / width;
  return share >= 0 && share <= 1 ? share : null;
}

function fillSpans(root, chosen, onChoose) {
  const buttons = SPANS.map(([name, ms]) => {
    const button = el("button", { class: "button choice", type: "button", "aria-pressed": String(ms === chosen) }, name);
    button.addEventListener("click", () => {
      for (const other of buttons) mark(other, "aria-pressed", String(other === button));
      onChoose(ms);
    });
    return button;
  });
  root.replaceChildren(...buttons);
}
