// How fit a channel is, in plain words, and what helps.

const CHANNELS = {
  gsr_us: "Skin conductance",
  gsr_raw: "Skin conductance",
  hr_bpm: "Heart rate",
  ibi_ms: "Heart beats",
  pulse_raw: "Pulse",
  skin_c: "Skin temperature",
};

const STATES = { ok: "good", absent: "not measured", electrode_off: "electrode off", saturated: "at its limit", motion: "disturbed by movement", flat: "flat", noisy: "noisy" };

const REMEDIES = {
  skin: {
    absent: "Plug the electrodes' cable in.",
    electrode_off: "Press both electrodes onto the fingers; a drop of gel helps.",
    saturated: "Loosen the straps a little, and dry sweaty fingers.",
    motion: "Ask for the hand to lie still.",
    flat: "Check that both electrodes touch the skin.",
    noisy: "Press the electrodes on and keep the cable away from chargers.",
  },
  pulse: {
    absent: "Plug the pulse sensor in.",
    electrode_off: "Press the pulse sensor onto the fingertip.",
    saturated: "Press less, and shade the sensor from bright light.",
    motion: "Ask for the hand to lie still.",
    flat: "Move the pulse sensor to another finger; warm cold hands.",
    noisy: "Move the pulse sensor a little until the beats are clear.",
  },
  other: {
    absent: "Check that the sensor is plugged in.",
    electrode_off: "Press the sensor onto the skin.",
    saturated: "Check how the sensor sits.",
    motion: "Ask for it to be kept still.",
    flat: "Check that the sensor touches the skin.",
    noisy: "Check the sensor's place and cable.",
  },
};

/** What helps where the appliance says why, by how its words begin. */
const REASONS = {
  "too slow": "Have its board say it at least twice a second: responses are not seen otherwise.",
  "beats slower": "A heart this slow is heard once heart_lowest_bpm in the settings is lower.",
  "beats faster": "A heart this fast is heard once heart_highest_bpm in the settings is higher.",
  "beats point down": "Name this sensor in upside_down in the settings, or turn it over.",
  "turned over, beats point down": "Take this sensor out of upside_down in the settings.",
};

/** A channel by its name on the wire. */
export function channelName(channel) {
  return CHANNELS[channel] ?? channel.replaceAll("_", " ");
}

/** `{channel, name, state, words, remedy, good, index}` of one channel's quality. */
export function qualityOf(channel, quality) {
  const good = quality.state === "ok";
  const words = STATES[quality.state] ?? quality.state;
  const remedy = remedyOf(channel, quality);
  return { channel, name: channelName(channel), state: quality.state, words, remedy, good, index: quality.index };
}

/** All channels of a `quality` map, trouble first; a channel that is nowhere measured is no trouble. */
export function qualities(map = {}) {
  const found = Object.entries(map).map(([channel, quality]) => qualityOf(channel, quality));
  return found.sort((a, b) => a.good - b.good || a.name.localeCompare(b.name));
}

function remedyOf(channel, { state, detail = "" }) {
  const reason = Object.keys(REASONS).find((words) => detail.startsWith(words));
  if (reason) return REASONS[reason];
  return REMEDIES[bodyPart(channel)][state] ?? "";
}

function bodyPart(channel) {
  if (channel.startsWith("gsr")) return "skin";
  return /^(pulse|hr|ibi)/.test(channel) ? "pulse" : "other";
}
