// The details of one event: its best picture with what it was about, its clip, the reasons, and what people say of it.

import { byId, el, fillList, freshCanvas, mark, say } from "./dom.js";
import { factsOf, feedbackWords, gradeOf, isOpen, reasonsOf, titleOf } from "./event-words.js";
import { contain, place } from "./geometry.js";
import { color } from "./ink.js";

/** The dialog. `open(view)` shows it; `ask(id)` gets the newest view, `judge(id, normal)` sends feedback and returns one; `onNews(view)` keeps either. */
export function createEventDetails({ context, ask, judge, onNews, onClosed }) {
  const dialog = byId("event-dialog");
  const image = byId("event-picture");
  const boxes = byId("event-boxes");
  const video = byId("event-clip");
  let shown = null;

  byId("event-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", leave);
  image.addEventListener("load", drawBoxes);
  image.addEventListener("error", () => dialog.dataset.media === "picture" && mediaOf("none"));
  video.addEventListener("error", () => video.hasAttribute("src") && noClip());
  for (const kind of ["picture", "clip"]) byId(`event-show-${kind}`).addEventListener("click", () => mediaOf(kind));
  byId("event-normal").addEventListener("click", () => judgeIt(true));
  byId("event-unusual").addEventListener("click", () => judgeIt(false));
  new ResizeObserver(drawBoxes).observe(image);

  async function open(view) {
    fill(view);
    mediaOf(view.picture ? "picture" : "none");
    dialog.showModal();
    byId("event-close").focus();
    const newest = await ask(view.event_id).catch(() => null);
    if (newest) update(onNews(newest));
  }

  /** The event went on while it is shown. */
  function update(view) {
    if (shown?.event_id !== view.event_id) return;
    const media = dialog.dataset.media;
    fill(view);
    if (media === "none" && view.picture) mediaOf("picture");
  }

  function fill(view) {
    const before = shown;
    shown = view;
    mark(dialog, "data-severity", gradeOf(view));
    say(byId("event-title"), titleOf(view.type));
    say(byId("event-tag"), gradeOf(view));
    fillList(byId("event-reasons"), reasonsOf(view));
    byId("event-facts").replaceChildren(...factsOf(view, context()).map(factOf));
    byId("event-show-clip").disabled = !view.clip;
    const url = view.picture && `${view.picture}?row=${view.row}`;
    if (url && image.getAttribute("src") !== url) image.src = url;
    image.alt = `The best picture of it: ${titleOf(view.type)}`;
    if (before?.event_id !== view.event_id || before.feedback !== view.feedback) drawFeedback();
    drawBoxes();
  }

  function mediaOf(kind) {
    mark(dialog, "data-media", kind);
    for (const name of ["picture", "clip"]) mark(byId(`event-show-${name}`), "aria-pressed", String(kind === name));
    if (kind === "clip" && !video.hasAttribute("src")) video.src = shown.clip;
    if (kind !== "clip") video.pause();
    say(byId("event-none"), kind === "none" ? "No picture of it was kept." : "");
    drawBoxes();
  }

  function noClip() {
    byId("event-show-clip").disabled = true;
    mediaOf(shown?.picture ? "picture" : "none");
    say(byId("event-said"), "Its clip is not on the device, or this browser cannot play it.");
  }

  function drawFeedback() {
    mark(byId("event-normal"), "aria-pressed", String(shown.feedback === "normal"));
    mark(byId("event-unusual"), "aria-pressed", String(shown.feedback === "unusual"));
    say(byId("event-said"), feedbackWords(shown));
    mark(byId("event-said"), "data-tone", "plain");
  }

  async function judgeIt(normal) {
    const id = shown.event_id;
    try {
      const view = await judge(id, normal);
      update(onNews(view));
    } catch (problem) {
      mark(byId("event-said"), "data-tone", "bad");
      say(byId("event-said"), problem.message);
    }
  }

  /** The boxes of a closed event are those of its best picture; while it goes on they are those of now. */
  function drawBoxes() {
    const { pen, width, height } = freshCanvas(boxes);
    if (!shown || isOpen(shown) || dialog.dataset.media !== "picture" || !image.naturalWidth) return;
    const view = contain(width, height, image.naturalWidth, image.naturalHeight);
    for (const box of shown.boxes) {
      const { x, y, w, h } = place(box, view);
      for (const [style, wide] of [["rgb(0 0 0 / 55%)", 4], [color("--box-alarm"), 2]]) {
        pen.strokeStyle = style;
        pen.lineWidth = wide;
        pen.strokeRect(x, y, w, h);
      }
    }
  }

  function leave() {
    const id = shown?.event_id;
    shown = null;
    video.pause();
    video.removeAttribute("src");
    video.load();
    image.removeAttribute("src");
    onClosed(id);
  }

  return { open, update };
}

function factOf([name, value]) {
  return el("div", { class: "row" }, el("dt", {}, name), el("dd", {}, value));
}
