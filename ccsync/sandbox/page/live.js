// Replaces the changing parts once a second with what the server rendered (and escaped). Without it the page still works.
"use strict";
const PAUSE_MS = 1000;
async function refresh() {
  try {
    const answer = await fetch("/page/live", { cache: "no-store" });
    const live = await answer.json();
    for (const [id, html] of Object.entries(live.parts)) {
      const place = document.getElementById(id);
      if (place && place.dataset.shown !== html) {
        const top = place.scrollTop;
        place.innerHTML = html;
        place.dataset.shown = html;
        place.scrollTop = top;
      }
    }
    document.getElementById("now").textContent = live.now;
    document.body.classList.remove("stale");
  } catch {
    document.body.classList.add("stale");
  }
  setTimeout(refresh, document.hidden ? 5 * PAUSE_MS : PAUSE_MS);
}
setTimeout(refresh, PAUSE_MS);
