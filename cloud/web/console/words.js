// What the API's names are called in front of people. Pure. A name that nobody knows is shown without underscores.

import { counted, moment } from "./format.js";

// The same as on the appliance's own page, which a test compares.
const TITLES = {
  roi_violation: "In a restricted zone",
  zone_entered: "Entered a zone",
  zone_left: "Left a zone",
  line_crossed: "Crossed a line",
  speeding: "Too fast",
  object_left: "Object left behind",
  object_removed: "Object removed",
  camera_tampered: "Camera tampered with",
};

const REASONS = { continuous: "recorded all the time", event: "because of an event", manual: "by hand", schedule: "by schedule", session: "of a session" };
const PURPOSES = { session: "Data of a session", collected: "Video from a browser", timelapse: "Timelapse", snapshot: "Picture", diagnostics: "Diagnostics" };
const COMMAND_STATES = {
  queued: "waits to be sent", sent: "sent", accepted: "accepted", running: "going on", succeeded: "done", failed: "failed",
  expired: "not begun in time", cancelled: "cancelled",
};
const DEEDS = {
  "POST /v1/session": "Signed in",
  "DELETE /v1/session": "Signed out",
  "PUT /v1/session/password": "Changed their password",
  "POST /v1/tokens": "Made a token for a program",
  "account.add": "Added an account",
  "account.role": "Gave another role",
  "account.password": "Set another password",
  "account.remove": "Removed an account",
  "account.tie": "Let a member see what was recorded of a participant",
  "account.untie": "Took from a member what was recorded of a participant",
  "token.add": "Made a token for a program",
  "token.remove": "Removed a token",
  "desired.set": "Changed the desired state",
  "command.ask": "Sent a command",
  "command.cancel": "Cancelled a command",
  "device.remove": "Took a device off the list",
  "device.invite": "Invited a device",
  "device.revoke": "Revoked a device's certificates",
  "device.enrol": "Got its first certificate",
  "certificate.renew": "Renewed its certificate",
  "certificate.revoke": "Revoked a certificate",
};

/** What each command does, and an example of its arguments; none where it takes none. */
export const COMMANDS = {
  snapshot: { title: "Take a picture", example: '{"camera": "front"}' },
  restart: { title: "Restart the software", risky: true },
  diagnostics: { title: "Collect diagnostics" },
  log_level: { title: "Change how much is logged", example: '{"level": "debug", "minutes": 30}' },
  update: { title: "Install an update", example: '{"url": "https address of the bundle", "sha256": "its digest"}', risky: true },
  rollback: { title: "Go back to the release before", risky: true },
  renew_certificate: { title: "Renew its certificate" },
};

export const ROLES = {
  member: "sees only their own recordings and predictions",
  viewer: "sees everything",
  operator: "sees everything, sends commands and sets desired states",
  admin: "may do everything, also with accounts and devices",
};

export const eventTitle = (type) => TITLES[type] ?? plain(type);
export const commandTitle = (name) => COMMANDS[name]?.title ?? plain(name);
export const commandState = (state) => COMMAND_STATES[state] ?? plain(state).toLowerCase();
export const recordingReason = (reason) => REASONS[reason] ?? plain(reason).toLowerCase();
export const filePurpose = (purpose) => PURPOSES[purpose] ?? plain(purpose);
export const deedTitle = (action) => DEEDS[action] ?? action;
export const roleWords = (role) => `${role}: ${ROLES[role] ?? ""}`;

/** `online`, `offline` or, before it ever said which, so. */
export const deviceState = (state) => (state === "unknown" ? "never said whether it is online" : state);

/** What of a device somebody should look at, one line each. */
export function needs(device, nowMs) {
  const found = [];
  if (device.desired_state === "refused") found.push("refuses a part of its desired state");
  else if (device.desired_version > device.reported_version) found.push("has not taken its desired state yet");
  if (device.open_alarms) found.push(`${counted(device.open_alarms, "alarm")} still open`);
  if (device.missing) found.push(`${counted(device.missing, "record")} missing`);
  if (device.clock !== "trusted") found.push("its clock is not set: times may be wrong");
  const ends = device.certificate_expires_ms;
  if (ends && ends < nowMs + 7 * 86400000) found.push(`its certificate ${ends < nowMs ? "ended" : "ends"} ${moment(ends)}`);
  return found;
}

/** What was given up, as one sentence. */
export function lossWords({ device, what, count, reason }) {
  if (!count) return `${device}: ${reason}`;
  return `${device} gave up ${counted(count, what.replace(/s$/, ""))}: ${reason}`;
}

/** `sudden_motion` as `Sudden motion`. */
function plain(name) {
  const spaced = String(name ?? "").replace(/[_-]+/g, " ").trim();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
