// Short notices at the edge of the page: what went wrong with the connection (S0.40), or what was done.

import { el } from "./dom.js";

const STAY_MS = 6_000;

/** `{title, text}` for a problem: no answer at all, or an answer that said no. */
export function wordsOf(problem) {
  if (problem.status === 0) return { title: "Backend Unavailable", text: "Please ensure the backend server is running." };
  if (problem.status === undefined) return { title: "Connection Error", text: "Failed to connect to backend. Please try again." };
  return { title: "That was not done", text: problem.message };
}

/** Notices in `root`: `tell(title, text)`, `fail(problem)`. The same one is not shown twice at once. */
export function createNotices(root) {
  function tell(title, text = "", tone = "plain") {
    const words = `${title} ${text}`;
    const same = [...root.children].find((one) => one.dataset.words === words);
    same?.remove();
    const item = el("li", { class: "notice", "data-tone": tone, "data-words": words, role: tone === "bad" ? "alert" : "status" }, el("strong", {}, title), el("span", {}, text));
    root.append(item);
    setTimeout(() => item.remove(), STAY_MS);
  }

  function fail(problem) {
    const { title, text } = wordsOf(problem);
    tell(title, text, "bad");
  }

  return { tell, fail };
}
