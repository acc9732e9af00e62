// What all pages share: asking the API, and drawing what changed. Text goes in as text, never as markup.

export const drawn = new Map();

export const find = (id) => document.getElementById(id);

export function make(tag, { text, name, title } = {}, ...children) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  if (title) element.title = title;
  element.append(...children);
  return element;
}

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? `the server answered ${status}`);
    this.status = status;
    this.remedy = body.remedy ?? "";
    this.field = body.field ?? "";
  }
}

export async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, signal: AbortSignal.timeout(15000) });
  if (answer.status === 204) return null;
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, body);
  return body;
}

export function query(values) {
  const set = Object.entries(values).filter(([, value]) => value !== "" && value !== undefined);
  return new URLSearchParams(set).toString();
}

export const clock = (ms, withDay = true) =>
  new Date(ms).toLocaleString([], { ...(withDay ? { dateStyle: "medium" } : {}), timeStyle: "medium" });

export function ago(ms) {
  const seconds = Math.max(0, Math.round((Date.now() - ms) / 1000));
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

export function bytes(count) {
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

// Draw only what differs from last time, so that a reader's place and focus stay.
export function draw(id, data, build) {
  const now = JSON.stringify(data);
  if (drawn.get(id) === now) return;
  drawn.set(id, now);
  find(id).replaceChildren(...build(data));
}

export function listOf(items, words, build) {
  return items.length ? items.map(build) : [make("li", { text: words, name: "empty" })];
}

// What an account may do, as the server has it: each role includes those before it.
const ROLES = ["member", "viewer", "operator", "admin"];
let me = { name: "", role: "member" };

export const reaches = (least) => ROLES.indexOf(me.role) >= ROLES.indexOf(least);

// Ask who is signed in, and show what is for them: elements whose data-for names a role that they reach.
export async function beSomebody() {
  me = await ask("/v1/session");
  for (const element of document.querySelectorAll("[data-for]")) element.hidden = !reaches(element.dataset.for);
  return me;
}

export function say(words, lost = false) {
  find("state").textContent = words;
  find("state").classList.toggle("lost", lost);
}

export const wordsOf = (problem) =>
  problem instanceof Problem ? [problem.field, problem.message, problem.remedy].filter(Boolean).join(": ") : "Connection lost.";
