// One device: what it is, what it shall be (with an editor), and what it shall do.

import { ago, ask, bytes, clock, draw, drawn, find, listOf, make, reaches, wordsOf } from "./page.js";

const COMMANDS = ["snapshot", "restart", "diagnostics", "log_level", "update", "rollback", "renew_certificate"];
const IDS = ["facts", "refused", "commands"];
const JSON_TYPE = { "content-type": "application/json" };
let name = "";
let shown = { version: 0, text: "" };
let again = () => {};

const path = (rest = "") => `/v1/devices/${encodeURIComponent(name)}${rest}`;
const textOf = ({ settings, plans, models }) => JSON.stringify({ settings, plans, models }, null, 2);

export function beginDevice(device, refresh) {
  name = device;
  again = refresh;
  shown = { version: -1, text: "" };
  for (const id of IDS) drawn.delete(id);
  for (const id of ["desired-problem", "command-problem", "standing"]) find(id).textContent = "";
  find("name").textContent = device;
  find("desired").value = "";
  find("desired").readOnly = !reaches("operator");
}

export function leaveDevice() {
  name = "";
}

export async function drawDevice(device) {
  const [found, page] = await Promise.all([ask(path()), ask(path("/commands?limit=30"))]);
  if (device !== name) return;
  drawFacts(found);
  drawDesired(found);
  draw("commands", page.items, (items) => listOf(items, "Nothing was asked of it.", commandRow));
}

function drawFacts({ device, telemetry, reported }) {
  const facts = {
    State: `${device.state}, last seen ${ago(device.last_seen_ms)}`,
    Software: [device.software || "unknown", device.release, reported?.machine].filter(Boolean).join(" · "),
    Clock: device.clock,
    Records: `${device.contiguous} of ${device.highest} here, ${device.outbox_records} wait on the device`,
    Uploads: `${device.uploads_pending} wait`,
    Alarms: `${device.open_alarms} go on`,
  };
  if (telemetry) facts.Disk = `${bytes(telemetry.disk_free_bytes)} free`;
  if (device.certificate_expires_ms) facts.Certificate = `until ${clock(device.certificate_expires_ms)}`;
  draw("facts", facts, () =>
    Object.entries(facts).flatMap(([term, text]) => [make("dt", { text: term }), make("dd", { text })]),
  );
}

function standing({ device, desired }) {
  if (!desired.version) return "Nobody asked for anything: it is as its own configuration says.";
  const by = `Version ${desired.version}, by ${desired.by}, ${clock(Date.parse(desired.set_at))}`;
  if (device.seen_version < desired.version) return `${by}: the device has not seen it yet.`;
  if (device.desired_state === "refused") return `${by}: the device refuses it, and stays at version ${device.reported_version}.`;
  if (device.reported_version < desired.version) return `${by}: the device is taking it.`;
  return `${by}: in force.`;
}

function drawDesired(found) {
  find("standing").textContent = standing(found);
  const refused = found.device.desired_state === "refused" ? (found.reported?.refused ?? []) : [];
  draw("refused", refused, (items) => items.map(refusedRow));
  const area = find("desired");
  if (found.desired.version !== shown.version && area.value === shown.text) {
    shown = { version: found.desired.version, text: textOf(found.desired) };
    area.value = shown.text;
  }
}

function refusedRow({ path: place, reason }) {
  return make("li", {}, make("code", { text: place }), make("div", { text: reason, name: "warn" }));
}

function commandRow(command) {
  const words = make("div", {}, make("span", { text: command.state, name: `tag ${command.state}` }), ` ${command.name} `);
  words.append(make("div", { text: `by ${command.by}, ${clock(command.asked_ms)}`, name: "faint" }));
  if (command.reason) words.append(make("div", { text: command.reason, name: command.state === "failed" ? "warn" : "faint" }));
  const outcome = Object.entries(command.outcome).map(([key, value]) => `${key}: ${value}`);
  if (outcome.length) words.append(make("div", { text: outcome.join(", "), name: "faint" }));
  const row = make("div", { name: "row" }, words);
  if (command.file?.content) row.append(download(command.file));
  else if (command.file) row.append(make("span", { text: "uploading …", name: "faint" }));
  if (reaches("operator") && ["queued", "sent"].includes(command.state)) row.append(cancelButton(command));
  return make("li", {}, row);
}

function download(file) {
  const link = make("a", { text: "Download" });
  link.href = file.content;
  link.download = "";
  link.setAttribute("aria-label", `Download ${file.name}`);
  return link;
}

function cancelButton(command) {
  const button = make("button", { text: "Cancel" });
  button.type = "button";
  button.setAttribute("aria-label", `Cancel ${command.command_id}`);
  button.addEventListener("click", () =>
    told("command-problem", () => ask(path(`/commands/${command.command_id}/cancel`), { method: "POST" })),
  );
  return button;
}

// Do it, and say at `place` what went wrong; what is shown anew says what went right.
async function told(place, act) {
  find(place).textContent = "";
  try {
    await act();
  } catch (problem) {
    find(place).textContent = problem instanceof SyntaxError ? problem.message : wordsOf(problem);
    return problem;
  }
  again();
  return null;
}

async function save(event) {
  event.preventDefault();
  const area = find("desired");
  const text = area.value;
  const problem = await told("desired-problem", async () => {
    const body = JSON.stringify(JSON.parse(text));
    const headers = { ...JSON_TYPE, "if-match": `"${shown.version}"` };
    const saved = await ask(path("/desired"), { method: "PUT", body, headers });
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
  await told("command-problem", () => {
    const body = JSON.stringify({ name: find("command").value, arguments: JSON.parse(find("arguments").value || "{}") });
    return ask(path("/commands"), { method: "POST", body, headers: JSON_TYPE });
  });
}

function discard() {
  find("desired-problem").textContent = "";
  shown = { version: -1, text: "" };
  find("desired").value = "";
  again();
}

find("command").append(...COMMANDS.map((text) => make("option", { text })));
find("desired-form").addEventListener("submit", save);
find("discard").addEventListener("click", discard);
find("command-form").addEventListener("submit", order);
