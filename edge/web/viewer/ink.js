// What every drawing over the picture shares: colours of the palette, looked up once for each scheme, and small labels.

import { color as lookUp } from "./dom.js";

const known = new Map();
for (const query of ["(prefers-color-scheme: dark)"]) matchMedia(query).addEventListener("change", () => known.clear());

/** A colour of the palette by its custom property. */
export function color(name) {
  if (!known.has(name)) known.set(name, lookUp(name));
  return known.get(name);
}

/** A label of one line with its upper left corner at x, y, or its upper right one with `end`; kept within `view`. */
export function pill(pen, text, { x, y, end = false, view, fill, ink }) {
  pen.font = `600 11px ${color("--font")}`;
  pen.textAlign = "left";
  const wide = pen.measureText(text).width + 10;
  const left = Math.max(view.x, Math.min(end ? x - wide : x, view.x + view.w - wide));
  const top = Math.max(view.y, Math.min(y, view.y + view.h - 18));
  pen.fillStyle = fill;
  pen.fillRect(left, top, wide, 18);
  pen.fillStyle = ink;
  pen.textBaseline = "middle";
  pen.fillText(text, left + 5, top + 9.5);
}
