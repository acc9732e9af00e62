// The body sensors: how each is, its clock, the quality of each channel, and what its board can be told to do.

import * as api from "./session-api.js";
import { createKeyed } from "./keyed.js";
import { createSensorCard } from "./sensor-card.js";

const EVERY_MS = 5_000;

/**
 * The list `root`, with `empty` where there is none. `qualityOf(id)` is the newest quality of a sensor's channels;
 * `onSensors({sensors, signals})` hears each answer. `begin()` asks now and from time to time while the page is looked at.
 */
export function createSensorsPanel(root, { empty = null, qualityOf, onSensors = () => {}, onProblem = () => {} }) {
  const draw = createKeyed(root, { key: ({ id }) => id, make: (sensor) => createSensorCard(sensor.id), empty });
  let known = [];
  let timer = 0;

  async function look() {
    clearTimeout(timer);
    timer = setTimeout(look, EVERY_MS);
    if (document.hidden) return;
    try {
      const answer = await api.sensors();
      known = answer.sensors;
      onSensors(answer);
      redraw();
    } catch (problem) {
      onProblem(problem);
    }
  }

  function redraw() {
    draw(known.map((sensor) => ({ ...sensor, quality: qualityOf(sensor.id) ?? sensor.quality ?? {} })));
  }

  return { begin: look, redraw };
}
