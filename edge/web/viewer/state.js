// What the page knows. Messages go in, views are told which topic changed; nothing here touches the page.

import { fold, inOrder } from "./happenings.js";
import { addRows, emptySeries } from "./series.js";
import { merge, segmentOf } from "./segments.js";
import { createDeviceClock } from "./device-clock.js";
import { fillBack, takeView } from "./signal-book.js";

/** The store: `take(message)`, `on(topic, view)`, and the state itself as plain properties. */
export function createStore() {
  const views = new Map();
  const store = {
    link: { state: "connecting", attempt: 0 },
    cameras: new Map(),
    selected: null,
    vision: new Map(),
    series: new Map(),
    signals: new Map(),
    marks: new Map(),
    sensors: new Map(),
    health: new Map(),
    telemetry: null,
    sync: null,
    segments: [],
    happenings: [],
    plans: new Map(),
    anomaly: new Map(),
    record: null,
    row: 0,
    clock: createDeviceClock(),
    on(topics, view) {
      for (const topic of topics.split(" ")) views.set(topic, [...(views.get(topic) ?? []), view]);
    },
    tell(topic) {
      for (const view of views.get(topic) ?? []) view(store);
    },
    take({ topic, data, id }) {
      if (!Object.hasOwn(TAKERS, topic)) return;
      if (topic === "record") store.row = Number(id ?? 0);
      const moment = data.t_ms ?? data.rows?.at(-1)?.t_ms;
      if (moment !== undefined) store.clock.heard(moment, Date.now());
      for (const changed of TAKERS[topic](store, data)) store.tell(changed);
    },
    select(camera) {
      store.selected = camera;
      for (const topic of ["selected", "camera", "vision"]) store.tell(topic);
    },
    /** The body sensors by id, as the appliance lists them; who shows their names is told when these change. */
    setSensors(list) {
      const named = (sensors) => JSON.stringify([...sensors.values()].map(({ id, name }) => [id, name]));
      const before = named(store.sensors);
      store.sensors = new Map(list.map((one) => [one.id, one]));
      if (named(store.sensors) !== before) for (const topic of ["channels", "health", "happenings"]) store.tell(topic);
    },
    setLink(link) {
      store.link = link;
      store.tell("link");
    },
    /** Work the whole of `/v1/status` and some more records in: what the stream does not repeat. */
    load(status, others) {
      for (const topic of ["cameras", "health", "vision", "samples", "signals"]) {
        for (const data of status[topic] ?? []) store.take({ topic: topic === "cameras" ? "camera" : topic, data });
      }
      for (const topic of ["telemetry", "sync"]) if (status[topic]) store.take({ topic, data: status[topic] });
      const emotions = recordsOf(status.predictions).filter(isEmotion);
      store.segments = merge(store.segments, emotions.map(segmentOf));
      fillBack(store, emotions.map(({ body }) => body).sort((a, b) => a.start_ms - b.start_ms));
      store.happenings = inOrder(recordsOf([...status.recordings, ...others])).reduce(fold, store.happenings);
      for (const topic of ["cameras", "channels", "segments", "happenings"]) store.tell(topic);
    },
  };
  return store;
}

const TAKERS = {
  camera(store, data) {
    const known = store.cameras.has(data.camera);
    const { running: _, ...now } = data;
    store.cameras.set(data.camera, { ...store.cameras.get(data.camera), ...now });
    return known ? ["camera"] : ["cameras", "camera"];
  },
  vision(store, data) {
    store.vision.set(data.camera, { ...data, heardAt: performance.now() });
    return ["vision"];
  },
  samples(store, data) {
    const fresh = !store.series.has(data.sensor);
    if (fresh) store.series.set(data.sensor, emptySeries());
    const before = store.series.get(data.sensor).size;
    addRows(store.series.get(data.sensor), data.rows ?? []);
    return fresh || store.series.get(data.sensor).size !== before ? ["channels", "samples"] : ["samples"];
  },
  signals(store, data) {
    const before = store.series.get(data.sensor)?.size ?? 0;
    takeView(store, data);
    return store.series.get(data.sensor).size === before ? ["signals"] : ["channels", "signals"];
  },
  health(store, data) {
    store.health.set(data.part, data);
    return ["health"];
  },
  telemetry(store, data) {
    store.telemetry = data;
    return ["telemetry"];
  },
  sync(store, data) {
    store.sync = data;
    return ["sync"];
  },
  record(store, data) {
    store.record = data;
    if (isEvent(data)) return ["record"];
    if (isEmotion(data)) {
      store.segments = merge(store.segments, [segmentOf(data)]);
      return ["segments"];
    }
    store.happenings = fold(store.happenings, data);
    return ["happenings"];
  },
};

function recordsOf(rows) {
  return rows.map(({ record }) => record);
}

function isEvent(record) {
  return record?.body?.kind === "event";
}

function isEmotion(record) {
  return record?.body?.kind === "prediction" && "start_ms" in record.body;
}
