// A QR code of an address, drawn dark on light in either scheme, as cameras want it.

import { mark } from "./dom.js";
import { ask } from "./request.js";

const SVG = "http://www.w3.org/2000/svg";

/** `{element, draw(text)}`; the element is hidden while there is no code, also where the appliance makes none. */
export function createQrCode(label) {
  const element = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [name, value] of [["class", "qr"], ["role", "img"], ["aria-label", label], ["shape-rendering", "crispEdges"]]) mark(element, name, value);
  element.append(path);
  element.toggleAttribute("hidden", true);
  let wanted = "";

  /** What is asked for last is what is shown. */
  async function draw(text) {
    wanted = text;
    const code = await ask("POST", "/v1/qr", { text }).catch(() => null);
    if (text !== wanted) return;
    element.toggleAttribute("hidden", !code);
    if (!code) return;
    mark(element, "viewBox", `0 0 ${code.size} ${code.size}`);
    mark(path, "d", code.path);
  }

  return { element, draw };
}
