// Every address of the appliance that the overview knows; `session-api.js` has those of sessions and sensors.

import { ask } from "./request.js";

export { RefusedError } from "./request.js";

export const STREAM_URL = "/v1/events/stream";
export const STREAM_WORKER = "/viewer/stream-worker.js";

export const liveUrl = (camera) => `/live/${encodeURIComponent(camera)}?t=${Date.now()}`;
export const signIn = (password, account) => ask("POST", "/v1/session", { password, account }, SIGN_IN_WORDS);
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
  401: "Account and password do not match.",
  429: "Too many wrong passwords. Wait a little and try again.",
};

function cameraUrl(camera) {
  return `/v1/cameras/${encodeURIComponent(camera)}`;
}

function eventUrl(id) {
  return `/v1/events/${encodeURIComponent(id)}`;
}
