// Where things lie on the screen. Pure: numbers in, numbers out, in CSS pixels unless said otherwise.

/** The rectangle that `object-fit: contain` gives a picture of `width` x `height` within an element of `boxW` x `boxH`. */
export function contain(boxW, boxH, width, height) {
  if (!(boxW > 0 && boxH > 0 && width > 0 && height > 0)) return { x: 0, y: 0, w: 0, h: 0 };
  const scale = Math.min(boxW / width, boxH / height);
  const w = width * scale;
  const h = height * scale;
  return { x: (boxW - w) / 2, y: (boxH - h) / 2, w, h };
}

/** A box in picture coordinates (0..1) as a rectangle on the screen, cut at the picture's edges. */
export function place(box, view) {
  const left = clamp(box.x, 0, 1);
  const top = clamp(box.y, 0, 1);
  const right = clamp(box.x + box.w, 0, 1);
  const bottom = clamp(box.y + box.h, 0, 1);
  return { x: view.x + left * view.w, y: view.y + top * view.h, w: (right - left) * view.w, h: (bottom - top) * view.h };
}

/** Where a moment lies between `startMs` and `endMs`: 0 is the left edge, 1 the right; outside it is below 0 or above 1. */
export function fraction(tMs, startMs, endMs) {
  return (tMs - startMs) / (endMs - startMs);
}

/** The visible part of [fromMs, toMs) as `{left, width}` in shares of the axis, or null where none of it is visible. */
export function stretch(fromMs, toMs, startMs, endMs) {
  const left = clamp(fraction(fromMs, startMs, endMs), 0, 1);
  const right = clamp(fraction(toMs, startMs, endMs), 0, 1);
  return right > left ? { left, width: right - left } : null;
}

/** Moments for the labels of a time axis: whole multiples of a round step, about one for every `roomPx` pixels. */
export function timeTicks(startMs, endMs, widthPx, roomPx = 90) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].map((s) => s * 1000);
  const wanted = ((endMs - startMs) * roomPx) / Math.max(widthPx, 1);
  const step = steps.find((s) => s >= wanted) ?? steps.at(-1);
  const ticks = [];
  for (let t = Math.ceil(startMs / step) * step; t <= endMs; t += step) ticks.push(t);
  return ticks;
}

/** A calm value range around [low, high]: at least `span` wide, with room to breathe, ends rounded so that it rarely moves. */
export function valueRange(low, high, span) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { low: 0, high: span };
  const wide = Math.max((high - low) * 1.2, span);
  const step = 10 ** Math.floor(Math.log10(wide / 2)) / 2;
  const middle = (low + high) / 2;
  return { low: Math.floor((middle - wide / 2) / step) * step, high: Math.ceil((middle + wide / 2) / step) * step };
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
