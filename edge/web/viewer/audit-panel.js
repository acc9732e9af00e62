// The audit log, for admins: who did what, newest first, by pages, with filters.

import * as api from "./account-api.js";
import { deedWords } from "./audit-words.js";
import { byId, el, say } from "./dom.js";
import { moment, zoneOf } from "./format.js";

const PAGE = 50;
const TYPED_MS = 300;
const FILTERS = ["actor", "action", "outcome"];

/** The panel; `onProblem` hears what was refused. */
export function createAudit({ onProblem }) {
  const rows = byId("audit");
  const more = byId("audit-more");
  const empty = byId("audit-empty");
  let next = null;
  let turn = 0;
  let typed = null;
  say(byId("audit-when"), `When (${zoneOf(Date.now())})`);

  for (const name of FILTERS) {
    byId(`audit-${name}`).addEventListener("input", () => {
      clearTimeout(typed);
      typed = setTimeout(() => load().catch(onProblem), TYPED_MS);
    });
  }
  more.addEventListener("click", () => fetchPage({ before: next }).catch(onProblem));

  function load() {
    return fetchPage({});
  }

  async function fetchPage(cursor) {
    const mine = (turn += 1);
    const wanted = Object.fromEntries(FILTERS.map((name) => [name, byId(`audit-${name}`).value.trim()]).filter(([, value]) => value));
    const page = await api.audit({ limit: PAGE, ...wanted, ...cursor });
    if (mine !== turn) return;
    if (cursor.before === undefined) rows.replaceChildren();
    rows.append(...page.lines.map(({ entry }) => rowOf(entry)));
    next = page.next;
    more.hidden = next === null;
    empty.hidden = rows.children.length > 0;
  }

  return load;
}

function rowOf({ t, clock, actor, address, outcome, ...deed }) {
  const when = `${moment(Date.parse(t), Date.now())}${clock === "trusted" ? "" : " (clock not sure)"}`;
  const { title, raw } = deedWords(deed);
  const what = title ? [title, el("small", {}, raw)] : [raw];
  const cells = [[when], [actor === "-" ? "nobody signed in" : actor], [address], what, [outcome]].map((words) => el("td", {}, ...words));
  return el("tr", { "data-tone": outcome === "done" ? "plain" : "bad" }, ...cells);
}
