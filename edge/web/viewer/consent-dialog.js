// Consent at the desk: the text in full, who witnessed it, recorded before anything else is stored; and taking it back.

import * as api from "./session-api.js";
import { openDialog } from "./dialogs.js";
import { el, mark, say } from "./dom.js";
import { switchField, textField } from "./fields.js";
import { DASH, unwrapped } from "./format.js";

/** Show the text of now and record the agreement of `person`; `onDone(participant)` gets them as they are then. */
export async function openConsent(person, { onDone }) {
  let text = null;
  let read = false;
  let witness = "";
  const version = el("p", { class: "hint" }, "Loading the text…");
  const shown = el("div", { class: "consent-text", tabindex: "0", role: "region", "aria-label": "The text that is agreed to" });
  const doubt = () => (dialog.action("agree").disabled = !(read && text && witness.trim()));
  const dialog = openDialog({
    title: `Consent of ${person.id}`,
    kind: "wide",
    content: [
      version,
      shown,
      textField({ label: "Witness", value: "", path: "witness", hint: "Who was there when they agreed.", onInput: (value) => ((witness = value), doubt()) }),
      switchField({ label: `${person.id} has read this text and agrees`, value: false, path: "read", onInput: (on) => ((read = on), doubt()) }),
    ],
    actions: [{ name: "Record consent", tone: "primary", id: "agree", disabled: true, run: agree }],
  });
  try {
    text = await api.consentText();
    say(shown, unwrapped(text.text));
    say(version, `Version ${text.version || DASH} · digest ${text.sha256.slice(0, 12)}`);
    mark(shown, "data-version", text.version);
  } catch (problem) {
    dialog.tell(problem.message, "bad");
  }

  async function agree() {
    onDone(await api.consent(person.id, { given: true, text_sha256: text.sha256, witness: witness.trim() }));
  }
}

/** Take the consent of `person` back; a running session of theirs ends by that. */
export function openWithdraw(person, { onDone }) {
  let witness = "";
  openDialog({
    title: `Withdraw the consent of ${person.id}?`,
    content: [
      el("p", {}, "A session of theirs that runs is ended now, and none can start until they agree again. What was recorded stays until it is erased."),
      textField({ label: "Witness", value: "", path: "witness", onInput: (value) => (witness = value) }),
    ],
    actions: [{ name: "Withdraw consent", tone: "danger", run: withdraw }],
  });

  async function withdraw() {
    const { sha256 } = await api.consentText();
    onDone(await api.consent(person.id, { given: false, text_sha256: sha256, witness: witness.trim() }));
  }
}
