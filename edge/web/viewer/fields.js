// Fields of forms: label, hint, unit and what is wrong, tied together so that everybody is told the same.

import { el, mark, say } from "./dom.js";

let count = 0;

/** A text field; `onInput(text)` hears what is typed. `path` names it for problems. */
export function textField({ label, value, path, hint, list, placeholder, most = 200, onInput }) {
  const input = el("input", { type: "text", value, maxlength: most, list, placeholder, autocomplete: "off", spellcheck: "false" });
  input.addEventListener("input", () => onInput(input.value));
  return dressed(input, { label, path, hint });
}

/** A field for a number; `onInput` hears NaN for what is none. */
export function numberField({ label, value, path, unit, least, most, step, hint, onInput }) {
  const input = el("input", { type: "number", inputmode: "decimal", value: String(value), min: least, max: most, step: step ?? "any" });
  input.addEventListener("input", () => onInput(input.value.trim() === "" ? NaN : Number(input.value)));
  return dressed(input, { label, path, hint, unit });
}

/** A choice of `[value, name]`. */
export function choiceField({ label, value, path, hint, choices, onInput }) {
  const input = el("select", {}, ...choices.map(([key, name]) => el("option", { value: key, selected: key === value }, name)));
  input.addEventListener("change", () => onInput(input.value));
  return dressed(input, { label, path, hint });
}

/** A time of day, `22:00`. */
export function timeField({ label, value, path, onInput }) {
  const input = el("input", { type: "time", value });
  input.addEventListener("input", () => onInput(input.value));
  return dressed(input, { label, path });
}

/** A switch with its words beside it. */
export function switchField({ label, value, path, hint, onInput }) {
  const id = `field-${(count += 1)}`;
  const names = { id, "data-path": path, "aria-describedby": hint ? `${id}-hint` : null };
  const input = el("input", { type: "checkbox", class: "switch", role: "switch", checked: value, ...names });
  input.addEventListener("change", () => onInput(input.checked));
  const words = el("label", { for: id }, label);
  return el("div", { class: "field switched" }, input, words, hint ? el("p", { class: "hint", id: `${id}-hint` }, hint) : null);
}

/** A label, any control and its problem, as one block. */
export function dressed(input, { label, path, hint, unit }) {
  const id = `field-${(count += 1)}`;
  const named = `${label}${unit ? ` (${unit})` : ""}`;
  input.setAttribute("id", id);
  if (path) input.setAttribute("data-path", path);
  input.setAttribute("aria-describedby", `${id}-bad${hint ? ` ${id}-hint` : ""}`);
  return el(
    "div",
    { class: "field" },
    el("label", { for: id }, named),
    input,
    hint ? el("p", { class: "hint", id: `${id}-hint` }, hint) : null,
    el("p", { class: "bad", id: `${id}-bad`, role: "alert" }),
  );
}

/** Show each problem at the field of its path within `root`; returns those for which there is no field. */
export function showProblems(root, problems) {
  const open = new Map(problems.map(({ path, text }) => [path, text]));
  for (const input of root.querySelectorAll("[data-path]")) {
    const text = open.get(input.dataset.path) ?? "";
    open.delete(input.dataset.path);
    if (text) mark(input, "aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    const place = input.closest(".field")?.querySelector(".bad");
    if (place) say(place, text);
  }
  return problems.filter(({ path }) => open.has(path));
}

/** Replace the content of `root`, and give the focus back to the field that had it. */
export function refill(root, ...children) {
  const path = root.contains(document.activeElement) ? document.activeElement.dataset.path : null;
  root.replaceChildren(...children.filter(Boolean));
  if (path) root.querySelector(`[data-path="${CSS.escape(path)}"]`)?.focus();
}
