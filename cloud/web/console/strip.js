// Emotion over time: each segment where it was in time, one strip a sensor, hatched grey where the model was not sure (X.7).

import { clockTime, moment, percent } from "./format.js";
import { find, make, when } from "./page.js";

const EMOTIONS = [["Happy", "#eecdac"], ["Neutral", "#7fc087"], ["Angry", "#f4978e"], ["Sad", "#879af0"]];
const UNSURE = "Not sure"; // never silently one of the four

const nameOf = (one) => (one.probe ? one.emotion : UNSURE);

/** What is said of a segment: emotion, how sure, from when to when. */
export function describe(one) {
  const sure = one.probe ? `, ${percent(one.confidence)} sure` : "";
  return `${nameOf(one)}${sure} · ${moment(one.start_ms)}, for ${Math.round((one.end_ms - one.start_ms) / 100) / 10} s`;
}

/** `Happy 40 %, Not sure 60 %`: the share of each emotion in the segments. */
export function shares(segments) {
  const counts = new Map([...EMOTIONS.map(([name]) => [name, 0]), [UNSURE, 0]]);
  for (const one of segments) counts.set(nameOf(one), (counts.get(nameOf(one)) ?? 0) + one.end_ms - one.start_ms);
  const sum = [...counts.values()].reduce((total, ms) => total + ms, 0);
  const said = [...counts].filter(([, ms]) => ms > 0).map(([name, ms]) => `${name} ${percent(ms / sum)}`);
  return said.join(", ") || "Nothing in the time shown.";
}

/** The segments by device and sensor, in order of time. */
export function bySource(predictions) {
  const groups = new Map();
  for (const one of [...predictions].sort((a, b) => a.start_ms - b.start_ms)) {
    const name = `${one.device} · ${one.source}`;
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(one);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The strip of one sensor from `from` to `to`; pointing, touching and arrow keys say what a segment is. */
export function strip(name, predictions, from, to) {
  const segments = predictions.filter((one) => one.end_ms > from);
  const bar = make("div", { name: "bar" });
  const tip = make("p", { text: shares(segments), name: "tip faint" });
  const blocks = segments.map((one, at) => block(one, `${name}-${at}`.replace(/[^\w-]/g, "-"), from, to));
  bar.append(...blocks);
  bar.tabIndex = 0;
  bar.setAttribute("role", "listbox");
  bar.setAttribute("aria-label", `Emotion of ${name}: ${tip.textContent}`);
  let picked = -1;

  function pick(at) {
    blocks[picked]?.setAttribute("aria-selected", "false");
    picked = at;
    blocks[at]?.setAttribute("aria-selected", "true");
    tip.textContent = at < 0 ? shares(segments) : describe(segments[at]);
    if (at < 0) bar.removeAttribute("aria-activedescendant");
    else bar.setAttribute("aria-activedescendant", blocks[at].id);
  }

  for (const kind of ["pointermove", "pointerdown"]) bar.addEventListener(kind, ({ target }) => pick(blocks.indexOf(target)));
  for (const kind of ["pointerleave", "blur"]) bar.addEventListener(kind, () => pick(-1));
  bar.addEventListener("keydown", (event) => {
    const last = blocks.length - 1;
    const to = { ArrowLeft: picked < 0 ? last : picked - 1, ArrowRight: picked + 1, Home: 0, End: last, Escape: -1 }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    pick(event.key === "Escape" ? -1 : Math.max(0, Math.min(to, last)));
  });

  const ends = make("div", { name: "ends faint" }, when(from), make("time", { text: clockTime(to), title: moment(to) }));
  return make("div", { name: "strip" }, make("h3", { text: name }), bar, ends, tip);
}

function block(one, id, from, to) {
  const begin = Math.max(one.start_ms, from);
  const made = make("span", { name: one.probe ? "" : "unsure", title: describe(one) });
  made.id = `segment-${id}`;
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", "false");
  made.setAttribute("aria-label", describe(one));
  made.style.left = `${((begin - from) / (to - from)) * 100}%`;
  made.style.width = `${((one.end_ms - begin) / (to - from)) * 100}%`;
  if (one.probe) made.style.backgroundColor = one.color;
  made.dataset.emotion = nameOf(one);
  return made;
}

export function drawLegend() {
  for (const [name, color] of EMOTIONS) {
    const swatch = make("i");
    swatch.style.backgroundColor = color;
    find("legend").append(make("li", {}, swatch, name));
  }
  find("legend").append(make("li", {}, make("i", { name: "unsure" }), UNSURE));
}
