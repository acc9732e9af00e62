// The addresses of participants, stimuli, sessions and sensors.

import { ask, identity, refusal } from "./request.js";

const part = encodeURIComponent;
const participantUrl = (id) => `/v1/participants/${part(id)}`;
const stimulusUrl = (id) => `/v1/stimuli/${part(id)}`;
const sessionUrl = (id) => `/v1/sessions/${part(id)}`;

export const participants = async () => (await ask("GET", "/v1/participants")).participants;
export const putParticipant = (id, body) => ask("PUT", participantUrl(id), body);
export const eraseParticipant = (id) => ask("DELETE", participantUrl(id));
export const consent = (id, body) => ask("POST", `${participantUrl(id)}/consent`, body);
export const consentText = () => ask("GET", "/v1/consent");
export const link = (id) => ask("POST", `${participantUrl(id)}/link`);

export const stimuli = async () => (await ask("GET", "/v1/stimuli")).stimuli;
export const stimulus = (id) => ask("GET", stimulusUrl(id));
export const putStimulus = (stimulus) => ask("PUT", stimulusUrl(stimulus.id), stimulus);
export const removeStimulus = (id) => ask("DELETE", stimulusUrl(id));
export const videoUrl = (id) => `${stimulusUrl(id)}/video`;

export const sessions = async (query = {}) => (await ask("GET", `/v1/sessions?${queryOf(query)}`)).sessions;
export const checks = (query) => ask("GET", `/v1/sessions/checks?${queryOf(query)}`);
export const startSession = (body) => ask("POST", "/v1/sessions", filled(body));
export const session = (id) => ask("GET", sessionUrl(id));
export const stopSession = (id) => ask("POST", `${sessionUrl(id)}/stop`);
export const mark = (id, body) => ask("POST", `${sessionUrl(id)}/markers`, body);
export const tellClock = (id, body) => ask("POST", `${sessionUrl(id)}/clock`, body);
export const sendLabels = (id, labels) => ask("POST", `${sessionUrl(id)}/labels`, { labels });
export const openAsk = async (id) => (await ask("GET", `${sessionUrl(id)}/ask`)).ask;
export const segments = async (id) => (await ask("GET", `${sessionUrl(id)}/segments`)).segments;
export const archiveUrl = (id) => `${sessionUrl(id)}/folder.zip`;
export const reportUrl = (id) => `${sessionUrl(id)}/report`;

export const sensors = () => ask("GET", "/v1/sensors");
export const command = (id, body) => ask("POST", `/v1/sensors/${part(id)}/command`, body);

/** Send a video file; `onProgress(share)` hears how far it is. Returns `{done, cancel}`; `done` gives the stimulus. */
export function uploadVideo(id, file, onProgress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    const fail = () => reject(refusal(request.status, bodyOf(request), { statusText: request.statusText }));
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onload = () => (request.status < 300 ? resolve(bodyOf(request)) : fail());
    request.onerror = fail;
    request.onabort = () => resolve(null);
  });
  request.open("PUT", videoUrl(id));
  for (const [name, value] of Object.entries(identity())) request.setRequestHeader(name, value);
  request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
  request.send(file);
  return { done, cancel: () => request.abort() };
}

function queryOf(query) {
  return new URLSearchParams(filled(query));
}

/** Without what is not known. */
function filled(body) {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined && value !== ""));
}

function bodyOf(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return null;
  }
}
