// Which camera is looked at, where there are several.

import { el, mark } from "./dom.js";

/** A button for each camera in `root`; hidden while there is only one. `draw(cameras, selected)`. */
export function createCameras(root, onSelect) {
  return function draw(cameras, selected) {
    root.hidden = cameras.size < 2;
    const ids = [...cameras.keys()].join("\n");
    if (root.dataset.ids !== ids) {
      root.dataset.ids = ids;
      root.replaceChildren(...[...cameras.values()].map((camera) => makeButton(camera, onSelect)));
    }
    for (const button of root.children) mark(button, "aria-pressed", String(button.dataset.camera === selected));
  };
}

function makeButton({ camera, name }, onSelect) {
  const button = el("button", { class: "button choice", type: "button", "data-camera": camera }, name ?? camera);
  button.addEventListener("click", () => onSelect(camera));
  return button;
}
