// The few ways in which this page touches its document. Text goes in as text, never as markup.

/** The element with this id; it is an error of ours if there is none. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found;
}

/** A new element: `el("p", {class: "x", title: "y"}, "text", child)`. Null and false attributes are left out. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A small button that says `name`. */
export function smallButton(name, onPress, tone = "") {
  const made = el("button", { class: `button small ${tone}`, type: "button" }, name);
  made.addEventListener("click", onPress);
  return made;
}

/** Set text only where it differs, so that a screen reader is not told the same twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Give a list one item for each text, only where they differ. */
export function fillList(list, texts) {
  const now = [...list.children].map((item) => item.textContent);
  if (now.join("\n") !== texts.join("\n")) list.replaceChildren(...texts.map((text) => el("li", {}, text)));
}

/** Set an attribute only where it differs. */
export function mark(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Fit a canvas to its place on the screen; returns its 2D context in CSS pixels, cleared, with `width` and `height`. */
export function freshCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** The value of a custom property of the palette, as it stands in the reader's scheme. */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
