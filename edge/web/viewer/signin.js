// The sign-in form. It opens when the appliance says 401, in whichever tab, and closes when one of them signed in.

import { byId, say } from "./dom.js";

/** `open()` and `close()` the form; `signIn(password, account)` is called with what was typed and throws with words to show. */
export function createSignIn({ signIn, onDone }) {
  const dialog = byId("signin");
  const form = byId("signin-form");
  const field = byId("password");
  const account = byId("account");
  const error = byId("signin-error");
  const go = byId("signin-go");

  dialog.addEventListener("cancel", (event) => event.preventDefault());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!field.value) return fail("Enter the password.");
    busy(true);
    try {
      await signIn(field.value, account.value.trim() || "admin");
      close();
      onDone();
    } catch (problem) {
      fail(problem.message);
    } finally {
      busy(false);
    }
  });

  function busy(is) {
    go.disabled = is;
    say(go, is ? "Signing in…" : "Sign in");
    if (is) say(error, "");
  }

  function fail(text) {
    say(error, text);
    field.setAttribute("aria-invalid", "true");
    field.select();
    field.focus();
  }

  function open() {
    if (!dialog.open) dialog.showModal();
    field.focus();
  }

  function close() {
    field.value = "";
    field.removeAttribute("aria-invalid");
    say(error, "");
    if (dialog.open) dialog.close();
  }

  return { open, close };
}
