// Every address of the appliance that this page knows, and what an answer that is not good means in words.

import { words } from "./format.js";

export const STREAM_URL = "/v1/events/stream";
export const STREAM_WORKER = "/viewer/stream-worker.js";

/** An answer that says no; `status` is HTTP's, 0 where there was no answer at all, `field` what it is about. */
export class RefusedError extends Error {
  constructor(status, message, field = "") {
    super(message);
    this.status = status;
    this.field = field;
  }
}

export const liveUrl = (camera) => `/live/${encodeURIComponent(camera)}?t=${Date.now()}`;
export const signIn = (password) => ask("POST", "/v1/session", { password }, SIGN_IN_WORDS);
export const signOut = () => ask("DELETE", "/v1/session");
export const status = () => ask("GET", "/v1/status");
export const device = () => ask("GET", "/v1/device");
export const records = (kind, limit) => ask("GET", `/v1/records?kind=${kind}&limit=${limit}`);
export const start = (camera) => ask("POST", `${cameraUrl(camera)}/start`);
export const stop = (camera) => ask("POST", `${cameraUrl(camera)}/stop`);
export const snapshot = (camera) => ask("POST", `${cameraUrl(camera)}/snapshot`);
export const record = (camera, on) => ask("POST", `${cameraUrl(camera)}/recording`, { on });
export const plan = (camera) => ask("GET", `${cameraUrl(camera)}/plan`);
export const savePlan = (camera, body) => ask("PUT", `${cameraUrl(camera)}/plan`, body);
export const anomaly = (camera) => ask("GET", `${cameraUrl(camera)}/anomaly`);
export const resetAnomaly = (camera) => ask("POST", `${cameraUrl(camera)}/anomaly/reset`);
export const events = (query) => ask("GET", `/v1/events?${new URLSearchParams(query)}`);
export const event = (id) => ask("GET", eventUrl(id));
export const feedback = (id, normal) => ask("POST", `${eventUrl(id)}/feedback`, { normal });
export const eventPicture = (id) => `${eventUrl(id)}/picture.jpg`;
export const eventThumbnail = (id) => `${eventUrl(id)}/thumbnail.jpg`;

const SIGN_IN_WORDS = {
  401: "That is not the password.",
  429: "Too many wrong passwords. Wait a little and try again.",
};

/** Said instead of what the appliance says to programs. */
const OURS = { 401: "You are signed out. Sign in again." };

const WORDS = {
  0: "The appliance does not answer. Is it on, and are you on its network?",
  404: "The appliance does not know this.",
  429: "Too many at once. Try again in a moment.",
};

function cameraUrl(camera) {
  return `/v1/cameras/${encodeURIComponent(camera)}`;
}

function eventUrl(id) {
  return `/v1/events/${encodeURIComponent(id)}`;
}

async function ask(method, path, body, special = {}) {
  const options = { method, cache: "no-store", headers: body ? { "Content-Type": "application/json" } : {} };
  if (body) options.body = JSON.stringify(body);
  const response = await fetch(path, options).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (response?.ok) return answer;
  const status = response?.status ?? 0;
  const said = special[status] ?? OURS[status] ?? reason(answer) ?? WORDS[status] ?? `The appliance answered ${status}.`;
  throw new RefusedError(status, said, answer?.field ?? "");
}

/** What a problem document (RFC 9457) says went wrong and would help, as sentences. */
function reason(answer) {
  const said = [answer?.detail, answer?.remedy].filter(Boolean).map((text) => `${words(text)}.`);
  return said.length ? said.join(" ") : null;
}
