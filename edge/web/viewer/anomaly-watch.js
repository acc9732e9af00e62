// Asks how usual things are: once a second while a map of it is shown, seldom otherwise, never while nobody looks.

const SHOWN_MS = 1_000;
const SELDOM_MS = 15_000;

/** Keeps `store.anomaly`, the newest answer for each camera. `mapShown()` tells whether a map is over the picture. */
export function createAnomalyWatch(store, api, { mapShown }) {
  let timer = 0;
  let asking = false;

  async function ask() {
    clearTimeout(timer);
    const camera = store.selected;
    if (asking) return;
    if (store.link.state === "live" && !document.hidden && runs(store.cameras.get(camera))) {
      asking = true;
      const answer = await api.anomaly(camera).catch((problem) => ({ refused: problem }));
      asking = false;
      take(camera, answer);
    }
    plan();
  }

  function plan() {
    clearTimeout(timer);
    const off = store.anomaly.get(store.selected)?.refused?.status === 404;
    timer = setTimeout(ask, mapShown() && !off ? SHOWN_MS : SELDOM_MS);
  }

  function take(camera, answer) {
    if (answer.refused && answer.refused.status !== 404) return;
    store.anomaly.set(camera, answer);
    store.tell("anomaly");
  }

  async function reset(camera) {
    take(camera, await api.resetAnomaly(camera));
  }

  const runs = (known) => Boolean(known) && known.state !== "stopped";

  store.on("selected", ask);
  document.addEventListener("visibilitychange", ask);
  return { ask, reset };
}
