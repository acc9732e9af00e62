// One element for each thing of the overview's lists: a device, an event, a recording, a file, a gap, a loss.

import { bytes, counted, duration } from "./format.js";
import { downloadLink, make, makeButton, since, when } from "./page.js";
import { deviceState, eventTitle, filePurpose, lossWords, needs, recordingReason } from "./words.js";

const faint = (...children) => make("div", { name: "faint" }, ...children);

export function deviceLink(device) {
  const link = make("a", { text: device.device, name: "name" });
  link.href = `/console/devices.html#${encodeURIComponent(device.device)}`;
  return make("div", { name: "with-dot" }, make("span", { name: `dot ${device.state}` }), link);
}

export function deviceCard(device, warnings = needs(device, Date.now())) {
  const card = make("li", { name: "card" }, deviceLink(device));
  card.append(faint(`${deviceState(device.state)}, last seen `, since(device.last_seen_ms)));
  if (device.outbox_records) card.append(faint(`${counted(device.outbox_records, "record")} on their way`));
  card.append(...warnings.map((text) => make("div", { text, name: "warn" })));
  return card;
}

export function eventRow(event, play) {
  const severity = make("span", { text: event.severity.toLowerCase(), name: `tag ${event.severity}` });
  const words = make("div", {}, make("div", {}, severity, " ", make("span", { text: eventTitle(event.type), name: "name" })));
  const place = [event.zone, event.camera, event.device].filter(Boolean).join(" · ");
  const lasted = event.end_ms ? `, ${duration(event.end_ms - event.start_ms)}` : ", still open";
  words.append(faint(place), faint(when(event.start_ms), lasted));
  if (event.merged) words.append(faint(`with ${event.merged} more like it`));
  words.append(...event.reasoning.map((text) => faint(text)));
  const row = make("div", { name: "row" }, words);
  if (event.recording_id) row.append(makeButton("Play", `Play ${event.recording_id}, which shows ${event.event_id}`, () => play(event)));
  return make("li", {}, row);
}

export function recordingRow(recording, play) {
  const words = make("div", {}, make("div", { text: [recording.camera, recording.device].join(" · "), name: "name" }));
  words.append(faint(when(recording.start_ms), `, ${recordingReason(recording.reason)}`));
  const long = duration(recording.end_ms - recording.start_ms);
  words.append(faint(`${long}, ${recording.width_px}×${recording.height_px}, ${bytes(recording.size_bytes)}`));
  const go = recording.video ? makeButton("Play", `Play ${recording.recording_id}`, () => play(recording)) : uploading();
  return make("li", {}, make("div", { name: "row" }, words, go));
}

export function fileRow(file) {
  const place = [file.session_id ?? file.camera, file.device].filter(Boolean).join(" · ");
  const words = make("div", {}, make("div", { text: file.name, name: "name" }));
  words.append(faint(`${filePurpose(file.purpose)} · ${place}`), faint(when(file.start_ms), `, ${bytes(file.size_bytes)}`));
  return make("li", {}, make("div", { name: "row" }, words, file.content ? downloadLink(file) : uploading()));
}

/** It is whole on the device and not here yet. */
export const uploading = () => make("span", { text: "uploading …", name: "faint", title: "The device sends it as soon as it can." });

export function gapRow({ device, gap }) {
  const count = gap.last_seq - gap.first_seq + 1;
  const which = count === 1 ? `number ${gap.first_seq}` : `numbers ${gap.first_seq} to ${gap.last_seq}`;
  const words = `${device}: ${counted(count, "record")} missing, ${which} of its run ${gap.boot}`;
  return make("li", {}, make("span", { text: words, name: "warn" }), faint("since ", when(gap.since_ms), ". The device sends them again."));
}

export function ledgerRow(entry) {
  const size = entry.size_bytes ? ` (${bytes(entry.size_bytes)})` : "";
  return make("li", {}, make("div", { text: lossWords(entry) + size }), faint(when(entry.t_ms)));
}
