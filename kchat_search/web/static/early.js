// Runs before the page is painted, so that nothing moves: the page has JavaScript, and looks as this
// browser chose (choices.js).
"use strict";

(() => {
  const page = document.documentElement.classList;
  page.add("js", "previewing");
  try {
    page.toggle("roomy", localStorage.getItem("kchat.density") === "roomy");
    page.toggle("previewing", localStorage.getItem("kchat.preview") !== "off");
  } catch { /* storage is forbidden: nothing was chosen */ }
})();
