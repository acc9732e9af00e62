// Saving a plan, and what may come between: a field that will not do, or somebody who saved another one meanwhile.

import { byId, fillList, mark, say } from "./dom.js";
import { pathOf, problemsOf } from "./plan-check.js";
import { differences } from "./plan-draft.js";
import { shapeName } from "./plan-words.js";

/**
 * `save()` sends the draft. `send(plan)` and `load()` speak to the appliance; `onProblems(list)` shows problems at their
 * fields, `onSaved()` hears success, `onAdopted()` that the other's plan was taken over.
 */
export function createPlanSave({ editing, send, load, onProblems, onSaved, onAdopted }) {
  const box = byId("plan-conflict");
  const said = byId("plan-said");
  let busy = false;

  async function save() {
    if (busy) return false;
    const found = problemsOf(editing().draft.plan);
    onProblems(found);
    if (found.length) return tell("Not saved: something is not right yet.", "bad"), false;
    return attempt(editing().draft.plan);
  }

  async function attempt(plan) {
    busy = true;
    hideConflict();
    tell("Saving…");
    try {
      editing().draft.rebase(await send(plan));
      tell("Saved. It holds from the next picture on.");
      onSaved();
      return true;
    } catch (problem) {
      await refused(problem);
      return false;
    } finally {
      busy = false;
    }
  }

  async function refused(problem) {
    if (problem.status === 409) return showConflict();
    const path = pathOf(problem.field);
    tell(`Not saved: ${problem.message}`, "bad");
    if (path) onProblems([{ path, text: problem.message }]);
  }

  async function showConflict() {
    const { plan } = await load();
    if (!plan) return tell("Not saved: somebody saved another plan meanwhile, and it cannot be read.", "bad");
    const { draft } = editing();
    tell("Not saved: somebody saved another plan meanwhile.", "bad");
    fillList(byId("conflict-list"), differences(draft.base, plan, shapeName));
    box.hidden = false;
    byId("conflict-theirs").onclick = () => {
      draft.adopt(plan);
      hideConflict();
      tell("This is the plan of the other. Undo brings yours back.");
      onAdopted();
    };
    byId("conflict-mine").onclick = () => attempt({ ...draft.plan, version: plan.version });
    byId("conflict-theirs").focus();
  }

  function hideConflict() {
    box.hidden = true;
  }

  function tell(text, tone = "plain") {
    mark(said, "data-tone", tone);
    say(said, text);
  }

  return { save, tell, hideConflict };
}

/** Ask whether to leave what is not saved; resolves to `save`, `drop` or `stay`. */
export function askToLeave() {
  const dialog = byId("leave-dialog");
  return new Promise((done) => {
    const settle = (choice) => {
      dialog.onclose = null;
      dialog.close();
      done(choice);
    };
    for (const choice of ["save", "drop", "stay"]) byId(`leave-${choice}`).onclick = () => settle(choice);
    dialog.onclose = () => done("stay");
    dialog.showModal();
  });
}
