// One's own account: where one is signed in, and one's password.

import * as api from "./account-api.js";
import { openDialog } from "./dialogs.js";
import { byId, el, say, smallButton } from "./dom.js";
import { dressed } from "./fields.js";
import { moment } from "./format.js";
import { createKeyed } from "./keyed.js";

const ROLES = { viewer: "a viewer", operator: "an operator", admin: "an admin" };
const MAY = {
  viewer: "You may look at everything.",
  operator: "You may look at everything, and run cameras, recordings and sessions.",
  admin: "You may do everything here, and say who else may do what.",
};

/** The panel; `onProblem` hears what was refused, `onGone` that this session ended too. */
export function createOwn({ onProblem, onGone, onDone }) {
  const draw = createKeyed(byId("sign-ins"), { key: ({ id }) => id, make: () => makeLine(end) });
  byId("own-password").addEventListener("click", () => openOwnPassword({ onDone }));
  byId("own-everywhere").addEventListener("click", () => api.endMine().then(onGone, onProblem));

  async function end(signIn) {
    try {
      await api.endSignIn(signIn.id);
      if (signIn.here) onGone();
      else await onDone("Signed out", `${signIn.account} at ${signIn.address || "an unknown address"}.`);
    } catch (problem) {
      onProblem(problem);
    }
  }

  return async function load(who) {
    say(byId("own-about"), `You are signed in as ${who.user}, ${ROLES[who.role] ?? who.role}. ${MAY[who.role] ?? ""}`);
    const { sign_ins: all } = await api.signIns();
    draw(all);
  };
}

function makeLine(end) {
  let signIn = null;
  const name = el("strong");
  const about = el("span", { class: "line-about" });
  const button = smallButton("Sign out", () => end(signIn));
  return {
    element: el("li", { class: "line" }, el("div", { class: "line-words" }, name, about), el("div", { class: "line-go" }, button)),
    fill(now) {
      signIn = now;
      say(name, `${now.account}${now.here ? " (here)" : ""}`);
      const since = now.since_ms ? `since ${moment(now.since_ms, Date.now())}` : "since an earlier release";
      say(about, [now.address || "address not known", programOf(now.program), since].filter(Boolean).join(" · "));
    },
  };
}

/** The name of a browser in its User-Agent, roughly. */
export function programOf(agent) {
  const found = /(Edg|Firefox|Chrome|Safari)\/[0-9]+/.exec(agent ?? "");
  return found ? found[0].replace("/", " ").replace("Edg", "Edge") : (agent ?? "").split(" ")[0];
}

function openOwnPassword({ onDone }) {
  const [old, wanted, again] = ["current-password", "new-password", "new-password"].map((kind) => el("input", { type: "password", autocomplete: kind, maxlength: 256 }));
  openDialog({
    title: "Change your password",
    content: [dressed(old, { label: "Password until now" }), dressed(wanted, { label: "New password", hint: "Ten signs or more." }), dressed(again, { label: "Once more" })],
    actions: [{ name: "Change", tone: "primary", run: change }],
  });

  async function change(dialog) {
    if (wanted.value.length < 10) return dialog.tell("The new password has to have ten signs or more.", "bad"), false;
    if (wanted.value !== again.value) return dialog.tell("The new passwords differ.", "bad"), false;
    await api.ownPassword(old.value, wanted.value);
    await onDone("Changed", "Your other sessions have ended.");
    return true;
  }
}
