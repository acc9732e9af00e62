// The page of recordings put together: a list, a player, the way to the cloud, and the disk.

import { STREAM_URL, STREAM_WORKER, device, signIn as sendPassword, signOut, status } from "./api.js";
import * as api from "./clip-api.js";
import { createClipList, fillCameras } from "./clip-list.js";
import { createClipPlayer } from "./clip-player.js";
import { createDeviceClock } from "./device-clock.js";
import { byId, el, mark, say } from "./dom.js";
import { bytes } from "./format.js";
import { createKeyed } from "./keyed.js";
import { drawLink } from "./link.js";
import { createNotices } from "./notice.js";
import { shareStream } from "./shared-stream.js";
import { createSignIn } from "./signin.js";
import { createStoragePanel } from "./storage-panel.js";
import { createUploadsPanel } from "./uploads-panel.js";
import { forget, meet } from "./who.js";

const ASK_TIME_MS = 20_000;

const clock = createDeviceClock();
const names = new Map();
const nameOf = (camera) => names.get(camera) || camera;
const now = () => clock.now(Date.now());
const notices = createNotices(byId("notices"));
const player = createClipPlayer({ now, nameOf });
const storage = createStoragePanel({ now });
const uploads = createUploadsPanel({ now, nameOf, momentOf: (id) => list.momentOf(id), onProblem: askAgain });
const list = createClipList(
  { root: byId("clips"), empty: byId("clips-empty"), more: byId("clips-more"), camera: byId("clips-camera") },
  { now, nameOf, onChoose: player.show, onProblem: askAgain },
);
const drawTimelapses = createKeyed(byId("timelapses"), { key: ({ camera, date }) => `${camera} ${date}`, make: createTimelapse, empty: byId("timelapses-empty") });
const signIn = createSignIn({ signIn: sendPassword, onDone: begin });
const TAKERS = { uploads: uploads.draw, storage };
let stream = null;
let link = "connecting";

function hear({ topic, data }) {
  TAKERS[topic]?.(data);
}

function hearLink(now) {
  const before = link;
  link = now.state;
  drawLink(now);
  if (link === "refused") return signedOut();
  if (link !== "live") return;
  signIn.close();
  mark(document.body, "data-phase", "ready");
  if (before === "live") return;
  meet();
  load();
}

function signedOut() {
  mark(document.body, "data-phase", "signedout");
  forget();
  signIn.open();
}

/** Once connected, and again after each interruption: what the stream does not repeat. */
async function load() {
  try {
    const first = await askTime(status);
    say(byId("device"), first.device);
    for (const { camera, name } of first.cameras) names.set(camera, name);
    fillCameras(byId("clips-camera"), first.cameras);
    list.begin();
    drawTimelapses(await api.timelapses());
    storage(await api.storage());
    await api.uploads().then(uploads.draw, uploads.off);
  } catch (problem) {
    askAgain(problem);
  }
}

async function askTime(question) {
  const sent = Date.now();
  const answer = await question();
  clock.asked(sent, answer.t_ms, Date.now());
  return answer;
}

function createTimelapse(first) {
  const play = el("button", { class: "button small", type: "button" }, "Play");
  const name = el("strong");
  const about = el("span", { class: "line-about" });
  let shown = first;
  play.addEventListener("click", () => {
    const about = `Timelapse of a day · ${bytes(shown.size_bytes)}`;
    player.play(api.timelapseUrl(shown), `${nameOf(shown.camera)}, ${shown.date}`, about, `${shown.camera} ${shown.date}.mp4`);
  });
  const element = el("li", { class: "line" }, el("div", { class: "line-words" }, name, about), el("div", { class: "line-go" }, play));
  return {
    element,
    fill(one) {
      shown = one;
      say(name, one.date);
      say(about, `${nameOf(one.camera)} · ${bytes(one.size_bytes)}`);
    },
  };
}

function askAgain(problem) {
  if (problem.status === undefined) throw problem;
  if (problem.status === 401) signedOut();
  else if (problem.status !== 0 || link === "live") notices.fail(problem);
}

function begin() {
  if (stream) stream.retry();
  else stream = shareStream(STREAM_URL, STREAM_WORKER, { onMessage: hear, onLink: hearLink });
}

byId("sign-out").addEventListener("click", async () => {
  await signOut().catch(() => null);
  stream.retry();
});
addEventListener("online", () => stream?.retry());
setInterval(() => link === "live" && askTime(device).catch(askAgain), ASK_TIME_MS);
begin();
