// What the participant said, until the appliance has it: kept in the browser, sent again under the same id.
// So a label is neither lost when the network is, nor doubled when only the answer was.

import { retryDelay } from "./stream.js";

const MOST_AT_ONCE = 40;
const FINAL = new Set([400, 403, 404, 409, 413, 422]);
const ONE_IS_BAD = new Set([400, 413, 422]);

/** An id of our own making for a label. */
export function newLabelId() {
  const random = crypto.getRandomValues(new Uint8Array(12));
  return [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * `begin()` takes up what is left of before and can still be taken; `add(session, label)` keeps and sends; `retry()` sends
 * at once what waits. `send(session, labels)` throws with a `status`; `onChange({waiting, refused})` hears how many are not
 * delivered yet, and how many never will be.
 */
export function createLabelStore({ key, send, onChange, storage = localStorage }) {
  let kept = [];
  let attempt = 0;
  let timer = 0;
  let busy = false;
  let most = MOST_AT_ONCE;

  function add(session, label) {
    change((all) => [...all, { session, label: { label_id: newLabelId(), ...label } }]);
    if (attempt === 0) pump();
  }

  async function pump() {
    clearTimeout(timer);
    if (busy) return;
    const first = kept.find(({ refused }) => !refused);
    if (!first) return;
    busy = true;
    const batch = kept.filter((one) => !one.refused && one.session === first.session).slice(0, most);
    const ids = new Set(batch.map(({ label }) => label.label_id));
    const problem = await deliver(first.session, batch);
    busy = false;
    settle(ids, problem);
  }

  async function deliver(session, batch) {
    try {
      await send(session, batch.map(({ label }) => label));
      return null;
    } catch (problem) {
      return problem;
    }
  }

  function settle(ids, problem) {
    const mine = ({ label }) => ids.has(label.label_id);
    if (problem && !FINAL.has(problem.status)) return later();
    attempt = 0;
    if (ids.size > 1 && ONE_IS_BAD.has(problem?.status)) {
      most = 1;
      return pump();
    }
    if (problem) most = MOST_AT_ONCE;
    change((all) => (problem ? all.map((one) => (mine(one) ? { ...one, refused: true } : one)) : all.filter((one) => !mine(one))));
    pump();
  }

  function later() {
    attempt += 1;
    tell();
    timer = setTimeout(pump, retryDelay(attempt, Math.random()));
  }

  /** Another tab may have written meanwhile, so the stored list is read anew before each change. */
  function change(edit) {
    kept = edit(read());
    try {
      storage.setItem(key, JSON.stringify(kept));
    } catch {
      // a browser that keeps nothing: the labels live as long as the page
    }
    tell();
  }

  function read() {
    try {
      return JSON.parse(storage.getItem(key) ?? "null") ?? kept;
    } catch {
      return kept;
    }
  }

  function tell() {
    const refused = kept.filter((one) => one.refused).length;
    onChange({ waiting: kept.length - refused, refused, failing: attempt > 0 });
  }

  function begin() {
    change((all) => all.filter(({ refused }) => !refused));
    pump();
  }

  /** Whether the answer to a question lies here still. */
  const holds = (askId) => kept.some(({ label }) => label.ask_id === askId);

  return { add, begin, holds, retry: pump };
}
