// The form of the zone or line that is selected: its name, what kind it is, its rules.

import { el, say } from "./dom.js";
import { choiceField, refill, textField } from "./fields.js";
import { doubtsOf } from "./plan-check.js";
import { MOST, freshRule, withShape } from "./plan-edit.js";
import { ALARM_WAYS, KINDS, RULES } from "./plan-words.js";
import { limitFields, ruleForm, severityField } from "./rule-form.js";

/** The form in `root`; `draw(editing)` fills it anew, `doubt(editing)` only says what is doubtful. */
export function createShapeForm(root) {
  const doubts = el("p", { class: "doubt", role: "status" });

  function draw(editing) {
    const { shape } = editing;
    root.hidden = !shape;
    if (!shape) return;
    const { plan } = editing.draft;
    const path = shape.points ? `zones.${plan.zones.indexOf(shape)}` : `lines.${plan.lines.indexOf(shape)}`;
    const change = (part, structural) => {
      const next = withShape(editing.draft.plan, shape.id, part);
      editing[structural ? "change" : "typed"](next, structural ? "" : `form ${shape.id} ${Object.keys(part)[0]}`);
    };
    const parts = shape.points ? zoneParts(shape, path, change) : lineParts(editing, path, change);
    refill(root, nameField(shape, path, change), doubts, ...parts, removal(editing));
    doubt(editing);
  }

  function doubt({ shape }) {
    const words = shape ? doubtsOf(shape) : "";
    doubts.hidden = !words;
    say(doubts, words);
  }

  return { draw, doubt, focusName: () => root.querySelector("[data-path$='.name']")?.select() };
}

function nameField(shape, path, change) {
  return textField({ label: "Name", value: shape.name, path: `${path}.name`, placeholder: "such as Gate", onInput: (name) => change({ name }) });
}

function zoneParts(zone, path, change) {
  const kind = choiceField({
    label: "Kind",
    value: zone.kind,
    path: `${path}.kind`,
    hint: KINDS[zone.kind].about,
    choices: Object.entries(KINDS).map(([key, { name }]) => [key, name]),
    onInput: (value) => change(value === "watch" ? { kind: value } : { kind: value, rules: [] }, true),
  });
  const problem = el("div", { class: "field" }, el("span", { "data-path": `${path}.points` }), el("p", { class: "bad", role: "alert" }));
  return zone.kind === "watch" ? [kind, problem, ...ruleParts(zone, path, change)] : [kind, problem];
}

function ruleParts(zone, path, change) {
  let rules = zone.rules;
  const forms = rules.map((rule, at) =>
    ruleForm({
      rule,
      path: `${path}.rules.${at}`,
      onInput: (next, structural) => {
        rules = rules.map((other, i) => (i === at ? next : other));
        change({ rules }, structural);
      },
      onRemove: () => change({ rules: rules.filter((_, i) => i !== at) }, true),
    }),
  );
  const none = el("p", { class: "hint" }, "No rule yet: it only counts who is inside.");
  const adder = ruleAdder((type) => change({ rules: [...rules, freshRule(type)] }, true));
  return [el("h4", {}, "Rules"), ...(forms.length ? forms : [none]), rules.length < MOST.rules ? adder : null];
}

function ruleAdder(onAdd) {
  const choices = Object.entries(RULES).map(([type, { name, about }]) => el("option", { value: type }, `${name}: ${about}`));
  const select = el("select", { class: "add-rule", "aria-label": "Add a rule" }, el("option", { value: "" }, "Add a rule…"), ...choices);
  select.addEventListener("change", () => select.value && onAdd(select.value));
  return select;
}

function lineParts(editing, path, change) {
  const line = editing.shape;
  const turn = el("button", { type: "button", class: "button small" }, "Turn the arrow round");
  turn.addEventListener("click", () => change({ a: editing.shape.b, b: editing.shape.a }, true));
  return [
    choiceField({
      label: "Alarm",
      value: line.alarm,
      path: `${path}.alarm`,
      choices: ALARM_WAYS,
      hint: "Crossings are counted both ways in any case.",
      onInput: (alarm) => change({ alarm }),
    }),
    turn,
    el("div", { class: "field" }, el("span", { "data-path": `${path}.points` }), el("p", { class: "bad", role: "alert" })),
    severityField(line, path, change),
    ...limitFields(line, path, change),
  ];
}

function removal(editing) {
  const button = el("button", { type: "button", class: "button danger" }, editing.shape.points ? "Delete this zone" : "Delete this line");
  button.addEventListener("click", () => editing.removeShape());
  return button;
}
