// The keys of a page. Each script adds its own by `kchat.key`; what they do stands in the dialog of
// base.html, which a test holds against them.
"use strict";

(() => {
  const help = document.getElementById("help");
  const opener = document.getElementById("help-open");
  const keys = new Map();
  kchat.keys = keys;
  kchat.key = (name, run) => { keys.set(name, run); };

  const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || typing(event.target)) return;
    const run = keys.get(event.key);
    if (!run) return;
    event.preventDefault();
    run();
  });

  opener.hidden = false;
  const showHelp = () => help.showModal();
  opener.addEventListener("click", showHelp);
  kchat.key("?", showHelp);
})();
