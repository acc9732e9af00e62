// In which zone the times of a page are, at its foot.

import { el, say } from "./dom.js";
import { zoneOf } from "./format.js";

const foot = el("footer", { class: "zone" });

/** Say it, once or anew. */
export function showZone() {
  if (!foot.isConnected) document.querySelector("main").after(foot);
  say(foot, `Times are shown in ${zoneOf(Date.now())}, the zone of this browser.`);
}
