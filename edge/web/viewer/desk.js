// The session desk put together: one book, one stream, and panels that each show a part of it.

import { STREAM_URL, STREAM_WORKER, device, signIn as sendPassword, signOut, status } from "./api.js";
import * as api from "./session-api.js";
import { createDeskBook } from "./desk-book.js";
import { byId, mark, say } from "./dom.js";
import { drawLink } from "./link.js";
import { createNotices } from "./notice.js";
import { createParticipantsPanel } from "./participants-panel.js";
import { createPastPanel } from "./past-panel.js";
import { createRunningPanel } from "./running-panel.js";
import { createSensorsPanel } from "./sensors-panel.js";
import { shareStream } from "./shared-stream.js";
import { createSignIn } from "./signin.js";
import { createStartPanel } from "./start-panel.js";
import { createStore } from "./state.js";
import { createStimuliPanel } from "./stimuli-panel.js";
import { forget, meet } from "./who.js";

const PAST = 100;
const ASK_TIME_MS = 20_000;
const JUST_MS = 15_000;
const LISTS = { participants: api.participants, stimuli: api.stimuli, sessions: () => api.sessions({ limit: PAST }) };

const store = createStore();
const book = createDeskBook();
const notices = createNotices(byId("notices"));
const desk = { book, store, notices, now: () => store.clock.now(Date.now()) };
const views = [createParticipantsPanel, createStimuliPanel, createStartPanel, createRunningPanel, createPastPanel].map((make) => make(desk));
const sensors = createSensorsPanel(byId("sensors"), {
  empty: byId("sensors-empty"),
  qualityOf: (id) => store.signals.get(id)?.quality,
  onSensors({ sensors: list, signals }) {
    for (const data of signals ?? []) store.take({ topic: "signals", data });
    book.load({ sensors: list });
  },
  onProblem: askAgain,
});
const signIn = createSignIn({ signIn: sendPassword, onDone: begin });
let stream = null;
let lost = false;
let drawing = false;
let counted = 0;

book.on(() => {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    for (const draw of views) draw();
  });
});
book.on(recount);
store.on("signals", sensors.redraw);

function hear(message) {
  store.take(message);
  book.take(message);
  hearLate(message);
}

/** How many sessions a participant has had is counted by the appliance. */
async function recount() {
  if (!book.known || book.sessions.size === counted) return;
  counted = book.sessions.size;
  const since = book.asking();
  await api.participants().then((participants) => book.load({ participants }, since), () => null);
}

/** The last segment of a session closes after its end: look again how many there are. */
function hearLate({ topic, data }) {
  const ended = topic === "record" ? book.sessions.get(data?.body?.session_id) : null;
  if (ended?.end_ms && desk.now() - ended.end_ms < JUST_MS) api.session(ended.session_id).then(book.session).catch(() => null);
}

function hearLink(link) {
  const before = store.link.state;
  store.setLink(link);
  drawLink(link);
  if (link.state === "refused") return signedOut();
  if (link.state === "lost" && !lost) notices.tell("Connection Error", "Failed to connect to backend. Please try again.", "bad");
  lost = link.state === "lost";
  if (link.state !== "live") return;
  signIn.close();
  mark(document.body, "data-phase", "ready");
  if (before === "live") return;
  meet();
  load();
}

function signedOut() {
  mark(document.body, "data-phase", "signedout");
  forget();
  signIn.open();
}

/** Once connected, and again after each interruption: what the stream does not repeat. */
async function load() {
  try {
    const since = book.asking();
    sensors.begin();
    const now = await askTime(status);
    say(byId("device"), now.device);
    store.load(now, []);
    const names = Object.keys(LISTS);
    const lists = await Promise.all(names.map((name) => LISTS[name]()));
    book.load(Object.fromEntries(names.map((name, at) => [name, lists[at]])), since);
    await Promise.all(book.running().map(async ({ session_id: id }) => book.session(await api.session(id))));
  } catch (problem) {
    askAgain(problem);
  }
}

async function askTime(question) {
  const sent = Date.now();
  const answer = await question();
  store.clock.asked(sent, answer.t_ms, Date.now());
  return answer;
}

function askAgain(problem) {
  if (problem.status === undefined) throw problem;
  if (problem.status === 401) signedOut();
  else if (problem.status !== 0 || store.link.state === "live") notices.fail(problem);
}

function begin() {
  if (stream) stream.retry();
  else stream = shareStream(STREAM_URL, STREAM_WORKER, { onMessage: hear, onLink: hearLink });
}

byId("sign-out").addEventListener("click", async () => {
  await signOut().catch(() => null);
  stream.retry();
});
addEventListener("online", () => stream?.retry());
setInterval(() => store.link.state === "live" && askTime(device).catch(askAgain), ASK_TIME_MS);
book.tell();
begin();
