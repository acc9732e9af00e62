// What a sensor's board can be told: to show itself, to be calibrated with its electrodes open, and to test itself.

import * as api from "./session-api.js";
import { openDialog } from "./dialogs.js";
import { el, say } from "./dom.js";
import { number, words } from "./format.js";

/** Let the board blink, so that it is found among others. */
export function openIdentify(id, name) {
  run(`Which one is ${name}?`, () => api.command(id, { command: "identify" }), "The board blinks now.");
}

/** Let the board test itself, and show what it found. */
export function openSelfTest(id, name) {
  run(`Self-test of ${name}`, () => api.command(id, { command: "self_test" }), "The board is well.");
}

/** Calibrate in steps: electrodes off the skin, then measure, then what came of it. */
export function openCalibration(id, name) {
  const result = el("p", { class: "command-result", role: "status" });
  const values = el("dl", { class: "sensor-facts" });
  openDialog({
    title: `Calibrate ${name}`,
    content: [
      el(
        "ol",
        { class: "steps" },
        el("li", {}, "Take both electrodes off the skin and lay them apart, touching nothing."),
        el("li", {}, "Press “Measure”. The board takes a few seconds and keeps what it found."),
        el("li", {}, "Put the electrodes back on. Conductance is now counted from open electrodes."),
      ),
      result,
      values,
    ],
    actions: [{ name: "Electrodes are off: measure", tone: "primary", run: measure }],
  });

  async function measure(dialog) {
    dialog.tell("Measuring…");
    const answer = await api.command(id, { command: "calibrate" });
    dialog.tell("", "plain");
    say(result, answer.ok ? `Calibrated. ${words(answer.detail)}` : `Not calibrated. ${words(answer.detail)}`);
    showValues(values, answer.values);
    return false;
  }
}

async function run(title, command, good) {
  const result = el("p", { class: "command-result", role: "status" }, "Asking the board…");
  const values = el("dl", { class: "sensor-facts" });
  openDialog({ title, content: [result, values] });
  try {
    const answer = await command();
    say(result, answer.ok ? `${good} ${words(answer.detail)}`.trim() : `That did not work. ${words(answer.detail)}`);
    showValues(values, answer.values);
  } catch (problem) {
    say(result, problem.message);
  }
}

function showValues(root, values = {}) {
  root.replaceChildren(...Object.entries(values).map(([name, value]) => el("div", {}, el("dt", {}, words(name)), el("dd", {}, number(value, Number.isInteger(value) ? 0 : 2)))));
}
