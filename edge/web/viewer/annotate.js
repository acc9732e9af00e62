// Annotating a segment (S0.38): what somebody says of it afterwards, kept beside the model's word and not instead of it.

import * as api from "./session-api.js";
import { createAffectSquare, placeWords, probeOf } from "./affect-square.js";
import { openDialog } from "./dialogs.js";
import { el, mark, say } from "./dom.js";
import { EMOTIONS } from "./emotions.js";
import { newLabelId } from "./label-store.js";
import { explain } from "./segment-words.js";
import { describe } from "./timeline.js";

/** Ask for a label of `segment`, and keep it with the session; `onDone()` afterwards. */
export function openAnnotation(segment, { onDone = () => {}, notices = null }) {
  if (!segment.session) return;
  const labelId = newLabelId();
  let label = null;
  const words = el("p", { class: "hint", role: "status" }, "Choose an emotion, or a place in the square.");
  const buttons = Object.entries(EMOTIONS).map(([probe, emotion]) => emotionButton(emotion, probe, () => choose({ probe })));
  const square = el("div", { class: "square" });
  const dialog = openDialog({
    title: "Annotate this segment",
    content: [
      el("p", {}, describe(segment)),
      el("ul", { class: "segment-why" }, ...explain(segment).map((text) => el("li", {}, text))),
      el("div", { class: "annotate-keys", role: "group", "aria-label": "Emotion" }, ...buttons),
      square,
      words,
    ],
    actions: [{ name: "Keep annotation", tone: "primary", id: "keep", disabled: true, run: keep }],
  });
  createAffectSquare(square, { onChoose: (place) => choose({ probe: probeOf(place), ...place }) });

  function choose(chosen) {
    label = chosen;
    for (const button of buttons) mark(button, "aria-pressed", String(button.dataset.probe === chosen.probe));
    const place = chosen.valence === undefined ? "" : `: ${placeWords(chosen)}`;
    say(words, `${EMOTIONS[chosen.probe].name}${place}`);
    dialog.action("keep").disabled = false;
  }

  async function keep() {
    const middle = Math.round((segment.startMs + segment.endMs) / 2);
    const film = segment.stimulusMs === null ? {} : { stimulus_ms: Math.round(segment.stimulusMs + (segment.endMs - segment.startMs) / 2) };
    await api.sendLabels(segment.session, [{ source: "annotation", at_ms: middle, label_id: labelId, ...film, ...label }]);
    notices?.tell("Annotated", EMOTIONS[label.probe].name);
    onDone();
  }
}

function emotionButton({ name, color }, probe, onPress) {
  const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
  swatch.style.backgroundColor = color;
  const button = el("button", { class: "button annotate-key", type: "button", "aria-pressed": "false", "data-probe": probe }, swatch, name);
  button.addEventListener("click", onPress);
  return button;
}
