// Erasing a person: only by typing their pseudonym, and with the count of what was erased.

import * as api from "./session-api.js";
import { openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { textField } from "./fields.js";
import { counted } from "./format.js";

/** What an erasure did, as a sentence. */
export function erasedWords({ participant, sessions = [], records = 0, files = 0 }) {
  return `${participant} was erased: ${counted(sessions.length, "session")}, ${counted(records, "record")} and ${counted(files, "file")}.`;
}

/** Ask, erase, and say what was erased. */
export function openErase(person, { book }) {
  let typed = "";
  const dialog = openDialog({
    title: `Erase ${person.id}?`,
    content: [
      el("p", {}, "Everything of this person is erased on this device, and the cloud is told to erase it too: consent, sessions, signals, labels. This cannot be taken back."),
      textField({
        label: `Type ${person.id} to confirm`,
        value: "",
        path: "confirm",
        onInput(text) {
          typed = text.trim();
          dialog.action("erase").disabled = typed !== person.id;
        },
      }),
    ],
    actions: [{ name: "Erase everything", tone: "danger", id: "erase", disabled: true, run: erase }],
  });

  async function erase() {
    if (typed !== person.id) return false;
    const erasure = await api.eraseParticipant(person.id);
    book.drop("participants", person.id);
    openDialog({ title: "Erased", content: [el("p", { class: "erased" }, erasedWords(erasure))] });
    return true;
  }
}
