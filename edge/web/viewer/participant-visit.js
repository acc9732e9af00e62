// Who looks at the participant's page: taken from the link, kept for this tab, and removed from the address bar.

const KEY = "afferent.visit";
const WAYS = ["probe", "square", "trace"];

/**
 * What the link said: `token`, `participant`, `by` (how they answer: `probe`, `square` or `trace`) and `consentHere`
 * (whether they are asked for consent on this page). Null where there was none, in this tab or its address.
 */
export function takeVisit(address = location, storage = sessionStorage) {
  const query = new URLSearchParams(address.search);
  const token = query.get("token");
  if (token) {
    const by = WAYS.includes(query.get("by")) ? query.get("by") : "probe";
    const visit = { token, participant: query.get("participant") ?? "", by, consentHere: query.get("consent") === "here" };
    storage.setItem(KEY, JSON.stringify(visit));
    history.replaceState(null, "", address.pathname);
  }
  return JSON.parse(storage.getItem(KEY) ?? "null");
}

/** The whole address of a link that the desk hands out, from the path that the appliance made. */
export function linkOf(path, { participant, by, consentHere }, origin = location.origin) {
  const url = new URL(path, origin);
  if (!url.searchParams.has("participant")) url.searchParams.set("participant", participant);
  if (by !== "probe") url.searchParams.set("by", by);
  if (consentHere) url.searchParams.set("consent", "here");
  return url.href;
}
