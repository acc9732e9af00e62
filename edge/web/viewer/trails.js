// Where tracked things came from: a short trail for each, built from one message after another. Pure, and bounded.

const LONGEST_MS = 4_000;
const MOST_POINTS = 48;
const MOST_TRACKS = 64;
const LEAST_STEP = 0.004;

/** `take(vision)` works a message in; `of(track)` is its trail, oldest first, as `{x, y, t}` in picture coordinates. */
export function createTrails() {
  const trails = new Map();
  let camera = null;

  function take(vision) {
    if (vision.camera !== camera) trails.clear();
    camera = vision.camera;
    for (const box of (vision.boxes ?? []).slice(0, MOST_TRACKS)) if (Number.isInteger(box.track)) extend(box, vision.t_ms);
    for (const [track, points] of trails) {
      while (points.length && vision.t_ms - points[0].t > LONGEST_MS) points.shift();
      if (!points.length) trails.delete(track);
    }
    while (trails.size > MOST_TRACKS) trails.delete(trails.keys().next().value);
  }

  function extend(box, t) {
    const points = trails.get(box.track) ?? [];
    const next = { x: box.x + box.w / 2, y: box.y + box.h / 2, t };
    const last = points.at(-1);
    if (last && (t <= last.t || Math.hypot(next.x - last.x, next.y - last.y) < LEAST_STEP)) return;
    points.push(next);
    if (points.length > MOST_POINTS) points.shift();
    trails.set(box.track, points);
  }

  return { take, of: (track) => trails.get(track) ?? [], clear: () => trails.clear(), get size() { return trails.size; } };
}

/** How strongly a point of a trail is drawn, 1 now to 0 when it is forgotten. */
export function strength(pointMs, nowMs) {
  return Math.max(0, Math.min(1, 1 - (nowMs - pointMs) / LONGEST_MS));
}
