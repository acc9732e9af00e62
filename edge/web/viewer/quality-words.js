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

/** A channel by its name on the wire. */
export function channelName(channel) {
  return CHANNELS[channel] ?? channel.replaceAll("_", " ");
}

/** `{channel, name, state, words, remedy, good, index}` of one channel's quality. */
export function qualityOf(channel, quality) {
  const good = quality.state === "ok";
  const words = STATES[quality.state] ?? quality.state;
  const remedy = good ? "" : (REMEDIES[bodyPart(channel)][quality.state] ?? "");
  return { channel, name: channelName(channel), state: quality.state, words, remedy, good, index: quality.index };
}

/** All channels of a `quality` map, trouble first; a channel that is nowhere measured is no trouble. */
export function qualities(map = {}) {
  const found = Object.entries(map).map(([channel, quality]) => qualityOf(channel, quality));
  return found.sort((a, b) => a.good - b.good || a.name.localeCompare(b.name));
}

function bodyPart(channel) {
  if (channel.startsWith("gsr")) return "skin";
  return /^(pulse|hr|ibi)/.test(channel) ? "pulse" : "other";
}
