// Where somebody who uses keys goes on, when what they were at is taken away.

/** Whether what had the focus is gone, or was disabled. */
export const isLost = () => [null, document.body].includes(document.activeElement);

/** Where nothing has the focus, give it back to `origin`, or to the page's main part when that is gone. */
export function goOn(origin = null) {
  if (!isLost()) return;
  (origin?.isConnected ? origin : document.querySelector("main"))?.focus({ preventScroll: true });
}

/** Remove an element; whoever was in it goes on in the page's main part. */
export function takeOut(element) {
  const held = element.contains(document.activeElement);
  element.remove();
  if (held) goOn();
}
