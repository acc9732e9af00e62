// Starting a session: who, what, with which sensor; the check list with its remedies; and a big button.

import * as api from "./session-api.js";
import { createCheckList, standing } from "./check-list.js";
import { openConsent } from "./consent-dialog.js";
import { sensorName, stimulusName } from "./desk-book.js";
import { byId, el, mark, say } from "./dom.js";
import { sensorChoices } from "./participant-form.js";

const EVERY_MS = 3_000;
const NO_VIDEO = "/none";

/** The panel; returns `draw()`. */
export function createStartPanel({ book, store, notices, now }) {
  const pick = { participant: byId("start-participant"), stimulus: byId("start-stimulus"), sensor: byId("start-sensor") };
  const video = byId("start-video");
  const go = byId("start-go");
  const overrule = byId("start-overrule");
  const said = byId("start-said");
  const list = createCheckList(byId("checks"), { onConsent: consent });
  let checks = null;
  let asked = "";
  let busy = false;
  let attempt = "";

  for (const [name, select] of Object.entries(pick)) {
    select.addEventListener("change", () => {
      if (name === "participant") pick.sensor.value = "";
      overrule.checked = false;
      attempt = "";
      draw();
      check();
    });
  }
  overrule.addEventListener("change", drawGo);
  go.addEventListener("click", start);
  setInterval(() => !document.hidden && check(), EVERY_MS);

  function draw() {
    const people = [...book.participants.values()].sort((a, b) => a.id.localeCompare(b.id));
    const films = [...book.stimuli.values()].sort((a, b) => (a.number ?? 1e9) - (b.number ?? 1e9));
    fillSelect(pick.participant, [["", people.length ? "Choose…" : "Add a participant first"], ...people.map(({ id }) => [id, id])]);
    fillSelect(pick.stimulus, [["", "None"], ...films.map((one) => [one.id, stimulusName(one)])]);
    fillSelect(pick.sensor, sensorChoices(book, pick.sensor.value, ownSensor()));
    const cameras = [...store.cameras.values()].map(({ camera, name }) => [camera, name || camera]);
    fillSelect(video, [["", "As configured"], [NO_VIDEO, "None"], ...cameras]);
    if (wish() !== asked) check();
  }

  function ownSensor() {
    const sensor = book.participants.get(pick.participant.value)?.sensor;
    return sensor ? `Theirs: ${sensorName(book, sensor)}` : "Theirs";
  }

  function chosen() {
    return { participant: pick.participant.value, stimulus: pick.stimulus.value, sensor: pick.sensor.value };
  }

  /** What the check list depends on: a change of it is a reason to ask anew. */
  function wish() {
    return JSON.stringify([chosen(), book.participants.get(pick.participant.value)?.consent ?? null]);
  }

  async function check() {
    asked = wish();
    const mine = asked;
    if (!pick.participant.value) return show(null);
    try {
      const found = await api.checks(chosen());
      if (mine === asked) show(found);
    } catch (problem) {
      if (mine === asked) show(null, problem);
    }
  }

  function show(found, problem = null) {
    checks = found;
    list(found?.checks ?? []);
    byId("checks-empty").hidden = Boolean(found);
    say(byId("checks-empty"), problem ? problem.message : "Choose a participant, and what stands between now and a session is listed here.");
    drawGo();
  }

  function drawGo() {
    const state = standing(checks);
    byId("start-tick").hidden = state !== "warning";
    go.disabled = busy || !(state === "ok" || (state === "warning" && overrule.checked));
    mark(go, "data-busy", String(busy));
  }

  function consent() {
    const person = book.participants.get(pick.participant.value);
    if (person) openConsent(person, { onDone: (changed) => book.put("participants", changed) });
  }

  async function start() {
    busy = true;
    drawGo();
    say(said, "");
    try {
      attempt ||= sessionId(chosen(), book, now());
      const view = await api.startSession({ ...chosen(), ...filmed(video.value), session_id: attempt, overrule: overrule.checked });
      attempt = "";
      book.session(view);
      notices.tell("Started", `The session of ${view.participant} runs.`);
      pick.participant.value = "";
      overrule.checked = false;
    } catch (problem) {
      say(said, problem.message);
      if (problem.status === 0) notices.fail(problem);
    }
    busy = false;
    draw();
    check();
  }

  return draw;
}

/** S0.29: of participant, film and moment. The same attempt has the same id, so that pressing twice starts once. */
function sessionId({ participant, stimulus }, book, nowMs) {
  return `${participant}_${book.stimuli.get(stimulus)?.number ?? 0}_${Math.round(nowMs)}`;
}

/** Which cameras record it: none of them said leaves that to the settings. */
function filmed(choice) {
  if (!choice) return {};
  return { cameras: choice === NO_VIDEO ? [] : [choice] };
}

/** Give a select these `[value, name]`, keeping what is chosen. */
function fillSelect(select, choices) {
  const now = [...select.options].map(({ value, textContent }) => `${value}=${textContent}`).join("\n");
  if (now === choices.map(([value, name]) => `${value}=${name}`).join("\n")) return;
  const kept = select.value;
  select.replaceChildren(...choices.map(([value, name]) => el("option", { value }, name)));
  select.value = choices.some(([value]) => value === kept) ? kept : "";
}
