// The participant's own page: consent, readiness, the stimulus with its clock, and the questions. Quiet by design.

import * as api from "./session-api.js";
import { createAskBox } from "./ask-box.js";
import { createConsentScreen } from "./consent-screen.js";
import { createDeviceClock } from "./device-clock.js";
import { byId, mark, say } from "./dom.js";
import { createLabelStore } from "./label-store.js";
import { takeVisit } from "./participant-visit.js";
import { useToken } from "./request.js";
import { watchSession } from "./session-watch.js";
import { createStimulusPlayer } from "./stimulus-player.js";
import { createTrace } from "./trace.js";

const STALE = "This link has expired. Please ask for a new one.";

const visit = takeVisit();
const clock = createDeviceClock();
const now = () => clock.now(Date.now());
const video = byId("video");
let session = null;
let question = null;
let ready = false;
let over = false;
let reach = null;
let delivery = { waiting: 0, refused: 0, failing: false };

const labels = createLabelStore({
  key: `afferent.labels.${visit?.participant ?? ""}`,
  send: api.sendLabels,
  onChange(state) {
    delivery = state;
    drawNote();
  },
});
const player = createStimulusPlayer(video, {
  now,
  tell: (body) => session && api.tellClock(session.session_id, body).catch(() => null),
  onState: drawPlayer,
});
const ask = createAskBox({ now, onAnswer: (asked, label) => keep({ ...label, ask_id: asked.ask_id }) });
createTrace(byId("trace"), { onLabel: keep });

/** Every label has the device's time and the stimulus' as they were when it was given. */
function keep(label) {
  if (session) labels.add(session.session_id, { at_ms: Math.round(now()), stimulus_ms: player.positionMs() ?? undefined, ...label });
}

function begin() {
  if (!visit) return words("This page needs its link", "Please open the link that you were given.");
  useToken(visit.token);
  ask.begin(visit.by);
  labels.begin();
  addEventListener("online", labels.retry);
  if (visit.consentHere) createConsentScreen(visit.participant, { onAgreed: welcome, onDeclined: declined }).open();
  else welcome();
}

function welcome() {
  words("Welcome", "When you sit comfortably and the sensors are on, say so here.", "I am ready", () => {
    ready = true;
    wait();
    ask.show(question);
  });
  watchSession(visit.participant, {
    onTime: (tMs) => clock.heard(tMs, Date.now()),
    onSession: hearSession,
    onAsk: hearAsk,
    onReach: hearReach,
  });
}

function declined() {
  words("Nothing is recorded", "You did not agree, so there will be no session. Please tell the person who invited you.");
}

function wait() {
  if (session) watch();
  else words(over ? "Thank you" : "Ready", over ? "This session is over." : "It begins in a moment. You need not do anything.");
}

function hearSession(view) {
  const changed = view?.session_id !== session?.session_id;
  over ||= session !== null && view === null;
  session = view;
  if (!changed || !ready) return;
  ask.show(null);
  player.close();
  wait();
}

/** A question whose answer is on its way is not asked again. */
function hearAsk(found) {
  question = found && labels.holds(found.ask_id) ? null : found;
  if (ready) ask.show(question);
}

/** Show what is watched: in the page where there is a file, else elsewhere. */
async function watch() {
  const mine = session;
  show("watching");
  const shown = mine.stimulus ? await api.stimulus(mine.stimulus).catch(() => null) : null;
  const file = shown?.kind === "file";
  if (session?.session_id !== mine.session_id) return;
  video.hidden = !file;
  byId("elsewhere").hidden = file;
  byId("full").hidden = !document.fullscreenEnabled;
  if (file) player.open(api.videoUrl(mine.stimulus), mine.clock?.stimulus_ms ?? 0);
}

function drawPlayer(state) {
  const play = byId("play");
  play.hidden = state !== "blocked";
  play.onclick = () => player.play();
  if (state === "failed") say(byId("note"), "The film cannot be played here. Please tell the person who invited you.");
}

function words(title, detail, go = "", onGo = null) {
  show("words");
  say(byId("words-title"), title);
  say(byId("words-detail"), detail);
  const button = byId("words-go");
  button.hidden = !onGo;
  say(button, go);
  button.onclick = onGo;
}

function show(id) {
  mark(document.body, "data-phase", id);
  for (const part of ["words", "consent", "watching"]) byId(part).hidden = part !== id;
  byId("ask").hidden = id !== "watching";
  if (id !== "watching") byId("full").hidden = true;
}

function hearReach(problem) {
  if (problem?.status === 401) return words("This link no longer works", STALE);
  reach = problem;
  if (!problem) labels.retry();
  drawNote();
}

/** One quiet line: only what the participant needs to know. */
function drawNote() {
  const waiting = `${delivery.waiting} answer${delivery.waiting === 1 ? " is" : "s are"} kept here and sent as soon as it works again.`;
  if (delivery.refused) return say(byId("note"), "An answer could not be taken. Please tell the person who invited you.");
  if (reach?.status === 0 || delivery.failing) {
    return say(byId("note"), `Connection Error. ${delivery.waiting ? waiting : "Trying again…"}`);
  }
  say(byId("note"), "");
}

byId("full").addEventListener("click", () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen().catch(() => null);
});
document.addEventListener("fullscreenchange", () => mark(byId("full"), "aria-pressed", String(Boolean(document.fullscreenElement))));
begin();
