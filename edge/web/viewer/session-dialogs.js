// Small dialogs of a session: a note, and the end.

import * as api from "./session-api.js";
import { openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { textField } from "./fields.js";
import { duration } from "./format.js";

/** Note something on a session, at the moment at which this was opened; `onDone()` once it is kept. */
export function openNote(session, { book, now }, onDone = () => {}) {
  const atMs = Math.round(now());
  let note = "";
  openDialog({
    title: `Note on ${session.participant}`,
    content: [textField({ label: "Note", value: "", path: "note", most: 2000, hint: "Kept with the moment at which you opened this.", onInput: (text) => (note = text) })],
    actions: [{ name: "Keep note", tone: "primary", run: keep }],
  });

  async function keep(dialog) {
    if (!note.trim()) return dialog.tell("Write something first.", "bad"), false;
    book.marker(session.session_id, await api.mark(session.session_id, { name: "note", note: note.trim(), at_ms: atMs }));
    onDone();
    return true;
  }
}

/** Ask, and end a session. */
export function openStop(session, { book, now, notices }) {
  openDialog({
    title: `Stop the session of ${session.participant}?`,
    content: [el("p", {}, `It has run for ${duration((now() - session.start_ms) / 1000)}. What was recorded is kept, and a report is made.`)],
    actions: [
      {
        name: "Stop session",
        tone: "danger",
        async run() {
          book.session(await api.stopSession(session.session_id));
          notices.tell("Stopped", `The session of ${session.participant} is among the past ones.`);
        },
      },
    ],
  });
}
