// Telemetry and the way to the cloud: figures with units, and one plain sentence on whether all is well.

import { el, mark, say } from "./dom.js";
import { bytes, duration, number, percent, quantity } from "./format.js";

const READINGS = [
  ["Picture", ({ camera }) => quantity(camera?.fps, "fps", 1)],
  ["Latency", ({ latencyMs }) => (latencyMs < 1 && latencyMs !== null ? "< 1\u202fms" : quantity(latencyMs, "ms"))],
  ["Analysis", ({ vision }) => quantity(vision?.analysis_ms, "ms", 1)],
  ["Motion from", ({ vision }) => motionWords(vision?.motion_threshold)],
  ["CPU", ({ telemetry }) => percent(telemetry?.cpu_share)],
  ["Memory", ({ telemetry }) => bytes(telemetry?.rss_bytes)],
  ["Temperature", ({ telemetry }) => quantity(telemetry?.temperature_c, "°C", 0)],
  ["Disk free", ({ telemetry }) => bytes(telemetry?.disk_free_bytes)],
  ["Viewers", ({ camera }) => number(camera?.viewers)],
  ["Frames analysed", ({ vision }) => number(vision?.anomaly_stats?.total_frames_analyzed)],
  ["Anomalies", ({ vision }) => number(vision?.anomaly_stats?.total_anomalies_detected)],
];

/** By how much something must differ from its background to be seen moving, and why that is less than was asked for. */
export function motionWords(threshold) {
  if (!threshold?.luma) return quantity(null);
  const from = `${number(threshold.luma, 1)} of 255`;
  return threshold.luma < threshold.asked ? `${from}, dull view` : from;
}

/** The figures in `root` (a `dl`); `draw({camera, vision, telemetry, latencyMs})`. */
export function createReadings(root) {
  const cells = READINGS.map(([name, read]) => ({ read, value: el("dd", {}, "–"), term: el("dt", {}, name) }));
  root.replaceChildren(...cells.map(({ term, value }) => el("div", { class: "reading" }, term, value)));
  return function draw(facts) {
    for (const { read, value } of cells) say(value, read(facts));
  };
}

/** The bar that shows how much of the usual has been learned. */
export function createLearning(root) {
  const bar = el("progress", { max: 1, value: 0, "aria-labelledby": "learning-text" });
  const text = el("span", { id: "learning-text" }, "Learning has not begun");
  root.replaceChildren(text, bar);
  return function draw(learning) {
    const share = learning?.complete ? 1 : (learning?.progress ?? 0);
    bar.value = share;
    say(text, learning ? (learning.complete ? "Has learned what is usual here" : `Learning what is usual: ${percent(share)}`) : "Learning has not begun");
  };
}

const STATE_WORDS = { ok: "Connected", starting: "Connecting", degraded: "Impaired", failed: "Not reachable", stopped: "Off" };

const SYNC_ROWS = [
  ["Broker", (sync) => stateText(sync.broker), (sync) => sync.broker],
  ["Object storage", (sync) => stateText(sync.objects), (sync) => sync.objects],
  ["Records waiting", (sync) => number(sync.outbox_records)],
  ["Oldest not acked", (sync) => (sync.oldest_unacked_s === null ? "none" : duration(sync.oldest_unacked_s))],
  ["Records delivered", (sync) => number(sync.acked_total)],
  ["Recordings waiting", (sync) => number(sync.uploads_pending)],
];

/** One sentence on the state of synchronisation, and how grave it is: `good`, `busy` or `held`. */
export function verdict(sync) {
  if (!sync) return { text: "", grade: "busy" };
  const waiting = (sync.outbox_records ?? 0) + (sync.uploads_pending ?? 0);
  if (sync.broker === "stopped") return { text: sync.broker_detail || "Kept on the device", grade: "busy" };
  if (sync.broker !== "ok" && waiting) return { text: "Waiting, nothing is lost", grade: "held" };
  if (sync.oldest_unacked_s > 30) return { text: "Behind, nothing is lost", grade: "held" };
  return waiting ? { text: "Sending", grade: "busy" } : { text: "All delivered", grade: "good" };
}

/** The synchronisation panel; `draw(sync)`. */
export function createSync({ rows, verdict: sentence, upload }) {
  const cells = SYNC_ROWS.map(([name, read, state]) => ({ read, state, value: el("dd", {}, "–"), term: el("dt", {}, name) }));
  rows.replaceChildren(...cells.map(({ term, value }) => el("div", { class: "row" }, term, value)));
  const bar = el("progress", { max: 1, value: 0, "aria-labelledby": "upload-text" });
  const text = el("span", { id: "upload-text" });
  upload.replaceChildren(text, bar);

  return function draw(sync) {
    if (!sync) return;
    for (const { read, state, value } of cells) {
      say(value, read(sync));
      if (state) mark(value, "data-state", state(sync) ?? "stopped");
    }
    const { text: words, grade } = verdict(sync);
    say(sentence, words);
    mark(sentence, "data-grade", grade);
    upload.hidden = !sync.upload;
    if (!sync.upload) return;
    const share = sync.upload.size_bytes ? sync.upload.sent_bytes / sync.upload.size_bytes : 0;
    bar.value = share;
    say(text, `Uploading a recording: ${bytes(sync.upload.sent_bytes)} of ${bytes(sync.upload.size_bytes)}`);
  };
}

/** The reason of a bad state stands with the parts. */
function stateText(state) {
  return STATE_WORDS[state] ?? "Unknown";
}
