// A plan while it is worked on: what was saved, what is drawn now, and every step between, forwards and back. Pure.

const MOST_STEPS = 100;

/** Steps with the same `tag` that follow each other are one, such as the moves of one drag. */
export function createDraft(saved) {
  let base = saved;
  let now = saved;
  let past = [];
  let future = [];
  let lastTag = "";

  return {
    get plan() { return now; },
    get base() { return base; },
    get dirty() { return !same(now, base); },
    get canUndo() { return past.length > 0; },
    get canRedo() { return future.length > 0; },
    change(next, tag = "") {
      if (same(next, now)) return;
      if (!tag || tag !== lastTag) past = [...past, now].slice(-MOST_STEPS);
      [now, future, lastTag] = [next, [], tag];
    },
    undo() {
      if (!past.length) return;
      future = [now, ...future];
      now = past.at(-1);
      past = past.slice(0, -1);
      lastTag = "";
    },
    redo() {
      if (!future.length) return;
      past = [...past, now];
      [now, ...future] = future;
      lastTag = "";
    },
    /** Saved as `plan`: the steps stay, so that one can still go back. */
    rebase(plan) {
      base = plan;
      now = { ...now, version: plan.version };
    },
    /** Begin anew from what somebody else saved; undo brings the own work back. */
    adopt(plan) {
      past = [...past, now].slice(-MOST_STEPS);
      [base, now, future, lastTag] = [plan, plan, [], ""];
    },
  };
}

/** What `theirs` has that `base` had not, in a few words each. */
export function differences(base, theirs, nameOf) {
  const found = [];
  for (const list of ["zones", "lines"]) {
    const before = new Map(base[list].map((shape) => [shape.id, shape]));
    for (const shape of theirs[list]) {
      const known = before.get(shape.id);
      if (!known) found.push(`${nameOf(shape)} is new`);
      else if (told(known) !== told(shape)) found.push(`${nameOf(shape)} was changed`);
      before.delete(shape.id);
    }
    for (const shape of before.values()) found.push(`${nameOf(shape)} is gone`);
  }
  for (const [key, text] of OTHERS) if (told(base[key]) !== told(theirs[key])) found.push(text);
  return found;
}

const OTHERS = [
  ["sensitivity", "the sensitivity was changed"],
  ["after_hours", "the hours after which nobody is expected were changed"],
  ["face_blur", "face blur was switched"],
  ["timezone", "the time zone was changed"],
];

function same(a, b) {
  const plain = ({ version: _, ...rest }) => told(rest);
  return a === b || plain(a) === plain(b);
}

/** As text that does not depend on the order in which fields were written. */
function told(value) {
  const sorted = (_, part) => (part && typeof part === "object" && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part);
  return JSON.stringify(value, sorted);
}
