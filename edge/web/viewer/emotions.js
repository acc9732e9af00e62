// What a probe is called and how it is coloured. A test keeps this equal to contract/emotions.py.

export const EMOTIONS = {
  HH: { name: "Happy", color: "#eecdac" },
  HL: { name: "Neutral", color: "#7fc087" },
  LH: { name: "Angry", color: "#f4978e" },
  LL: { name: "Sad", color: "#879af0" },
};

/** What stands where the model abstained: never silently one of the four. */
export const UNSURE = { name: "Not sure", color: "#999999" };

/** Name and colour of a probe; `UNSURE` for an abstention and for a probe that nobody knows. */
export function emotionOf(probe) {
  return Object.hasOwn(EMOTIONS, probe ?? "") ? EMOTIONS[probe] : UNSURE;
}
