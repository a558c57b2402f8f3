// From hit to hit with keys. A hit that is reached so gets the event «hit», for the preview.
"use strict";

(() => {
  let chat = null; // the chosen one
  const chosen = () => document.querySelector(".hit.selected");
  const choose = (hit) => {
    chosen()?.classList.remove("selected");
    hit?.classList.add("selected");
  };
  kchat.step = (by) => {
    const hits = [...document.querySelectorAll(".hit")].filter((hit) => hit.checkVisibility());
    if (!hits.length) return;
    const hit = hits[Math.max(0, Math.min(hits.length - 1, hits.indexOf(chosen()) + by))];
    hit.querySelector("a.open").focus({ preventScroll: true });
    hit.scrollIntoView({ block: "nearest" });
    hit.dispatchEvent(new Event("hit", { bubbles: true }));
  };
  document.addEventListener("focusin", (event) => {
    const hit = event.target.closest(".hit");
    if (!hit) return;
    chat = hit.dataset.chat;
    choose(hit);
  });
  kchat.key("j", () => kchat.step(1));
  kchat.key("k", () => kchat.step(-1));

  // It is chosen as long as it is there.
  document.addEventListener("results", () => choose(document.querySelector(`.hit[data-chat="${chat}"]`)));

  // The way back from a chat leads to its hit.
  const back = location.hash.startsWith("#hit-") && document.getElementById(location.hash.slice(1));
  if (back) back.querySelector("a.open").focus();
})();
