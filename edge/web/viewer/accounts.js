// The page of accounts put together: one's own, everybody's, and what was done.

import { createAccounts } from "./account-list.js";
import { createOwn } from "./account-own.js";
import { signIn as sendPassword, signOut, status } from "./api.js";
import { createAudit } from "./audit-panel.js";
import { byId, mark, say } from "./dom.js";
import { createNotices } from "./notice.js";
import { createSignIn } from "./signin.js";
import { forget, may, meet } from "./who.js";
import { showZone } from "./zone.js";

const notices = createNotices(byId("notices"));
const signIn = createSignIn({ signIn: sendPassword, onDone: begin });
const own = createOwn({ onProblem, onGone: signedOut, onDone });
const accounts = createAccounts({ onProblem, onDone });
const audit = createAudit({ onProblem });

async function begin() {
  const who = await meet();
  if (!who) return signedOut();
  signIn.close();
  mark(document.body, "data-phase", "ready");
  showZone();
  for (const part of document.querySelectorAll("[data-for='admin']")) part.hidden = !may("admin");
  try {
    say(byId("device"), (await status()).device);
    await own(who);
    if (may("admin")) await Promise.all([accounts(), audit()]);
  } catch (problem) {
    onProblem(problem);
  }
}

function signedOut() {
  forget();
  mark(document.body, "data-phase", "signedout");
  signIn.open();
}

async function onDone(title, text) {
  notices.tell(title, text);
  await begin();
}

function onProblem(problem) {
  if (problem.status === undefined) throw problem;
  if (problem.status === 401) signedOut();
  else notices.fail(problem);
}

byId("sign-out").addEventListener("click", () => signOut().then(signedOut, onProblem));
begin();
