// Runs before the page is painted, so that nothing moves: the page has JavaScript, and keeps the
// density that this browser chose.
"use strict";

(() => {
  const page = document.documentElement.classList;
  page.add("js");
  try { page.toggle("roomy", localStorage.getItem("kchat.density") === "roomy"); } catch { /* forbidden */ }
})();
