// What stands at the top of each page: the box, and the menu of who is signed in.
"use strict";

(() => {
  // -- the box: a key leads there, and an empty field is not sent ----------------------------------
  const form = document.getElementById("search-form");
  const box = document.getElementById("q");
  if (form) {
    kchat.key("/", () => { box.focus(); box.select(); });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && !event.isComposing) box.blur();
    });
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      for (const field of form.elements) {
        if (field.name && field.name !== "q" && !field.value) field.disabled = true;
      }
    });
    // The browser's «back» must not show fields that are disabled.
    window.addEventListener("pageshow", () => {
      for (const field of form.elements) field.disabled = false;
    });
  }

  // -- the menu closes like a menu ------------------------------------------------------------------
  const menu = document.querySelector("details.me");
  if (menu) {
    document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }
})();
