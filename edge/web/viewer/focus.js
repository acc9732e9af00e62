// Where somebody who uses keys goes on, when what they were at is taken away or moved.

/** Whether what had the focus is gone, or was disabled. */
export const isLost = () => [null, document.body].includes(document.activeElement);

/** Where nothing has the focus, give it back to `origin`, or to the page's main part when that is gone. */
export function goOn(origin) {
  if (!isLost()) return;
  if (origin?.isConnected) origin.focus();
  else document.querySelector("main")?.focus({ preventScroll: true });
}

/** `change()` what is in `root`: whoever was in it goes on there, and in the page's main part when their place is gone. */
export function keepingFocus(root, change) {
  const held = root.contains(document.activeElement) ? document.activeElement : null;
  change();
  if (held && isLost()) (held.isConnected ? held : document.querySelector("main"))?.focus({ preventScroll: true });
}
