// Past sessions, newest first, each with its timeline, its report and its data.

import * as api from "./session-api.js";
import { shownIn } from "./desk-book.js";
import { byId, el, mark, say } from "./dom.js";
import { counted, duration, moment } from "./format.js";
import { createKeyed } from "./keyed.js";
import { openSession } from "./session-view.js";

const ENDS = {
  restarted: "cut short by a restart of the appliance",
  withdrawn: "consent was withdrawn",
  replaced: "another one of theirs began",
};

/** The panel; returns `draw()`. */
export function createPastPanel(desk) {
  const { book } = desk;
  const draw = createKeyed(byId("past"), { key: ({ session_id: id }) => id, make: () => makeLine(desk), empty: byId("past-empty") });
  return () => {
    draw(book.past());
    say(byId("past-empty"), book.known ? "No session has ended yet." : "Loading…");
  };
}

function makeLine(desk) {
  let session = null;
  const name = el("strong");
  const about = el("span", { class: "line-about" });
  const timeline = el("button", { class: "button small", type: "button" }, "Timeline");
  const report = el("a", { class: "button small link-button", target: "_blank", rel: "noopener" }, "Report");
  const data = el("a", { class: "button small link-button", download: "" }, "Data");
  timeline.addEventListener("click", () => openSession(session, desk));
  const element = el("li", { class: "line" }, el("div", { class: "line-words" }, name, about), el("div", { class: "line-go" }, timeline, report, data));
  return {
    element,
    fill(now) {
      session = now;
      mark(element, "data-session", now.session_id);
      mark(report, "href", api.reportUrl(now.session_id));
      mark(data, "href", api.archiveUrl(now.session_id));
      say(name, `${now.participant} · ${shownIn(desk.book, now)}`);
      say(about, words(now, desk.now()));
    },
  };
}

function words({ start_ms: start, end_ms: end, segments, reason }, nowMs) {
  const why = reason && reason !== "stopped" ? (ENDS[reason] ?? reason.replaceAll("_", " ")) : "";
  return [moment(start, nowMs), duration((end - start) / 1000), counted(segments ?? 0, "segment"), why].filter(Boolean).join(" · ");
}
