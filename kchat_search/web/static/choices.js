// What this browser keeps of how the results look: roomy or dense, with or without the preview.
// The server reads the cookie (pages/look.py).
"use strict";

(() => {
  const YEAR = 365 * 24 * 60 * 60;
  const page = document.body.classList;
  const buttons = { density: "roomy", "preview-toggle": "previewing" };
  const show = () => {
    for (const [id, word] of Object.entries(buttons)) {
      const button = document.getElementById(id);
      if (!button) continue;
      button.hidden = false;
      button.setAttribute("aria-pressed", String(page.contains(word)));
    }
  };
  const keep = () => {
    const look = [page.contains("roomy") ? "roomy" : "", page.contains("previewing") ? "" : "alone"];
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `look=${look.filter(Boolean).join(".")}; path=/; max-age=${YEAR}; samesite=lax${secure}`;
  };
  document.addEventListener("click", (event) => {
    const word = buttons[event.target.closest("button")?.id];
    if (!word) return;
    page.toggle(word);
    keep();
    show();
  });
  document.addEventListener("results", show);
  show();
})();
