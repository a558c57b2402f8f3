// From hit to hit with keys. A hit that is chosen so gets the event «hit», for the preview.
"use strict";

(() => {
  const chosen = () => document.querySelector(".hit.selected");
  const choose = (hit) => {
    chosen()?.classList.remove("selected");
    hit.classList.add("selected");
  };
  const step = (by) => {
    const hits = [...document.querySelectorAll(".hit")];
    if (!hits.length) return;
    const hit = hits[Math.max(0, Math.min(hits.length - 1, hits.indexOf(chosen()) + by))];
    hit.querySelector("a.open").focus({ preventScroll: true });
    hit.scrollIntoView({ block: "nearest" });
    hit.dispatchEvent(new Event("hit", { bubbles: true }));
  };
  document.addEventListener("focusin", (event) => {
    const hit = event.target.closest(".hit");
    if (hit) choose(hit);
  });
  kchat.key("j", () => step(1));
  kchat.key("k", () => step(-1));
})();
