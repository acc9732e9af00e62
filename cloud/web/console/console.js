// The console: asks the API every few seconds and draws what changed.

import { Problem, ago, ask, beSomebody, bytes, clock, draw, drawn, find, listOf, make, query, reaches, say } from "./page.js";

const EVERY_MS = 5000;
const STEP = 20;
const EMOTIONS = [["Happy", "#eecdac"], ["Neutral", "#7fc087"], ["Angry", "#f4978e"], ["Sad", "#879af0"], ["Unknown", "#999999"]];
const limits = { events: STEP, recordings: STEP, files: STEP, ledger: STEP };
let timer;
let turn = 0;

function deviceCard(device, age) {
  const card = make("article", { name: "card" });
  const dot = make("span", { name: `dot ${device.state}` });
  card.append(make("div", {}, dot, make("span", { text: device.device, name: "name" })));
  card.append(make("div", { text: `${device.state}, last seen ${age}`, name: "faint" }));
  card.append(make("div", { text: `delivered up to record ${device.contiguous} of ${device.highest}`, name: "faint" }));
  if (device.missing) card.append(make("div", { text: `${device.missing} records missing`, name: "warn" }));
  if (device.clock !== "trusted") card.append(make("div", { text: "its clock is not trusted", name: "warn" }));
  return card;
}

function drawDevices(devices) {
  const shown = devices.map((device) => ({ ...device, last_seen_ms: ago(device.last_seen_ms) }));
  draw("devices", shown, () =>
    shown.length
      ? shown.map((device) => deviceCard(device, device.last_seen_ms))
      : [make("p", { text: "No device has spoken yet. Point one at this cloud's broker.", name: "empty" })],
  );
}

function drawNames(devices) {
  const chosen = find("device");
  const names = devices.map((device) => device.device);
  const now = names.join("\n");
  if (drawn.get("names") === now) return;
  drawn.set("names", now);
  const before = chosen.value;
  const options = [make("option", { text: "all devices" }), ...names.map((name) => make("option", { text: name }))];
  options[0].value = "";
  chosen.replaceChildren(...options);
  chosen.value = names.includes(before) ? before : "";
}

function track(name, predictions, from, to) {
  const bar = make("div", { name: "bar" });
  for (const one of predictions) {
    if (one.end_ms < from) continue;
    const begin = Math.max(one.start_ms, from);
    const sure = one.probe ? `, ${Math.round(one.confidence * 100)} %` : "";
    const block = make("span", { title: `${one.emotion}${sure} · ${clock(one.start_ms)}` });
    block.style.left = `${((begin - from) / (to - from)) * 100}%`;
    block.style.width = `${((one.end_ms - begin) / (to - from)) * 100}%`;
    block.style.background = one.color;
    block.dataset.emotion = one.emotion;
    bar.append(block);
  }
  const ends = make("div", { name: "ends faint" }, make("span", { text: clock(from) }), make("span", { text: clock(to, false) }));
  return make("div", { name: "track" }, make("div", { text: name, name: "faint" }), bar, ends);
}

function drawPredictions(items) {
  const span = Number(find("span").value);
  const emotions = items.filter((one) => one.task === "emotion" || one.probe !== null);
  draw("predictions", [emotions, span], () => {
    if (!emotions.length) return [make("p", { text: "No predictions yet. Analysis in progress...", name: "empty" })];
    const to = Math.max(...emotions.map((one) => one.end_ms));
    const bySource = groupOf(emotions);
    return [...bySource].sort().map(([name, list]) => track(name, list, to - span, to));
  });
}

function groupOf(items) {
  const groups = new Map();
  for (const one of items) {
    const name = `${one.device} · ${one.source}`;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return groups;
}

function eventRow(event) {
  const what = make("div", {}, make("span", { text: event.severity, name: `tag ${event.severity}` }));
  what.append(` ${event.type.replaceAll("_", " ")} `, make("span", { text: placeOf(event), name: "faint" }));
  const lasted = event.end_ms ? `, ${Math.round((event.end_ms - event.start_ms) / 1000)} s` : ", going on";
  const row = make("li", {}, what, make("div", { text: clock(event.start_ms) + lasted, name: "faint" }));
  row.append(...event.reasoning.map((text) => make("div", { text, name: "faint" })));
  return row;
}

function placeOf(event) {
  return [event.device, event.camera, event.zone].filter(Boolean).join(" · ");
}

function recordingRow(recording) {
  const seconds = Math.round((recording.end_ms - recording.start_ms) / 1000);
  const words = make("div", {}, make("div", { text: `${recording.device} · ${recording.camera}`, name: "name" }));
  const size = `${seconds} s, ${recording.width_px}×${recording.height_px}, ${bytes(recording.size_bytes)}`;
  words.append(make("div", { text: `${clock(recording.start_ms)}, ${recording.reason}`, name: "faint" }));
  words.append(make("div", { text: size, name: "faint" }));
  const row = make("div", { name: "row" }, words);
  if (recording.video) {
    const button = make("button", { text: "Play" });
    button.type = "button";
    button.setAttribute("aria-label", `Play ${recording.recording_id}`);
    button.addEventListener("click", () => play(recording));
    row.append(button);
  } else row.append(make("span", { text: "uploading …", name: "faint" }));
  return make("li", {}, row);
}

function fileRow(file) {
  const place = [file.device, file.session_id ?? file.camera].filter(Boolean).join(" · ");
  const words = make("div", {}, make("div", { text: file.name, name: "name" }));
  words.append(make("div", { text: `${place}, ${clock(file.start_ms)}, ${bytes(file.size_bytes)}`, name: "faint" }));
  const row = make("div", { name: "row" }, words);
  if (file.content) {
    const link = make("a", { text: "Download" });
    link.href = file.content;
    link.download = "";
    link.setAttribute("aria-label", `Download ${file.name}`);
    row.append(link);
  } else row.append(make("span", { text: "uploading …", name: "faint" }));
  return make("li", {}, row);
}

function play(recording) {
  const video = find("video");
  find("player").hidden = false;
  find("video-title").textContent = `${recording.camera}, ${clock(recording.start_ms)}`;
  video.src = recording.video;
  video.play().catch(() => {});
  find("player").scrollIntoView({ block: "nearest" });
}

function gapRow({ device, gap }) {
  const count = gap.last_seq - gap.first_seq + 1;
  const words = `${device}: ${count} records missing, ${gap.first_seq} to ${gap.last_seq} of run ${gap.boot}`;
  const row = make("li", {}, make("span", { text: words, name: "warn" }));
  row.append(make("div", { text: `since ${clock(gap.since_ms)}; the device sends them again`, name: "faint" }));
  return row;
}

function ledgerRow(entry) {
  const size = entry.size_bytes ? `, ${bytes(entry.size_bytes)}` : "";
  const row = make("li", {}, make("div", { text: `${entry.device} gave up ${entry.count} ${entry.what}${size}: ${entry.reason}` }));
  row.append(make("div", { text: clock(entry.t_ms), name: "faint" }));
  return row;
}

async function drawList(name, words, build, device) {
  const page = await ask(`/v1/${name}?${query({ device, limit: limits[name] })}`);
  draw(name, page.items, (items) => listOf(items, words, build));
  document.querySelector(`.more[data-list="${name}"]`).hidden = !page.after || limits[name] >= 1000;
}

async function drawFleet(device) {
  const all = (await ask("/v1/devices?limit=1000")).items;
  const devices = all.filter((one) => !device || one.device === device);
  drawNames(all);
  drawDevices(devices);
  const gaps = devices.flatMap((one) => one.gaps.map((gap) => ({ device: one.device, gap })));
  draw("gaps", gaps, () => gaps.map(gapRow));
}

async function drawAll() {
  const device = find("device").value;
  const ofFleet = reaches("viewer");
  if (ofFleet) await drawFleet(device);
  drawPredictions((await ask(`/v1/predictions?${query({ device, limit: 1000 })}`)).items);
  await Promise.all([
    ofFleet && drawList("events", "No events.", eventRow, device),
    drawList("recordings", "No recordings yet.", recordingRow, device),
    drawList("files", "No files yet.", fileRow, device),
    ofFleet && drawList("ledger", "Nothing was given up.", ledgerRow, device),
  ]);
}

function show(signedIn) {
  find("sign-in").hidden = signedIn;
  find("console").hidden = !signedIn;
  find("sign-out").hidden = !signedIn;
  if (!signedIn) for (const link of document.querySelectorAll("header a[data-for]")) link.hidden = true;
}

async function refresh() {
  clearTimeout(timer);
  const mine = ++turn;
  try {
    await drawAll();
    say(`Up to date at ${clock(Date.now(), false)}`);
  } catch (problem) {
    if (problem.status === 401) return signedOut();
    if (problem.status === 403) {
      timer = setTimeout(again, EVERY_MS);
      return;
    }
    const words = problem instanceof Problem ? problem.message : "connection lost";
    say(`${words[0].toUpperCase()}${words.slice(1)}; trying again …`, true);
  }
  if (mine === turn) timer = setTimeout(refresh, EVERY_MS);
}

function signedOut() {
  clearTimeout(timer);
  turn += 1;
  drawn.clear();
  show(false);
  say("Not signed in");
}

async function signIn(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const body = JSON.stringify({ name: form.get("name"), password: form.get("password") });
  find("sign-in-problem").textContent = "";
  try {
    await ask("/v1/session", { method: "POST", body, headers: { "content-type": "application/json" } });
  } catch (problem) {
    find("sign-in-problem").textContent = problem instanceof Problem ? `${problem.message}. ${problem.remedy}` : "connection lost";
    return;
  }
  event.target.elements.password.value = "";
  again();
}

async function signOut() {
  await ask("/v1/session", { method: "DELETE" }).catch(() => {});
  signedOut();
}

function begin() {
  show(true);
  for (const id of ["devices", "predictions"]) find(id).replaceChildren(make("p", { text: "Loading …", name: "empty" }));
  drawn.clear();
  refresh();
}

function drawLegend() {
  for (const [name, color] of EMOTIONS) {
    const swatch = make("i");
    swatch.style.background = color;
    find("legend").append(make("span", {}, swatch, name));
  }
}

function start() {
  drawLegend();
  find("sign-in-form").addEventListener("submit", signIn);
  find("sign-out").addEventListener("click", signOut);
  for (const id of ["device", "span"]) find(id).addEventListener("change", refresh);
  for (const more of document.querySelectorAll(".more")) {
    more.addEventListener("click", () => {
      limits[more.dataset.list] = Math.min(1000, limits[more.dataset.list] + 5 * STEP);
      refresh();
    });
  }
  again();
}

// Who is signed in may have changed, or may do less than before.
async function again() {
  try {
    await beSomebody();
    begin();
  } catch (problem) {
    if (problem.status === 401) return signedOut();
    say("Connection lost; trying again …", true);
    timer = setTimeout(again, EVERY_MS);
  }
}

start();
