// What zones, lines and rules are called, which colour they have and what they are for, in plain words. Pure.

export const KINDS = {
  watch: { name: "Watch", about: "Counts who is inside and keeps the rules below." },
  exclude: { name: "Ignore", about: "What moves inside is ignored: trees, a road, a screen." },
  include: { name: "Only here", about: "What moves outside of all zones of this kind is ignored." },
  privacy: {
    name: "Privacy",
    about:
      "Burned into every picture before it is used: live, recordings, snapshots and events show it painted over. " +
      "What is behind it is never kept and cannot be brought back. Nothing is watched inside.",
  },
};

const SECONDS = { unit: "s", step: 0.5 };

/** Every rule: what it is called, what it tells, and its numbers with unit, bounds and usual value (contract/plan.py). */
export const RULES = {
  restricted: {
    name: "Restricted",
    about: "An alarm while anything is inside.",
    fields: [{ key: "after_s", label: "Tolerate for", ...SECONDS, least: 0, most: 3600, usual: 0.5 }],
  },
  loitering: {
    name: "Loitering",
    about: "One thing stays inside for long.",
    fields: [{ key: "after_s", label: "Longer than", unit: "s", step: 1, least: 1, most: 86_400, usual: 60 }],
  },
  crowding: {
    name: "Crowding",
    about: "Many are inside at once.",
    fields: [
      { key: "count", label: "So many or more", unit: "", step: 1, least: 2, most: 500, usual: 5, whole: true },
      { key: "after_s", label: "For at least", ...SECONDS, least: 0, most: 3600, usual: 2 },
    ],
  },
  entry: { name: "Entry", about: "Something comes in.", fields: [] },
  exit: { name: "Exit", about: "Something goes out.", fields: [] },
  speed: {
    name: "Too fast",
    about: "Something is faster than the limit.",
    fields: [{ key: "limit", label: "Limit", unit: "picture widths a second", step: 0.05, least: 0.001, most: 20, usual: 0.5 }],
  },
  wrong_way: {
    name: "Wrong way",
    about: "Something goes against the allowed direction.",
    fields: [
      { key: "allowed", label: "Allowed direction", unit: "°", least: 0, most: 359.999, usual: 0, dial: true },
      { key: "tolerance_deg", label: "Give or take", unit: "°", step: 5, least: 10, most: 170, usual: 90 },
    ],
  },
  object_left: {
    name: "Left object",
    about: "Something was brought and stands still.",
    fields: [{ key: "after_s", label: "After", unit: "s", step: 1, least: 1, most: 86_400, usual: 30 }],
  },
  object_removed: {
    name: "Removed object",
    about: "Something that belongs here is gone.",
    fields: [{ key: "after_s", label: "After", unit: "s", step: 1, least: 1, most: 86_400, usual: 10 }],
  },
};

export const SEVERITIES = [["LOW", "Low"], ["MEDIUM", "Medium"], ["HIGH", "High"], ["CRITICAL", "Critical"]];
export const ALARM_WAYS = [["both", "Both ways"], ["forward", "Along the arrow"], ["backward", "Against the arrow"], ["none", "Only count"]];

/** What people call a zone or line; what it is where they did not say. */
export function shapeName(shape) {
  return shape.name || (shape.points ? `${KINDS[shape.kind].name} zone` : "Line");
}

/** Its rules in a few words. */
export function shapeSummary(shape) {
  if (!shape.points) return ALARM_WAYS.find(([way]) => way === shape.alarm)?.[1] ?? "";
  if (shape.kind !== "watch") return KINDS[shape.kind].name;
  return shape.rules.length ? shape.rules.map(({ type }) => RULES[type]?.name ?? type).join(", ") : "Only counts";
}

/** The custom property of a zone's colour: red where nobody may be, and while one of its rules is broken. */
export function zoneInk(zone, state) {
  const forbidden = (zone.rules ?? []).some(({ type }) => type === "restricted");
  return zone.kind === "watch" && (state?.alarm || forbidden) ? "--box-alarm" : `--zone-${zone.kind}`;
}

/** A zone's label on the picture. */
export function zoneCaption(zone, state) {
  const inside = zone.kind === "watch" && state ? ` · ${state.occupancy ?? 0}` : "";
  return `${shapeName(zone)}${inside}`;
}

/** A line's label on the picture: how many crossed along its arrow and against it. */
export function lineCaption(line, state) {
  return `${shapeName(line)} · →\u202f${state?.forward ?? 0} ←\u202f${state?.backward ?? 0}`;
}

/** Where `forward` is: to the right hand of one who looks from `a` to `b`; a unit vector, y downwards. */
export function lineNormal(a, b) {
  const long = Math.hypot(b.x - a.x, b.y - a.y) || 1;
  return { x: -(b.y - a.y) / long, y: (b.x - a.x) / long };
}

/** Where the label of a polygon stands: at its highest corner, ending there if that is its right one. */
export function labelPlace(points) {
  const point = points.reduce((best, other) => (other[1] < best[1] ? other : best));
  const middle = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  return { point, end: point[0] > middle };
}

/** A direction in words: `up`, `right`, `down and left`. */
export function directionWords(degrees) {
  const names = ["up", "up and right", "right", "down and right", "down", "down and left", "left", "up and left"];
  return names[Math.round((((degrees % 360) + 360) % 360) / 45) % 8];
}
