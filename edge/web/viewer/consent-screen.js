// Consent on the participant's own page: the text in full, a tick, and both answers as easy as each other.

import * as api from "./session-api.js";
import { byId, mark, say } from "./dom.js";

const AGREED = "afferent.agreed";

/** `open()` asks, unless this tab agreed to the text of now already. */
export function createConsentScreen(participant, { onAgreed, onDeclined }) {
  const read = byId("consent-read");
  const yes = byId("consent-yes");
  const bad = byId("consent-bad");
  let text = null;

  read.addEventListener("change", () => (yes.disabled = !read.checked || !text));
  yes.addEventListener("click", () => answer(true));
  byId("consent-no").addEventListener("click", () => {
    close();
    onDeclined();
  });

  async function open() {
    try {
      text = await api.consentText();
    } catch (problem) {
      byId("words-detail").textContent = problem.message;
      return setTimeout(open, 3_000);
    }
    if (sessionStorage.getItem(AGREED) === text.sha256) return onAgreed();
    say(byId("consent-text"), text.text);
    mark(document.body, "data-phase", "consent");
    byId("words").hidden = true;
    byId("consent").hidden = false;
  }

  async function answer(given) {
    yes.disabled = true;
    say(bad, "");
    try {
      await api.consent(participant, { given, text_sha256: text.sha256, witness: "" });
      sessionStorage.setItem(AGREED, text.sha256);
      close();
      onAgreed();
    } catch (problem) {
      say(bad, problem.message);
      yes.disabled = false;
    }
  }

  function close() {
    byId("consent").hidden = true;
  }

  return { open };
}
