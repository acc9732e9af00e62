// What a plan says of the whole picture: faces, the hours after which nobody is expected, and whose hours these are.

import { el } from "./dom.js";
import { numberField, refill, switchField, textField } from "./fields.js";
import { NIGHT, hoursFields } from "./hours-form.js";

const FACE_HINT =
  "Blurs the faces that the face detector finds, in every picture. It needs that detector, and it misses some: small, turned " +
  "away, covered or in the dark. For what must never be seen, draw a privacy zone.";

/** The form in `root`; `draw(editing)` fills it anew. */
export function createPlaceForm(root) {
  const zones = el("datalist", { id: "timezones" }, ...timezones().map((value) => el("option", { value })));

  return function draw(editing) {
    const { plan } = editing.draft;
    const change = (part, structural = false) =>
      editing[structural ? "change" : "typed"]({ ...editing.draft.plan, ...part }, structural ? "" : `form ${Object.keys(part)[0]}`);
    refill(
      root,
      switchField({ label: "Blur faces", value: plan.face_blur, path: "face_blur", hint: FACE_HINT, onInput: (on) => change({ face_blur: on }) }),
      switchField({
        label: "After hours",
        value: plan.after_hours !== null,
        path: "after_hours",
        hint: "When nobody is expected, what is unusual is graver.",
        onInput: (on) => change({ after_hours: on ? { hours: NIGHT, score_bonus: 1.5 } : null }, true),
      }),
      plan.after_hours ? afterHours(editing, change) : null,
      textField({
        label: "Time zone",
        value: plan.timezone,
        path: "timezone",
        list: "timezones",
        placeholder: "the appliance's own",
        hint: "By which all hours here are meant, such as Europe/Berlin.",
        onInput: (timezone) => change({ timezone: timezone.trim() }),
      }),
      zones,
    );
  };
}

function afterHours(editing, change) {
  const part = (next) => change({ after_hours: { ...editing.draft.plan.after_hours, ...next } });
  const { hours, score_bonus } = editing.draft.plan.after_hours;
  return el(
    "div",
    { class: "nested" },
    hoursFields({ hours, path: "after_hours.hours", onInput: (value) => part({ hours: value }) }),
    numberField({
      label: "Graver by",
      unit: "σ",
      value: score_bonus,
      path: "after_hours.score_bonus",
      least: 0,
      most: 5,
      step: 0.5,
      onInput: (value) => part({ score_bonus: value }),
    }),
  );
}

function timezones() {
  return Intl.supportedValuesOf?.("timeZone") ?? [];
}
