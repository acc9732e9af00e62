// A plan changed: every function takes a plan and returns another one; nothing is changed in place. Pure.

import { RULES } from "./plan-words.js";

export const MOST = { zones: 32, lines: 16, points: 32, rules: 12 };
export const LEAST_AREA = 1e-4;

/** Every zone and line, zones first. */
export const shapesOf = (plan) => [...plan.zones, ...plan.lines];
export const shapeOf = (plan, id) => shapesOf(plan).find((shape) => shape.id === id) ?? null;
export const pointsOf = (shape) => shape.points ?? [shape.a, shape.b];

/** The plan with one more zone of these points, and its id. */
export function addZone(plan, points) {
  const id = freshId(plan, "zone");
  const zone = { id, name: "", kind: "watch", points: points.map(rounded), rules: [] };
  return { plan: { ...plan, zones: [...plan.zones, zone] }, id };
}

/** The plan with one more line from `a` to `b`, and its id. */
export function addLine(plan, [a, b]) {
  const id = freshId(plan, "line");
  const line = { id, name: "", a: rounded(a), b: rounded(b), alarm: "both", severity: "LOW", hours: null, labels: [] };
  return { plan: { ...plan, lines: [...plan.lines, line] }, id };
}

/** The plan with some fields of one zone or line changed. */
export function withShape(plan, id, changes) {
  const change = (shape) => (shape.id === id ? { ...shape, ...changes } : shape);
  return { ...plan, zones: plan.zones.map(change), lines: plan.lines.map(change) };
}

/** The plan without this zone or line. */
export function without(plan, id) {
  const other = (shape) => shape.id !== id;
  return { ...plan, zones: plan.zones.filter(other), lines: plan.lines.filter(other) };
}

/** The plan with other points of one shape, each kept within the picture. */
export function withPoints(plan, id, points) {
  const kept = points.map(rounded);
  return withShape(plan, id, shapeOf(plan, id).points ? { points: kept } : { a: kept[0], b: kept[1] });
}

export function movePoint(plan, id, at, point) {
  return withPoints(plan, id, pointsOf(shapeOf(plan, id)).map((other, i) => (i === at ? point : other)));
}

/** The whole shape moved, as far as the picture lets it. */
export function moveShape(plan, id, dx, dy) {
  const points = pointsOf(shapeOf(plan, id));
  const [right, down] = [0, 1].map((axis) => {
    const values = points.map((point) => point[axis]);
    return Math.max(-Math.min(...values), Math.min([dx, dy][axis], 1 - Math.max(...values)));
  });
  return withPoints(plan, id, points.map(([x, y]) => [x + right, y + down]));
}

/** One more point of a zone after point `at`; midway to the next where none is given. The same plan if it is full. */
export function insertPoint(plan, id, at, point) {
  const points = shapeOf(plan, id).points;
  if (!points || points.length >= MOST.points) return plan;
  const next = points[(at + 1) % points.length];
  const fresh = point ?? [(points[at][0] + next[0]) / 2, (points[at][1] + next[1]) / 2];
  return withPoints(plan, id, [...points.slice(0, at + 1), fresh, ...points.slice(at + 1)]);
}

/** A zone without one of its points; the same plan where only three are left. */
export function removePoint(plan, id, at) {
  const points = shapeOf(plan, id).points;
  return points && points.length > 3 ? withPoints(plan, id, points.filter((_, i) => i !== at)) : plan;
}

/** A rule of a type with what is usual. */
export function freshRule(type) {
  const numbers = Object.fromEntries(RULES[type].fields.map(({ key, usual }) => [key, usual]));
  return { type, severity: "MEDIUM", hours: null, labels: [], ...numbers };
}

/** The share of the picture that a polygon encloses: the shoelace formula. */
export function areaOf(points) {
  return Math.abs(points.reduce((sum, [x, y], i) => {
    const [u, v] = points[(i + 1) % points.length];
    return sum + x * v - u * y;
  }, 0)) / 2;
}

/** Whether two edges of a polygon cross. */
export function crosses(points) {
  const edges = points.map((point, i) => [point, points[(i + 1) % points.length]]);
  return edges.some(([a, b], i) => edges.some(([c, d], j) => j > i + 1 && !(i === 0 && j === edges.length - 1) && meet(a, b, c, d)));
}

function meet(a, b, c, d) {
  const side = (p, q, r) => Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

function rounded([x, y]) {
  const keep = (value) => Math.round(Math.max(0, Math.min(1, value)) * 1e4) / 1e4;
  return [keep(x), keep(y)];
}

function freshId(plan, prefix) {
  const taken = new Set(shapesOf(plan).map(({ id }) => id));
  let n = 1;
  while (taken.has(`${prefix}-${n}`)) n += 1;
  return `${prefix}-${n}`;
}
