// The overview, and the way in: asks the API every few seconds and draws what changed.

import { grouped } from "./format.js";
import { ask, beSomebody, draw, find, fresh, listOf, make, query, reaches, sent, stale, when, wordsOf } from "./page.js";
import { play } from "./player.js";
import { repeating } from "./repeat.js";
import { deviceCard, eventRow, fileRow, gapRow, ledgerRow, recordingRow } from "./rows.js";
import { bySource, drawLegend, strip } from "./strip.js";
import { needs } from "./words.js";

const EVERY_MS = 5000;
const STEP = 10;
const MOST = 1000; // rows that one request gives
const CARDS = 12;
const GAPS = 20;
const limits = { events: STEP, recordings: STEP, files: STEP, ledger: STEP };
const LISTS = {
  events: ["No events yet. They come from cameras that a device watches.", (one) => eventRow(one, play)],
  recordings: ["No recordings yet. A device uploads each as soon as it is whole.", (one) => recordingRow(one, play)],
  files: ["No files yet. Data of sessions, timelapses and what commands brought come here.", fileRow],
  ledger: ["Nothing was given up: what devices recorded is here or on its way.", ledgerRow],
};
let me = null;
const asking = repeating(refresh, EVERY_MS);

function drawDevices(devices, count) {
  const known = devices.map((one) => ({ one, warnings: needs(one, Date.now()) }));
  const first = ({ one, warnings }) => (warnings.length || one.state !== "online" ? 0 : 1);
  const shown = known.sort((a, b) => first(a) - first(b)).slice(0, CARDS);
  const facts = shown.map(({ one, warnings }) => [one.device, one.state, one.outbox_records, Math.floor((Date.now() - one.last_seen_ms) / 60000), warnings]);
  const words = "No device has spoken yet. Give one this cloud's broker in its configuration, section [broker], or invite it: afferent cloud device invite NAME";
  draw("devices", facts, () => listOf(shown, words, ({ one, warnings }) => deviceCard(one, warnings)));
  find("all-devices").hidden = count <= CARDS;
  find("all-devices").textContent = `All ${grouped(count)} devices`;
}

function drawNames(devices, known) {
  const chosen = find("device");
  const names = devices.map((device) => device.device);
  const before = chosen.value;
  draw("device", names, () => {
    const all = make("option", { text: "all devices" });
    all.value = "";
    return [all, ...names.map((name) => make("option", { text: name }))];
  });
  chosen.value = names.includes(before) ? before : "";
  find("not-named").hidden = known <= devices.length;
  const many = `The menu names ${grouped(devices.length)} of ${grouped(known)} devices.`;
  find("not-named").textContent = `${many} For another one, find it on the page Devices and choose What it sent.`;
}

async function drawPredictions(device) {
  const span = Number(find("span").value);
  const newest = (await ask(`/v1/predictions?${query({ device, limit: 1 })}`)).items;
  const to = Math.max(0, ...newest.map((one) => one.end_ms));
  const page = to ? await ask(`/v1/predictions?${query({ device, from: Math.max(0, to - span), limit: MOST })}`) : { items: [] };
  const emotions = page.items.filter((one) => one.task === "emotion" || one.probe !== null);
  draw("predictions", [emotions, span], () => (emotions.length ? strips(emotions, span, page.after) : nothingSaid()));
}

function strips(emotions, span, more) {
  const to = Math.max(...emotions.map((one) => one.end_ms));
  const found = bySource(emotions).map(([name, list]) => strip(name, list, to - span, to));
  if (more) {
    const oldest = when(Math.min(...emotions.map((one) => one.start_ms)));
    found.push(make("p", { name: "hint" }, `These are the newest ${MOST} segments, back to `, oldest, ". Choose one device or less time to see all of them."));
  }
  return found;
}

function nothingSaid() {
  const hint = reaches("viewer")
    ? "They come from a device with a body sensor, while a session goes on there."
    : "You see what was recorded of you. If something is missing, ask an admin under which name your account takes part, and on which device.";
  return [make("p", { text: "No predictions yet. Analysis in progress...", name: "empty" }), make("p", { text: hint, name: "hint" })];
}

async function drawList(name, device) {
  const [words, build] = LISTS[name];
  const page = await ask(`/v1/${name}?${query({ device, limit: limits[name] })}`);
  draw(name, page.items, (items) => listOf(items, words, build));
  const button = document.querySelector(`.more[data-list="${name}"]`);
  button.hidden = !page.after;
  button.disabled = limits[name] >= MOST;
  button.textContent = button.disabled ? `The newest ${MOST}; older ones: GET /v1/${name}` : "Show more";
}

// Draw the devices; return the one that is chosen, which is none where the address asked for one that there is not.
async function drawFleet() {
  const page = await ask(`/v1/devices?${query({ limit: MOST })}`);
  const asked = find("device").value;
  const beyond = page.after ? await Promise.all([{ attention: true }, ...(asked ? [{ device: asked }] : [])].map(some)) : [];
  const all = [...new Map([...page.items, ...beyond.flat()].map((one) => [one.device, one])).values()];
  drawNames(all, page.known);
  const device = find("device").value;
  const devices = all.filter((one) => !device || one.device === device);
  drawDevices(devices, device ? devices.length : page.known);
  const gaps = devices.flatMap((one) => one.gaps.map((gap) => ({ device: one.device, gap }))).slice(0, GAPS);
  draw("gaps", gaps, () => gaps.map(gapRow));
  return device;
}

const some = async (which) => (await ask(`/v1/devices?${query({ ...which, limit: CARDS })}`)).items;

async function drawAll() {
  const device = reaches("viewer") ? await drawFleet() : "";
  const names = reaches("viewer") ? Object.keys(LISTS) : ["recordings", "files"];
  await Promise.all([drawPredictions(device), ...names.map((name) => drawList(name, device))]);
}

async function refresh() {
  try {
    if (!me) me = await beSomebody();
    if (find("console").hidden) show(true);
    await drawAll();
    fresh();
  } catch (problem) {
    if (problem.status === 403) me = null; // they may do less than before
    else if (problem.status === 401) signedOut();
    else stale(problem);
  }
}

function show(signedIn) {
  document.title = `${signedIn ? "Overview" : "Sign in"} · Afferent cloud`;
  find("sign-in").hidden = signedIn;
  find("console").hidden = !signedIn;
  find("pages").hidden = !signedIn;
  find("state").hidden = !signedIn;
  if (!signedIn) find("password").focus();
}

function signedOut() {
  asking.stop();
  if (!find("console").hidden) location.assign("/"); // nothing that was shown or chosen is left for the next one who signs in here
  else show(false);
}

async function signIn(event) {
  event.preventDefault();
  const form = event.target;
  find("sign-in-problem").textContent = "";
  try {
    await ask("/v1/session", sent("POST", Object.fromEntries(new FormData(form))));
  } catch (problem) {
    find("sign-in-problem").textContent = wordsOf(problem);
    form.elements.password.select();
    return;
  }
  form.elements.password.value = "";
  const to = location.hash.slice(1); // where they were when they had to sign in
  if (/^\/console\/[\w-]+\.html(#|$)/.test(to)) return location.assign(to);
  await asking.now();
  find("top").focus();
}

// The device that the address asks for is in the menu before it is known which there are.
function chooseAsked() {
  const asked = new URLSearchParams(location.search).get("device");
  if (!asked) return;
  find("device").append(make("option", { text: asked }));
  find("device").value = asked;
}

function chosen() {
  const device = find("device").value;
  history.replaceState(null, "", device ? `/?${query({ device })}` : "/");
  asking.now();
}

function start() {
  drawLegend();
  chooseAsked();
  find("sign-in-form").addEventListener("submit", signIn);
  find("device").addEventListener("change", chosen);
  find("span").addEventListener("change", asking.now);
  for (const more of document.querySelectorAll(".more")) {
    more.addEventListener("click", () => {
      limits[more.dataset.list] = Math.min(MOST, limits[more.dataset.list] + 5 * STEP);
      asking.now();
    });
  }
  asking.now();
}

start();
