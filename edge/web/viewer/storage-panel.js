// How full the disk is, how long that lasts, and what gave way.

import { classAbout, classOf, freeWords, horizonOf, lostWords, mostBytes, wearAbout } from "./clip-words.js";
import { byId, el, fillList, mark, say } from "./dom.js";
import { bytes } from "./format.js";
import { createKeyed } from "./keyed.js";

/** The panel; `draw(storage)` takes what the appliance says. */
export function createStoragePanel({ now }) {
  const classes = createKeyed(byId("storage-classes"), { key: ({ kind }) => kind, make: createClass });

  return function draw(storage) {
    if (!storage?.classes) return;
    say(byId("storage-horizon"), horizonOf(storage));
    mark(byId("storage-horizon"), "data-tone", storage.room ? "plain" : "bad");
    const most = mostBytes(storage);
    const meter = byId("storage-meter");
    meter.max = most || 1;
    meter.value = storage.used_bytes;
    say(byId("storage-about"), `${bytes(storage.used_bytes)} of ${bytes(most)}; ${freeWords(storage)}.`);
    classes(storage.classes.filter(({ count }) => count).map((one) => ({ ...one, nowMs: now() })));
    fillList(byId("storage-evictions"), storage.evictions.map(evictionWords));
    byId("storage-gone").hidden = !storage.evictions.length;
    say(byId("storage-lost"), lostWords(storage.lost));
    say(byId("storage-wear"), wearAbout(storage.wear));
  };
}

function createClass() {
  const name = el("strong");
  const about = el("span", { class: "line-about" });
  const element = el("li", { class: "line" }, el("div", { class: "line-words" }, name, about));
  return {
    element,
    fill(one) {
      say(name, classOf(one.kind));
      say(about, classAbout(one, one.nowMs));
    },
  };
}

function evictionWords({ reason, count, lost, size_bytes: size }) {
  const gone = lost ? `, ${lost} of them were nowhere else` : ", all uploaded";
  return `${reason}: ${count} (${bytes(size)})${gone}`;
}
