// What is wrong with a plan, field by field, in words; told before it is sent, and from what the appliance answers. Pure.

import { LEAST_AREA, areaOf, crosses } from "./plan-edit.js";
import { RULES, shapeName } from "./plan-words.js";

const TIME = /^([01][0-9]|2[0-3]):[0-5][0-9]$/;
const LONGEST_NAME = 60;
const MOST_LABELS = 16;

/** Problems `{path, text}` of a plan; `path` is such as `zones.0.rules.1.after_s`. */
export function problemsOf(plan) {
  return [
    ...plan.zones.flatMap((zone, i) => zoneProblems(zone, `zones.${i}`)),
    ...plan.lines.flatMap((line, i) => lineProblems(line, `lines.${i}`)),
    ...(plan.after_hours ? hoursProblems(plan.after_hours.hours, "after_hours.hours") : []),
    ...(plan.after_hours ? numberProblems(plan.after_hours.score_bonus, { least: 0, most: 5 }, "after_hours.score_bonus") : []),
    ...zoneNameProblems(plan.timezone),
  ];
}

/** What is worth a word but no error: edges that cross. */
export function doubtsOf(shape) {
  if (!shape.points || !crosses(shape.points)) return "";
  if (shape.kind === "privacy") return "Its edges cross; what lies between them is painted over too.";
  return "Its edges cross, so that a part of it does not count. Move a point.";
}

/** The path of a problem document's field: `$.zones[0].rules[1].limit` as `zones.0.rules.1.limit`. */
export function pathOf(field) {
  return String(field ?? "").replace(/^\$?\.?/, "").replace(/\[(\d+|\.\.\.)\]/g, ".$1");
}

/** The id of the shape that a path is about; null where it is about the whole. */
export function shapeAt(plan, path) {
  const [list, index] = path.split(".");
  return plan[list]?.[Number(index)]?.id ?? null;
}

function zoneProblems(zone, path) {
  return [
    ...nameProblems(zone, path),
    ...(areaOf(zone.points) < LEAST_AREA ? [{ path: `${path}.points`, text: `${shapeName(zone)} encloses nothing. Draw it larger.` }] : []),
    ...zone.rules.flatMap((rule, i) => ruleProblems(rule, `${path}.rules.${i}`)),
  ];
}

function lineProblems(line, path) {
  const still = line.a[0] === line.b[0] && line.a[1] === line.b[1];
  return [
    ...nameProblems(line, path),
    ...(still ? [{ path: `${path}.points`, text: "It begins where it ends. Move one of its points." }] : []),
    ...limitProblems(line, path),
  ];
}

function ruleProblems(rule, path) {
  const fields = RULES[rule.type]?.fields ?? [];
  return [...fields.flatMap((field) => numberProblems(rule[field.key], field, `${path}.${field.key}`)), ...limitProblems(rule, path)];
}

/** What rules and lines have alike: hours and labels. */
function limitProblems({ hours, labels }, path) {
  const long = labels.find((label) => label.length > LONGEST_NAME);
  return [
    ...(hours ? hoursProblems(hours, `${path}.hours`) : []),
    ...(labels.length > MOST_LABELS ? [{ path: `${path}.labels`, text: `At most ${MOST_LABELS}.` }] : []),
    ...(long ? [{ path: `${path}.labels`, text: `“${long.slice(0, 20)}…” is too long.` }] : []),
  ];
}

function nameProblems({ name }, path) {
  return name.length > LONGEST_NAME ? [{ path: `${path}.name`, text: `At most ${LONGEST_NAME} letters.` }] : [];
}

function numberProblems(value, { least, most, whole }, path) {
  if (!Number.isFinite(value)) return [{ path, text: "Give a number." }];
  if (value < least || value > most) return [{ path, text: `From ${least} to ${most}.` }];
  return whole && !Number.isInteger(value) ? [{ path, text: "Give a whole number." }] : [];
}

function hoursProblems({ days, start, end }, path) {
  return [
    ...(days.length ? [] : [{ path: `${path}.days`, text: "Choose at least one day." }]),
    ...(TIME.test(start) ? [] : [{ path: `${path}.start`, text: "Give a time such as 22:00." }]),
    ...(TIME.test(end) ? [] : [{ path: `${path}.end`, text: "Give a time such as 06:00." }]),
  ];
}

function zoneNameProblems(name) {
  if (!name) return [];
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return [];
  } catch {
    return [{ path: "timezone", text: "Not known. Use a name such as Europe/Berlin." }];
  }
}
