// Marks on the lanes of signals: skin conductance responses from onset to peak, and heart beats.

import { color } from "./ink.js";

const MOST_BEATS_PX = 3;

/** Draw what belongs to the lane `key`: responses on the quick part of skin conductance, beats on heart rate and pulse. */
export function drawMarks(pen, key, marks, view) {
  if (!marks) return;
  if (key === "phasic_us" || key === "gsr_us") drawResponses(pen, marks.responses, view, key === "phasic_us");
  if (["hr_bpm", "rate_bpm", "pulse_raw"].includes(key)) drawBeats(pen, marks.beats, view);
}

function drawResponses(pen, responses, { startMs, endMs, place, height }, full) {
  pen.fillStyle = color("--text");
  for (const { onset_ms: onset, peak_ms: peak } of responses) {
    if (peak < startMs || onset > endMs) continue;
    const [from, to] = [place.x(onset), place.x(peak)];
    if (full) {
      pen.globalAlpha = 0.14;
      pen.fillRect(from, 0, Math.max(to - from, 1), height);
      pen.globalAlpha = 1;
    }
    pen.beginPath();
    pen.moveTo(to, 8);
    pen.lineTo(to - 4, 1);
    pen.lineTo(to + 4, 1);
    pen.fill();
  }
}

/** Beats as ticks at the foot of the lane, where they do not run into each other. */
function drawBeats(pen, beats, { startMs, endMs, place, height }) {
  const shown = beats.filter((beat) => beat >= startMs && beat <= endMs);
  const width = place.x(endMs) - place.x(startMs);
  if (shown.length * MOST_BEATS_PX > width) return;
  pen.strokeStyle = color("--muted");
  pen.lineWidth = 1;
  pen.beginPath();
  for (const beat of shown) {
    const x = Math.round(place.x(beat)) + 0.5;
    pen.moveTo(x, height - 6);
    pen.lineTo(x, height);
  }
  pen.stroke();
}
