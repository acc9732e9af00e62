// Why a segment is what it is, in plain words: who spoke, and what in the body pushed which way.

import { percent } from "./format.js";

const VOICES = { body: "body", labels: "their own answers", consensus: "what others felt here", face: "face", sensor: "body" };

const CURRENT_MS = 15_000;

const FEATURES = [
  [/scr.*(count|rate|n)$|^scr/, "skin responses"],
  [/scl.*slope|gsr.*(slope|diff|rise)/, "the trend of skin conductance"],
  [/phasic/, "quick changes of skin conductance"],
  [/scl|tonic|gsr|eda/, "skin conductance"],
  [/rmssd|sdnn|hrv/, "heart rate variability"],
  [/hr.*(slope|diff|change)/, "the trend of the heart rate"],
  [/hr|heart|ibi|bpm/, "heart rate"],
  [/skin_c|temp/, "skin temperature"],
  [/change/, "how much the body changed"],
  [/baseline|rest/, "the difference from rest"],
];

/** Whether a segment still tells of now. */
export function isCurrent(segment, nowMs) {
  return Boolean(segment) && nowMs - segment.endMs < CURRENT_MS;
}

/** `Happy 80 %` while the segment tells of now; else nothing. */
export function nowWords(segment, nowMs) {
  if (!isCurrent(segment, nowMs)) return "";
  const sure = !segment.unsure && segment.confidence !== null ? ` ${percent(segment.confidence)}` : "";
  return `${segment.emotion}${sure}`;
}

/** A feature's name in words; one that nobody knows keeps its own, without underscores. */
export function featureName(name) {
  return FEATURES.find(([pattern]) => pattern.test(name))?.[1] ?? name.replaceAll("_", " ");
}

/** `Body 60 %, their own answers 40 %`: the share of say of each voice, the loudest first. */
export function voiceWords(voices = {}) {
  const said = Object.entries(voices).filter(([, weight]) => weight > 0).sort((a, b) => b[1] - a[1]);
  const sum = said.reduce((total, [, weight]) => total + weight, 0);
  return capital(said.map(([name, weight]) => `${VOICES[name] ?? name} ${percent(weight / sum)}`).join(", "));
}

/** The strongest pushes for and against `emotion`, one sentence each. */
export function pushWords(pushes = {}, emotion = "this") {
  const named = new Map();
  for (const [name, push] of Object.entries(pushes)) {
    const words = featureName(name);
    named.set(words, (named.get(words) ?? 0) + push);
  }
  const sorted = [...named].filter(([, push]) => Math.abs(push) >= 0.05).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const list = (wanted) => sorted.filter(([, push]) => wanted(push)).slice(0, 3).map(([words]) => words).join(", ");
  const [towards, away] = [list((push) => push > 0), list((push) => push < 0)];
  const name = emotion === "Not sure" ? "the likeliest" : emotion;
  return [towards && `Towards ${name}: ${towards}`, away && `Against ${name}: ${away}`].filter(Boolean);
}

/** Everything there is to say of a segment beside its emotion, confidence and time. */
export function explain({ emotion, voices, pushes, changeScore, quality, baseline }) {
  const heard = voiceWords(voices);
  return [
    heard,
    ...pushWords(pushes, emotion),
    changeScore !== null && changeScore >= 1 ? "The body changed here" : "",
    quality !== null && quality < 0.5 ? "The signals were poor, or this person is not known for long enough" : "",
    baseline === "none" || baseline === "learning" ? "Compared without a rest of this person" : "",
  ].filter(Boolean);
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
