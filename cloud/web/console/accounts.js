// Accounts: one's own, and for an admin everybody's with what was done.

import { ask, beSomebody, clock, draw, drawn, find, listOf, make, query, reaches, say, wordsOf } from "./page.js";

const STEP = 50;
const MOST = 1000;
const ROLES = {
  member: "member: sees what is their own",
  viewer: "viewer: sees all",
  operator: "operator: asks devices too",
  admin: "admin: says who may what too",
};
const JSON_TYPE = { "content-type": "application/json" };
let me = { name: "", role: "member" };
let shown = STEP;

const path = (name, rest = "") => `/v1/accounts/${encodeURIComponent(name)}${rest}`;
const sent = (method, body) => ({ method, headers: JSON_TYPE, body: JSON.stringify(body) });

// Do it, and say what came of it; `act` returns the words.
async function tried(act) {
  find("problem").textContent = "";
  find("told").textContent = "";
  try {
    find("told").textContent = (await act()) ?? "";
  } catch (problem) {
    if (problem.status === 401) return location.assign("/");
    find("problem").textContent = wordsOf(problem);
    drawn.delete("accounts"); // a field that shows what was refused
  }
  await refresh();
}

const passwordOf = (made) => `The password of ${made.name}, shown this once: ${made.password}`;

function button(words, label, act) {
  const made = make("button", { text: words });
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function roleField(account) {
  const field = make("select", {}, ...roleOptions());
  field.value = account.role;
  field.setAttribute("aria-label", `Role of ${account.name}`);
  field.addEventListener("change", () =>
    tried(async () => {
      await ask(path(account.name, "/role"), sent("PUT", { role: field.value }));
      return `${account.name} is ${field.value} now.`;
    }),
  );
  return field;
}

function roleOptions() {
  return Object.entries(ROLES).map(([value, text]) => Object.assign(make("option", { text }), { value }));
}

function accountRow(account) {
  const words = make("div", {}, make("div", { text: account.name, name: "name" }));
  const held = `signed in ${account.sign_ins} times, ${account.programs} tokens of programs`;
  words.append(make("div", { text: `since ${clock(account.created_ms)}, ${held}`, name: "faint" }));
  const renew = button("New password", `New password for ${account.name}`, () => {
    if (!confirm(`Every session and token of ${account.name} ends. Go on?`)) return;
    tried(async () => passwordOf(await ask(path(account.name, "/password"), sent("PUT", {}))));
  });
  const remove = button("Remove", `Remove ${account.name}`, () => {
    if (!confirm(`Remove ${account.name}, with every session and token?`)) return;
    tried(async () => {
      await ask(path(account.name), { method: "DELETE" });
      return `${account.name} may not sign in any more.`;
    });
  });
  return make("li", {}, make("div", { name: "row" }, words, roleField(account), renew, remove));
}

function entryRow(entry) {
  const words = [entry.action, entry.target, entry.detail].filter(Boolean).join(" · ");
  const row = make("li", {}, make("span", { text: entry.outcome, name: `tag ${entry.outcome}` }), ` ${words}`);
  row.append(make("div", { text: `${entry.actor}${entry.address && `, ${entry.address}`}, ${clock(entry.at_ms)}`, name: "faint" }));
  return row;
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
      const entries = await everyEntry(find("target").value.trim());
      draw("audit", entries, () => listOf(entries, "Nothing of this kind was done.", entryRow));
    }
    say(`Up to date at ${clock(Date.now(), false)}`);
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) return location.assign("/");
    say(`${wordsOf(problem)} Load the page again.`, true);
  }
}

function changeOwn(event) {
  event.preventDefault();
  const form = event.target;
  const body = Object.fromEntries(new FormData(form));
  tried(async () => {
    await ask("/v1/session/password", sent("PUT", body));
    form.reset();
    return "Your password is changed; all else that it had opened is closed.";
  });
}

function add(event) {
  event.preventDefault();
  const form = event.target;
  const body = Object.fromEntries(new FormData(form));
  tried(async () => {
    const made = await ask("/v1/accounts", sent("POST", body));
    form.reset();
    form.elements.role.value = "viewer";
    return passwordOf(made);
  });
}

async function start() {
  try {
    me = await beSomebody();
  } catch (problem) {
    if (problem.status === 401) return location.assign("/");
    say(`${wordsOf(problem)} Load the page again.`, true);
    return;
  }
  find("own").textContent = `${me.name}, ${ROLES[me.role]}`;
  find("add-form").elements.role.append(...roleOptions());
  find("add-form").elements.role.value = "viewer";
  find("accounts-page").hidden = false;
  find("own-form").addEventListener("submit", changeOwn);
  find("add-form").addEventListener("submit", add);
  find("target").addEventListener("change", refresh);
  find("older").addEventListener("click", () => {
    shown += STEP;
    refresh();
  });
  refresh();
}

start();
