// What members see: on which device they take part under which name. A name means somebody on one device alone.

import { ask, draw, find, listOf, make, makeButton, query } from "./page.js";

const path = (account, tie) => {
  const place = `/v1/accounts/${encodeURIComponent(account)}/people`;
  return tie ? `${place}/${encodeURIComponent(tie.device)}?${query({ person: tie.person })}` : place;
};

/** Once, at the start; `tried(act)` does something, says what came of it, and asks for everything anew. */
export function beginPeople(tried) {
  find("member").addEventListener("change", () => tried(() => ""));
  find("people-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    const tie = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
    const account = find("member").value;
    tried(async () => {
      await ask(path(account, tie), { method: "PUT" });
      const known = (await ask(`/v1/devices?${query({ device: tie.device })}`)).items.length;
      form.reset();
      const words = `${account} now sees what ${tie.device} recorded of ${tie.person}.`;
      return known ? words : `${words} But no device of that name has spoken yet: is it spelled right?`;
    });
  });

  return async (accounts) => {
    const members = accounts.filter(({ role }) => role === "member").map(({ name }) => name);
    find("people-part").hidden = !members.length;
    const chosen = find("member").value;
    draw("member", members, () => members.map((text) => make("option", { text })));
    if (members.includes(chosen)) find("member").value = chosen;
    if (!members.length) return;
    const account = find("member").value;
    const [{ items }, devices] = await Promise.all([ask(path(account)), ask("/v1/devices?limit=1000")]);
    const words = `${account} sees nothing yet. Give a device, and the name of the participant as it is called there.`;
    draw("people", [account, items], () => listOf(items, words, (tie) => row(account, tie, tried)));
    const names = devices.items.map((one) => one.device);
    draw("device-names", names, () => names.map((value) => Object.assign(make("option"), { value })));
  };
}

function row(account, tie, tried) {
  const remove = makeButton("Remove", `Remove ${tie.person} of ${tie.device}`, () =>
    tried(async () => {
      await ask(path(account, tie), { method: "DELETE" });
      return `${account} does not see what ${tie.device} recorded of ${tie.person} any more.`;
    }),
  );
  return make("li", {}, make("div", { name: "row" }, make("div", { text: `${tie.person} on ${tie.device}` }), remove));
}
