// The people of the desk: by pseudonym, with the sensor that they wear, their consent, and what may be done with them.

import { openConsent, openWithdraw } from "./consent-dialog.js";
import { byId, el, mark, say, smallButton } from "./dom.js";
import { openErase } from "./erase-dialog.js";
import { counted, dayOf } from "./format.js";
import { sensorName } from "./desk-book.js";
import { createKeyed } from "./keyed.js";
import { openLink } from "./link-dialog.js";
import { openParticipant } from "./participant-form.js";
import { needs } from "./who.js";

/** The state of somebody's consent in words, and how it stands: `given`, `withdrawn` or `missing`. */
export function consentState(consent) {
  if (!consent) return { state: "missing", words: "No consent yet" };
  const day = dayOf(consent.at_ms);
  if (!consent.given) return { state: "withdrawn", words: `Withdrawn ${day}` };
  const version = consent.text_version === "external" ? "by another program" : `text ${consent.text_version}`;
  return { state: "given", words: `Agreed ${day}, ${version}` };
}

/** The panel; `desk` is `{book, notices}`. */
export function createParticipantsPanel(desk) {
  const { book } = desk;
  const draw = createKeyed(byId("participants"), { key: ({ id }) => id, make: () => makeLine(desk), empty: byId("participants-empty") });
  byId("participant-add").addEventListener("click", () => openParticipant(desk, null));
  return () => {
    draw([...book.participants.values()].sort((a, b) => a.id.localeCompare(b.id)));
    say(byId("participants-empty"), book.known ? "Nobody yet. Add the first participant: a pseudonym, never a name." : "Loading…");
  };
}

function makeLine(desk) {
  let person = null;
  const name = el("strong");
  const about = el("span", { class: "line-about" });
  const state = el("span", { class: "chip" });
  const put = (changed) => changed && desk.book.put("participants", changed);
  const consent = smallButton("Consent…", () => (person.consent?.given ? openWithdraw(person, { onDone: put }) : openConsent(person, { onDone: put })));
  const element = el(
    "li",
    { class: "line" },
    el("div", { class: "line-words" }, name, state, about),
    el(
      "div",
      { class: "line-go", "data-needs": "operator" },
      consent,
      smallButton("Link…", () => openLink(person, desk)),
      smallButton("Change…", () => openParticipant(desk, person)),
      needs(smallButton("Erase…", () => openErase(person, desk), "danger"), "admin"),
    ),
  );
  return {
    element,
    fill(now) {
      person = now;
      const { state: how, words } = consentState(now.consent);
      mark(element, "data-participant", now.id);
      mark(state, "data-state", how);
      say(name, now.id);
      say(state, words);
      say(about, [now.sensor ? `wears ${sensorName(desk.book, now.sensor)}` : "no sensor", sessionsOf(now.sessions), now.note].filter(Boolean).join(" · "));
      say(consent, how === "given" ? "Withdraw…" : "Consent…");
    },
  };
}

function sessionsOf(count) {
  return count ? counted(count, "session") : "no sessions";
}
