// What is usual here and what is not: how far that is learned, and how sensitive the alarm is, tried on the last hour.

import { el, fillList, mark, say } from "./dom.js";
import { percent } from "./format.js";
import { alarmsAt, fromSlider, previewWords, sensitivityWords, thresholdAt, toSlider } from "./preview.js";
import { createUnusualPlot } from "./unusual-plot.js";

const LEAST_SCORED = 1e-3;

/**
 * Wire the panel. `answer()` is the newest of GET anomaly, `own()` whether people set the sensitivity, `save(sensitivity)`
 * keeps one (null: as configured), `reset()` forgets what was learned; both may raise and then say why. `now()` is the
 * device's time.
 */
export function createUnusualPanel(parts, { answer, own, save, reset, now }) {
  const { slider, value, keep, back, plain, words, said, learned, hours, plotted, empty, canvas } = parts;
  const plot = createUnusualPlot(canvas);
  let tried = null;

  slider.addEventListener("input", () => {
    tried = fromSlider(Number(slider.value));
    say(said, "");
    draw();
  });
  back.addEventListener("click", () => {
    tried = null;
    draw();
  });
  keep.addEventListener("click", () => during(() => saved(tried)));
  plain.addEventListener("click", () => during(() => saved(null)));
  wireReset(parts, { reset: () => during(reset), learned: () => answer()?.learning });

  async function saved(sensitivity) {
    await save(sensitivity);
    tried = null;
    return "Saved. It holds from now on.";
  }

  async function during(work) {
    mark(said, "data-tone", "plain");
    keep.disabled = true;
    try {
      say(said, (await work()) ?? "");
    } catch (problem) {
      mark(said, "data-tone", "bad");
      say(said, problem.message);
    }
    keep.disabled = false;
    draw();
  }

  function draw() {
    const found = answer();
    const known = Number.isFinite(found?.threshold_raw);
    plotted.hidden = !known;
    empty.hidden = known;
    if (!known) return say(empty, found?.refused ? "The analysis of what is unusual is off for this camera." : "Waiting for the first analysis…");
    drawLearning(found.learning);
    drawTrial(found);
  }

  function drawTrial(found) {
    const sensitivity = tried ?? found.sensitivity;
    const threshold = thresholdAt(found.threshold_raw, sensitivity);
    const scores = found.scores.filter(([, score]) => score > LEAST_SCORED);
    const same = tried === null || tried === found.sensitivity;
    if (tried === null) slider.value = String(toSlider(sensitivity));
    mark(slider, "aria-valuetext", sensitivityWords(sensitivity));
    say(value, sensitivityWords(sensitivity));
    say(words, found.learning.complete ? previewWords(alarmsAt(found.scores, threshold), found.scores) : "While it learns, nothing is called unusual.");
    mark(canvas, "aria-label", `Scores of the last hour. ${words.textContent}`);
    keep.hidden = back.hidden = same;
    plain.hidden = !same || !own();
    plot({ scores, threshold, saved: thresholdAt(found.threshold_raw, found.sensitivity), endMs: now() });
  }

  function drawLearning(learning) {
    say(learned, learningWords(learning));
    if (hours.childElementCount !== 24) hours.replaceChildren(...Array.from({ length: 24 }, () => el("span", { class: "hour" })));
    learning.hours.slice(0, 24).forEach((share, hour) => {
      const bar = hours.children[hour];
      bar.style.setProperty("--share", String(Math.max(0, Math.min(1, share))));
      mark(bar, "title", `${String(hour).padStart(2, "0")}:00 – ${percent(share)} learned`);
    });
    mark(hours, "aria-label", hoursWords(learning.hours));
  }

  return { draw, fresh: () => ((tried = null), say(said, "")) };
}

/** Which hours have a normal of their own, or what learning waits for, in one sentence. */
export function learningWords({ complete, hours }) {
  if (!complete) return "Alarms begin when enough was seen.";
  const whole = hours.filter((share) => share >= 0.999).length;
  return whole === 24 ? "Every hour has a normal of its own." : `${whole} of 24 hours have a normal of their own.`;
}

/** Which hours are learned, for who cannot see the bars. */
export function hoursWords(hours) {
  const whole = hours.flatMap((share, hour) => (share >= 0.999 ? [hour] : []));
  const some = hours.filter((share) => share > 0 && share < 0.999).length;
  return `Hours learned: ${whole.length ? whole.join(", ") : "none"}${some ? `; ${some} in part` : ""}`;
}

function wireReset({ resetOpen, resetDialog, resetGo, resetStay, resetLost }, { reset, learned }) {
  resetOpen.addEventListener("click", () => {
    fillList(resetLost, lostWords(learned()));
    resetDialog.showModal();
  });
  resetStay.addEventListener("click", () => resetDialog.close());
  resetGo.addEventListener("click", async () => {
    resetDialog.close();
    await reset();
  });
}

function lostWords(learning) {
  const whole = learning?.hours.filter((share) => share > 0).length ?? 0;
  return [
    `What was learned of ${whole} of 24 hours, and every “that was normal” that people said.`,
    "Until enough was seen again, for some minutes at least, nothing is called unusual.",
    "Zones, lines, rules, events and recordings stay.",
  ];
}
