// Keeps the region [data-refresh] of a page up to date: the page is loaded again now and then while
// it can be seen, and the parts of the region that differ are exchanged. What was opened stays open,
// and the focus stays where it was. Without this script the page has a link to load it again.
(() => {
  "use strict";
  const region = document.querySelector("[data-refresh]");
  if (!region) return;
  const trouble = document.getElementById("refresh-trouble");
  const pause = document.getElementById("refresh-pause");
  const LONGEST = 300;
  let wait = Number(region.dataset.refresh);
  let timer = 0;
  let asking = false;
  let due = Date.now() + wait * 1000;

  const paused = () => pause?.getAttribute("aria-pressed") === "true";
  // The same element on the page that was loaded: by its id, or as the summary of a known part.
  const twin = (page, element) => {
    const owner = element.closest("[id]");
    const there = owner && page.getElementById(owner.id);
    if (!there || there.tagName !== owner.tagName) return null;
    if (owner === element) return there;
    const all = (root) => [...root.querySelectorAll(element.localName)];
    return all(there)[all(owner).indexOf(element)] ?? null;
  };
  const opened = () => [...region.querySelectorAll("details[open][id]")].map((one) => one.id);
  const same = (one, other) => {
    const bare = one.cloneNode(true);
    for (const part of bare.querySelectorAll("details[open]")) part.open = false;
    return bare.isEqualNode(other);
  };

  const exchange = (page) => {
    const loaded = page.querySelector("[data-refresh]");
    if (!loaded) return false;
    const open = opened();
    const focused = region.contains(document.activeElement) ? document.activeElement : null;
    const focus = focused && twin(page, focused);
    const left = scrollX, top = scrollY;
    const parts = [...loaded.children].map((part) => {
      const old = part.id && region.querySelector(`:scope > [id="${CSS.escape(part.id)}"]`);
      return old && same(old, part) ? old : part;
    });
    for (const part of [...region.children]) if (!parts.includes(part)) part.remove();
    parts.forEach((part, place) => {
      if (region.children[place] !== part) region.insertBefore(part, region.children[place] ?? null);
    });
    for (const id of open) {
      const part = document.getElementById(id);
      if (part) part.open = true;
    }
    if (focused && !focused.isConnected) (focus?.isConnected ? focus : document.getElementById("main")).focus({ preventScroll: true });
    scrollTo(left, top);
    region.dataset.refresh = loaded.dataset.refresh;
    return true;
  };

  const selecting = () => {
    const chosen = getSelection();
    return chosen && !chosen.isCollapsed && region.contains(chosen.anchorNode);
  };
  const say = (words) => {
    trouble.hidden = !words;
    if (trouble.textContent !== words) trouble.textContent = words;
  };
  const plan = (seconds) => {
    clearTimeout(timer);
    due = Date.now() + seconds * 1000;
    timer = setTimeout(refresh, seconds * 1000);
  };

  async function refresh() {
    if (paused() || asking || document.visibilityState !== "visible") return;
    if (selecting()) { plan(2); return; }
    asking = true;
    const answer = await kchat.load(location.href);
    asking = false;
    if (answer.page && exchange(answer.page)) {
      wait = Number(region.dataset.refresh);
      say("");
    } else if (answer.kind === "ok") { // it is another page now: what was waited for is there
      location.reload();
      return;
    } else if (answer.kind === "signed-out") {
      say(trouble.dataset.signedOut);
      return;
    } else {
      wait = Math.min(LONGEST, Math.max(wait * 2, answer.retryAfter));
      say(trouble.dataset.failed.replace("{seconds}", String(wait)));
    }
    plan(wait);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") plan(Math.max(0, (due - Date.now()) / 1000));
  });
  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      pause.setAttribute("aria-pressed", String(!paused()));
      if (!paused()) plan(0);
    });
  }
  plan(wait);
})();
