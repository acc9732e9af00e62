// The panel of the usual and unusual, tied to the camera that is chosen: what it shows, and what is saved and forgotten.

import { byId } from "./dom.js";
import { createUnusualPanel } from "./unusual-panel.js";

const PLOT_MS = 5_000;

/** `draw()` shows the newest answer of the chosen camera. */
export function createUnusual(store, { plans, watch, now }) {
  const panel = createUnusualPanel(
    {
      slider: byId("sensitivity"),
      value: byId("sensitivity-value"),
      keep: byId("sensitivity-keep"),
      back: byId("sensitivity-back"),
      plain: byId("sensitivity-plain"),
      words: byId("trial-words"),
      said: byId("sensitivity-said"),
      learned: byId("learned"),
      hours: byId("learned-hours"),
      plotted: byId("unusual"),
      empty: byId("unusual-empty"),
      canvas: byId("trial-plot"),
      resetOpen: byId("reset-open"),
      resetDialog: byId("reset-dialog"),
      resetGo: byId("reset-go"),
      resetStay: byId("reset-stay"),
      resetLost: byId("reset-lost"),
    },
    { answer, own, save, reset, now },
  );

  /** Analysis takes a plan over with its next frame: what people have set holds from the moment it is kept. */
  function answer() {
    const found = store.anomaly.get(store.selected);
    return found && own() ? { ...found, sensitivity: store.plans.get(store.selected).plan.sensitivity } : found;
  }

  function own() {
    return Number.isFinite(store.plans.get(store.selected)?.plan?.sensitivity);
  }

  /** Only the sensitivity is ours: it goes into whatever plan is kept now, also if another was saved meanwhile. */
  async function save(sensitivity) {
    const camera = store.selected;
    for (let attempt = 0; ; attempt += 1) {
      const { plan, problem } = await plans.load(camera);
      if (!plan) throw new Error(problem ?? "The plan cannot be read.");
      try {
        await plans.save(camera, { ...plan, sensitivity });
        return watch.ask();
      } catch (refused) {
        if (refused.status !== 409 || attempt === 2) throw refused;
      }
    }
  }

  async function reset() {
    await watch.reset(store.selected);
    return "Forgotten. It learns anew from now on.";
  }

  store.on("selected", () => {
    panel.fresh();
    panel.draw();
  });
  new ResizeObserver(panel.draw).observe(byId("trial-plot"));
  setInterval(panel.draw, PLOT_MS);
  return { draw: panel.draw };
}
