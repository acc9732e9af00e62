// The panel beside the picture while zones are edited: the list, the forms, and saving with what may come between.

import { byId, el, mark, say } from "./dom.js";
import { showProblems } from "./fields.js";
import { shapesOf } from "./plan-edit.js";
import { shapeName, shapeSummary } from "./plan-words.js";
import { createPlaceForm } from "./place-form.js";
import { createShapeForm } from "./shape-form.js";

/** `draw(editing, what)` shows it after a change; `problems(list)` shows what is wrong and returns what has no field. */
export function createPlanPanel({ onSelect }) {
  const list = byId("plan-list");
  const shape = createShapeForm(byId("shape-form"));
  const place = createPlaceForm(byId("place-form"));

  function draw(editing, what) {
    drawList(editing);
    if (what === "form" || what === "moved") return shape.doubt(editing);
    if (what === "sketch") return;
    shape.draw(editing);
    place(editing);
  }

  function drawList({ draft, selected }) {
    const shapes = shapesOf(draft.plan);
    byId("plan-empty").hidden = shapes.length > 0;
    while (list.children.length > shapes.length) list.lastChild.remove();
    while (list.children.length < shapes.length) list.append(item(onSelect));
    shapes.forEach((one, i) => fill(list.children[i].firstChild, one, one.id === selected));
  }

  function problems(found) {
    return showProblems(byId("plan-panel"), found);
  }

  return { draw, problems, focusName: shape.focusName, focusField: focusBad };
}

function item(onSelect) {
  const button = el(
    "button",
    { type: "button", class: "plan-item" },
    el("span", { class: "plan-swatch", "aria-hidden": "true" }),
    el("span", { class: "plan-name" }),
    el("span", { class: "plan-rules" }),
  );
  button.addEventListener("click", () => onSelect(button.getAttribute("aria-pressed") === "true" ? null : button.dataset.id));
  return el("li", {}, button);
}

function fill(button, shape, selected) {
  const forbidden = (shape.rules ?? []).some(({ type }) => type === "restricted");
  mark(button, "data-id", shape.id);
  mark(button, "aria-pressed", String(selected));
  mark(button.children[0], "data-kind", forbidden ? "forbidden" : (shape.kind ?? "line"));
  say(button.children[1], shapeName(shape));
  say(button.children[2], shapeSummary(shape));
}

function focusBad() {
  const bad = byId("plan-panel").querySelector("[aria-invalid='true']");
  bad?.focus();
  bad?.scrollIntoView({ block: "nearest" });
}
