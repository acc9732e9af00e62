// Plays one recording, whole or growing, with small pictures to look through it by.

import * as api from "./clip-api.js";
import { clipAbout, clipMarks } from "./clip-words.js";
import { byId, mark, say } from "./dom.js";
import { clockTime } from "./format.js";
import { cueAt, cuesOf } from "./sheet-cues.js";

const NO_H265 = "This browser cannot play H.265 on this machine. Download it instead, or let the camera send H.264.";
const NO_H264 = "This browser cannot play it: it was kept as the camera's own pictures. Download it instead.";

/** `show(clip)` in the player of the page; `play(url, title, about, name)` for a video without small pictures. */
export function createClipPlayer({ now, nameOf }) {
  const video = byId("player-video");
  const strip = byId("player-strip");
  const peek = byId("player-peek");
  const when = byId("player-when");
  let cues = [];
  let clip = null;

  video.addEventListener("error", () => video.getAttribute("src") && trouble());
  video.addEventListener("timeupdate", () => mark(strip, "aria-valuenow", String(Math.round(video.currentTime))));
  strip.addEventListener("pointermove", (event) => lookAt(shareAt(event)));
  strip.addEventListener("pointerleave", () => mark(peek, "hidden", ""));
  strip.addEventListener("pointerdown", (event) => seek(shareAt(event) * span()));
  strip.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -5, ArrowRight: 5, PageDown: -30, PageUp: 30 }[event.key];
    if (!step) return;
    event.preventDefault();
    seek(video.currentTime + step);
  });

  async function show(chosen) {
    clip = chosen;
    cues = [];
    const about = `${clipAbout(chosen, now())} · ${clipMarks(chosen).join(" · ")}`;
    open(api.videoUrl(chosen.recording_id), nameOf(chosen.camera), about, fileName(chosen));
    if (!chosen.sheet) return;
    const found = cuesOf(await api.sheetTimes(chosen.recording_id));
    if (clip !== chosen || !found.length) return;
    cues = found;
    peek.style.backgroundImage = `url("${api.sheetUrl(chosen.recording_id)}")`;
    mark(strip, "aria-valuemax", String(Math.round(span())));
    strip.hidden = false;
  }

  function play(url, title, about, name) {
    clip = null;
    cues = [];
    open(url, title, about, name);
  }

  function open(url, title, about, name) {
    strip.hidden = true;
    byId("player").hidden = false;
    byId("player-empty").hidden = true;
    say(byId("player-title"), title);
    say(byId("player-about"), about);
    say(byId("player-said"), "");
    mark(byId("player-download"), "href", url);
    mark(byId("player-download"), "download", name);
    video.src = url;
    byId("player").scrollIntoView({ block: "nearest" });
    video.play().catch(() => null);
  }

  function trouble() {
    const why = { mjpeg: NO_H264, h265: NO_H265 }[clip?.codec];
    say(byId("player-said"), why ?? "It cannot be played: it may have given way to newer video.");
  }

  function lookAt(share) {
    const cue = cueAt(cues, share * span());
    if (!cue) return;
    peek.style.width = `${cue.w}px`;
    peek.style.height = `${cue.h}px`;
    peek.style.backgroundPosition = `-${cue.x}px -${cue.y}px`;
    peek.style.left = `${Math.min(Math.max(share * strip.clientWidth - cue.w / 2, 0), strip.clientWidth - cue.w)}px`;
    say(when, clockTime(clip.start_ms + share * span() * 1000));
    peek.hidden = false;
  }

  function seek(at) {
    video.currentTime = Math.min(Math.max(at, 0), span());
  }

  function span() {
    return Number.isFinite(video.duration) && video.duration > 0 ? video.duration : (cues.at(-1)?.to ?? 0);
  }

  function shareAt(event) {
    const { left, width } = strip.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - left) / width, 0), 1);
  }

  return { show, play };
}

/** What a download is called: whose it is and when it began, in UTC. */
function fileName({ camera, start_ms: start }) {
  return `${camera} ${new Date(start).toISOString().slice(0, 19).replaceAll(":", "-")}Z.mp4`;
}
