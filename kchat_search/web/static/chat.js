// From match to match in a chat, and back to the results.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);

  // -- back to the results, with filters and page ---------------------------------------------------
  const back = byId("back");
  const saved = (() => { try { return sessionStorage.getItem("results"); } catch { return null; } })();
  if (back && saved?.startsWith("/?")) {
    const chatQuery = new URLSearchParams(location.search).get("q") || "";
    const savedQuery = new URLSearchParams(saved.slice(2)).get("q") || "";
    if (chatQuery === savedQuery) back.href = saved;
  }

  // -- from match to match --------------------------------------------------------------------------
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

  kchat.key("n", () => step(1));
  kchat.key("p", () => step(-1));
})();
