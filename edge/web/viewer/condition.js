// Whether the picture is fit to be judged, whether analysis keeps up, and whether it is after hours: notes on the stage.

import { el, fillList, say } from "./dom.js";
import { clockTime, number } from "./format.js";

const WORDS = {
  frozen: "The picture is frozen",
  black: "The picture is black",
  bright: "The picture is too bright",
  covered: "The camera is covered",
  blurred: "The picture is blurred",
  moved: "The camera was moved",
};

/** `{title, detail}` of what is wrong with the picture, null where it is fit to be judged. */
export function conditionNote(vision) {
  const { kind = "ok", since_ms: since, detail } = vision?.condition ?? {};
  if (!Object.hasOwn(WORDS, kind)) return null;
  const when = since ? ` since ${clockTime(since)}` : "";
  return { title: WORDS[kind] + when, detail: detail || "What moves in it is not judged until it is well again." };
}

/** The small badges over the picture, in a few words each. */
export function badges(vision) {
  const found = [];
  if (vision?.condition?.kind === "starting") found.push("Getting to know the picture");
  if (vision?.after_hours) found.push("After hours");
  const { behind, skipped } = vision?.pace ?? {};
  if (behind) found.push(`Analysis is behind · ${number(skipped ?? 0)} skipped`);
  return found;
}

/** `draw(vision)` shows both; null hides them. */
export function createCondition({ note, list }) {
  const title = el("strong");
  const detail = el("span");
  note.replaceChildren(title, detail);
  return function draw(vision) {
    const found = conditionNote(vision);
    note.hidden = !found;
    say(title, found?.title ?? "");
    say(detail, found?.detail ?? "");
    fillList(list, badges(vision));
  };
}
