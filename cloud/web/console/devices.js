// The devices: all of them with what needs attention, or the one that the address names. The cloud chooses, not this page.

import { beginDevice, drawDevice, drawMissing, leaveDevice, unsaved } from "./device.js";
import { counted, grouped } from "./format.js";
import { ask, beSomebody, draw, find, fresh, goToSignIn, listOf, make, query, reaches, since, stale } from "./page.js";
import { repeating } from "./repeat.js";
import { deviceLink } from "./rows.js";
import { deviceState, needs } from "./words.js";

const EVERY_MS = 3000;
const STEP = 100;
const MOST = 1000; // devices that one request gives
let shown = STEP;
let known = false;
let asked = 0; // an answer that was overtaken by a later choice is not drawn
let current = "";
const asking = repeating(refresh, EVERY_MS);

// The device that the address names; a name that is spoilt is shown as it is, and nobody has it.
function chosen() {
  const name = location.hash.slice(1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function row({ device, warnings }) {
  const faint = make("div", { name: "faint" }, `${deviceState(device.state)}, last seen `, since(device.last_seen_ms));
  const software = device.release || device.software;
  if (software) faint.append(`, software ${software}`);
  if (device.commands_open) faint.append(`, ${counted(device.commands_open, "command")} not ended`);
  return make("li", {}, deviceLink(device), faint, ...warnings.map((text) => make("div", { text, name: "warn" })));
}

function drawList({ items, found, known: count }) {
  const rows = items.map((device) => ({ device, warnings: needs(device, Date.now()) }));
  const minute = Math.floor(Date.now() / 60000);
  draw("devices", [rows, minute, count > 0], () => listOf(rows, emptyWords(count), row));
  find("more").hidden = found <= rows.length;
  const words = `${grouped(found)} of ${counted(count, "device")}`;
  if (find("count").textContent !== words) find("count").textContent = words;
}

function emptyWords(count) {
  if (!count) return "No device has spoken yet. Give one this cloud's broker in its configuration, section [broker], or invite it: afferent cloud device invite NAME";
  return "No device is like that. Choose another name, or show all.";
}

// As many devices as are shown of those that the reader chose.
async function chosenDevices() {
  const which = find("which").value;
  const like = { name: find("filter").value.trim(), ...(which === "attention" ? { attention: true } : { state: which }) };
  const items = [];
  let page = { after: "" };
  do {
    page = await ask(`/v1/devices?${query({ ...like, limit: Math.min(MOST, shown - items.length), after: page.after })}`);
    items.push(...page.items);
  } while (page.after && items.length < shown);
  return { ...page, items };
}

async function refresh() {
  try {
    if (!known) await beSomebody();
    if (!reaches("viewer")) return location.assign("/");
    known = true;
    const name = chosen();
    if (name) await drawDevice(name);
    else {
      const turn = ++asked;
      const devices = await chosenDevices();
      if (!chosen() && turn === asked) drawList(devices);
    }
    fresh();
  } catch (problem) {
    if (problem.status === 401 && unsaved()) stale(problem, "Copy your text, which is not saved, then load the page again to sign in.");
    else if (problem.status === 401) goToSignIn();
    else if (problem.status === 403) location.assign("/");
    else if (problem.status === 404 && chosen() && !unsaved()) nobodyKnows();
    else stale(problem);
  }
}

function nobodyKnows() {
  drawMissing();
  fresh();
}

async function go() {
  const name = chosen();
  current = name;
  find("list").hidden = Boolean(name);
  find("one").hidden = !name;
  document.title = `${name ? `${name} · ` : ""}Devices · Afferent cloud`;
  if (name) beginDevice(name, asking.now);
  else leaveDevice();
  await asking.now();
}

async function moved() {
  if (chosen() === current) return;
  if (unsaved() && !confirm(`What you changed of ${current} is not saved. Leave it?`)) {
    location.hash = encodeURIComponent(current);
    return;
  }
  await go();
  find(chosen() ? "name" : "list-title").focus(); // who reads aloud hears where they are
}

addEventListener("hashchange", moved);
for (const id of ["filter", "which"]) {
  find(id).addEventListener("input", () => {
    shown = STEP;
    asking.now();
  });
}
find("more").addEventListener("click", () => {
  shown += STEP;
  asking.now();
});
go();
