// The question to the participant: how do you feel now? It comes, is answered or expires, and goes; its place stays.

import { createAffectSquare } from "./affect-square.js";
import { byId, el, mark, say } from "./dom.js";
import { EMOTIONS } from "./emotions.js";

const HINTS = { HH: "excited", HL: "calm, peaceful", LH: "anxious, stressed", LL: "bored" };
const THANKS_MS = 1_800;

/**
 * `show(ask)` puts a question (null takes it away), `begin(by)` says how it is answered. `onAnswer(ask, label)` hears
 * `{source, probe}` or `{source, valence, arousal}`. `now` is the device's time.
 */
export function createAskBox({ onAnswer, now }) {
  const root = byId("ask");
  const words = byId("ask-words");
  const bar = byId("ask-left");
  const said = byId("ask-said");
  const answered = new Set();
  let open = null;
  let timer = 0;
  let by = "probe";
  let thanks = 0;

  const buttons = Object.entries(EMOTIONS).map(([probe, emotion], at) => keyButton(probe, emotion, at, answerProbe));
  byId("ask-keys").replaceChildren(...buttons);
  const square = createAffectSquare(byId("ask-square"), { onChoose: (place) => answer({ source: "square", ...place }) });
  addEventListener("keydown", (event) => {
    const at = placeOf(event);
    const chord = event.repeat || event.ctrlKey || event.metaKey || event.altKey;
    if (at < 0 || !open || by !== "probe" || chord) return;
    event.preventDefault();
    answerProbe(Object.keys(EMOTIONS)[at]);
  });

  function show(ask) {
    if (ask?.ask_id === open?.ask_id) return;
    if (ask && (now() >= ask.expires_ms || answered.has(ask.ask_id))) return;
    open = ask;
    clearInterval(timer);
    mark(root, "data-open", String(Boolean(ask)));
    byId("ask-keys").inert = byId("ask-square").inert = !ask;
    if (!ask) return thanks ? undefined : say(words, "");
    say(said, "");
    thanks = 0;
    say(words, "How do you feel now?");
    square.reset();
    if (by === "square") square.focus();
    tick();
    timer = setInterval(tick, 250);
  }

  /** How much time is left; at the end the question vanishes. */
  function tick() {
    const left = (open.expires_ms - now()) / (open.expires_ms - open.at_ms);
    bar.value = Math.max(0, Math.min(1, left));
    if (left <= 0) show(null);
  }

  function answerProbe(probe) {
    answer({ source: "probe", probe });
  }

  function answer(label) {
    if (!open) return;
    const ask = open;
    answered.add(ask.ask_id);
    show(null);
    say(words, "");
    say(said, "Thank you");
    clearTimeout(thanks);
    thanks = setTimeout(() => {
      thanks = 0;
      say(said, "");
    }, THANKS_MS);
    onAnswer(ask, label);
  }

  function begin(way) {
    by = way;
    mark(root, "data-by", way);
    byId("ask-keys").inert = byId("ask-square").inert = true;
  }

  return { show, begin };
}

/** Which of the keys 1 to 4 was pressed: by what it says, or, where digits need Shift, by where it is; -1 for others. */
function placeOf({ key, code, shiftKey }) {
  const said = ["1", "2", "3", "4"].indexOf(key);
  return said >= 0 || shiftKey ? said : ["Digit1", "Digit2", "Digit3", "Digit4"].indexOf(code);
}

function keyButton(probe, { name, color }, at, onPress) {
  const swatch = el("span", { class: "ask-swatch", "aria-hidden": "true" }, String(at + 1));
  swatch.style.backgroundColor = color;
  const button = el(
    "button",
    { type: "button", class: "ask-key", "data-probe": probe, "aria-keyshortcuts": String(at + 1) },
    swatch,
    el("span", { class: "ask-name" }, name, el("small", {}, HINTS[probe])),
  );
  button.addEventListener("click", () => onPress(probe));
  return button;
}
