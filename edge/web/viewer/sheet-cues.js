// Which small picture of a sheet shows which moment of a recording. Pure.

const CUE = /^([\d:.]+) --> ([\d:.]+)\n\S*#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;

/** The cues of a WebVTT: `{from, to}` in seconds, `{x, y, w, h}` in pixels of the sheet; in order. */
export function cuesOf(text) {
  return [...text.matchAll(CUE)].map(([, from, to, ...box]) => {
    const [x, y, w, h] = box.map(Number);
    return { from: seconds(from), to: seconds(to), x, y, w, h };
  });
}

/** The cue of a moment: the last that begins by then; null without any. */
export function cueAt(cues, at) {
  return cues.findLast(({ from }) => from <= at) ?? cues[0] ?? null;
}

/** `01:02:03.500` in seconds. */
function seconds(clock) {
  return clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
