// The live picture of one camera: an image that never ends, begun anew when it breaks.

const RETRY_MS = 2_000;
const LOOK_MS = 100;

/**
 * Drive `img`. `show(camera)` begins its stream, `hide()` gives the connection back, `renew()` begins it anew.
 * `onState` hears `loading`, `live` (a picture is there), `retrying` and `off`. A tab that is not looked at holds no stream.
 */
export function createPicture(img, { liveUrl, onState }) {
  let camera = null;
  let state = "off";
  let timer = 0;

  function become(next) {
    if (next === state) return;
    state = next;
    onState(state);
  }

  function begin() {
    clearTimeout(timer);
    img.removeAttribute("src");
    if (camera === null || document.hidden) return;
    img.src = liveUrl(camera);
    timer = setTimeout(look, LOOK_MS);
  }

  /** The load event of an endless image is unreliable; its natural size is not. */
  function look() {
    if (img.naturalWidth > 0) become("live");
    else timer = setTimeout(look, LOOK_MS);
  }

  img.addEventListener("error", () => {
    if (camera === null || !img.hasAttribute("src")) return;
    become("retrying");
    clearTimeout(timer);
    timer = setTimeout(begin, RETRY_MS);
  });
  document.addEventListener("visibilitychange", begin);
  addEventListener("pagehide", () => img.removeAttribute("src"));

  return {
    get state() {
      return state;
    },
    show(next) {
      if (camera === next) return;
      camera = next;
      become("loading");
      begin();
    },
    hide() {
      camera = null;
      begin();
      become("off");
    },
    renew() {
      if (camera === null) return;
      become("loading");
      begin();
    },
  };
}
