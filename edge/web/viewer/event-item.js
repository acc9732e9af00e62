// One event of the list: its picture, what it was, where and when, and the first reason.

import { el, mark, say } from "./dom.js";
import { gradeOf, isOpen, mergedWords, reasonsOf, titleOf, whenWhere } from "./event-words.js";

const MOST_SPOTS = 5;
const AGAIN_MS = 1_500;
const MOST_TRIES = 3;
const FEEDBACK = { normal: "Said to be normal", unusual: "Said to be unusual" };

/** `{element, fill(view, context)}`; `onOpen(id)` hears that somebody wants to see more. */
export function makeEventItem(id, onOpen) {
  const image = el("img", { alt: "", loading: "lazy", decoding: "async", width: 80, height: 60 });
  const thumb = el("span", { class: "event-thumb", "aria-hidden": "true" }, image);
  const title = el("strong");
  const tag = el("span", { class: "tag" });
  const when = el("span", { class: "when" });
  const reason = el("span", { class: "reason" });
  const note = el("span", { class: "note" });
  const words = el("span", { class: "event-words" }, el("span", { class: "event-title" }, title, tag), when, reason, note);
  const button = el("button", { type: "button", class: "event", "data-id": id }, thumb, words);
  let wanted;
  let tries = 0;
  image.addEventListener("error", failed);
  button.addEventListener("click", () => onOpen(id));

  function fill(view, context) {
    mark(button, "data-severity", gradeOf(view));
    mark(button, "data-open", String(isOpen(view)));
    spots(view.boxes);
    picture(view.thumbnail && `${view.thumbnail}?row=${view.row}`);
    say(title, titleOf(view.type));
    say(tag, gradeOf(view));
    say(when, whenWhere(view, context));
    say(reason, reasonsOf(view)[0] ?? "");
    say(note, [mergedWords(view.merged), FEEDBACK[view.feedback]].filter(Boolean).join(" · "));
  }

  function picture(url) {
    if (url === wanted) return;
    [wanted, tries] = [url, 0];
    load();
  }

  function load() {
    mark(thumb, "data-picture", wanted ? "there" : "none");
    if (!wanted) image.removeAttribute("src");
    else image.src = tries ? `${wanted}&try=${tries}` : wanted;
  }

  /** An event is told a moment before its picture lies on the disk. */
  function failed() {
    mark(thumb, "data-picture", "none");
    tries += 1;
    if (tries <= MOST_TRIES) setTimeout(() => image.isConnected && load(), AGAIN_MS * tries);
  }

  /** Where there is no picture, at least where in it something was. */
  function spots(boxes) {
    const told = JSON.stringify(boxes);
    if (thumb.dataset.boxes === told) return;
    thumb.dataset.boxes = told;
    thumb.replaceChildren(image, ...boxes.slice(0, MOST_SPOTS).map(spotOf));
  }

  return { element: el("li", {}, button), fill };
}

function spotOf({ x, y, w, h }) {
  const spot = el("span", { class: "event-spot" });
  for (const [name, share] of Object.entries({ left: x, top: y, width: w, height: h })) spot.style[name] = `${share * 100}%`;
  return spot;
}
