// The one player of the overview: a recording, or the recording that shows an event.

import { ask, find, Problem, when, wordsOf } from "./page.js";

const BEFORE_S = 2; // what led to an event is shown, too

/** Play a recording; of an event the recording that it names from shortly before it, if that is here yet. */
export async function play(what) {
  const { device, recording_id: id, camera, start_ms: startMs } = what;
  find("player").hidden = false;
  find("video-title").replaceChildren(`${camera} · ${device}, `, when(startMs));
  find("video-problem").textContent = "";
  find("player").scrollIntoView({ block: "nearest" });
  const found = "type" in what ? await recordingOf(id, device) : what;
  if (!found) return;
  const video = find("video");
  const from = Math.floor((startMs - found.start_ms) / 1000 - BEFORE_S);
  video.src = from > 0 ? `${found.video}#t=${from}` : found.video;
  video.play().catch(() => {}); // the player itself says what is wrong with it
}

async function recordingOf(id, device) {
  try {
    const found = await ask(`/v1/recordings/${encodeURIComponent(id)}?device=${encodeURIComponent(device)}`);
    if (found.video) return found;
    find("video-problem").textContent = "The device has not uploaded this recording yet. Try again later.";
  } catch (problem) {
    const isMissing = problem instanceof Problem && problem.status === 404;
    const words = "The recording of this event is not here: the device still makes it, or gave it up. See Gaps and losses.";
    find("video-problem").textContent = isMissing ? words : wordsOf(problem);
  }
  find("video").removeAttribute("src");
  return null;
}

function hidePlayer() {
  find("player").hidden = true;
  find("video").removeAttribute("src");
  find("video").load();
}

find("close-player").addEventListener("click", hidePlayer);
find("video").addEventListener("error", () => {
  if (!find("video").getAttribute("src")) return;
  find("video-problem").textContent = "This video cannot be played: object storage does not give it, or this browser cannot read it. See Gaps and losses.";
});
