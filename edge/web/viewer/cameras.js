// Which camera is looked at, where there are several.

import { el, mark } from "./dom.js";

/** A button for each camera in `root`; hidden while there is only one. `draw(cameras, selected)`. */
export function createCameras(root, onSelect) {
  return function draw(cameras, selected) {
    root.hidden = cameras.size < 2;
    const names = [...cameras.values()].map(nameOf).join("\n");
    if (root.dataset.names !== names) {
      root.dataset.names = names;
      root.replaceChildren(...[...cameras.values()].map((camera) => makeButton(camera, onSelect)));
    }
    for (const button of root.children) mark(button, "aria-pressed", String(button.dataset.camera === selected));
  };
}

/** What people call a camera; its id until we know better. */
export function nameOf({ camera, name }) {
  return name || camera;
}

function makeButton(camera, onSelect) {
  const button = el("button", { class: "button choice", type: "button", "data-camera": camera.camera }, nameOf(camera));
  button.addEventListener("click", () => onSelect(camera.camera));
  return button;
}
