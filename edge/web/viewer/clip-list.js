// The recordings on the device, newest first, a page at a time.

import * as api from "./clip-api.js";
import { clipAbout, clipMarks, clipStateOf } from "./clip-words.js";
import { el, mark, say } from "./dom.js";
import { createKeyed } from "./keyed.js";

const PAGE = 30;
const MOST = 180;
const EVERY_MS = 5_000;

/**
 * The list in `root`; `onChoose(clip)` hears which to show, `momentOf(id)` says when one began. `begin()` asks now and from time to time: the newest are asked
 * for again and again, those beyond `MOST` once.
 */
export function createClipList({ root, empty, more, camera }, { now, nameOf, onChoose, onProblem }) {
  let shown = [];
  let chosen = null;
  let wanted = PAGE;
  let timer = 0;
  const draw = createKeyed(root, { key: ({ recording_id: id }) => id, make: () => createItem(choose, nameOf), empty });

  camera.addEventListener("change", () => {
    wanted = PAGE;
    look();
  });
  more.addEventListener("click", () => {
    wanted += PAGE;
    return wanted > MOST ? lookBack() : look();
  });

  async function look() {
    clearTimeout(timer);
    timer = setTimeout(look, EVERY_MS);
    if (document.hidden) return;
    const asked = camera.value;
    const found = await ask({ limit: Math.min(wanted, MOST) });
    if (!found || asked !== camera.value) return;
    const oldest = found.recordings.at(-1)?.order ?? 0;
    const older = found.more && wanted > MOST ? shown.filter(({ order }) => order < oldest) : [];
    if (!older.length) more.hidden = !found.more;
    shown = [...found.recordings, ...older];
    say(empty, asked ? "Nothing of this camera is on the device." : "Nothing has been recorded yet.");
    redraw();
  }

  async function lookBack() {
    more.disabled = true;
    const asked = camera.value;
    const found = await ask({ limit: PAGE, before: shown.at(-1).order });
    more.disabled = false;
    if (!found || asked !== camera.value) return;
    const oldest = shown.at(-1).order;
    shown = [...shown, ...found.recordings.filter(({ order }) => order < oldest)];
    more.hidden = !found.more;
    redraw();
  }

  async function ask(query) {
    try {
      return await api.clips({ ...query, ...(camera.value ? { camera: camera.value } : {}) });
    } catch (problem) {
      onProblem(problem);
      return null;
    }
  }

  function redraw() {
    draw(shown.map((clip) => ({ ...clip, nowMs: now(), chosen: clip.recording_id === chosen })));
  }

  function choose(clip) {
    chosen = clip.recording_id;
    redraw();
    onChoose(clip);
  }

  return { begin: look, choose, momentOf: (id) => shown.find((clip) => clip.recording_id === id)?.start_ms ?? null };
}

/** Fill a choice of cameras, keeping what was chosen. */
export function fillCameras(select, cameras) {
  const known = [...select.options].map(({ value }) => value).join("\n");
  if (known === ["", ...cameras.map(({ camera }) => camera)].join("\n")) return;
  const before = select.value;
  const options = cameras.map(({ camera, name }) => el("option", { value: camera }, name || camera));
  select.replaceChildren(el("option", { value: "" }, "All cameras"), ...options);
  select.value = before;
}

function createItem(onChoose, nameOf) {
  let clip = null;
  const parts = {
    image: el("img", { alt: "", width: 112, height: 63, loading: "lazy" }),
    title: el("strong"),
    about: el("span", { class: "clip-about" }),
    marks: el("span", { class: "clip-marks" }),
    state: el("span", { class: "clip-state" }),
  };
  const words = el("span", { class: "clip-words" }, parts.title, parts.about, parts.marks, parts.state);
  const button = el("button", { class: "clip", type: "button" }, el("span", { class: "clip-thumb" }, parts.image), words);
  button.addEventListener("click", () => onChoose(clip));
  const element = el("li", {}, button);

  function fill(item) {
    clip = item;
    mark(button, "aria-pressed", String(item.chosen));
    mark(element, "data-state", item.state);
    say(parts.title, nameOf(item.camera));
    say(parts.about, clipAbout(item, item.nowMs));
    say(parts.marks, clipMarks(item).join(" · "));
    say(parts.state, clipStateOf(item.state));
    parts.image.hidden = !item.sheet;
    if (item.sheet) mark(parts.image, "src", api.thumbnailUrl(item.recording_id));
  }

  return { element, fill };
}
