/* Show the page as it is now while something is under way. Without this script the page reloads itself. */
"use strict";

const EVERY_MILLISECONDS = 3000;

async function lookAgain() {
  const shown = document.getElementById("storage-watch");
  if (!shown || !("live" in shown.dataset)) return;
  const isUsed = shown.contains(document.activeElement) || document.hidden;
  if (!isUsed) {
    try {
      const answer = await fetch(window.location.href, { credentials: "same-origin", redirect: "error" });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("storage-watch");
        if (fresh) shown.replaceWith(fresh);
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the network is away; it is tried again
    }
  }
  window.setTimeout(lookAgain, EVERY_MILLISECONDS);
}

window.setTimeout(lookAgain, EVERY_MILLISECONDS);
