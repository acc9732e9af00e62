// Videos that are not handed in yet, kept by the browser on its disk, so that a reload or a crash loses none of them.
// Their bytes lie apart from what is known of them, so that noting one more chunk does not write the video again.

const NAME = "afferent.collect";
const VIDEOS = "videos";
const BYTES = "bytes";
const FACTS = "facts";
const CLOSED = "InvalidStateError";

/**
 * It; what is asked opens it, and opens it again where the browser has closed it. `list()` gives the videos in the order in
 * which they came; `add(video, blob)` returns its id; `note(video)` replaces what is known of one; `blob(id)` its bytes;
 * `release(id)` gives those back; `remove(id)` forgets it all. `fact(name)` and `setFact(name, value)` are for what belongs
 * to all of them. Each fails with what the browser says.
 */
export function openCollectStore(factory = indexedDB) {
  let opening = null;

  function database() {
    opening ??= opened(factory).catch((problem) => {
      opening = null;
      throw problem;
    });
    return opening;
  }

  async function run(mode, work) {
    const at = database();
    try {
      return await transact(await at, mode, work);
    } catch (problem) {
      if (problem?.name !== CLOSED) throw problem;
      if (opening === at) opening = null;
      return transact(await database(), mode, work);
    }
  }

  return {
    list: () => run("readonly", (at) => at(VIDEOS).getAll()),
    blob: (id) => run("readonly", (at) => at(BYTES).get(id)),
    fact: (name) => run("readonly", (at) => at(FACTS).get(name)),
    setFact: (name, value) => run("readwrite", (at) => at(FACTS).put(value, name)),
    note: (video) => run("readwrite", (at) => at(VIDEOS).put(video)),
    release: (id) => run("readwrite", (at) => at(BYTES).delete(id)),
    remove: (id) => run("readwrite", (at) => (at(BYTES).delete(id), at(VIDEOS).delete(id))),
    add: (video, blob) => run("readwrite", (at) => withBytes(at, at(VIDEOS).add(video), blob)),
    close: async () => (await opening)?.close(),
  };
}

function withBytes(at, adding, blob) {
  adding.onsuccess = () => at(BYTES).put(blob, adding.result);
  return adding;
}

function opened(factory) {
  return new Promise((done, failed) => {
    const asking = factory.open(NAME, 1);
    asking.onupgradeneeded = () => {
      asking.result.createObjectStore(VIDEOS, { keyPath: "id", autoIncrement: true });
      asking.result.createObjectStore(BYTES);
      asking.result.createObjectStore(FACTS);
    };
    asking.onsuccess = () => done(asking.result);
    asking.onerror = () => failed(asking.error);
  });
}

/** Do `work` in one transaction; what its request gave, once all of it is kept. */
function transact(database, mode, work) {
  return new Promise((done, failed) => {
    const transaction = database.transaction([VIDEOS, BYTES, FACTS], mode, { durability: "strict" });
    const asking = work((name) => transaction.objectStore(name));
    transaction.oncomplete = () => done(asking.result);
    transaction.onabort = () => failed(transaction.error ?? new DOMException("The browser gave it up.", "AbortError"));
  });
}
