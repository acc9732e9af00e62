// The state of the editor: the draft, what is selected, which tool is in hand and what is being drawn with it. Pure.

import { createDraft } from "./plan-draft.js";
import { MOST, addLine, addZone, insertPoint, movePoint, moveShape, removePoint, shapeOf, without } from "./plan-edit.js";

const NEAR = 0.025;
const DOUBLE = 0.006;

/** `onChange(what)` hears what to draw anew: `draft` is all, `moved` and `form` spare the forms; the rest is seen or drawn only. */
export function createEditing(plan, onChange) {
  const draft = createDraft(plan);
  const state = {
    draft,
    tool: "select",
    selected: null,
    sketch: [],
    cursor: null,
    get shape() { return state.selected && shapeOf(draft.plan, state.selected); },
    select,
    choose,
    put,
    takeBack,
    finish,
    cancel,
    point,
    change,
    typed,
    undo: () => step("undo"),
    redo: () => step("redo"),
    movePoint: (at, to, tag) => change(movePoint(draft.plan, state.selected, at, to), tag),
    moveShape: (dx, dy, tag) => change(moveShape(draft.plan, state.selected, dx, dy), tag),
    insertPoint: (at, to, tag) => change(insertPoint(draft.plan, state.selected, at, to), tag),
    removePoint: (at) => change(removePoint(draft.plan, state.selected, at)),
    removeShape,
  };

  function change(next, tag) {
    draft.change(next, tag);
    onChange(tag ? "moved" : "draft");
  }

  function typed(next, tag) {
    draft.change(next, tag);
    onChange("form");
  }

  function step(way) {
    draft[way]();
    if (state.selected && !state.shape) state.selected = null;
    onChange("draft");
  }

  function select(id) {
    if (state.selected === id) return;
    state.selected = id;
    onChange("selection");
  }

  function choose(tool) {
    Object.assign(state, { tool, sketch: [], cursor: null });
    if (tool !== "select") state.selected = null;
    onChange("selection");
  }

  /** One more point of what is being drawn; ends it where the first point is hit again or a line has both. */
  function put(at) {
    if (state.tool === "select") return;
    const [first, last] = [state.sketch[0], state.sketch.at(-1)];
    if (last && apart(last, at) < DOUBLE) return finish();
    if (state.sketch.length >= 3 && apart(first, at) < NEAR) return finish();
    state.sketch = [...state.sketch, at];
    if (state.tool === "line" && state.sketch.length === 2) return finish();
    if (state.sketch.length >= MOST.points) return finish();
    onChange("sketch");
  }

  function takeBack() {
    state.sketch = state.sketch.slice(0, -1);
    onChange("sketch");
  }

  /** Make a zone or line of what was drawn, if it is enough for one. */
  function finish() {
    const enough = state.sketch.length >= (state.tool === "line" ? 2 : 3);
    if (state.tool === "select" || !enough) return false;
    const made = (state.tool === "line" ? addLine : addZone)(draft.plan, state.sketch);
    draft.change(made.plan);
    Object.assign(state, { tool: "select", sketch: [], cursor: null, selected: made.id });
    onChange("made");
    return true;
  }

  /** One step back out: the sketch, then the tool, then the selection; false where there was nothing to leave. */
  function cancel() {
    if (state.sketch.length) state.sketch = [];
    else if (state.tool !== "select") Object.assign(state, { tool: "select", cursor: null });
    else if (state.selected) state.selected = null;
    else return false;
    onChange("selection");
    return true;
  }

  function point(at) {
    state.cursor = at;
    onChange("cursor");
  }

  function removeShape() {
    const { selected } = state;
    if (!selected) return;
    state.selected = null;
    change(without(draft.plan, selected));
  }

  return state;
}

function apart([x, y], [u, v]) {
  return Math.hypot(x - u, y - v);
}
