// The page put together: one store, one stream, and views that each show a part of it.

import { createAnomalyWatch } from "./anomaly-watch.js";
import * as api from "./api.js";
import { createBodyPanel } from "./body-panel.js";
import { createCameras, nameOf } from "./cameras.js";
import { createControls } from "./controls.js";
import { byId, mark, say } from "./dom.js";
import { createEventsPanel } from "./events-panel.js";
import { createFeed } from "./feed.js";
import { createLatencyProbe } from "./latency.js";
import { drawLink } from "./link.js";
import { createReadings, createSync } from "./panels.js";
import { createParts } from "./parts.js";
import { createPicture } from "./picture.js";
import { createPlanMode } from "./plan-mode.js";
import { createPlans } from "./plans.js";
import { shareStream } from "./shared-stream.js";
import { createSensorsPanel } from "./sensors-panel.js";
import { createSignIn } from "./signin.js";
import { stageOf } from "./stage.js";
import { createStore } from "./state.js";
import { createUnusual } from "./unusual.js";
import { createVisionView } from "./vision-view.js";
import { forget, meet } from "./who.js";

const SLOW_MS = 1_000;
const OLDER = 30;
const ASK_TIME_MS = 20_000;

const store = createStore();
const img = byId("live");
let known = false;
let broken = false;
let view = "loading";
let pending = null;
let latencyMs = null;

const chosen = () => store.cameras.get(store.selected) ?? null;
const vision = () => store.vision.get(store.selected) ?? null;
const planOf = () => store.plans.get(store.selected)?.plan ?? null;
const deviceNow = () => store.clock.now(Date.now());

const picture = createPicture(img, { liveUrl: api.liveUrl, onState: () => drawStage() });
const controls = createControls({ api, picture, camera: chosen, onPending: setPending, onRefused: askAgain });
const plans = createPlans(store, api);
const mode = createPlanMode(store, { plans, sizeOf: sizeOfPicture, onChange: drawVision });
const visionView = createVisionView({
  img,
  sizeOf: sizeOfPicture,
  plan: planOf,
  anomaly: () => store.anomaly.get(store.selected),
  onMap: () => watch.ask(),
  onShow: drawVision,
});
const watch = createAnomalyWatch(store, api, { mapShown: () => visionView.map !== null && view === "live" });
const unusual = createUnusual(store, { plans, watch, now: deviceNow });
const readings = createReadings(byId("readings"));
const sync = createSync({ rows: byId("sync-rows"), verdict: byId("sync-verdict"), upload: byId("upload") });
const parts = createParts(byId("parts"), byId("parts-verdict"));
const feed = createFeed(byId("feed"), byId("feed-empty"));
const events = createEventsPanel(store, { api, plan: planOf, now: deviceNow });
const body = createBodyPanel(store);
const sensors = createSensorsPanel(byId("sensors"), {
  qualityOf: (id) => store.signals.get(id)?.quality,
  onSensors({ sensors: list, signals }) {
    for (const data of signals ?? []) store.take({ topic: "signals", data });
    store.setSensors(list);
  },
  onProblem: askAgain,
});
const drawCameras = createCameras(byId("cameras"), async (id) => (await mode.leave()) && store.select(id));
const signIn = createSignIn({ signIn: api.signIn, onDone: begin });
let stream = null;

store.on("cameras", () => {
  if (!store.cameras.has(store.selected)) store.select(store.cameras.keys().next().value ?? null);
  drawCameras(store.cameras, store.selected);
});
store.on("selected", () => {
  drawCameras(store.cameras, store.selected);
  picture.hide();
  latencyMs = null;
  if (store.selected !== null && store.link.state === "live") plans.load(store.selected);
});
store.on("camera link", drawStage);
store.on("vision", hearVision);
store.on("selected plan anomaly", drawVision);
store.on("anomaly plan", unusual.draw);
store.on("telemetry camera vision", drawReadings);
store.on("signals", sensors.redraw);
store.on("sync", () => sync(store.sync));
store.on("health", () => parts(store.health, store));
store.on("health channels", () => body.drawEmpty(known));
store.on("happenings", drawFeed);
store.on("link", () => drawLink(store.link));

function drawStage() {
  const camera = chosen();
  const link = store.link.state;
  const stage = stageOf({ known, camera, picture: picture.state, link, pending });
  const changed = stage.view !== view;
  view = stage.view;
  mark(byId("stage"), "data-view", view);
  mark(byId("stage"), "data-busy", String(stage.busy));
  say(byId("stage-title"), stage.title);
  say(byId("stage-detail"), stage.detail);
  mark(document.body, "data-cameras", known && !camera ? "none" : "some");
  img.alt = camera ? `Live picture of ${nameOf(camera)}` : "";
  byId("rec-mark").hidden = !camera?.recording;
  controls.draw(link);
  if (changed) {
    drawVision();
    mode.redraw();
  }
  if (pending === null && link !== "refused") followCamera(camera);
}

/** The picture follows the camera: shown while it runs, given back when somebody stopped it. */
function followCamera(camera) {
  if (view === "off" || view === "none") picture.hide();
  else if (camera && view !== "cut") picture.show(camera.camera);
}

function hearVision() {
  const seen = vision();
  if (seen) {
    visionView.hear(seen);
    plans.follow(seen);
  }
  drawVision();
}

function drawVision() {
  visionView.draw(vision(), { live: view === "live", editing: mode.active });
}

function drawReadings() {
  readings({ camera: chosen(), vision: vision(), telemetry: store.telemetry, latencyMs });
}

function drawFeed() {
  feed(store.happenings, { nowMs: deviceNow(), cameras: store.cameras, sensors: store.sensors });
}

function sizeOfPicture() {
  return { w: img.naturalWidth || chosen()?.width, h: img.naturalHeight || chosen()?.height };
}

function setPending(what) {
  pending = what;
  drawStage();
}

function hearLink(link) {
  const before = store.link.state;
  store.setLink(link);
  broken ||= link.state === "lost";
  if (link.state === "refused") return signedOut();
  if (link.state !== "live") return;
  signIn.close();
  mark(document.body, "data-phase", "ready");
  if (before === "live") return;
  meet();
  if (broken) picture.renew();
  broken = false;
  load();
}

function signedOut() {
  mark(document.body, "data-phase", "signedout");
  forget();
  picture.hide();
  signIn.open();
}

/** Once connected, and again after each interruption: what the stream does not repeat. */
async function load() {
  try {
    const status = await askTime(api.status);
    say(byId("device"), status.device);
    const [changes, losses] = await Promise.all(["health", "loss"].map((kind) => api.records(kind, OLDER)));
    store.load(status, [...changes.records, ...losses.records]);
    events.load();
    watch.ask();
    sensors.begin();
    if (store.selected !== null) plans.load(store.selected);
  } catch (problem) {
    askAgain(problem);
  }
  known = true;
  body.drawEmpty(known);
  drawStage();
}

/** Ask something whose answer carries the device's time, and learn how far our own clock is off. */
async function askTime(question) {
  const sent = Date.now();
  const answer = await question();
  store.clock.asked(sent, answer.t_ms, Date.now());
  return answer;
}

function askAgain(problem) {
  if (problem.status === 401) signedOut();
}

function begin() {
  if (stream) stream.retry();
  else stream = shareStream(api.STREAM_URL, api.STREAM_WORKER, { onMessage: store.take, onLink: hearLink });
}

byId("sign-out").addEventListener("click", async () => {
  if (!(await mode.leave())) return;
  await api.signOut().catch(() => null);
  stream.retry();
});
createLatencyProbe({
  target: () => (picture.state === "live" && store.link.state === "live" ? api.liveUrl(store.selected) : null),
  clock: store.clock,
  onMeasured(ms) {
    latencyMs = ms;
    drawReadings();
  },
});
addEventListener("online", () => stream?.retry());
new ResizeObserver(drawVision).observe(byId("stage"));
setInterval(drawVision, SLOW_MS);
setInterval(() => store.link.state === "live" && askTime(api.device).catch(askAgain), ASK_TIME_MS);
setInterval(drawFeed, 30 * SLOW_MS);
begin();
body.begin();
