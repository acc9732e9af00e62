// A span of each of some days: when a rule holds, or when nobody is expected.

import { el, mark } from "./dom.js";
import { timeField } from "./fields.js";

const DAYS = [["mon", "Mon"], ["tue", "Tue"], ["wed", "Wed"], ["thu", "Thu"], ["fri", "Fri"], ["sat", "Sat"], ["sun", "Sun"]];

export const EVERY_DAY = DAYS.map(([day]) => day);
export const NIGHT = { days: EVERY_DAY, start: "22:00", end: "06:00" };

/** The fields of `hours`; `onInput(hours)` hears each change. */
export function hoursFields({ hours, path, onInput }) {
  let now = hours;
  const change = (part) => onInput((now = { ...now, ...part }));
  const buttons = DAYS.map(([day, name]) => {
    const on = String(now.days.includes(day));
    const button = el("button", { type: "button", class: "day", "aria-pressed": on, "aria-label": name }, name.slice(0, 2));
    button.addEventListener("click", () => {
      change({ days: EVERY_DAY.filter((other) => (other === day) !== now.days.includes(other)) });
      mark(button, "aria-pressed", String(now.days.includes(day)));
    });
    return button;
  });
  const days = el("div", { class: "days", role: "group", "aria-label": "Days", "data-path": `${path}.days` }, ...buttons);
  return el(
    "div",
    { class: "hours-form" },
    el("div", { class: "field" }, days, el("p", { class: "bad", role: "alert" })),
    timeField({ label: "From", value: now.start, path: `${path}.start`, onInput: (start) => change({ start }) }),
    timeField({ label: "To", value: now.end, path: `${path}.end`, onInput: (end) => change({ end }) }),
    el("p", { class: "hint" }, "An end before the start is on the next day."),
  );
}
