// The page that hands in videos: chosen or recorded here, kept by the browser until the appliance has them.

import { VideoUploader } from "./collect-client.js";
import { createRecorder, whyNotRecord } from "./collect-recorder.js";
import { atRisk, createQueue, summaryOf } from "./collect-queue.js";
import { openCollectStore } from "./collect-store.js";
import { byId, el, mark, say } from "./dom.js";
import { bytes, clockTime, counted, number } from "./format.js";
import { createKeyed } from "./keyed.js";
import { newLabelId } from "./label-store.js";
import { ask } from "./request.js";

const WORDS = { pending: "Waiting", uploading: "Sending", completed: "Handed in", failed: "Failed" };
const NOT_KEPT = "This browser keeps nothing for this page. Videos are sent all the same. Leave this page open until each is handed in.";

const draw = createKeyed(byId("videos"), { key: ({ id }) => String(id), make: makeLine });
const recorder = createRecorder(byId("preview"), { onRecorded: (blob, facts) => keep(blob, `Recording ${clockTime(Date.now())}`, facts) });
let queue = null;
let videos = [];
let arriving = 0;
let finished = false;

async function begin() {
  queue = createQueue({ store: openCollectStore(), uploader: VideoUploader, onChange: show });
  byId("participant").value = await queue.participant();
  byId("participant").addEventListener("change", ({ target }) => queue.renew(target.value.trim()));
  byId("files").addEventListener("change", ({ target }) => choose(target));
  byId("retry").addEventListener("click", () => queue.retryFailed());
  byId("clear").addEventListener("click", () => queue.clear());
  byId("finish").addEventListener("click", finish);
  byId("more").addEventListener("click", goOn);
  addEventListener("online", () => queue.hurry());
  addEventListener("beforeunload", (event) => videos.some(atRisk) && event.preventDefault());
  offerCamera();
  showPages();
  await queue.begin().catch((problem) => say(byId("trouble"), `${NOT_KEPT} (${problem.message})`));
}

/** The way to the other pages is for who has an account: a participant with a phone has nothing to do there. */
async function showPages() {
  const who = await ask("GET", "/v1/session").catch(() => null);
  byId("top").hidden = !who?.signed_in;
}

async function choose(input) {
  const files = [...input.files];
  for (const file of files) await keep(file, file.name, {});
  input.value = "";
}

function keep(blob, name, facts) {
  const videoId = `video_${newLabelId()}`;
  const promptId = byId("prompt").value.trim();
  const metadata = { ...facts, promptId: promptId || name, browser: navigator.userAgent, timestamp: new Date().toISOString() };
  return queue.add(blob, { videoId, name, metadata });
}

function offerCamera() {
  const why = whyNotRecord();
  say(byId("record-why"), why);
  byId("camera").disabled = Boolean(why);
  byId("camera").addEventListener("click", openCamera);
  byId("record").addEventListener("click", () => record(byId("record").getAttribute("aria-pressed") !== "true"));
}

async function openCamera() {
  try {
    await recorder.open();
  } catch (problem) {
    return say(byId("record-why"), `The camera cannot be used: ${problem.message}`);
  }
  byId("preview").hidden = false;
  byId("camera").hidden = true;
  byId("record").hidden = false;
}

/** A recording that has just ended is none of the videos yet, but it is on its way all the same. */
async function record(on) {
  mark(byId("record"), "aria-pressed", String(on));
  say(byId("record"), on ? "Stop recording" : "Record");
  if (on) return recorder.start();
  arriving += 1;
  await recorder.stop();
  arriving -= 1;
  return show(videos);
}

async function finish() {
  const ended = byId("record").getAttribute("aria-pressed") === "true" ? record(false) : null;
  finished = true;
  show(videos);
  byId("work").hidden = true;
  byId("ending").hidden = false;
  await ended;
  recorder.close();
}

function goOn() {
  finished = false;
  byId("work").hidden = false;
  byId("ending").hidden = true;
  byId("camera").hidden = false;
  byId("record").hidden = true;
  byId("preview").hidden = true;
}

function show(now) {
  videos = now;
  const summary = summaryOf(videos, arriving);
  draw(videos);
  byId("empty").hidden = videos.length > 0;
  byId("retry").hidden = summary.failed === 0;
  byId("clear").hidden = summary.completed === 0;
  byId("finish").disabled = videos.length === 0;
  mark(document.body, "data-queue", summary.done ? "done" : summary.failed && !summary.pending && !summary.uploading ? "failed" : "busy");
  const left = videos.length + arriving - summary.completed;
  say(byId("ending-title"), summary.done ? "Everything is handed in" : "Please leave this page open");
  const closed = videos.some(atRisk) ? "What this browser could not keep is lost if the page is closed." : "If the page is closed, it goes on when it is opened again.";
  say(byId("ending-words"), summary.done ? "You may close this page now. Thank you." : `${counted(left, "video")} still to be sent. ${closed}`);
  if (finished && summary.failed) byId("work").hidden = false;
}

function makeLine() {
  const name = el("strong");
  const state = el("span", { class: "chip" });
  const bar = el("progress", { max: "100", value: "0" });
  const about = el("p", { class: "collect-about" });
  const element = el("li", { class: "collect-line" }, el("div", { class: "collect-head" }, name, state), bar, about);
  return {
    element,
    fill(video) {
      mark(element, "data-state", video.state);
      say(name, video.name);
      say(state, WORDS[video.state]);
      bar.value = video.percent ?? 0;
      mark(bar, "aria-label", `${video.name}, ${video.percent ?? 0} percent`);
      say(about, aboutOf(video));
    },
  };
}

function aboutOf(video) {
  const { size, total, current, percent = 0, error, kept = true } = video;
  const risk = kept ? "this browser cannot note how far it is: leave this page open" : "lost if this page is closed";
  const steps = total ? `${percent}\u202f% · ${number(current)} of ${number(total)} chunks` : "";
  return [bytes(size), steps, error, atRisk(video) ? risk : ""].filter(Boolean).join(" · ");
}

begin();
