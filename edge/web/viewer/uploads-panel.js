// The way of files to the cloud: what goes now, what waits, what failed, and the buttons that change that.

import * as api from "./clip-api.js";
import { uploadAbout, uploadsAbout } from "./clip-words.js";
import { byId, el, mark, say, smallButton } from "./dom.js";
import { moment } from "./format.js";
import { createKeyed } from "./keyed.js";

/** The panel; `draw(uploads)` takes what the appliance says, `onProblem` hears what it refuses; `now()` is its time, `momentOf(id)` when a recording began, if known. */
export function createUploadsPanel({ now: time, nameOf, momentOf, onProblem }) {
  const pause = byId("uploads-pause");
  const retry = byId("uploads-retry");
  const list = createKeyed(byId("uploads"), { key: ({ id }) => id, make: () => createItem(act, { nameOf, momentOf }) });
  let paused = false;

  pause.addEventListener("click", () => act(paused ? "resume" : "pause"));
  retry.addEventListener("click", () => act("retry"));

  async function act(what, id = null) {
    try {
      await api.doUpload(what, id);
      draw(await api.uploads());
    } catch (problem) {
      onProblem(problem);
    }
  }

  function draw(now) {
    if (!now?.totals) return;
    paused = now.paused;
    say(byId("uploads-about"), uploadsAbout(now));
    say(pause, paused ? "Resume all" : "Pause all");
    pause.hidden = false;
    retry.hidden = !now.totals.failed;
    list(now.uploads.map((one) => ({ ...one, allPaused: now.paused, nowMs: time() })));
  }

  function off() {
    say(byId("uploads-about"), "Nothing is uploaded from this appliance.");
  }

  return { draw, off };
}

function createItem(act, names) {
  let upload = null;
  const parts = { name: el("strong"), about: el("span", { class: "line-about" }), bar: el("progress", { max: 1, "aria-label": "Sent" }) };
  const again = smallButton("Retry", () => act("retry", upload.id));
  const hold = smallButton("Pause", () => act(upload.state === "paused" ? "resume" : "pause", upload.id));
  const words = el("div", { class: "line-words" }, parts.name, parts.about, parts.bar);
  const element = el("li", { class: "line" }, words, el("div", { class: "line-go", "data-needs": "operator" }, again, hold));

  function fill(item) {
    upload = item;
    mark(element, "data-state", item.state);
    say(parts.name, uploadName(item, names));
    mark(parts.name, "title", item.name);
    say(parts.about, uploadAbout(item, item.nowMs));
    parts.bar.hidden = item.state === "done" || !item.size_bytes;
    parts.bar.value = item.size_bytes ? item.sent_bytes / item.size_bytes : 0;
    again.hidden = item.state !== "failed";
    hold.hidden = item.allPaused || item.state === "done" || item.state === "failed";
    say(hold, item.state === "paused" ? "Resume" : "Pause");
  }

  return { element, fill };
}

/** A recording by its camera and when it began; any other file by its own name. */
function uploadName({ id, kind, camera, name, nowMs }, { nameOf, momentOf }) {
  if (kind !== "recording") return camera ? `${nameOf(camera)}: ${name}` : name;
  const began = momentOf(id);
  return began === null ? `${nameOf(camera)}, a recording` : `${nameOf(camera)}, ${moment(began, nowMs)}`;
}
