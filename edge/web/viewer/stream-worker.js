// A shared worker: all tabs of this page read one event stream, for a browser gives a host only six connections.

import { openStream } from "./stream.js";

const KEPT = { vision: "camera", samples: "sensor", signals: "sensor", session: "session_id", ask: "session_id", camera: "camera", health: "part", telemetry: "", sync: "" };

const tabs = new Set();
const newest = new Map();
let link = { state: "connecting", attempt: 0 };
let stream = null;

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => answer(port, data);
};

function answer(port, { kind, url }) {
  if (kind === "hello") welcome(port, url);
  else if (kind === "bye") part(port);
  else if (kind === "retry") stream?.retry();
}

function welcome(port, url) {
  tabs.add(port);
  port.postMessage({ kind: "link", link });
  for (const message of newest.values()) port.postMessage({ kind: "message", message });
  stream ??= openStream(url, { onMessage: spread, onLink: change });
}

function part(port) {
  tabs.delete(port);
  if (tabs.size) return;
  stream?.close();
  stream = null;
  newest.clear();
  link = { state: "connecting", attempt: 0 };
}

function spread(message) {
  if (Object.hasOwn(KEPT, message.topic)) keep(message);
  for (const port of tabs) port.postMessage({ kind: "message", message });
}

/** A session that ended and a question that was answered are over: they would pile up for as long as a tab is open. */
function keep(message) {
  const { topic, data } = message;
  const key = `${topic}/${data[KEPT[topic]] ?? ""}`;
  const over = (topic === "session" && Number.isFinite(data.end_ms)) || (topic === "ask" && data.ask === null);
  if (over) newest.delete(key);
  else newest.set(key, message);
}

function change(now) {
  link = now;
  if (now.state !== "live") newest.clear();
  for (const port of tabs) port.postMessage({ kind: "link", link });
}
