// The check list before a session: a shape, a word and a remedy for each line, so that colour is never alone.

import { el, mark, say } from "./dom.js";
import { words } from "./format.js";
import { createKeyed } from "./keyed.js";

const SHAPES = { ok: "✓", warning: "!", stop: "✕" };
const STATES = { ok: "good", warning: "warning", stop: "stops the session" };
const ORDER = ["stop", "warning", "ok"];

/** How a check list stands: `none` where there is none, else `stop`, `warning` or `ok`. */
export function standing(found) {
  if (!found) return "none";
  if (!found.ready || found.checks.some(({ state }) => state === "stop")) return "stop";
  return found.checks.some(({ state }) => state === "warning") ? "warning" : "ok";
}

/** `draw(checks)` into the list `root`; where consent is missing, a button tells `onConsent()`. */
export function createCheckList(root, { onConsent }) {
  const draw = createKeyed(root, { key: ({ name }) => name, make: () => makeLine(onConsent) });
  return (checks) => draw([...checks].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state)));
}

function makeLine(onConsent) {
  const shape = el("span", { class: "check-shape", "aria-hidden": "true" });
  const name = el("strong");
  const state = el("span", { class: "away" });
  const detail = el("span", { class: "check-detail" });
  const remedy = el("span", { class: "check-remedy" });
  const consent = el("button", { class: "button small", type: "button" }, "Consent…");
  const element = el("li", { class: "check" }, shape, el("div", {}, name, state, detail, remedy), consent);
  consent.addEventListener("click", onConsent);
  return {
    element,
    fill(check) {
      mark(element, "data-state", check.state);
      mark(element, "data-check", check.name);
      say(shape, SHAPES[check.state]);
      say(name, words(check.name));
      say(state, STATES[check.state]);
      say(detail, check.detail);
      say(remedy, check.state === "ok" ? "" : words(check.remedy));
      consent.hidden = !(check.name === "consent" && check.state !== "ok");
    },
  };
}
