// Everything here is a convenience: each page does its work without it.
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

  // -- the form: an empty field is no condition ----------------------------------------------
  const form = byId("search-form");
  if (form) {
    form.addEventListener("submit", () => {
      for (const field of form.elements) {
        if (field.name && field.name !== "q" && !field.value) field.disabled = true;
      }
    });
    // coming back by history must not leave fields switched off
    window.addEventListener("pageshow", () => {
      for (const field of form.elements) field.disabled = false;
    });
  }

  // -- the way back to the results, filters and page included --------------------------------
  const RESULTS = "results";
  const remember = (action) => {
    try { return action(window.sessionStorage); } catch { return null; } // storage may be forbidden
  };
  const hits = [...document.querySelectorAll(".hit")];
  if (document.querySelector(".results")) {
    remember((store) => store.setItem(RESULTS, location.pathname + location.search));
  }
  const back = byId("back");
  const saved = back && remember((store) => store.getItem(RESULTS));
  if (saved && saved.startsWith("/?")) {
    const asked = new URLSearchParams(location.search).get("q") || "";
    const found = new URLSearchParams(saved.slice(2)).get("q") || "";
    if (asked === found) back.href = saved;
  }

  // -- through the hits ------------------------------------------------------------------------
  let selected = -1;
  const select = (place) => {
    if (!hits.length) return;
    if (selected >= 0) hits[selected].classList.remove("selected");
    selected = Math.max(0, Math.min(hits.length - 1, place));
    hits[selected].classList.add("selected");
    hits[selected].querySelector("a.open").focus({ preventScroll: true });
    hits[selected].scrollIntoView({ block: "nearest" });
  };
  hits.forEach((hit, place) => {
    hit.addEventListener("focusin", () => {
      if (selected >= 0) hits[selected].classList.remove("selected");
      selected = place;
      hit.classList.add("selected");
    });
  });

  // -- through the matches of a chat -------------------------------------------------------------
  const matches = [...document.querySelectorAll(".transcript .match")];
  const place = byId("match-place");
  let current = matches.findIndex((item) => `#${item.id}` === location.hash);
  const showPlace = () => {
    if (!place || current < 0) return;
    place.textContent = `${current + 1} / `;
    place.hidden = false;
  };
  // messages out of sight get their true height only when they come into it, so that a jump far
  // down may miss: go on until the message stays where it was put
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
    showPlace();
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
    showPlace();
  });
  showPlace();
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
