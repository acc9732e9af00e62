// The way into the editor of zones and out again: it is loaded only when somebody wants to draw.

import { byId, mark, say } from "./dom.js";

/** Wire the button. `leave()` resolves to false where somebody wants to stay; `onChange()` hears both ways. */
export function createPlanMode(store, { plans, sizeOf, onChange }) {
  const button = byId("edit-plan");
  let editor = null;
  let active = false;

  button.addEventListener("click", open);
  store.on("plan selected link", drawButton);

  async function open() {
    const camera = store.selected;
    button.disabled = true;
    const { plan, problem } = await plans.load(camera);
    drawButton();
    if (!plan) return say(byId("said"), problem);
    editor ??= await makeEditor();
    if (store.selected !== camera) return;
    const note = byId("plan-problem");
    note.hidden = !problem;
    say(note, problem ? `The kept plan cannot be read: ${problem}. What you save here takes its place.` : "");
    editor.open(camera, plan);
  }

  async function makeEditor() {
    const { createEditor } = await import("./editor.js");
    return createEditor({ stage: byId("stage"), sizeOf, load: plans.load, send: plans.save, onMode });
  }

  function onMode(on) {
    active = on;
    mark(document.body, "data-mode", on ? "edit" : "watch");
    for (const [id, shown] of [["plan-panel", on], ["tool-bar", on], ["view-bar", !on]]) byId(id).hidden = !shown;
    onChange();
    if (!on) button.focus();
  }

  /** Where the appliance keeps no plan there is nothing to edit. */
  function drawButton() {
    button.disabled = store.selected === null || store.link.state !== "live" || store.plans.get(store.selected)?.status === 404;
  }

  return {
    leave: async () => !active || editor.leave(),
    redraw: () => active && editor.redraw(),
    get active() { return active; },
  };
}
