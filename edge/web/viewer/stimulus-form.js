// The form of a stimulus: what it is called, its number for existing clients, its length, and the video file itself.

import * as api from "./session-api.js";
import { openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { dressed, numberField, showProblems, textField } from "./fields.js";
import { bytes, percent } from "./format.js";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Make or change a stimulus; with a file it is uploaded, and its length is read from the file. */
export function openStimulus({ book }, stimulus) {
  const { id = "", title = "", number, duration_ms: ms } = stimulus ?? {};
  const draft = { id, title, number: number ?? NaN, seconds: ms ? ms / 1000 : NaN };
  let made = stimulus ?? null;
  let file = null;
  let upload = null;
  const chosen = el("input", { type: "file", accept: "video/*", class: "file" });
  const bar = el("progress", { max: 1, value: 0, class: "upload-bar", hidden: true, "aria-label": "Upload" });
  const fields = [
    stimulus ? null : nameField(draft),
    textField({ label: "Title", value: draft.title, path: "title", onInput: (text) => (draft.title = text) }),
    countField(draft),
    dressed(chosen, {
      label: stimulus?.size_bytes ? `Another video file (now ${bytes(stimulus.size_bytes)})` : "Video file",
      path: "video",
      hint: "None: it is shown elsewhere, not by this page.",
    }),
    lengthField(draft),
    bar,
  ];
  const dialog = openDialog({
    title: stimulus ? `Change ${stimulus.title || stimulus.id}` : "New stimulus",
    content: fields.filter(Boolean),
    actions: [{ name: stimulus ? "Save" : "Add", tone: "primary", run: save }],
    onClose: () => upload?.cancel(),
  });

  chosen.addEventListener("change", () => (file = chosen.files[0] ?? null));

  async function save() {
    const problems = problemsOf(draft, made ? null : book);
    if (showProblems(dialog.root, problems).length || problems.length) return false;
    const told = { id: draft.id, title: draft.title, number: whole(draft.number), duration_ms: whole(draft.seconds * 1000) };
    made = await api.putStimulus({ ...(made ?? { kind: "external" }), ...told });
    book.put("stimuli", made);
    if (file) await send();
    return true;
  }

  async function send() {
    bar.hidden = false;
    upload = api.uploadVideo(made.id, file, (share) => {
      bar.value = share;
      dialog.tell(share < 1 ? `Uploading ${bytes(file.size)}: ${percent(share)}` : "Checking the video…");
    });
    try {
      const shown = await upload.done;
      if (shown) book.put("stimuli", await measured(shown));
    } finally {
      upload = null;
      bar.hidden = true;
    }
  }
}

function nameField(draft) {
  const hint = "Letters, digits, dots, dashes; it stays.";
  return textField({ label: "Short name", value: draft.id, path: "id", most: 64, hint, onInput: (text) => (draft.id = text.trim()) });
}

function countField(draft) {
  return numberField({
    label: "Number",
    value: shown(draft.number),
    path: "number",
    least: 0,
    most: 1_000_000,
    step: 1,
    hint: "By which existing clients know it; may stay empty.",
    onInput: (value) => (draft.number = value),
  });
}

function lengthField(draft) {
  return numberField({
    label: "Length",
    value: shown(draft.seconds),
    path: "duration_ms",
    unit: "s",
    least: 1,
    most: 86_400,
    hint: "Read from the file where there is one.",
    onInput: (value) => (draft.seconds = value),
  });
}

function shown(value) {
  return Number.isFinite(value) ? value : "";
}

/** With its length, which this browser reads from the file where nobody else did. */
async function measured(stimulus) {
  const seconds = stimulus.duration_ms ? null : await lengthOf(api.videoUrl(stimulus.id));
  return seconds ? api.putStimulus({ ...stimulus, duration_ms: whole(seconds * 1000) }) : stimulus;
}

/** What is wrong with a draft, by field; `book` where it is a new one. */
function problemsOf({ id, number, seconds }, book) {
  const found = [];
  if (!NAME.test(id)) found.push({ path: "id", text: "Letters, digits, dots, dashes and underscores, 64 at most." });
  else if (book?.stimuli.has(id)) found.push({ path: "id", text: "There is a stimulus of this name." });
  if (Number.isFinite(number) && (number < 0 || !Number.isInteger(number))) found.push({ path: "number", text: "A whole number from 0." });
  if (Number.isFinite(seconds) && (seconds < 1 || seconds > 86_400)) found.push({ path: "duration_ms", text: "Between one second and a day." });
  return found;
}

function whole(value) {
  return Number.isFinite(value) ? Math.round(value) : null;
}

/** The length of a video in seconds; null where this browser cannot tell. */
function lengthOf(url) {
  return new Promise((done) => {
    const video = el("video", { preload: "metadata", muted: true });
    const finish = (seconds) => {
      video.removeAttribute("src");
      done(Number.isFinite(seconds) && seconds >= 0.001 ? seconds : null);
    };
    video.onloadedmetadata = () => finish(video.duration);
    video.onerror = () => finish(NaN);
    video.src = url;
  });
}
