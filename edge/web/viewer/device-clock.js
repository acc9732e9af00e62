// The device's time as seen from this browser, whose own clock may be hours off.

const KEEP = 12;

/**
 * `heard(t, at)`: a message stamped `t` by the device came in at local `at`. `asked(sent, t, got)`: the device answered
 * a question with its time. All in ms. `now(at)` is the device's time; `latency(t, at)` how old a stamp is on arrival,
 * or null while only one-way messages were seen, for those cannot tell delay from offset.
 */
export function createDeviceClock() {
  let oneWay = null;
  const asked = [];

  function offset() {
    if (asked.length === 0) return oneWay ?? 0;
    return asked.reduce((best, next) => (next.trip < best.trip ? next : best)).offset;
  }

  return {
    heard(t, at) {
      if (oneWay === null || t - at > oneWay || oneWay - (t - at) > 60_000) oneWay = t - at;
    },
    asked(sent, t, got) {
      const found = { offset: t - (sent + got) / 2, trip: got - sent };
      if (asked.length && Math.abs(found.offset - offset()) > 5_000) asked.length = 0;
      asked.push(found);
      if (asked.length > KEEP) asked.shift();
    },
    now: (at) => at + offset(),
    latency: (t, at) => (asked.length ? Math.max(0, at + offset() - t) : null),
  };
}
