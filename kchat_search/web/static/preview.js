// On a wide screen, the conversation of the chosen hit stands beside the list, at its message. Only
// what somebody chooses by a key or a click is asked for: each look at a chat is recorded.
"use strict";

(() => {
  const PAUSE_MS = 250; // of keys that go from hit to hit
  const BUSY_MS = 150;
  const wide = matchMedia("(min-width: 1500px)");
  const pane = document.getElementById("preview");
  const title = pane.querySelector("h2");
  const open = pane.querySelector("header a.button");
  const note = pane.querySelector("[role=status]");
  const again = pane.querySelector("button");
  const body = pane.querySelector(".preview-body");
  const words = document.getElementById("trouble").dataset;
  const named = title.textContent;
  const hint = note.textContent;
  let asking = null;
  let pause = 0;
  let shown = null; // the address of what is shown
  let places = []; // index and anchor of every match of the chat, also in parts that are not shown

  const isOn = () => wide.matches && document.body.classList.contains("previewing");
  const say = (text, address = null) => {
    note.textContent = text;
    note.hidden = !text;
    again.hidden = !address;
    again.onclick = () => load(address);
  };
  const clear = () => {
    clearTimeout(pause);
    asking?.abort();
    asking = null;
    pane.removeAttribute("aria-busy");
    title.textContent = named;
    open.hidden = body.hidden = true;
    body.replaceChildren();
    say(hint);
  };

  // -- the conversation, and its matches --------------------------------------------------------------
  // The browser knows the true height of a message only when it is visible, so a long jump may miss.
  // So scroll again until the message stays where it is. Only the pane scrolls, not the page.
  const bring = (item, tries = 10) => {
    if (!item.isConnected || !item.matches(".current")) return; // another one has been chosen
    const [of, at] = [body.getBoundingClientRect(), item.getBoundingClientRect()];
    const before = body.scrollTop;
    body.scrollTop += at.top - of.top - Math.max(0, (of.height - at.height) / 2);
    const next = () => requestAnimationFrame(() => bring(item, tries - 1)); // one frame lays out, the next one knows
    if (tries > 0 && Math.abs(body.scrollTop - before) > 1) requestAnimationFrame(next);
  };
  const light = (item) => {
    body.querySelector(".current")?.classList.remove("current");
    item?.classList.add("current");
    if (item) bring(item);
  };
  const withId = (id) => body.querySelector(`#${CSS.escape(id)}`);
  const step = (by) => {
    if (body.hidden || !places.length) return;
    const { first, step: inPart } = body.firstElementChild.dataset;
    const last = body.querySelector(".current")?.id;
    let at = places.findIndex(([, anchor]) => anchor === last);
    if (at < 0) {
      const here = places.findIndex(([index]) => index >= Number(first));
      at = (here < 0 ? places.length : here) - (by > 0 ? 1 : 0);
    }
    const [index, anchor] = places[(at + by + places.length) % places.length];
    if (withId(anchor)) { light(withId(anchor)); return; }
    const part = new URL(shown);
    part.searchParams.set("offset", index - index % Number(inPart));
    part.hash = anchor;
    load(part);
  };
  const wear = () => {
    for (const address of pane.dataset.styles.split(" ")) {
      if (document.querySelector(`link[href="${address}"]`)) continue;
      document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: address }));
    }
  };
  const put = (page, found, address) => {
    for (const part of found.querySelectorAll("script, .to-paper, .on-paper, form:not(:has(.show-image)), button:not(.show-image)")) part.remove();
    for (const link of found.querySelectorAll("a[href^='#']")) {
      link.setAttribute("href", address.pathname + address.search + link.getAttribute("href"));
    }
    const all = page.getElementById("matches")?.dataset.places ?? "";
    places = all.split(" ").filter(Boolean).map((place) => place.split(":")).map(([index, anchor]) => [Number(index), anchor]);
    shown = address;
    title.replaceChildren(...document.adoptNode(page.querySelector("h1")).childNodes);
    body.replaceChildren(document.adoptNode(found));
    body.hidden = false;
    body.scrollTop = 0;
    say("");
    light(address.hash ? withId(address.hash.slice(1)) : body.querySelector(".match"));
    kchat.say(`${named} ${title.textContent.trim()}`);
  };
  const load = async (to) => {
    const address = new URL(to, location.href);
    asking?.abort();
    const mine = asking = new AbortController();
    const slow = setTimeout(() => pane.setAttribute("aria-busy", "true"), BUSY_MS);
    mine.signal.addEventListener("abort", () => clearTimeout(slow));
    open.href = to;
    open.hidden = false;
    wear();
    const answer = await kchat.load(address.pathname + address.search, mine.signal);
    if (mine !== asking) return;
    clearTimeout(slow);
    pane.removeAttribute("aria-busy");
    const found = answer.page?.querySelector("#conversation, .transcript");
    if (found) { put(answer.page, found, address); return; }
    title.textContent = named;
    body.hidden = true;
    say(kchat.trouble(answer, words), to);
  };

  // -- which hit ----------------------------------------------------------------------------------------
  document.addEventListener("hit", (event) => {
    clearTimeout(pause);
    if (isOn()) pause = setTimeout(load, PAUSE_MS, event.target.querySelector("a.open").href);
  });
  // A click shows a hit, a second one opens it, like in a program for mail. A click without a pointer
  // (Enter, a screen reader) opens it, as any link.
  document.addEventListener("click", (event) => {
    const hit = event.target.closest(".hit");
    if (!hit || !isOn() || !event.detail || !kchat.plain(event)) return;
    const link = event.target.closest("a[href]") ?? hit.querySelector("a.open");
    const selects = event.detail === 1 && !event.target.closest("a") && !getSelection().isCollapsed;
    if (selects || !/^\/chats\/\d+$/.test(link.pathname)) return;
    event.preventDefault();
    clearTimeout(pause);
    if (event.detail > 1) { location.assign(link.href); return; }
    link.focus({ preventScroll: true });
    load(link.href);
  });
  body.addEventListener("click", (event) => {
    const part = event.target.closest(".parts a");
    if (!part || !kchat.plain(event)) return;
    event.preventDefault();
    body.focus();
    load(part.href);
  });
  document.addEventListener("keydown", (event) => {
    if (!isOn() || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.defaultPrevented) return;
    const { target, key } = event;
    const inList = target === document.body || target.closest(".hits, #results:focus");
    const by = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (by && inList) { event.preventDefault(); kchat.step(by); }
    if (key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (pane.contains(target)) (document.querySelector(".hit.selected a.open") ?? document.getElementById("results")).focus();
    else if (inList) clear();
  });
  document.addEventListener("results", () => { if (!document.querySelector(".hit.selected")) clear(); });
  kchat.key("n", () => step(1));
  kchat.key("p", () => step(-1));
})();
