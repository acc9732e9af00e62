// The plan on the picture while it is edited: shapes, handles and the sketch, as SVG so that each can be focused.

import { contain } from "./geometry.js";
import { crosses, pointsOf, shapesOf } from "./plan-edit.js";
import { labelPlace, lineNormal, shapeName } from "./plan-words.js";

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes; those that are null are taken away. */
export function svg(tag, attributes = {}, element = document.createElementNS(SVG, tag)) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  }
  return element;
}

/** Draws `editing` into `root` over the picture. Elements keep their identity, so that the focus stays where it is. */
export function createEditorStage(root, stage, sizeOf) {
  const kept = new Map();
  let size = { w: 1, h: 1 };

  function draw(editing) {
    size = fit();
    const wanted = [...shapes(editing), ...handles(editing), ...sketch(editing)];
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, element] of kept) if (!keys.has(key)) drop(key, element);
    wanted.forEach((part, i) => place(part, i));
    svg("svg", { "data-tool": editing.tool }, root);
  }

  function fit() {
    const { w, h } = sizeOf();
    const view = contain(stage.clientWidth, stage.clientHeight, w || 16, h || 9);
    const box = { left: view.x, top: view.y, width: view.w, height: view.h };
    for (const [name, value] of Object.entries(box)) root.style[name] = `${value}px`;
    svg("svg", { viewBox: `0 0 ${view.w || 1} ${view.h || 1}` }, root);
    return view;
  }

  function place({ key, tag, text, ...attributes }, at) {
    const element = svg(tag, attributes, kept.get(key) ?? undefined);
    kept.set(key, element);
    if (text !== undefined && element.textContent !== text) element.textContent = text;
    if (root.children[at] !== element) root.insertBefore(element, root.children[at] ?? null);
  }

  function drop(key, element) {
    element.remove();
    kept.delete(key);
  }

  const px = ([x, y]) => ({ x: x * size.w, y: y * size.h });
  const path = (points) => points.map((point) => Object.values(px(point)).map((v) => v.toFixed(1)).join(",")).join(" ");

  function shapes({ draft, selected }) {
    const order = shapesOf(draft.plan).sort((a, b) => (a.id === selected) - (b.id === selected));
    return order.flatMap((shape) => (shape.points ? zone(shape, shape.id === selected) : line(shape, shape.id === selected)));
  }

  function zone(shape, chosen) {
    const forbidden = shape.rules.some(({ type }) => type === "restricted");
    const { point, end } = labelPlace(shape.points);
    const top = px(point);
    const look = `edit-zone kind-${shape.kind}${forbidden ? " forbidden" : ""}${chosen ? " chosen" : ""}`;
    const facts = { "data-shape": shape.id, "data-crossed": crosses(shape.points) };
    const way = shape.rules.find(({ type }) => type === "wrong_way");
    return [
      { key: `${shape.id}:area`, tag: "polygon", points: path(shape.points), class: look, ...facts },
      ...(way ? [arrow(`${shape.id}:way`, px(middle(shape.points)), (way.allowed * Math.PI) / 180, 34)] : []),
      label(shape, top.x + (end ? -8 : 8), top.y + 18, end),
    ];
  }

  function line(shape, chosen) {
    const [a, b] = [px(shape.a), px(shape.b)];
    const normal = lineNormal(a, b);
    const common = { "data-shape": shape.id, x1: a.x, y1: a.y, x2: b.x, y2: b.y };
    return [
      { key: `${shape.id}:reach`, tag: "line", ...common, class: "edit-reach" },
      { key: `${shape.id}:line`, tag: "line", ...common, class: `edit-line${chosen ? " chosen" : ""}` },
      arrow(`${shape.id}:way`, { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, Math.atan2(normal.x, -normal.y), 22),
      label(shape, Math.min(a.x, b.x) + 8, Math.min(a.y, b.y) - 6),
    ];
  }

  function arrow(key, { x, y }, angle, long) {
    const turn = `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${((angle * 180) / Math.PI).toFixed(1)})`;
    return { key, tag: "path", class: "edit-way", d: `M0 0V${-long}M-5 ${8 - long}L0 ${-long}L5 ${8 - long}`, transform: turn };
  }

  function label(shape, x, y, end = false) {
    const at = { x: end ? Math.max(x, 60) : Math.min(x, size.w - 60), y: Math.max(14, Math.min(y, size.h - 6)) };
    return { key: `${shape.id}:name`, tag: "text", class: "edit-name", "text-anchor": end ? "end" : "start", ...at, text: shapeName(shape) };
  }

  function handles({ shape, tool }) {
    if (!shape || tool !== "select") return [];
    const points = pointsOf(shape);
    const middles = shape.points ? points.map((point, i) => [point, points[(i + 1) % points.length]]) : [];
    return [
      ...middles.map(([[x, y], [u, v]], i) => {
        const at = px([(x + u) / 2, (y + v) / 2]);
        return { key: `${shape.id}:mid:${i}`, tag: "circle", class: "edit-mid", cx: at.x, cy: at.y, r: 6, "data-mid": i };
      }),
      ...points.map((point, i) => handle(shape, point, i, points.length)),
    ];
  }

  function handle(shape, point, i, count) {
    const at = px(point);
    const words = `Point ${i + 1} of ${count} of ${shapeName(shape)}: ${placeWords(point)}`;
    const focusable = { tabindex: 0, role: "button", "aria-label": words };
    return { key: `${shape.id}:point:${i}`, tag: "circle", class: "edit-point", cx: at.x, cy: at.y, r: 8, "data-point": i, ...focusable };
  }

  function sketch({ tool, sketch: drawn, cursor }) {
    if (tool === "select") return [];
    const all = cursor ? [...drawn, cursor] : drawn;
    return [
      { key: "sketch", tag: "polyline", class: "edit-sketch", points: path(all) },
      ...drawn.map((point, i) => dot(px(point), i)),
      ...(cursor ? [crosshair(px(cursor))] : []),
    ];
  }

  function dot({ x, y }, i) {
    return { key: `sketch:${i}`, tag: "circle", class: i ? "edit-put" : "edit-put first", cx: x, cy: y, r: i ? 5 : 8 };
  }

  function crosshair({ x, y }) {
    return { key: "cursor", tag: "path", class: "edit-cursor", d: "M-12 0H-4M4 0H12M0 -12V-4M0 4V12", transform: `translate(${x} ${y})` };
  }

  return { draw, focusPoint: (i) => root.querySelector(`[data-point="${i}"]`)?.focus() };
}

/** Where a point is, in words. */
export function placeWords([x, y]) {
  return `${Math.round(x * 100)} % from the left, ${Math.round(y * 100)} % from the top`;
}

function middle(points) {
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}
