// What can be watched: a list, with preview and upload.

import * as api from "./session-api.js";
import { stimulusName } from "./desk-book.js";
import { openDialog } from "./dialogs.js";
import { byId, el, mark, say, smallButton } from "./dom.js";
import { bytes, duration } from "./format.js";
import { createKeyed } from "./keyed.js";
import { openStimulus } from "./stimulus-form.js";
import { needs } from "./who.js";

/** The panel; `desk` is `{book, notices}`. */
export function createStimuliPanel(desk) {
  const { book } = desk;
  const draw = createKeyed(byId("stimuli"), { key: ({ id }) => id, make: () => makeLine(desk), empty: byId("stimuli-empty") });
  byId("stimulus-add").addEventListener("click", () => openStimulus(desk, null));
  return () => {
    draw([...book.stimuli.values()].sort((a, b) => (a.number ?? 1e9) - (b.number ?? 1e9) || a.id.localeCompare(b.id)));
    say(byId("stimuli-empty"), book.known ? "Nothing to watch yet. Upload a video, or name a film that is shown elsewhere." : "Loading…");
  };
}

/** What is known of a stimulus, in one line. */
export function about({ number, kind, duration_ms: ms, size_bytes: size }) {
  const numbered = number === null || number === undefined ? "" : `number ${number}`;
  const played = kind === "file" ? `played here, ${bytes(size)}` : kind === "none" ? "no stimulus" : "shown elsewhere";
  return [numbered, ms ? duration(ms / 1000) : "", played].filter(Boolean).join(" · ");
}

function makeLine(desk) {
  let stimulus = null;
  const name = el("strong");
  const words = el("span", { class: "line-about" });
  const preview = smallButton("Preview", () => openPreview(stimulus));
  const element = el(
    "li",
    { class: "line" },
    el("div", { class: "line-words" }, name, words),
    el(
      "div",
      { class: "line-go" },
      preview,
      needs(smallButton("Change…", () => openStimulus(desk, stimulus)), "operator"),
      needs(smallButton("Remove…", () => openRemove(stimulus, desk), "danger"), "operator"),
    ),
  );
  return {
    element,
    fill(now) {
      stimulus = now;
      mark(element, "data-stimulus", now.id);
      say(name, stimulusName(now));
      say(words, about(now));
      preview.hidden = now.kind !== "file";
    },
  };
}

function openPreview(stimulus) {
  const video = el("video", { class: "preview", controls: true, playsinline: true, src: api.videoUrl(stimulus.id), "aria-label": stimulusName(stimulus) });
  video.addEventListener("error", () => dialog.tell("This browser cannot play the video.", "bad"));
  const dialog = openDialog({ title: stimulusName(stimulus), kind: "wide", content: [video], onClose: () => video.removeAttribute("src") });
}

function openRemove(stimulus, { book }) {
  openDialog({
    title: `Remove ${stimulusName(stimulus)}?`,
    content: [el("p", {}, "Its video file is removed from this device. Sessions that showed it keep their records.")],
    actions: [
      {
        name: "Remove",
        tone: "danger",
        async run() {
          await api.removeStimulus(stimulus.id);
          book.drop("stimuli", stimulus.id);
        },
      },
    ],
  });
}
