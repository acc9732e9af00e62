// A dial for a direction: turned with the mouse, a finger or the arrow keys.

import { svg } from "./editor-stage.js";
import { directionWords } from "./plan-words.js";

/** The dial as an element; `onTurn(degrees)` hears whole degrees, 0 up, clockwise. */
export function makeDial({ label, value, path, onTurn }) {
  const needle = svg("path", { class: "dial-needle", d: "M0 16V-20M-6 -12L0 -20L6 -12" });
  const slider = { role: "slider", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 359 };
  const root = svg("svg", { class: "dial", viewBox: "-30 -30 60 60", tabindex: 0, "data-path": path, ...slider });
  root.append(svg("circle", { class: "dial-ring", r: 27 }), needle);
  let degrees = value;

  function show() {
    svg("path", { transform: `rotate(${degrees})` }, needle);
    svg("svg", { "aria-valuenow": degrees, "aria-valuetext": `${directionWords(degrees)}, ${degrees}°` }, root);
  }

  function turn(next) {
    degrees = ((Math.round(next) % 360) + 360) % 360;
    show();
    onTurn(degrees);
  }

  function aim({ clientX, clientY }) {
    const { left, top, width, height } = root.getBoundingClientRect();
    const [x, y] = [clientX - left - width / 2, clientY - top - height / 2];
    if (Math.hypot(x, y) > 4) turn(Math.round((Math.atan2(x, -y) * 180) / Math.PI / 5) * 5);
  }

  root.addEventListener("pointerdown", (event) => {
    root.setPointerCapture(event.pointerId);
    aim(event);
  });
  root.addEventListener("pointermove", (event) => event.buttons && aim(event));
  root.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 45, PageDown: -45, Home: -degrees }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    turn(degrees + by);
  });
  show();
  return root;
}
