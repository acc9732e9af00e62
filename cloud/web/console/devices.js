// The devices: all of them with what needs somebody, or the one that the address names.

import { Problem, ago, ask, beSomebody, clock, draw, find, listOf, make, reaches, say } from "./page.js";
import { beginDevice, drawDevice, leaveDevice } from "./device.js";

const EVERY_MS = 3000;
let timer;
let turn = 0;
let all = [];

const chosen = () => decodeURIComponent(location.hash.slice(1));

function needs(device) {
  const found = [];
  if (device.desired_state === "refused") found.push("refuses a part of what it shall be");
  else if (device.desired_version > device.reported_version) found.push("is not yet what it shall be");
  if (device.open_alarms) found.push(`${device.open_alarms} alarms go on`);
  if (device.missing) found.push(`${device.missing} records missing`);
  if (device.clock !== "trusted") found.push("its clock is not trusted");
  if (device.certificate_expires_ms && device.certificate_expires_ms < Date.now() + 7 * 86400000)
    found.push(`its certificate ends ${clock(device.certificate_expires_ms)}`);
  return found;
}

function row(device) {
  const link = make("a", { text: device.device, name: "name" });
  link.href = `#${encodeURIComponent(device.device)}`;
  const head = make("div", {}, make("span", { name: `dot ${device.state}` }), link);
  const words = [device.state, `last seen ${device.age}`, device.release || device.software].filter(Boolean);
  const open = device.commands_open ? [`${device.commands_open} commands go on`] : [];
  const faint = make("div", { text: [...words, ...open].join(", "), name: "faint" });
  return make("li", {}, head, faint, ...needs(device).map((text) => make("div", { text, name: "warn" })));
}

function drawList() {
  const name = find("filter").value.trim().toLowerCase();
  const which = find("which").value;
  const shown = all
    .filter((one) => one.device.toLowerCase().includes(name))
    .filter((one) => !which || one.state === which || (which === "attention" && needs(one).length))
    .map((one) => ({ ...one, age: ago(one.last_seen_ms) }));
  draw("devices", shown, () => listOf(shown, all.length ? "None is like that." : "No device has spoken yet.", row));
}

async function everyDevice() {
  const found = [];
  let after = "";
  do {
    const page = await ask(`/v1/devices?limit=1000${after && `&after=${after}`}`);
    found.push(...page.items);
    after = page.after ?? "";
  } while (after);
  return found;
}

async function refresh() {
  clearTimeout(timer);
  const mine = ++turn;
  try {
    const name = chosen();
    if (name) await drawDevice(name);
    else {
      all = await everyDevice();
      if (!chosen()) drawList();
    }
    say(`Up to date at ${clock(Date.now(), false)}`);
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) return location.assign("/");
    const words = problem instanceof Problem ? problem.message : "connection lost";
    say(`${words[0].toUpperCase()}${words.slice(1)}; trying again …`, true);
  }
  if (mine === turn) timer = setTimeout(refresh, EVERY_MS);
}

function go() {
  const name = chosen();
  find("list").hidden = Boolean(name);
  find("one").hidden = !name;
  if (name) beginDevice(name, refresh);
  else leaveDevice();
  refresh();
}

async function start() {
  try {
    await beSomebody();
  } catch (problem) {
    if (problem.status === 401) return location.assign("/");
    say("Connection lost; trying again …", true);
    timer = setTimeout(start, EVERY_MS);
    return;
  }
  if (!reaches("viewer")) return location.assign("/");
  addEventListener("hashchange", go);
  go();
}

for (const id of ["filter", "which"]) find(id).addEventListener("input", drawList);
start();
