// The link for the participant's own page: how they answer, whether they agree there, the address to copy or to scan.

import * as api from "./session-api.js";
import { openDialog } from "./dialogs.js";
import { el, say } from "./dom.js";
import { choiceField, switchField } from "./fields.js";
import { moment, zoneOf } from "./format.js";
import { linkOf } from "./participant-visit.js";
import { createQrCode } from "./qr-code.js";

const HERE_ONLY = "This address works on this machine only. For another screen open the desk by the appliance's own address first.";
const WAYS = [["probe", "Four words, keys 1 to 4"], ["square", "A square of valence and arousal"], ["trace", "A continuous trace while watching"]];

/** Make a link for `person` and show it; each opening of this dialog makes a new one. `place` is where this page is. */
export async function openLink(person, { notices }, place = location) {
  const how = { participant: person.id, by: "probe", consentHere: false };
  let made = null;
  const address = el("input", { type: "text", class: "link-address", readonly: true, "aria-label": "Address", value: "" });
  const until = el("p", { class: "hint" }, "Making the link…");
  const code = createQrCode(`QR code of ${person.id}'s page`);
  const hereOnly = isLoopback(place.hostname);
  const draw = () => {
    if (!made) return;
    address.value = linkOf(made.path, how, place.origin);
    if (!hereOnly) code.draw(address.value);
  };
  address.addEventListener("focus", () => address.select());
  const dialog = openDialog({
    title: `Page of ${person.id}`,
    content: [
      choiceField({ label: "Questions are answered by", value: how.by, path: "by", choices: WAYS, onInput: (by) => ((how.by = by), draw()) }),
      switchField({ label: "Ask for consent on that page", value: false, path: "consent", onInput: (on) => ((how.consentHere = on), draw()) }),
      address,
      until,
      hereOnly ? el("p", { class: "hint warn" }, HERE_ONLY) : code.element,
    ].filter(Boolean),
    actions: [{ name: "Copy", tone: "primary", id: "copy", disabled: true, run: copy }],
  });
  try {
    made = await api.link(person.id);
    draw();
    say(until, `Opens only what is ${person.id}'s own. Valid until ${moment(made.expires_ms, Date.now())} (${zoneOf(made.expires_ms)}).`);
    dialog.action("copy").disabled = false;
  } catch (problem) {
    dialog.tell(problem.message, "bad");
  }

  /** Pages without TLS have no clipboard of their own: then the address is selected for the hand to copy. */
  async function copy() {
    address.select();
    const copied = await navigator.clipboard?.writeText(address.value).then(() => true, () => false);
    if (copied || document.execCommand("copy")) return notices.tell("Copied", `The link of ${person.id}.`), true;
    dialog.tell("Press Ctrl+C to copy the selected address.");
    return false;
  }
}

function isLoopback(host) {
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}
