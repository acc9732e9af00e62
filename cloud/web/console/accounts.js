// Accounts: one's own, and for an admin everybody's with what was done.

import { counted } from "./format.js";
import { ask, beSomebody, draw, drawn, find, fresh, goToSignIn, listOf, make, makeButton, query, reaches, sent, stale, when, wordsOf } from "./page.js";
import { beginPeople } from "./people.js";
import { deedTitle, ROLES, roleWords } from "./words.js";

const STEP = 50;
const MOST = 1000;
let me = { name: "", role: "member" };
let shown = STEP;
let drawPeople = async () => {};

const path = (name, rest = "") => `/v1/accounts/${encodeURIComponent(name)}${rest}`;

// Do it, and say what came of it; `act` returns the words, or nodes.
async function tried(act) {
  find("problem").textContent = "";
  find("told").textContent = "";
  try {
    find("told").replaceChildren(...[await act()].flat());
  } catch (problem) {
    if (problem.status === 401) return goToSignIn();
    find("problem").textContent = wordsOf(problem);
    drawn.delete("accounts"); // a field that shows what was refused
  }
  find(find("problem").textContent ? "problem" : "told").scrollIntoView({ block: "nearest" });
  await refresh();
}

const passwordOf = (made) => [`Tell ${made.name} their password. It is shown this once: `, make("code", { text: made.password })];

function roleField(account) {
  const field = make("select", {}, ...roleOptions());
  field.value = account.role;
  field.setAttribute("aria-label", `Role of ${account.name}`);
  field.addEventListener("change", () => {
    if (!confirm(`Make ${account.name} ${roleWords(field.value)}? It holds from their next request on.`)) {
      field.value = account.role;
      return;
    }
    tried(async () => {
      await ask(path(account.name, "/role"), sent("PUT", { role: field.value }));
      return `${account.name} is ${field.value} now.`;
    });
  });
  return field;
}

function roleOptions() {
  return Object.keys(ROLES).map((value) => Object.assign(make("option", { text: roleWords(value) }), { value }));
}

function accountRow(account) {
  const words = make("div", {}, make("div", { text: account.name, name: "name" }));
  const held = `, ${counted(account.sign_ins, "sign-in")} and ${counted(account.programs, "token")} of programs in use`;
  words.append(make("div", { name: "faint" }, "since ", when(account.created_ms), held));
  const renew = makeButton("New password", `New password for ${account.name}`, () => {
    if (!confirm(`Make a new password for ${account.name}? Every sign-in and token of theirs ends.`)) return;
    tried(async () => passwordOf(await ask(path(account.name, "/password"), sent("PUT", {}))));
  });
  const remove = makeButton("Remove", `Remove ${account.name}`, () => {
    if (!confirm(`Remove ${account.name}? Every sign-in and token of theirs ends; what was recorded stays.`)) return;
    tried(async () => {
      await ask(path(account.name), { method: "DELETE" });
      return `${account.name} is removed and may not sign in any more.`;
    });
  });
  return make("li", {}, make("div", { name: "row" }, words, roleField(account), renew, remove));
}

function entryRow(entry) {
  const title = make("span", { text: deedTitle(entry.action), name: "name", title: entry.action });
  const row = make("li", {}, ...(entry.outcome === "refused" ? [make("span", { text: "refused", name: "tag refused" }), " "] : []), title);
  row.append(entry.target && ` · ${entry.target}`);
  const by = [entry.actor === "-" ? "somebody who was not signed in" : entry.actor, entry.address && `from ${entry.address}`];
  row.append(make("div", { name: "faint" }, when(entry.at_ms), `, ${[...by, detailOf(entry)].filter(Boolean).join(", ")}`));
  return row;
}

// Of a request the log keeps the number of the answer, which says something only where it was refused.
function detailOf({ detail, outcome }) {
  const found = /^(\d{3})(?:, (.*))?$/.exec(detail);
  if (!found) return detail;
  return [outcome === "refused" && `answer ${found[1]}`, found[2]].filter(Boolean).join(", ");
}

async function everyEntry(target) {
  const found = [];
  let before;
  do {
    const page = await ask(`/v1/audit?${query({ target, before, limit: Math.min(shown - found.length, MOST) })}`);
    found.push(...page.items);
    before = page.before;
  } while (before && found.length < shown);
  find("older").hidden = !before;
  return found;
}

async function refresh() {
  try {
    if (reaches("admin")) {
      const { items } = await ask("/v1/accounts");
      draw("accounts", items, () => listOf(items, "Nobody.", accountRow));
      await drawPeople(items);
      const target = find("target").value.trim();
      const words = target ? `Nothing was done with “${target}”. Give the whole name of a device or an account.` : "Nothing was done yet.";
      draw("audit", [await everyEntry(target), target], ([entries]) => listOf(entries, words, entryRow));
    }
    fresh();
  } catch (problem) {
    if (problem.status === 401) return goToSignIn();
    if (problem.status === 403) return location.assign("/");
    stale(problem, "Load the page again.");
  }
}

function changeOwn(event) {
  event.preventDefault();
  const form = event.target;
  tried(async () => {
    await ask("/v1/session/password", sent("PUT", Object.fromEntries(new FormData(form))));
    form.reset();
    return "Your password is changed. Your other sign-ins and all your tokens have ended.";
  });
}

function add(event) {
  event.preventDefault();
  const form = event.target;
  tried(async () => {
    const made = await ask("/v1/accounts", sent("POST", Object.fromEntries(new FormData(form))));
    form.reset();
    form.elements.role.value = "viewer";
    return passwordOf(made);
  });
}

async function start() {
  try {
    me = await beSomebody();
  } catch (problem) {
    if (problem.status === 401) return goToSignIn();
    stale(problem, "Load the page again.");
    return;
  }
  find("own").textContent = `You are ${me.name}. Your role is ${roleWords(me.role)}.`;
  find("add-form").elements.role.append(...roleOptions());
  find("add-form").elements.role.value = "viewer";
  find("accounts-page").hidden = false;
  find("own-form").addEventListener("submit", changeOwn);
  find("add-form").addEventListener("submit", add);
  drawPeople = beginPeople(tried);
  find("target").addEventListener("change", refresh);
  find("older").addEventListener("click", () => {
    shown += STEP;
    refresh();
  });
  refresh();
}

start();
