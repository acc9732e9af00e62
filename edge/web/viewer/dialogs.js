// Dialogs made when they are needed: a title, some content, and what may be done about it.

import { el, mark, say } from "./dom.js";
import { goOn, isLost } from "./focus.js";

/** Of each open dialog, from where the first of those that led to it was opened: there whoever uses keys goes on. */
const origins = new WeakMap();

/**
 * Open one. `actions` are `{name, tone, id, run}`: `run(dialog)` may wait and may throw; what it throws is said in the
 * dialog, which closes when it returns anything but `false`. Enter in a field presses the primary one. Returns `{root, close, tell, action(id)}`.
 */
export function openDialog({ title, kind = "", content = [], actions = [], onClose = () => {} }) {
  const said = el("p", { class: "said", role: "status", "aria-live": "polite" });
  const head = el("h2", {}, title);
  const root = el("dialog", { class: `question sheet ${kind}`, "aria-label": title });
  const buttons = actions.map((action) => buttonOf(action, (button) => act(action, button)));
  const dialog = { root, close, tell, action: (id) => buttons.find((button) => button.dataset.action === id), title: (text) => say(head, text) };
  const cancel = el("button", { class: "button", type: "button", "data-action": "close" }, actions.length ? "Cancel" : "Close");
  cancel.addEventListener("click", close);
  root.append(head, el("div", { class: "sheet-body" }, ...content), said, el("div", { class: "question-go" }, cancel, ...buttons));
  origins.set(root, origins.get([...document.querySelectorAll("dialog[open]")].at(-1)) ?? document.activeElement);
  root.addEventListener("close", () => {
    root.remove();
    goOn(origins.get(root));
    onClose();
  });
  root.addEventListener("keydown", (event) => {
    const main = actions.findIndex(({ tone }) => tone === "primary");
    if (event.key !== "Enter" || main < 0 || !event.target.matches("input:not([type=checkbox], [type=file], [readonly])")) return;
    event.preventDefault();
    buttons[main].click();
  });
  document.body.append(root);
  root.showModal();
  return dialog;

  async function act({ run }, button) {
    mark(button, "data-busy", "true");
    for (const other of buttons) other.disabled = true;
    tell("");
    try {
      if ((await run(dialog)) !== false) close();
    } catch (problem) {
      tell(problem.message, "bad");
    } finally {
      mark(button, "data-busy", "false");
      for (const other of buttons) other.disabled = false;
      if (root.open && isLost()) button.focus();
    }
  }

  function tell(text, tone = "plain") {
    mark(said, "data-tone", tone);
    say(said, text);
  }

  function close() {
    root.close();
  }
}

function buttonOf({ name, tone = "", id = "go", disabled = false }, onPress) {
  const button = el("button", { class: `button ${tone}`, type: "button", "data-action": id, disabled }, name);
  button.addEventListener("click", () => onPress(button));
  return button;
}
