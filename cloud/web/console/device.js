// One device: what it is, its desired state (with an editor), and its commands.

import { bytes, DASH, grouped, percent } from "./format.js";
import { ask, downloadLink, draw, drawn, find, JSON_TYPE, listOf, make, makeButton, query, reaches, sent, since, when, wordsOf } from "./page.js";
import { uploading } from "./rows.js";
import { commandState, COMMANDS, commandTitle, deviceState, needs } from "./words.js";

const IDS = ["facts", "refused", "commands"];
let name = "";
let shown = { version: 0, text: "" };
let again = () => {};

const path = (rest = "") => `/v1/devices/${encodeURIComponent(name)}${rest}`;
const textOf = ({ settings, plans, models }) => JSON.stringify({ settings, plans, models }, null, 2);

export function beginDevice(device, refresh) {
  name = device;
  again = refresh;
  shown = { version: -1, text: "" };
  for (const id of IDS) {
    drawn.delete(id);
    find(id).replaceChildren(make(id === "facts" ? "dt" : "li", { text: id === "refused" ? "" : "Loading …", name: "empty" }));
  }
  drawn.delete("standing");
  for (const id of ["desired-problem", "command-problem", "standing"]) find(id).textContent = "";
  find("name").textContent = device;
  find("sent").href = `/?${query({ device })}`;
  showParts(true);
  find("desired").value = "";
  find("desired").readOnly = true; // until it is known what is there
}

/** Whether the editor has something that nobody else has. */
export const unsaved = () => Boolean(name) && shown.version >= 0 && find("desired").value !== shown.text;

export function leaveDevice() {
  name = "";
}

export async function drawDevice(device) {
  const [found, page] = await Promise.all([ask(path()), ask(path("/commands?limit=30"))]);
  if (device !== name) return;
  showParts(true);
  drawFacts(found);
  drawDesired(found);
  const words = reaches("operator") ? "No command was sent to it yet. Choose one above." : "No command was sent to it yet.";
  draw("commands", page.items, (items) => listOf(items, words, commandRow));
}

/** Nobody knows it: it was taken off the list, or somebody typed its name. */
export function drawMissing() {
  showParts(false);
  drawn.delete("facts");
  find("facts").replaceChildren(make("dt", { text: "No device of this name has spoken. See on the page Devices which there are." }));
}

function showParts(isKnown) {
  for (const id of ["hands", "sent"]) find(id).hidden = !isKnown;
}

function drawFacts({ device, telemetry, reported }) {
  const facts = [
    ["State", deviceState(device.state), ", last seen ", since(device.last_seen_ms)],
    ["Needs attention", needs(device, Date.now()).join("; ") || "nothing"],
    ["Software", [device.software || DASH, device.release, reported?.machine].filter(Boolean).join(" · ")],
    ["Clock", device.clock === "trusted" ? "set" : "not set: see whether the device reaches a time server"],
    ["Records", recordsWords(device)],
    ["Uploads", waiting(device.uploads_pending, "")],
  ];
  if (telemetry) facts.push(...vitals(telemetry));
  if (device.certificate_expires_ms) facts.push(["Certificate", "good until ", when(device.certificate_expires_ms)]);
  const plain = facts.map((fact) => fact.map((part) => part.textContent ?? part));
  draw("facts", plain, () => facts.flatMap(([term, ...parts]) => [make("dt", { text: term }), make("dd", {}, ...parts)]));
}

function recordsWords({ contiguous, highest, outbox_records: waits }) {
  const whole = contiguous >= highest;
  const here = whole ? `all ${grouped(highest)} of its newest run are here` : `its newest run is whole up to number ${grouped(contiguous)} of ${grouped(highest)}`;
  return `${here}; ${waiting(waits, "more")}`;
}

function waiting(count, more) {
  if (!count) return "none waits on the device";
  return `${[grouped(count), more].filter(Boolean).join(" ")} ${count === 1 ? "waits" : "wait"} on the device`;
}

function vitals(telemetry) {
  const cameras = Object.entries(telemetry.cameras ?? {}).map(([camera, fps]) => `${camera} ${fps.toFixed(1)} frames/s`);
  const found = [["Disk", `${bytes(telemetry.disk_free_bytes)} free`], ["Processor", `${percent(telemetry.cpu_share)} in use`]];
  if (Number.isFinite(telemetry.temperature_c)) found.push(["Temperature", `${telemetry.temperature_c.toFixed(0)} °C`]);
  if (cameras.length) found.push(["Cameras", cameras.join(", ")]);
  return found;
}

function standing({ device, desired }) {
  if (!desired.version) return ["Nothing was asked for: the device is as its own configuration says."];
  const by = [`Version ${desired.version}, by ${desired.by}, `, when(Date.parse(desired.set_at))];
  if (device.seen_version < desired.version) return [...by, ": the device has not seen it yet."];
  if (device.desired_state === "refused") return [...by, `: the device refuses it, for what is named here, and stays at version ${device.reported_version}.`];
  if (device.reported_version < desired.version) return [...by, ": the device is taking it."];
  return [...by, ": in force."];
}

function drawDesired(found) {
  const words = standing(found);
  draw("standing", words.map((part) => part.textContent ?? part), () => words);
  const refused = found.device.desired_state === "refused" ? (found.reported?.refused ?? []) : [];
  draw("refused", refused, (items) => items.map(refusedRow));
  const area = find("desired");
  area.readOnly = !reaches("operator");
  find("may-not").hidden = reaches("operator");
  if (found.desired.version !== shown.version && area.value === shown.text) {
    shown = { version: found.desired.version, text: textOf(found.desired) };
    area.value = shown.text;
  }
}

function refusedRow({ path: place, reason }) {
  return make("li", {}, make("code", { text: place }), make("div", { text: reason, name: "warn" }));
}

function commandRow(command) {
  const state = make("span", { text: commandState(command.state), name: `tag ${command.state}` });
  const title = make("span", { text: commandTitle(command.name), name: "name", title: command.name });
  const words = make("div", {}, make("div", {}, state, " ", title));
  words.append(make("div", { name: "faint" }, `by ${command.by}, `, when(command.asked_ms)));
  if (command.reason) words.append(make("div", { text: command.reason, name: command.state === "failed" ? "warn" : "faint" }));
  const outcome = Object.entries(command.outcome).map(([key, value]) => `${key}: ${value}`);
  if (outcome.length) words.append(make("div", { text: outcome.join(", "), name: "faint" }));
  const row = make("div", { name: "row" }, words);
  if (command.file) row.append(command.file.content ? downloadLink(command.file) : uploading());
  if (reaches("operator") && ["queued", "sent"].includes(command.state)) row.append(cancelButton(command));
  return make("li", {}, row);
}

function cancelButton(command) {
  const act = () => told("command-problem", () => ask(path(`/commands/${command.command_id}/cancel`), { method: "POST" }));
  return makeButton("Cancel", `Cancel ${command.command_id}`, act);
}

// Do it, and say at `place` what went wrong; what is shown anew says what went right.
async function told(place, act) {
  find(place).textContent = "";
  try {
    await act();
  } catch (problem) {
    find(place).textContent = wordsFor(problem);
    return problem;
  }
  again();
  return null;
}

function wordsFor(problem) {
  if (problem instanceof SyntaxError) return `This is no JSON, so nothing was sent. ${problem.message}.`;
  if (problem.status !== 412) return wordsOf(problem);
  return "Somebody changed it while you did, so nothing was saved. Copy your text, press Discard changes, and put your part in again.";
}

async function save(event) {
  event.preventDefault();
  const area = find("desired");
  const text = area.value;
  const problem = await told("desired-problem", async () => {
    const { method, body, headers } = sent("PUT", JSON.parse(text));
    const saved = await ask(path("/desired"), { method, body, headers: { ...headers, "if-match": `"${shown.version}"` } });
    shown = { version: saved.version, text: textOf(saved) };
    area.value = shown.text;
  });
  if (problem?.field) select(area, problem.field);
}

// Mark what the problem names: the innermost name of its path that stands in the text.
function select(area, field) {
  let from = 0;
  let found = null;
  for (const step of field.replace(/^\$\.?/, "").split(/[.[\]]+/).filter(Boolean)) {
    const at = area.value.indexOf(`"${step}"`, from);
    if (at < 0) continue;
    found = [at, at + step.length + 2];
    from = found[1];
  }
  if (!found) return;
  area.focus();
  area.setSelectionRange(...found);
}

async function order(event) {
  event.preventDefault();
  const { title, example, risky } = COMMANDS[find("command").value];
  if (risky && !confirm(`${title}: it stops what ${name} does for a moment, and waits while a session is recorded there. Go on?`)) return;
  await told("command-problem", () => {
    const args = example ? JSON.parse(find("arguments").value || "{}") : {};
    return ask(path("/commands"), { method: "POST", body: JSON.stringify({ name: find("command").value, arguments: args }), headers: JSON_TYPE });
  });
}

function offerArguments() {
  const { example } = COMMANDS[find("command").value];
  find("with").hidden = !example;
  find("arguments").value = "{}";
  find("arguments").title = example ? `Such as ${example}` : "";
  find("arguments-hint").textContent = example ? `Such as ${example}` : "It takes no arguments.";
}

function discard() {
  find("desired-problem").textContent = "";
  shown = { version: -1, text: "" };
  find("desired").value = "";
  again();
}

addEventListener("beforeunload", (event) => {
  if (unsaved()) event.preventDefault();
});
find("command").append(...Object.entries(COMMANDS).map(([value, { title }]) => Object.assign(make("option", { text: title }), { value })));
find("command").addEventListener("change", offerArguments);
find("desired-form").addEventListener("submit", save);
find("discard").addEventListener("click", discard);
find("command-form").addEventListener("submit", order);
offerArguments();
