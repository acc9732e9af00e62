// The connection to the appliance: a quiet word at the top while it holds, a banner and greyed data while it does not.

import { byId, mark, say } from "./dom.js";
import { showZone } from "./zone.js";

const WORDS = { connecting: "Connecting…", live: "Live", lost: "Offline", refused: "Signed out" };

/** `draw(link)`: show the state of the event stream everywhere it matters. */
export function drawLink(link) {
  mark(document.body, "data-link", link.state);
  say(byId("link-text"), WORDS[link.state]);
  showZone();
  const lost = byId("lost");
  lost.hidden = link.state !== "lost";
  say(lost, link.state === "lost" ? "Connection lost, trying again… What you see is from before." : "");
}
