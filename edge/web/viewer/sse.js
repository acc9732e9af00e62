// The wire form of server-sent events, read by hand: an EventSource hides the status of a refusal and the keep-alives.

/**
 * A parser that is fed text as it comes and calls `onEvent({event, data, id})` for each whole event; `id` is the last
 * one seen, as the standard has it. Comments and unknown fields are ignored.
 */
export function createParser(onEvent) {
  let rest = "";
  let event = "";
  let data = [];
  let id = "";

  function line(text) {
    if (text === "") return dispatch();
    const colon = text.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id" && !value.includes("\0")) id = value;
  }

  function dispatch() {
    if (data.length) onEvent({ event: event || "message", data: data.join("\n"), id });
    event = "";
    data = [];
  }

  return function feed(text) {
    rest += text;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    lines.forEach(line);
  };
}
