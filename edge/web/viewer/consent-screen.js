// Consent on the participant's own page: the text in full, a tick, and both answers as easy as each other.

import * as api from "./session-api.js";
import { byId, mark, say } from "./dom.js";
import { unwrapped } from "./format.js";

/**
 * `open()` asks, unless this participant agreed to the text of now in this tab already. Who declines takes back what
 * was said for them before.
 */
export function createConsentScreen(participant, { onAgreed, onDeclined }) {
  const agreed = `afferent.agreed.${participant}`;
  const read = byId("consent-read");
  const yes = byId("consent-yes");
  const bad = byId("consent-bad");
  let text = null;

  read.addEventListener("change", () => (yes.disabled = !read.checked || !text));
  yes.addEventListener("click", () => answer(true));
  byId("consent-no").addEventListener("click", () => answer(false));

  async function open() {
    try {
      text = await api.consentText();
    } catch (problem) {
      byId("words-detail").textContent = problem.message;
      return setTimeout(open, 3_000);
    }
    if (sessionStorage.getItem(agreed) === text.sha256) return onAgreed();
    say(byId("consent-text"), unwrapped(text.text));
    mark(document.body, "data-phase", "consent");
    byId("words").hidden = true;
    byId("consent").hidden = false;
  }

  async function answer(given) {
    yes.disabled = true;
    say(bad, "");
    try {
      await api.consent(participant, { given, text_sha256: text.sha256, witness: "" });
      if (given) sessionStorage.setItem(agreed, text.sha256);
      else sessionStorage.removeItem(agreed);
      close();
      (given ? onAgreed : onDeclined)();
    } catch (problem) {
      say(bad, problem.message);
      yes.disabled = !read.checked;
    }
  }

  function close() {
    byId("consent").hidden = true;
  }

  return { open };
}
