// What this browser keeps of how the results look: roomy or dense, with or without the preview.
// early.js sets both before the page is painted.
"use strict";

(() => {
  const page = document.documentElement.classList;
  const buttons = [
    { id: "density", name: "kchat.density", word: "roomy", kept: "roomy" },
    { id: "preview-toggle", name: "kchat.preview", word: "previewing", kept: "off" },
  ];
  const show = () => {
    for (const { id, word } of buttons) {
      const button = document.getElementById(id);
      if (!button) continue;
      button.hidden = false;
      button.setAttribute("aria-pressed", String(page.contains(word)));
    }
  };
  document.addEventListener("click", (event) => {
    const id = event.target.closest("button")?.id;
    const choice = buttons.find((one) => one.id === id);
    if (!choice) return;
    const on = page.toggle(choice.word);
    const isKept = on === (choice.kept !== "off");
    kchat.keep(choice.name, isKept ? choice.kept : null);
    show();
  });
  document.addEventListener("results", show);
  show();
})();
