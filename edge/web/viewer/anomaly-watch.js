// Asks how usual things are: once a second while a map of it is shown, seldom otherwise, never while nobody looks. A
// camera that looks for nothing unusual is left alone until something about it changes.

const SHOWN_MS = 1_000;
const SELDOM_MS = 15_000;

/** Keeps `store.anomaly`, the newest answer for each camera. `mapShown()` tells whether a map is over the picture. */
export function createAnomalyWatch(store, api, { mapShown }) {
  let timer = 0;
  let asking = false;
  let known = "";

  async function ask() {
    clearTimeout(timer);
    if (asking) return;
    const camera = store.selected;
    const about = (known = circumstances(store, camera));
    if (store.link.state === "live" && !document.hidden && runs(store.cameras.get(camera))) {
      asking = true;
      const answer = await api.anomaly(camera).catch((problem) => ({ refused: problem }));
      asking = false;
      take(camera, answer);
      if (about !== circumstances(store, store.selected)) return ask();
    }
    plan();
  }

  function plan() {
    clearTimeout(timer);
    if (store.anomaly.get(store.selected)?.refused) return;
    timer = setTimeout(ask, mapShown() ? SHOWN_MS : SELDOM_MS);
  }

  function take(camera, answer) {
    if (answer.refused && answer.refused.status !== 404) return;
    store.anomaly.set(camera, answer);
    store.tell("anomaly");
  }

  async function reset(camera) {
    take(camera, await api.resetAnomaly(camera));
  }

  const runs = (camera) => Boolean(camera) && camera.state !== "stopped";

  store.on("selected camera health vision link", () => circumstances(store, store.selected) !== known && ask());
  document.addEventListener("visibilitychange", ask);
  return { ask, reset };
}

/** All that another answer may come of, as text: whether the camera runs, its analysis works, and what it goes by. */
function circumstances(store, camera) {
  const vision = store.vision.get(camera);
  const health = store.health.get(`vision.${camera}`)?.state;
  return [store.link.state, camera, store.cameras.get(camera)?.state, health, vision?.threshold > 0, vision?.plan_version].join();
}
