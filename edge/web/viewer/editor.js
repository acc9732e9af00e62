// The editor of zones and lines as a mode of the page: opened on a camera's plan, left with nothing lost by accident.

import { byId, mark, say } from "./dom.js";
import { createEditing } from "./editing.js";
import { createHands } from "./editor-hands.js";
import { createEditorStage } from "./editor-stage.js";
import { MOST } from "./plan-edit.js";
import { createPlanPanel } from "./plan-panel.js";
import { askToLeave, createPlanSave } from "./plan-save.js";
import { shapeAt } from "./plan-check.js";

const HINTS = {
  zone: "Click the corners one after another; click the first again, or press Enter, to close. Keys: arrows move, Space sets a corner.",
  line: "Click where the line begins and where it ends. Keys: arrows move, Space sets a point.",
  shape: "Drag points, the middles of edges for more points, or the whole. Keys: Tab to a point, arrows move it, + adds, Delete removes.",
  nothing: "Choose a zone or line, or draw a new one.",
};

/** `open(camera, plan)` begins, `leave()` ends it unless somebody wants to stay (then false). */
export function createEditor({ stage, sizeOf, load, send, onMode }) {
  const layer = byId("editor");
  const drawing = createEditorStage(layer, stage, sizeOf);
  const panel = createPlanPanel({ onSelect: (id) => editing.select(id) });
  const saving = createPlanSave({
    editing: () => editing,
    send: (plan) => send(camera, plan),
    load: () => load(camera),
    onProblems: showProblems,
    onSaved: () => change("form"),
    onAdopted: () => change("draft"),
  });
  let editing = null;
  let camera = null;
  let refused = [];

  createHands(layer, { editing: () => editing, focusPoint: drawing.focusPoint, tell: saving.tell });
  for (const tool of ["select", "zone", "line"]) byId(`tool-${tool}`).addEventListener("click", () => take(tool));
  byId("tool-undo").addEventListener("click", () => editing.undo());
  byId("tool-redo").addEventListener("click", () => editing.redo());
  byId("tool-finish").addEventListener("click", () => editing.finish());
  byId("plan-save").addEventListener("click", saving.save);
  byId("plan-close").addEventListener("click", leave);
  byId("editor-done").addEventListener("click", leave);
  addEventListener("keydown", hearKeys);
  addEventListener("beforeunload", (event) => editing?.draft.dirty && event.preventDefault());
  new ResizeObserver(() => editing && drawing.draw(editing)).observe(stage);

  function open(which, plan) {
    camera = which;
    editing = createEditing(plan, change);
    refused = [];
    saving.hideConflict();
    saving.tell("");
    onMode(true);
    change("selection");
    byId("tool-zone").focus();
  }

  async function leave() {
    if (!editing) return true;
    if (editing.draft.dirty) {
      const choice = await askToLeave();
      if (choice === "stay" || (choice === "save" && !(await saving.save()))) return false;
    }
    editing = null;
    onMode(false);
    return true;
  }

  function take(tool) {
    editing.choose(tool);
    if (tool !== "select") layer.focus();
  }

  function change(what) {
    drawing.draw(editing);
    drawTools();
    if (what === "cursor") return;
    if (what !== "selection" && what !== "sketch") refused = [];
    panel.draw(editing, what);
    panel.problems(refused);
    if (what !== "made") return;
    saving.tell("Drawn. Give it a name and rules, then save.");
    if (!matchMedia("(pointer: coarse)").matches) panel.focusName();
  }

  function drawTools() {
    const { tool, draft, sketch, shape } = editing;
    for (const name of ["select", "zone", "line"]) mark(byId(`tool-${name}`), "aria-pressed", String(tool === name));
    byId("tool-zone").disabled = draft.plan.zones.length >= MOST.zones;
    byId("tool-line").disabled = draft.plan.lines.length >= MOST.lines;
    byId("tool-undo").disabled = !draft.canUndo;
    byId("tool-redo").disabled = !draft.canRedo;
    byId("tool-finish").hidden = !(tool === "zone" && sketch.length >= 3);
    byId("plan-save").disabled = !draft.dirty;
    byId("plan-dirty").hidden = !draft.dirty;
    mark(layer, "tabindex", tool === "select" ? "-1" : "0");
    mark(layer, "aria-label", tool === "select" ? "Zones and lines on the picture" : `Draw a ${tool}: ${HINTS[tool]}`);
    say(byId("editor-hint"), HINTS[tool] ?? (shape ? HINTS.shape : HINTS.nothing));
  }

  /** At the fields; for a zone that is not shown, the first such zone is opened. */
  function showProblems(list) {
    refused = list;
    const first = list[0] && shapeAt(editing.draft.plan, list[0].path);
    if (first && first !== editing.selected) editing.select(first);
    const left = panel.problems(list);
    if (left.length) saving.tell(`Not saved: ${left[0].text}`, "bad");
    panel.focusField();
  }

  function hearKeys(event) {
    if (!editing || document.querySelector("dialog[open]")) return;
    const typing = event.target.matches?.("input, select, textarea");
    if (event.key === "Escape") {
      event.preventDefault();
      if (typing) event.target.blur();
      else if (!editing.cancel()) leave();
    } else if ((event.ctrlKey || event.metaKey) && !typing && /^[zy]$/i.test(event.key)) {
      event.preventDefault();
      if (event.shiftKey || event.key.toLowerCase() === "y") editing.redo();
      else editing.undo();
    }
  }

  return { open, leave, get active() { return editing !== null; }, redraw: () => editing && drawing.draw(editing) };
}
