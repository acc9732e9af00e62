// Mouse, finger and keys on the plan: what they do to the points, lines and zones of the editor.

import { pointsOf } from "./plan-edit.js";

const STEP = 0.005;
const LEAP = 0.05;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SLACK_PX = 4;

/** Wire `root`, the editor's SVG. `editing()` is its state; `focusPoint(i)` focuses a handle; `tell(words)` says what was done. */
export function createHands(root, { editing, focusPoint, tell }) {
  let drag = null;
  let drags = 0;

  root.addEventListener("pointerdown", (event) => {
    if (event.button > 0 || editing().tool !== "select") return;
    const { point, mid } = event.target.dataset;
    const id = event.target.dataset.shape;
    if (point === undefined && mid === undefined && id === undefined) return editing().select(null);
    event.preventDefault();
    root.setPointerCapture(event.pointerId);
    drag = { from: shareOf(event), at: [event.clientX, event.clientY], tag: `drag ${(drags += 1)}`, moving: false };
    if (mid !== undefined) insert(Number(mid), drag);
    else if (point !== undefined) take(Number(point));
    else editing().select(id);
  });

  root.addEventListener("pointermove", (event) => {
    if (editing().tool !== "select") return event.pointerType === "touch" ? undefined : editing().point(shareOf(event));
    if (!drag) return;
    drag.moving ||= Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) > SLACK_PX;
    if (drag.moving) move(shareOf(event));
  });
  for (const kind of ["pointerup", "pointercancel"]) root.addEventListener(kind, () => (drag = null));
  root.addEventListener("click", (event) => {
    if (editing().tool === "select" || event.detail === 0) return;
    editing().put(shareOf(event));
  });
  root.addEventListener("focus", () => {
    if (editing().tool !== "select" && !editing().cursor && root.matches(":focus-visible")) editing().point([0.5, 0.5]);
  });
  root.addEventListener("keydown", (event) => {
    const done = editing().tool === "select" ? keyOnPoint(event) : keyOnSketch(event);
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  });

  function take(point) {
    drag.point = point;
    focusPoint(point);
  }

  function insert(mid) {
    editing().insertPoint(mid, null, drag.tag);
    take(mid + 1);
  }

  function move([x, y]) {
    if (drag.point !== undefined) return editing().movePoint(drag.point, [x, y], drag.tag);
    editing().moveShape(x - drag.from[0], y - drag.from[1], drag.tag);
    drag.from = [x, y];
  }

  function keyOnSketch({ key, shiftKey }) {
    const state = editing();
    if (ARROWS[key]) return state.point(stepped(state.cursor ?? [0.5, 0.5], key, shiftKey)), true;
    if (key === " ") {
      state.put(state.cursor ?? [0.5, 0.5]);
      tell(state.tool === "select" ? "Done." : `Point ${state.sketch.length} set.`);
      return true;
    }
    if (key === "Enter") return state.finish() || tell("It needs more points."), true;
    if (key === "Backspace" || key === "Delete") return state.takeBack(), tell("Point taken back."), true;
    return false;
  }

  function keyOnPoint(event) {
    if (event.target.dataset.point === undefined) return false;
    const state = editing();
    const at = Number(event.target.dataset.point);
    const points = pointsOf(state.shape);
    if (ARROWS[event.key]) return state.movePoint(at, stepped(points[at], event.key, event.shiftKey), `keys ${state.selected} ${at}`), true;
    if (event.key === "Insert" || event.key === "+") return state.insertPoint(at), focusPoint(at + 1), tell("Point added."), true;
    if (event.key !== "Delete" && event.key !== "Backspace") return false;
    if (points.length <= 3) return tell("It needs these points. To take the whole away, use Delete in its form."), true;
    state.removePoint(at);
    focusPoint(Math.min(at, points.length - 2));
    tell("Point removed.");
    return true;
  }

  function shareOf({ clientX, clientY }) {
    const { left, top, width, height } = root.getBoundingClientRect();
    return [clip((clientX - left) / width), clip((clientY - top) / height)];
  }
}

function stepped([x, y], key, far) {
  const step = far ? LEAP : STEP;
  return [clip(x + ARROWS[key][0] * step), clip(y + ARROWS[key][1] * step)];
}

function clip(value) {
  return Math.max(0, Math.min(1, value));
}
