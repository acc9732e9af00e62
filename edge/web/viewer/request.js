// How a page asks the appliance, and what an answer that is not good means in words (S0.40).

import { words } from "./format.js";

/** An answer that says no; `status` is HTTP's, 0 where there was no answer at all, `field` what it is about. */
export class RefusedError extends Error {
  constructor(status, message, field = "") {
    super(message);
    this.status = status;
    this.field = field;
  }
}

/** Said instead of what the appliance says to programs. */
const OURS = { 401: "You are signed out. Sign in again." };

const WORDS = {
  0: "The appliance does not answer. Is it on, and are you on its network?",
  404: "The appliance does not know this.",
  429: "Too many at once. Try again in a moment.",
};

let bearer = null;

/** From now on ask with this token instead of the browser's cookie. */
export function useToken(token) {
  bearer = token;
}

/** The headers that say who asks. */
export function identity() {
  return bearer ? { Authorization: `Bearer ${bearer}` } : {};
}

/** Ask, and get the JSON of the answer (null where there is none); throws `RefusedError`. `special` is words by status. */
export async function ask(method, path, body, special = {}) {
  const options = { method, cache: "no-store", headers: identity() };
  if (body) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options).catch(() => null);
  if (response?.status === 204) return null;
  const answer = await response?.json().catch(() => null);
  if (response?.ok && answer !== null) return answer;
  const brokenOff = !response || response.ok;
  throw refusal(brokenOff ? 0 : response.status, answer, { special, statusText: response?.statusText });
}

/** The error of an answer that is not good; `answer` is its problem document (RFC 9457), if it had one. */
export function refusal(status, answer, { special = {}, statusText = "" } = {}) {
  const plain = WORDS[status] ?? `HTTP ${status}: ${statusText || "no reason was given"}`;
  return new RefusedError(status, special[status] ?? OURS[status] ?? reason(answer) ?? plain, answer?.field ?? "");
}

/** What went wrong and would help, as sentences. */
function reason(answer) {
  const said = [answer?.detail, answer?.remedy].filter(Boolean).map((text) => `${words(text).replace(/\.$/, "")}.`);
  return said.length ? said.join(" ") : null;
}
