// A continuous trace: while the square is held, where it is held is a label twice a second.

import { createAffectSquare } from "./affect-square.js";

const EVERY_MS = 500;

/** The square in `root` as a trace; `onLabel({source, valence, arousal})`. `stop()` lets go. */
export function createTrace(root, { onLabel, onHeld = () => {} }) {
  let place = null;
  let timer = 0;

  createAffectSquare(root, {
    onMove(now, held) {
      place = now;
      if (held) hold();
      else stop();
    },
  });
  root.addEventListener("focusout", stop);

  function hold() {
    if (timer) return;
    onHeld(true);
    note();
    timer = setInterval(note, EVERY_MS);
  }

  function note() {
    onLabel({ source: "trace", ...place });
  }

  function stop() {
    if (!timer) return;
    clearInterval(timer);
    timer = 0;
    onHeld(false);
  }

  return { stop };
}
