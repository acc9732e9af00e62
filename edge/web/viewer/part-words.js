// The parts of the appliance by what they do for people; their ids are for programs, and stay in the tooltip.

import { words } from "./format.js";

const NAMES = {
  affect: "Emotion",
  album: "Event pictures",
  broker: "Broker",
  collect: "Hand in",
  desired: "Cloud wishes",
  detect: "Detector",
  home_assistant: "Home Assistant",
  objects: "Object storage",
  picture: "Condition",
  plan: "Zones",
  previews: "Previews",
  remote: "Commands",
  "session-folders": "Session data",
  store: "Records",
  timelapse: "Timelapses",
  vision: "Analysis",
  wear: "Disk wear",
  web: "Pages",
};

const OF_SENSORS = ["affect", "sensor"];

/** `vision.front` as `Analysis · Front door`, by the names of `cameras` and `sensors`, maps by id. */
export function partName(part, { cameras = new Map(), sensors = new Map() } = {}) {
  const [kind, ...rest] = String(part).split(".");
  const id = rest.join(".");
  const name = NAMES[kind] ?? words(kind);
  const called = (OF_SENSORS.includes(kind) ? sensors : cameras).get(id)?.name || id;
  return called ? `${name} · ${called}` : name;
}
