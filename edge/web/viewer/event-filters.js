// What the event list shows: of which type, where, how grave, from which camera.

import { el, mark } from "./dom.js";
import { TYPES, titleOf } from "./event-words.js";
import { shapesOf } from "./plan-edit.js";
import { SEVERITIES, shapeName } from "./plan-words.js";

const GRADES = [["LOW", "Only low"], [keysFrom(1), "Medium and graver"], [keysFrom(2), "High and graver"], ["CRITICAL", "Critical"]];

/** Choices in `root`; `onChange(filters)`. `draw({plan, cameras})` keeps the zones and cameras offered up to date. */
export function createEventFilters(root, onChange) {
  const type = choice("Type", "All types", TYPES.map((key) => [key, titleOf(key)]));
  const severity = choice("Severity", "Any severity", GRADES);
  const zone = choice("Zone or line", "Everywhere", []);
  const camera = choice("Camera", "All cameras", []);
  const all = { camera, type, zone, severity };
  root.replaceChildren(type, severity, zone, camera);
  root.addEventListener("change", () => {
    for (const select of Object.values(all)) mark(select, "data-set", String(select.value !== ""));
    onChange(Object.fromEntries(Object.entries(all).map(([key, select]) => [key, select.value])));
  });

  return function draw({ plan, cameras }) {
    offer(zone, "Everywhere", plan ? shapesOf(plan).map((shape) => [shape.id, shapeName(shape)]) : []);
    offer(camera, "All cameras", [...cameras.values()].map(({ camera: id, name }) => [id, name || id]));
    camera.hidden = cameras.size < 2;
    zone.hidden = zone.options.length < 2;
  };
}

function keysFrom(at) {
  return SEVERITIES.slice(at).map(([key]) => key).join(",");
}

function choice(label, any, choices) {
  const select = el("select", { class: "filter", "aria-label": label });
  offer(select, any, choices);
  return select;
}

/** What was chosen stays chosen, also where it is no longer offered. */
function offer(select, any, choices) {
  const told = JSON.stringify(choices);
  if (select.dataset.choices === told) return;
  const chosen = select.value ?? "";
  const kept = chosen && !choices.some(([key]) => key === chosen) ? [[chosen, chosen]] : [];
  select.dataset.choices = told;
  select.replaceChildren(...[["", any], ...choices, ...kept].map(([key, name]) => el("option", { value: key }, name)));
  select.value = chosen;
}
