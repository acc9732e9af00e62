// One sensor: its state in words, its figures, and the buttons of what its board understands.

import { el, mark, say, smallButton } from "./dom.js";
import { number, quantity } from "./format.js";
import { createQualityList } from "./quality-list.js";
import { openCalibration, openIdentify, openSelfTest } from "./sensor-dialogs.js";

const STATES = { ok: "Connected", starting: "Connecting", degraded: "Impaired", failed: "Not there", stopped: "Off" };
const COMMANDS = [["identify", "Identify", openIdentify], ["calibrate", "Calibrate…", openCalibration], ["self_test", "Self-test", openSelfTest]];

const FACTS = [
  ["Rate", ({ rate_hz: rate }) => quantity(rate, "Hz", rate < 10 ? 1 : 0)],
  ["Gaps", ({ gaps, lost }) => `${number(gaps)}${lost ? ` (${number(lost)} lost)` : ""}`],
  ["Clock offset", ({ clock_offset_ms: offset }) => quantity(offset, "ms", 1)],
  ["Clock drift", ({ clock_drift_ppm: drift }) => quantity(drift, "ppm", 1)],
  ["Jitter", ({ clock_jitter_ms: jitter }) => quantity(jitter, "ms", 1)],
  ["Restarts", ({ resets }) => number(resets)],
];

/** The card of the sensor `id`: `{element, fill(sensor)}`. */
export function createSensorCard(id) {
  const name = el("h3");
  const board = el("p", { class: "sensor-board" });
  const state = el("span", { class: "chip" });
  const calibrated = el("span", { class: "chip" });
  const detail = el("p", { class: "sensor-detail" });
  const cells = FACTS.map(([term, read]) => ({ read, value: el("dd"), term }));
  const facts = el("dl", { class: "sensor-facts" }, ...cells.map(({ term, value }) => el("div", {}, el("dt", {}, term), value)));
  const list = el("ul", { class: "qualities", "aria-label": "Quality of the signals" });
  const quality = createQualityList(list);
  const buttons = COMMANDS.map(([command, words, open]) => ({ command, button: smallButton(words, () => open(id, name.textContent)) }));
  const go = el("div", { class: "sensor-go", "data-needs": "operator" }, ...buttons.map(({ button }) => button));
  const element = el("li", { class: "sensor-card", "data-sensor": id }, el("header", { class: "sensor-head" }, name, state, calibrated), board, detail, list, facts, go);

  function fill(sensor) {
    say(name, sensor.name || sensor.id);
    say(board, [sensor.board, sensor.source].filter(Boolean).join(" · "));
    say(state, STATES[sensor.state] ?? sensor.state);
    mark(state, "data-state", sensor.state);
    say(calibrated, sensor.calibrated === null || sensor.calibrated === undefined ? "" : sensor.calibrated ? "Calibrated" : "Not calibrated");
    mark(calibrated, "data-state", sensor.calibrated ? "given" : "missing");
    calibrated.hidden = !calibrated.textContent;
    say(detail, sensor.state === "ok" ? "" : (sensor.detail ?? ""));
    detail.hidden = !detail.textContent;
    for (const { read, value } of cells) say(value, read(sensor));
    quality(sensor.quality ?? {});
    for (const { command, button } of buttons) button.hidden = !(sensor.commands ?? []).includes(command);
    go.hidden = !(sensor.commands ?? []).length;
  }

  return { element, fill };
}
