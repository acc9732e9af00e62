// The addresses of recordings, timelapses, uploads and storage.

import { ask } from "./request.js";

const part = encodeURIComponent;
const clipUrl = (id) => `/v1/clips/${part(id)}`;
const uploadUrl = (id) => (id === null ? "/v1/uploads" : `/v1/uploads/${part(id)}`);

export const clips = (query) => ask("GET", `/v1/clips?${new URLSearchParams(query)}`);
export const videoUrl = (id) => `${clipUrl(id)}/video.mp4`;
export const thumbnailUrl = (id) => `${clipUrl(id)}/thumbnail.jpg`;
export const sheetUrl = (id) => `${clipUrl(id)}/sheet.jpg`;
export const timelapses = async () => (await ask("GET", "/v1/timelapses")).timelapses;
export const timelapseUrl = ({ camera, date }) => `/v1/timelapses/${part(camera)}/${part(date)}.mp4`;
export const storage = () => ask("GET", "/v1/storage");
export const uploads = () => ask("GET", "/v1/uploads?limit=50");

/** `what` is pause, resume or retry; `id` null means all. */
export const doUpload = (what, id = null) => ask("POST", `${uploadUrl(id)}/${what}`);

/** When each small picture of a recording is from: WebVTT; empty where there is no sheet. */
export async function sheetTimes(id) {
  const response = await fetch(`${clipUrl(id)}/sheet.vtt`, { cache: "no-store" }).catch(() => null);
  return response?.ok ? response.text() : "";
}
