// The event stream as a tab sees it: through the shared worker where the browser has one, else its own.

import { openStream } from "./stream.js";

const PROTOCOL = "afferent-stream-1";

/** Like `openStream`, but shared by every tab of this browser through `workerUrl`. A tab that goes away says so. */
export function shareStream(url, workerUrl, handlers) {
  if (typeof SharedWorker === "undefined") return openOwn(url, handlers);
  let own = null;
  const worker = new SharedWorker(workerUrl, { type: "module", name: PROTOCOL });
  worker.onerror = () => {
    own ??= openOwn(url, handlers);
  };
  worker.port.onmessage = ({ data }) => {
    if (data.kind === "link") handlers.onLink(data.link);
    else handlers.onMessage(data.message);
  };
  const hello = () => worker.port.postMessage({ kind: "hello", url });
  const bye = () => worker.port.postMessage({ kind: "bye" });
  addEventListener("pagehide", bye);
  addEventListener("pageshow", ({ persisted }) => persisted && hello());
  hello();
  return { retry: () => (own ? own.retry() : worker.port.postMessage({ kind: "retry" })), close: bye };
}

/** Without a worker to share, a tab that is not looked at gives its connection back. */
function openOwn(url, handlers) {
  let stream = openStream(url, handlers);
  document.addEventListener("visibilitychange", () => {
    stream.close();
    if (!document.hidden) stream = openStream(url, handlers);
  });
  return { retry: () => stream.retry(), close: () => stream.close() };
}
