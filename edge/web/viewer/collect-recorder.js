// Records from the camera of who looks at the page, where the browser lets it: only on a secure origin, and when asked.

const SLICE_MS = 1000;
const KINDS = ["video/webm;codecs=vp9,opus", "video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];

/** Why nothing can be recorded here, in words; empty where it can. */
export function whyNotRecord() {
  if (!window.isSecureContext) return "Recording in the browser needs a secure address (https). Choose a file instead.";
  if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) return "This browser cannot record. Choose a file instead.";
  return "";
}

/** The first kind of file that this browser can make; empty leaves it the choice. */
export function kindOf(supported = (kind) => MediaRecorder.isTypeSupported(kind)) {
  return KINDS.find(supported) ?? "";
}

/**
 * Shows the camera in `video`. `open()` asks for it; `start()` and `stop()` bound a recording, whose end is over
 * when `onRecorded(blob, facts)` has kept it; `close()` lets go of the camera. */
export function createRecorder(video, { onRecorded }) {
  let stream = null;
  let recorder = null;
  let over = Promise.resolve();

  async function open() {
    stream ??= await navigator.mediaDevices.getUserMedia({ video: true, audio: true }).catch(() => navigator.mediaDevices.getUserMedia({ video: true }));
    video.srcObject = stream;
    await video.play();
  }

  /** Slices come each second, so that the browser can put them onto its disk instead of keeping all in memory. */
  function start() {
    const slices = [];
    let ended = () => {};
    const end = new Promise((done) => (ended = done));
    const began = performance.now();
    recorder = new MediaRecorder(stream, { mimeType: kindOf() || undefined });
    const { mimeType } = recorder;
    const facts = trackFacts(stream);
    recorder.ondataavailable = ({ data }) => data.size && slices.push(data);
    recorder.onstop = async () => {
      const blob = new Blob(slices, { type: mimeType || slices[0]?.type });
      await onRecorded(blob, { duration: (performance.now() - began) / 1000, codec: mimeType, ...facts });
      ended();
    };
    recorder.start(SLICE_MS);
    over = end;
  }

  async function stop() {
    if (recorder?.state === "recording") recorder.stop();
    await over;
  }

  function close() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
  }

  return { open, start, stop, close };
}

function trackFacts(stream) {
  const [track] = stream.getVideoTracks();
  const { width, height, frameRate } = track?.getSettings() ?? {};
  return { resolution: width ? `${width}x${height}` : null, frameRate, cameraModel: track?.label };
}
