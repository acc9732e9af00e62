// The plan of each camera as the appliance keeps it: asked for when it may have changed, and sent back when drawn anew.

const AT_ONCE_MS = 500;
const AGAIN_MS = 5_000;
const NOW_AND_THEN_MS = 60_000;

/**
 * `load(camera)` and `save(camera, plan)` keep `store.plans`; `follow(vision)` asks again at once when analysis goes by a
 * newer plan, and now and then where what it says is of another one.
 */
export function createPlans(store, api) {
  const asked = new Map();

  async function load(camera) {
    asked.set(camera, performance.now());
    const answer = await api.plan(camera).catch((problem) => ({ plan: null, problem: problem.message, status: problem.status }));
    if (answer.plan || !store.plans.get(camera)?.plan) take(camera, answer);
    return answer;
  }

  /** Raises `RefusedError`; 409 where somebody saved another since. */
  async function save(camera, plan) {
    const answer = await api.savePlan(camera, plan);
    take(camera, answer);
    return answer.plan;
  }

  function take(camera, answer) {
    store.plans.set(camera, answer);
    store.tell("plan");
  }

  function follow(vision) {
    if (!store.plans.has(vision.camera)) return;
    const { plan } = store.plans.get(vision.camera);
    const since = performance.now() - (asked.get(vision.camera) ?? -Infinity);
    const limit = isNewer(vision, plan) ? AT_ONCE_MS : fits(plan, vision) ? NOW_AND_THEN_MS : AGAIN_MS;
    if (since > limit) load(vision.camera);
  }

  return { load, save, follow, of: (camera) => store.plans.get(camera)?.plan ?? null };
}

/** Whether a `vision` message is of a newer plan than this. */
export function isNewer(vision, plan) {
  return (vision.plan_version ?? 0) > (plan?.version ?? Infinity);
}

/** Whether a `vision` message speaks of the zones and lines of this plan; before its first frame it speaks of none. */
export function fits(plan, vision) {
  const told = [...(vision.zones ?? []), ...(vision.lines ?? [])].map(({ id }) => id).sort();
  const drawn = plan ? [...plan.zones.filter(({ kind }) => kind === "watch"), ...plan.lines].map(({ id }) => id).sort() : [];
  return told.join() === drawn.join() || !(vision.plan_version ?? Infinity);
}
