// The form of a participant: pseudonym, sensor, note.

import * as api from "./session-api.js";
import { openConsent } from "./consent-dialog.js";
import { sensorName } from "./desk-book.js";
import { openDialog } from "./dialogs.js";
import { choiceField, showProblems, textField } from "./fields.js";

const PSEUDONYM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Make or change (`person`) a participant; a new one is asked for consent next. */
export function openParticipant({ book }, person) {
  const draft = { id: person?.id ?? "", sensor: person?.sensor ?? "", note: person?.note ?? "" };
  const id = textField({ label: "Pseudonym", value: draft.id, path: "id", most: 64, hint: "Such as P07. Never a name, no spaces.", onInput: (text) => (draft.id = text.trim()) });
  const sensor = choiceField({ label: "Sensor", value: draft.sensor, path: "sensor", choices: sensorChoices(book, draft.sensor), onInput: (value) => (draft.sensor = value) });
  const note = textField({ label: "Note", value: draft.note, path: "note", most: 2000, onInput: (text) => (draft.note = text) });
  const dialog = openDialog({
    title: person ? `Change ${person.id}` : "New participant",
    content: [person ? null : id, sensor, note].filter(Boolean),
    actions: [{ name: person ? "Save" : "Add", tone: "primary", run: save }],
  });

  async function save() {
    const problem = PSEUDONYM.test(draft.id) ? null : "Letters, digits, dots, dashes and underscores, 64 at most.";
    const taken = !person && book.participants.has(draft.id) ? "There is a participant of this pseudonym." : null;
    showProblems(dialog.root, problem || taken ? [{ path: "id", text: problem ?? taken }] : []);
    if (problem || taken) return false;
    const made = await api.putParticipant(draft.id, { sensor: draft.sensor || null, note: draft.note });
    book.put("participants", made);
    if (!person) openConsent(made, { onDone: (changed) => book.put("participants", changed) });
    return true;
  }
}

/** The choices of a sensor: none, those that are there, and one that was chosen and is gone. */
export function sensorChoices(book, chosen, none = "None") {
  const names = new Set([...book.sensors.keys(), ...(chosen ? [chosen] : [])]);
  return [["", none], ...[...names].map((name) => [name, sensorName(book, name)])];
}
