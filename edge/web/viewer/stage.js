// What stands where the picture is when there is none, and the words for it. Pure.

/**
 * How the stage looks: `{view, title, detail, busy}`; `view` is `live`, `loading`, `off`, `lost`, `none` or `cut`.
 * `camera` is the newest `camera` message of the chosen camera, `picture` the state of the image.
 */
export function stageOf({ known, camera, picture, link, pending }) {
  if (pending === "start") return { view: "loading", title: "Starting the camera…", detail: "", busy: true };
  if (pending === "stop") return { view: "loading", title: "Stopping the camera…", detail: "", busy: true };
  if (!known) return { view: "loading", title: "Looking for cameras…", detail: "", busy: true };
  if (!camera) return NO_CAMERA;
  if (link === "lost") return picture === "live" ? CUT : { ...CUT, title: "No connection to the appliance", busy: true };
  if (camera.state === "stopped") return { ...OFF, detail: camera.detail || OFF.detail };
  if (camera.state === "failed" || camera.state === "degraded") {
    return { view: "lost", title: "Camera lost, trying again…", detail: camera.detail ?? "", busy: true };
  }
  if (picture === "live") return { view: "live", title: "", detail: "", busy: false };
  if (picture === "retrying") return { view: "loading", title: "The picture broke off, trying again…", detail: "", busy: true };
  return { view: "loading", title: "Waiting for the first picture…", detail: camera.detail ?? "", busy: true };
}

const CUT = { view: "cut", title: "", detail: "", busy: false };

const NO_CAMERA = {
  view: "none",
  title: "No camera",
  detail: "None is configured. Plug one in and run “afferent edge doctor”, which says what to do.",
  busy: false,
};

const OFF = { view: "off", title: "The camera is stopped", detail: "Press Start to see its picture.", busy: false };
