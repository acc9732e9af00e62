// Who is signed in, at the head of each page, and the controls that their role is not enough for.

import { byId, el, mark, say } from "./dom.js";
import { ask } from "./request.js";

const ROLES = ["viewer", "operator", "admin"];
const WHY = {
  operator: "You may look only. An operator or admin of this appliance may do this.",
  admin: "Only an admin of this appliance may do this.",
};
const CONTROLS = "button, a, input, select";
const STAY_MS = 6_000;

let role = null;
let toast = null;
let begun = false;

/** Whether who is signed in may do what needs `least`. Before that is known everybody may: the appliance decides. */
export function may(least) {
  return role === null || ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/** Say that a control, or all within an element, needs a role; returns the element. */
export function needs(element, least) {
  element.dataset.needs = least;
  return element;
}

/** Ask who is signed in and show it; null if nobody is, else `{user, role}`. */
export async function meet() {
  const who = await ask("GET", "/v1/session").catch(() => null);
  if (!who?.signed_in) return null;
  role = who.role;
  say(byId("who"), who.user === who.role ? who.user : `${who.user} · ${who.role}`);
  byId("who").hidden = false;
  byId("sign-out").hidden = false;
  mark(document.body, "data-role", role);
  if (!begun) begin();
  dress(document.body);
  return who;
}

/** Nobody is signed in any more. */
export function forget() {
  role = null;
  byId("who").hidden = true;
  byId("sign-out").hidden = true;
  document.body.removeAttribute("data-role");
}

function begin() {
  begun = true;
  document.addEventListener("click", refuse, true);
  new MutationObserver((changes) => {
    if (!may("admin")) for (const { addedNodes } of changes) for (const node of addedNodes) if (node instanceof Element) dress(node);
  }).observe(document.body, { childList: true, subtree: true });
}

/** Mark what is within `root` and needs more: still to be reached, so that it can be said why it does nothing. */
function dress(root) {
  for (const control of [root, ...root.querySelectorAll(CONTROLS)]) {
    const least = control.matches(CONTROLS) ? control.closest("[data-needs]")?.dataset.needs : null;
    if (least) bar(control, may(least) ? "" : WHY[least]);
  }
}

function bar(control, missing) {
  if (missing) {
    mark(control, "aria-disabled", "true");
    mark(control, "title", missing);
  } else if (control.dataset.barred) {
    control.removeAttribute("aria-disabled");
    control.removeAttribute("title");
  }
  if (missing) control.dataset.barred = "true";
  else delete control.dataset.barred;
}

function refuse(event) {
  const control = event.target.closest?.(CONTROLS);
  const place = control?.closest("[data-needs]");
  if (!place || may(place.dataset.needs)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  toast?.remove();
  toast = el("p", { class: "denied", role: "alert" }, WHY[place.dataset.needs]);
  document.body.append(toast);
  setTimeout((shown) => shown.remove(), STAY_MS, toast);
}
