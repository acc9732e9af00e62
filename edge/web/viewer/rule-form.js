// The form of one rule, and what rules and lines have alike: how grave, when, and for what.

import { el } from "./dom.js";
import { makeDial } from "./dial.js";
import { choiceField, dressed, numberField, switchField, textField } from "./fields.js";
import { EVERY_DAY, hoursFields } from "./hours-form.js";
import { RULES, SEVERITIES, directionWords } from "./plan-words.js";

/** The form of `rule`; `onInput(rule, structural)` hears changes, `onRemove()` that it is to go. */
export function ruleForm({ rule, path, onInput, onRemove }) {
  let now = rule;
  const change = (part, structural = false) => onInput((now = { ...now, ...part }), structural);
  const info = RULES[rule.type];
  const numbers = info.fields.map((field) =>
    fieldOf(field, rule[field.key], `${path}.${field.key}`, (value) => change({ [field.key]: value })),
  );
  const remove = el("button", { type: "button", class: "button quiet small", "aria-label": `Remove the rule ${info.name}` }, "Remove");
  remove.addEventListener("click", onRemove);
  return el(
    "fieldset",
    { class: "rule", "data-rule": rule.type },
    el("legend", { class: "away" }, info.name),
    el("div", { class: "rule-head" }, el("h4", { "aria-hidden": "true" }, info.name), remove),
    el("p", { class: "hint" }, info.about),
    el("div", { class: "rule-fields" }, ...numbers, severityField(rule, path, change)),
    ...limitFields(rule, path, change),
  );
}

export function severityField({ severity }, path, change) {
  const onInput = (value) => change({ severity: value });
  return choiceField({ label: "Severity", value: severity, path: `${path}.severity`, choices: SEVERITIES, onInput });
}

/** When it holds and for which things. */
export function limitFields({ hours, labels }, path, change) {
  const start = { days: EVERY_DAY, start: "08:00", end: "18:00" };
  return [
    switchField({
      label: "Only at certain hours",
      value: hours !== null,
      path: `${path}.hours`,
      onInput: (on) => change({ hours: on ? start : null }, true),
    }),
    hours ? hoursFields({ hours, path: `${path}.hours`, onInput: (value) => change({ hours: value }) }) : null,
    textField({
      label: "Only for",
      value: labels.join(", "),
      path: `${path}.labels`,
      placeholder: "everything that moves",
      hint: "Such as person, car; needs an object detector.",
      onInput: (text) => change({ labels: labelsOf(text) }),
    }),
  ];
}

/** `person, car` as a list. */
export function labelsOf(text) {
  return [...new Set(text.split(",").map((label) => label.trim()).filter(Boolean))];
}

function fieldOf(field, value, path, onInput) {
  if (!field.dial) return numberField({ ...field, value, path, onInput });
  const words = el("span", { class: "dial-words" }, directionWords(value));
  const dial = makeDial({
    label: field.label,
    value,
    path,
    onTurn: (degrees) => {
      words.textContent = directionWords(degrees);
      onInput(degrees);
    },
  });
  const block = dressed(dial, { label: field.label, path });
  dial.after(words);
  return block;
}
