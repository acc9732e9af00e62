// The sign-in form of every page. It opens when the appliance says 401, in whichever tab, and closes when one of them signed in.

import { el, say } from "./dom.js";

const code = (text) => el("code", {}, text);
const FIRST = ["First time here? ", code("afferent edge password"), " on the appliance prints the password of admin."];
const FORGOTTEN = [" Forgotten? ", code("afferent edge password --reset"), " makes a new one."];

/** `open()` and `close()` the form; `signIn(password, account)` is called with what was typed and throws with words to show. */
export function createSignIn({ signIn, onDone }) {
  const { dialog, form, field, account, error, go } = makeForm();
  document.body.append(dialog);

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

/** It stands in no page's HTML: one place for its words. */
function makeForm() {
  const account = el("input", {
    id: "account", name: "username", type: "text", value: "admin", maxlength: 32,
    autocomplete: "username", autocapitalize: "none", spellcheck: "false",
  });
  const field = el("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true, "aria-describedby": "signin-error" });
  const error = el("p", { class: "signin-error", id: "signin-error", role: "alert" });
  const go = el("button", { class: "button primary", id: "signin-go", type: "submit" }, "Sign in");
  const form = el(
    "form",
    { id: "signin-form", method: "post", novalidate: true },
    document.querySelector(".brand .mark").cloneNode(true),
    el("h1", { id: "signin-title" }, "Sign in to Afferent"),
    el("p", { class: "signin-why" }, ...FIRST, ...FORGOTTEN),
    el("label", { for: "account" }, "Account"),
    account,
    el("label", { for: "password" }, "Password"),
    field,
    error,
    go,
  );
  const dialog = el("dialog", { class: "signin", id: "signin", "aria-labelledby": "signin-title" }, form);
  return { dialog, form, field, account, error, go };
}
