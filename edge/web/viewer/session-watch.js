// What the participant's page knows of their session: the stream tells, and after each interruption it asks.

import * as api from "./session-api.js";
import { STREAM_URL } from "./api.js";
import { openStream } from "./stream.js";

/**
 * Follow the running session of `participant`. `onSession(view)` hears of it (null when there is none), `onAsk(ask)` of
 * a question (null when it is over), `onTime(t_ms)` the device's time, `onReach(problem)` whether the appliance
 * answers: null, or the problem. Returns `{retry, close}`.
 */
export function watchSession(participant, { onSession, onAsk, onTime, onReach }) {
  let session = null;
  let told = 0;

  const takers = {
    hello: ({ t_ms: tMs }) => onTime(tMs),
    session(view) {
      if (view.participant !== participant) return;
      told += 1;
      if (view.end_ms === null || view.end_ms === undefined) follow(view);
      else if (view.session_id === session?.session_id) follow(null);
    },
    ask(data) {
      if (data.session_id === session?.session_id) onAsk("ask" in data ? data.ask : data);
    },
  };

  function follow(view) {
    session = view;
    onSession(view);
  }

  /** What the stream does not repeat; asked anew where it told something meanwhile, for that is newer. */
  async function load() {
    const before = told;
    try {
      const found = await api.sessions({ participant, limit: 5 });
      if (told !== before) return load();
      follow(found.find(({ end_ms: end }) => end === null || end === undefined) ?? null);
      if (session) onAsk(await api.openAsk(session.session_id));
    } catch (problem) {
      onReach(problem);
    }
  }

  function hearLink({ state }) {
    if (state === "live") {
      onReach(null);
      load();
    } else if (state === "refused") onReach({ status: 401 });
    else if (state === "lost") onReach({ status: 0 });
  }

  return openStream(`${STREAM_URL}?topics=session,ask`, {
    onLink: hearLink,
    onMessage: ({ topic, data }) => Object.hasOwn(takers, topic) && takers[topic](data),
  });
}
