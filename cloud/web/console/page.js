// What all pages share: asking the API, drawing what changed, and who is signed in. Text goes in as text, never as markup.

import { ago, clockTime, moment, rfc3339, sentence } from "./format.js";

export const drawn = new Map();
export const find = (id) => document.getElementById(id);
export const JSON_TYPE = { "content-type": "application/json" };

export function make(tag, { text, name, title } = {}, ...children) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  if (title) element.title = title;
  element.append(...children);
  return element;
}

/** A button; `label` tells it apart from others with the same words. */
export function makeButton(text, label, act) {
  const button = make("button", { text });
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.addEventListener("click", act);
  return button;
}

export function downloadLink(file) {
  const link = make("a", { text: "Download", name: "button" });
  link.href = file.content;
  link.download = "";
  link.setAttribute("aria-label", `Download ${file.name}`);
  return link;
}

/** A moment in the reader's own time; for programs, and on pointing at it, by RFC 3339. */
export const when = (ms) => timeOf(ms, moment(ms));
export const since = (ms) => timeOf(ms, ago(ms, Date.now()));

function timeOf(ms, text) {
  const time = make("time", { text, title: rfc3339(ms) });
  time.dateTime = rfc3339(ms);
  return time;
}

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? `the cloud answered ${status}`);
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

export const sent = (method, body) => ({ method, headers: JSON_TYPE, body: JSON.stringify(body) });

export function query(values) {
  const set = Object.entries(values).filter(([, value]) => value !== "" && value !== undefined);
  return new URLSearchParams(set).toString();
}

/** What happened and what to do about it, as sentences. */
export function wordsOf(problem) {
  if (!(problem instanceof Problem)) return "The cloud does not answer. Check the network, then try again.";
  const place = problem.field.startsWith("$.") ? ` (at ${problem.field})` : "";
  return [sentence(problem.message.replace(/\.$/, "") + place), sentence(problem.remedy)].filter(Boolean).join(" ");
}

/** Draw only what differs from last time; who was at something in it with the keyboard is at the same thing afterwards. */
export function draw(id, data, build) {
  const now = JSON.stringify(data);
  if (drawn.get(id) === now) return;
  drawn.set(id, now);
  const place = find(id);
  const label = place.contains(document.activeElement) ? labelOf(document.activeElement) : null;
  place.replaceChildren(...build(data));
  if (label) [...place.querySelectorAll("a, button, select, [tabindex]")].find((one) => labelOf(one) === label)?.focus({ preventScroll: true });
}

const labelOf = (element) => element.getAttribute("aria-label") ?? element.textContent;

export function listOf(items, words, build) {
  return items.length ? items.map(build) : [make("li", { text: words, name: "empty" })];
}

// What an account may do, as the cloud has it: each role includes those before it.
const ROLES = ["member", "viewer", "operator", "admin"];
let me = { name: "", role: "member" };

export const reaches = (least) => ROLES.indexOf(me.role) >= ROLES.indexOf(least);

/** Ask who is signed in, and show what is for them: elements whose data-for names a role that they reach. */
export async function beSomebody() {
  me = await ask("/v1/session");
  for (const element of document.querySelectorAll("[data-for]")) element.hidden = !reaches(element.dataset.for);
  find("who").textContent = me.name;
  find("sign-out").hidden = false;
  return me;
}

/** To the sign-in, and afterwards back to where the reader was. */
export function goToSignIn() {
  const here = location.pathname + location.hash;
  location.assign(here.startsWith("/console/") ? `/#${here}` : "/");
}

find("sign-out").addEventListener("click", async () => {
  await ask("/v1/session", { method: "DELETE" }).catch(() => {});
  location.assign("/");
});

let freshMs = 0;

/** What is shown is how it is now. */
export function fresh() {
  freshMs = Date.now();
  find("state").textContent = `Up to date at ${clockTime(freshMs)}`;
  find("lost").hidden = true;
}

/** What is shown is how it was: said aloud once, and until it is fresh again. */
export function stale(problem, then = "Trying again …") {
  const why = problem instanceof Problem ? wordsOf(problem) : "The connection to the cloud is lost.";
  const shown = freshMs ? ` What you see is from ${clockTime(freshMs)}.` : "";
  const words = `${why}${shown} ${then}`;
  if (find("lost").textContent !== words) find("lost").textContent = words;
  find("lost").hidden = false;
  find("state").textContent = "Not up to date";
}
