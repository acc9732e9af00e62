// The annunciator: what is unusual now, how sure that is and why, in the colour of its severity (X.23).

import { fillList, mark, say } from "./dom.js";
import { titleOf } from "./event-words.js";
import { percent, quantity, reasons, severity } from "./format.js";

const HOLD_MS = 3_000;

/** What to announce of a `vision` message: severity, title and reasons; null where nothing is unusual. */
export function announcement(vision) {
  const anomaly = vision?.anomaly_status;
  if (!anomaly?.is_anomaly) return null;
  return {
    severity: severity(anomaly.severity),
    title: titleOf(anomaly.anomaly_type || "unusual activity"),
    confidence: Number.isFinite(anomaly.confidence) ? anomaly.confidence : null,
    deviation: Number.isFinite(anomaly.baseline_deviation) ? anomaly.baseline_deviation : null,
    reasons: reasons(anomaly.reasoning),
  };
}

/** What to say while nothing is unusual. */
export function calm(vision) {
  if (!vision) return "Waiting for the first analysis";
  const { complete, progress } = vision.learning ?? {};
  if (complete === false) return `Learning what is usual here: ${percent(progress)}`;
  return "Nothing unusual";
}

/** The strip `root`; `draw(vision, now)`. An announcement stays a few seconds after its end, so that it can be read. */
export function createBanner(root, { tag, title, list, side, alarm }) {
  let held = null;
  let camera = null;

  return function draw(vision, now) {
    if (vision?.camera !== camera) held = null;
    camera = vision?.camera;
    const fresh = announcement(vision);
    if (fresh) held = { ...fresh, until: now + HOLD_MS };
    const shown = held && held.until > now ? held : null;
    mark(root, "data-severity", shown?.severity ?? "none");
    say(alarm, shown ? `${shown.severity}: ${shown.title}` : "");
    say(tag, shown ? shown.severity : "Quiet");
    say(title, shown ? shown.title : calm(vision));
    say(side, shown ? certainty(shown) : "");
    fillList(list, shown ? shown.reasons : []);
    document.title = shown ? `${shown.severity}: ${shown.title} · Afferent` : "Afferent";
  };
}

function certainty({ confidence, deviation }) {
  const sure = confidence === null ? "" : `${percent(confidence)} confident`;
  const far = !deviation ? "" : `${quantity(deviation, "σ", 1)} from usual`;
  return [sure, far].filter(Boolean).join(" · ");
}
