// Values of cells as a soft picture to lay over the live one: what is unusual now, or where movement is usual.

const HEAT = [[255, 214, 92], [255, 140, 46], [235, 52, 52]];
const USUAL = [[86, 207, 198]];

/** The strength 0..1 of each cell of a map: sigma against the alarm threshold, or the share of movement against the most. */
export function strengths(kind, answer) {
  if (kind === "heat") {
    const top = Math.max(answer.threshold_raw || 0, 1);
    return answer.heat.map((sigma) => clip((sigma - 1) / Math.max(top - 1, 1)));
  }
  const most = answer.usual.reduce((a, b) => Math.max(a, b), 0);
  return answer.usual.map((share) => (most > 0 ? Math.sqrt(clip(share / most)) : 0));
}

/** A canvas with one pixel for each cell; null where the answer has no cells. */
export function mapImage(kind, answer) {
  const { rows, columns } = answer ?? {};
  if (!(rows > 0 && columns > 0) || answer[kind]?.length !== rows * columns) return null;
  const canvas = new OffscreenCanvas(columns, rows);
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(columns, rows);
  strengths(kind, answer).forEach((value, i) => image.data.set([...shade(kind === "heat" ? HEAT : USUAL, value), value * 190], i * 4));
  pen.putImageData(image, 0, 0);
  return canvas;
}

/** Lay such a picture over the view. */
export function drawMap(pen, image, view) {
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, view.x, view.y, view.w, view.h);
}

function shade(scale, value) {
  const at = value * (scale.length - 1);
  const low = scale[Math.floor(at)];
  const high = scale[Math.min(Math.ceil(at), scale.length - 1)];
  return low.map((part, i) => Math.round(part + (high[i] - part) * (at % 1)));
}

function clip(value) {
  return Number.isFinite(value) ? Math.max(0, Math.min(1, value)) : 0;
}
