// The page put together: one store, one stream, and views that each show a part of it.

import * as api from "./api.js";
import { createBanner } from "./banner.js";
import { createBodyPanel } from "./body-panel.js";
import { createCameras, nameOf } from "./cameras.js";
import { createControls } from "./controls.js";
import { byId, mark, say } from "./dom.js";
import { createFeed } from "./feed.js";
import { activity } from "./format.js";
import { createLatencyProbe } from "./latency.js";
import { drawLink } from "./link.js";
import { createOverlay } from "./overlay.js";
import { createLearning, createReadings, createSync } from "./panels.js";
import { createParts } from "./parts.js";
import { createPicture } from "./picture.js";
import { shareStream } from "./shared-stream.js";
import { createSignIn } from "./signin.js";
import { stageOf } from "./stage.js";
import { createStore } from "./state.js";

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

const picture = createPicture(img, { liveUrl: api.liveUrl, onState: () => drawStage() });
const controls = createControls({ api, picture, camera: chosen, onPending: setPending, onRefused: askAgain });
const overlay = createOverlay(byId("overlay"), img, () => sizeOfPicture());
const banner = createBanner(byId("banner"), {
  tag: byId("banner-severity"),
  title: byId("banner-title"),
  list: byId("banner-reasons"),
  side: byId("banner-side"),
  alarm: byId("alarm"),
});
const readings = createReadings(byId("readings"));
const learning = createLearning(byId("learning"));
const sync = createSync({ rows: byId("sync-rows"), verdict: byId("sync-verdict"), upload: byId("upload") });
const parts = createParts(byId("parts"), byId("parts-verdict"));
const feed = createFeed(byId("feed"), byId("feed-empty"));
const body = createBodyPanel(store);
const drawCameras = createCameras(byId("cameras"), (id) => store.select(id));
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
});
store.on("camera link", drawStage);
store.on("vision selected", drawVision);
store.on("telemetry camera vision", drawReadings);
store.on("sync", () => sync(store.sync));
store.on("health", () => parts(store.health));
store.on("health channels", () => body.drawEmpty(known));
store.on("happenings", () => feed(store.happenings, deviceNow()));
store.on("link", () => drawLink(store.link));

function drawStage() {
  const camera = chosen();
  const link = store.link.state;
  const stage = stageOf({ known, camera, picture: picture.state, link, pending });
  if (stage.view !== view) overlay(null, 0);
  view = stage.view;
  mark(byId("stage"), "data-view", view);
  mark(byId("stage"), "data-busy", String(stage.busy));
  say(byId("stage-title"), stage.title);
  say(byId("stage-detail"), stage.detail);
  img.alt = camera ? `Live picture of ${nameOf(camera)}` : "";
  byId("rec-mark").hidden = !camera?.recording;
  controls.draw(link);
  if (pending === null && link !== "refused") followCamera(camera);
}

/** The picture follows the camera: shown while it runs, given back when somebody stopped it. */
function followCamera(camera) {
  if (view === "off" || view === "none") picture.hide();
  else if (camera && view !== "cut") picture.show(camera.camera);
}

function drawVision() {
  const now = performance.now();
  const seen = vision();
  const state = activity(seen?.ai_status);
  mark(byId("activity"), "data-state", state);
  say(byId("activity"), state);
  banner(seen, now);
  learning(seen?.learning);
  overlay(view === "live" ? seen : null, now);
}

function drawReadings() {
  readings({ camera: chosen(), vision: vision(), telemetry: store.telemetry, latencyMs });
}

function sizeOfPicture() {
  return { w: img.naturalWidth || chosen()?.width, h: img.naturalHeight || chosen()?.height };
}

function deviceNow() {
  return store.clock.now(Date.now());
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
  byId("sign-out").hidden = false;
  if (before === "live") return;
  if (broken) picture.renew();
  broken = false;
  load();
}

function signedOut() {
  mark(document.body, "data-phase", "signedout");
  byId("sign-out").hidden = true;
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
setInterval(() => feed(store.happenings, deviceNow()), 30 * SLOW_MS);
begin();
body.begin();
