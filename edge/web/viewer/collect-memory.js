// What the queue has its browser keep, without a fault of that storage (disk full, closed by the browser, a private window)
// stopping it: what the storage does not take is remembered for as long as the page lives, and is told to be so.

/**
 * `store` as of `openCollectStore`. `fact`, `setFact` and `blob` never fail; `add`, `note`, `release` and `remove` say
 * whether the storage did it. `hold(id)` takes the bytes of a video of an earlier page in hand.
 */
export function createMemory(store) {
  const facts = new Map();
  const unwritten = new Set();
  const held = new Map();

  async function fact(name) {
    if (!unwritten.has(name)) await store.fact(name).then((value) => facts.set(name, value), ignored);
    return facts.get(name);
  }

  async function setFact(name, value) {
    facts.set(name, value);
    if (await done(store.setFact(name, value))) unwritten.delete(name);
    else unwritten.add(name);
  }

  /** The id that the storage gave the video, or none. */
  async function add(video, blob) {
    const id = await store.add(video, blob).catch(ignored);
    if (id === undefined) held.set(`unkept-${video.videoId}`, blob);
    else await hold(id, blob);
    return id ?? null;
  }

  /** The storage's own handle, which costs no memory and outlives its closing; `blob` where it gives none. */
  async function hold(id, blob) {
    held.set(id, (await store.blob(id).catch(ignored)) ?? blob);
  }

  async function blob(id) {
    return (await store.blob(id).catch(ignored)) ?? held.get(id);
  }

  function release(id) {
    held.delete(id);
    return done(store.release(id));
  }

  return { fact, setFact, add, hold, blob, release, note: (video) => done(store.note(video)), remove: (id) => done(store.remove(id)) };
}

function done(work) {
  return work.then(() => true, () => false);
}

const ignored = () => undefined;
