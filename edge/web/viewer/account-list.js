// The accounts, for admins: added, given another role or password, and taken away.

import * as api from "./account-api.js";
import { openDialog } from "./dialogs.js";
import { byId, el, mark, say, smallButton } from "./dom.js";
import { choiceField, showProblems, textField } from "./fields.js";
import { counted } from "./format.js";
import { createKeyed } from "./keyed.js";

const NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/;
const ROLES = [
  ["viewer", "Viewer: may look"],
  ["operator", "Operator: may also run things"],
  ["admin", "Admin: may do everything"],
];

/** The panel; `onDone(title, text)` hears what was done and loads again, `onProblem` what was refused. */
export function createAccounts({ onProblem, onDone }) {
  const draw = createKeyed(byId("accounts"), { key: ({ name }) => name, make: () => makeLine({ onProblem, onDone }) });
  byId("account-add").addEventListener("click", () => openAdd({ onDone }));
  return async function load() {
    draw((await api.accounts()).accounts);
  };
}

function makeLine({ onProblem, onDone }) {
  let account = null;
  const name = el("strong");
  const about = el("span", { class: "line-about" });
  const role = el("select", {}, ...ROLES.map(([value, words]) => el("option", { value }, words)));
  const tried = (work, ...done) => work.then(() => onDone(...done), (problem) => (fill(account), onProblem(problem)));
  role.addEventListener("change", () => tried(api.setRole(account.name, role.value), "Changed", `${account.name} is ${role.value} now.`));
  const password = smallButton("New password…", () => openNewPassword(account, { onDone }));
  const remove = smallButton("Remove…", () => openRemove(account, { onDone }), "danger");
  const element = el("li", { class: "line" }, el("div", { class: "line-words" }, name, about), el("div", { class: "line-go" }, role, password, remove));

  function fill(now) {
    account = now;
    mark(element, "data-account", now.name);
    mark(role, "aria-label", `Role of ${now.name}`);
    role.value = now.role;
    say(name, now.name);
    say(about, now.sign_ins ? `signed in at ${counted(now.sign_ins, "place")}` : "not signed in");
  }

  return { element, fill };
}

function openAdd({ onDone }) {
  const draft = { name: "", role: "viewer" };
  const dialog = openDialog({
    title: "New account",
    content: [
      textField({ label: "Name", value: "", path: "name", most: 32, hint: "Small letters and digits, such as lena.", onInput: (text) => (draft.name = text.trim()) }),
      choiceField({ label: "Role", value: draft.role, path: "role", choices: ROLES, onInput: (value) => (draft.role = value) }),
    ],
    actions: [{ name: "Add", tone: "primary", run: add }],
  });

  async function add() {
    const wrong = NAME.test(draft.name) ? "" : "Small letters, digits, dots, dashes and underscores, 32 at most.";
    showProblems(dialog.root, wrong ? [{ path: "name", text: wrong }] : []);
    if (wrong) return false;
    const made = await api.addAccount(draft.name, draft.role);
    await onDone("Added", `${draft.name} is ${draft.role}.`);
    tellPassword(made);
    return true;
  }
}

function openNewPassword(account, { onDone }) {
  openDialog({
    title: `Another password for ${account.name}?`,
    content: [el("p", {}, "The one that was stops to work, and every session of the account ends.")],
    actions: [{ name: "Make one", tone: "primary", run: make }],
  });

  async function make() {
    const made = await api.newPassword(account.name);
    tellPassword(made);
    await onDone("Changed", `${account.name} has another password.`);
  }
}

function openRemove(account, { onDone }) {
  openDialog({
    title: `Remove ${account.name}?`,
    content: [el("p", {}, "Every session of the account ends, and the links that it gave to participants.")],
    actions: [
      {
        name: "Remove",
        tone: "danger",
        async run() {
          await api.removeAccount(account.name);
          await onDone("Removed", `${account.name} may not sign in any more.`);
        },
      },
    ],
  });
}

function tellPassword({ account, password }) {
  openDialog({
    title: `The password of ${account.name}`,
    content: [el("p", {}, "It is shown here only, and once. Hand it over; it can be changed after signing in."), el("code", { class: "new-password" }, password)],
  });
}
