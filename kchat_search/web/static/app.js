// Nothing here is necessary: each page works without JavaScript.
"use strict";

(() => {
  document.documentElement.classList.add("js");
  const byId = (id) => document.getElementById(id);
  const help = byId("help");
  const box = byId("q");

  // -- help ---------------------------------------------------------------------------------
  const opener = byId("help-open");
  opener.hidden = false;
  const showHelp = () => { if (!help.open) help.showModal(); };
  opener.addEventListener("click", showHelp);

  // -- the form: an empty field is not sent --------------------------------------------------
  const form = byId("search-form");
  if (form) {
    form.addEventListener("submit", () => {
      for (const field of form.elements) {
        if (field.name && field.name !== "q" && !field.value) field.disabled = true;
      }
    });
    // The browser's «back» must not show fields that are disabled.
    window.addEventListener("pageshow", () => {
      for (const field of form.elements) field.disabled = false;
    });
  }

  // -- the link back to the results, with filters and page ------------------------------------
  const RESULTS = "results";
  const remember = (action) => {
    try { return action(window.sessionStorage); } catch { return null; } // the browser may forbid storage
  };
  const hits = [...document.querySelectorAll(".hit")];
  if (document.querySelector(".results")) {
    remember((store) => store.setItem(RESULTS, location.pathname + location.search));
  }
  const back = byId("back");
  const saved = back && remember((store) => store.getItem(RESULTS));
  if (saved && saved.startsWith("/?")) {
    const chatQuery = new URLSearchParams(location.search).get("q") || "";
    const savedQuery = new URLSearchParams(saved.slice(2)).get("q") || "";
    if (chatQuery === savedQuery) back.href = saved;
  }

  // -- keys from hit to hit ------------------------------------------------------------------------
  let selected = -1;
  const select = (position) => {
    if (!hits.length) return;
    if (selected >= 0) hits[selected].classList.remove("selected");
    selected = Math.max(0, Math.min(hits.length - 1, position));
    hits[selected].classList.add("selected");
    hits[selected].querySelector("a.open").focus({ preventScroll: true });
    hits[selected].scrollIntoView({ block: "nearest" });
  };
  const follow = (hit, position) => {
    hit.addEventListener("focusin", () => {
      if (selected >= 0) hits[selected].classList.remove("selected");
      selected = position;
      hit.classList.add("selected");
    });
  };
  hits.forEach(follow);
  document.addEventListener("later", (event) => {
    for (const hit of event.target.querySelectorAll(".hit")) follow(hit, hits.push(hit) - 1);
  });

  // -- the menu of who is signed in closes like a menu ------------------------------------------------
  const menu = document.querySelector("details.me");
  if (menu) {
    document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }

  // -- from match to match in a chat -------------------------------------------------------------
  const matches = [...document.querySelectorAll(".transcript .match")];
  const counter = byId("match-place");
  let current = matches.findIndex((item) => `#${item.id}` === location.hash);
  const showCounter = () => {
    if (!counter || current < 0) return;
    counter.textContent = `${current + 1} / `;
    counter.hidden = false;
  };
  // The browser knows the true height of a message only when it is visible, so a long jump may miss.
  // So scroll again until the message stays where it is.
  const bring = (item, tries = 10) => {
    item.scrollIntoView({ block: "center" });
    const top = item.getBoundingClientRect().top;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (tries > 0 && Math.abs(item.getBoundingClientRect().top - top) > 1) bring(item, tries - 1);
    }));
  };
  const step = (by) => {
    if (!matches.length) return;
    if (current >= 0) matches[current].classList.remove("current");
    current = current < 0 ? (by < 0 ? matches.length - 1 : 0) : (current + by + matches.length) % matches.length;
    const item = matches[current];
    item.classList.add("current");
    bring(item);
    history.replaceState(null, "", `#${item.id}`);
    showCounter();
  };
  for (const [id, by] of [["match-previous", -1], ["match-next", 1]]) {
    const button = byId(id);
    if (!button) continue;
    button.hidden = false;
    button.addEventListener("click", () => step(by));
  }
  window.addEventListener("hashchange", () => {
    const here = matches.findIndex((item) => `#${item.id}` === location.hash);
    if (here < 0) return;
    if (current >= 0) matches[current].classList.remove("current");
    current = here;
    showCounter();
  });
  showCounter();
  const target = location.hash.length > 1 && byId(location.hash.slice(1));
  if (target && target.closest(".transcript")) bring(target);

  // -- keys ----------------------------------------------------------------------------------------
  const typing = (target) =>
    target.closest("input, textarea, select, [contenteditable]") !== null;
  const keys = {
    "/": () => { if (box) { box.focus(); box.select(); } },
    "?": showHelp,
    j: () => select(selected + 1),
    k: () => select(selected - 1),
    n: () => step(1),
    p: () => step(-1),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    if (event.key === "Escape" && event.target === box) { box.blur(); return; }
    if (typing(event.target) || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
