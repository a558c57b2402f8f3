// The parts of a long chat: they load as one scrolls, up and down, and where a link leads to a message
// of another part. Without this, each part is a page.
"use strict";

kchat.chat = (() => {
  const byId = (id) => document.getElementById(id);
  const conversation = byId("conversation");
  const list = conversation.querySelector(".transcript");
  // What loads now; null: nothing. Who begins something else ends it: its answers come too late.
  let task = null;

  // The browser knows the true height of a message only when it is visible, so a long jump may miss.
  // So scroll again until the message stays where it is.
  const show = (item, tries = 10) => {
    item.scrollIntoView({ block: "center" });
    const top = item.getBoundingClientRect().top;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (tries > 0 && Math.abs(item.getBoundingClientRect().top - top) > 1) show(item, tries - 1);
    }));
  };

  // The conversation of another page of this chat; null where it comes too late, and, with words for
  // it, where it can't be had.
  const ask = async (address, mine) => {
    const loaded = await kchat.load(address);
    if (task !== mine) return null;
    const found = loaded.kind === "ok" && loaded.page.getElementById("conversation");
    if (!found) kchat.say(conversation.dataset.failed);
    return found || null;
  };
  const begin = async (work) => {
    const mine = {};
    task = mine;
    const done = await work(mine);
    if (task === mine) task = null;
    return done;
  };

  // -- parts, before and after those that are shown ---------------------------------------------------
  const pager = (where) => conversation.querySelector(`.parts.${where}`);
  const setPager = (where, found) => {
    pager(where)?.remove();
    const next = found.querySelector(`.parts.${where}`);
    if (!next) return;
    if (where === "before") list.before(document.adoptNode(next));
    else list.after(document.adoptNode(next));
  };
  const showRange = () => {
    const number = { first: Number(conversation.dataset.first) + 1, last: Number(conversation.dataset.last) };
    const write = (_, name) => kchat.number(number[name]);
    for (const words of conversation.querySelectorAll(".range")) {
      words.textContent = words.dataset.words.replace(/\{(\w+)\}/g, write);
    }
  };
  const itemsOf = (found) => [...found.querySelector(".transcript").children].map((item) => document.adoptNode(item));
  // A day that goes on over the end of a part is named once.
  const nameDayOnce = (before, after) => {
    const last = before.findLast((item) => item.matches(".day"));
    const day = (item) => item.querySelector("time").dateTime;
    if (last && after[0]?.matches(".day") && day(last) === day(after[0])) after.shift().remove();
  };

  const addBefore = async (found, mine) => {
    const items = itemsOf(found);
    nameDayOnce(items, [...list.children]);
    const from = list.firstElementChild;
    const top = from.getBoundingClientRect().top;
    // The browser keeps what is read in its place, but not at the very top, and not every browser.
    if (scrollY < 1) {
      scrollTo({ top: 1, behavior: "instant" });
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      if (task !== mine) return;
    }
    list.prepend(...items);
    setPager("before", found);
    if (!CSS.supports("overflow-anchor: auto")) scrollBy({ top: from.getBoundingClientRect().top - top, behavior: "instant" });
    conversation.dataset.first = found.dataset.first;
  };
  const addAfter = (found) => {
    const items = itemsOf(found);
    nameDayOnce([...list.children], items);
    list.append(...items);
    setPager("after", found);
    conversation.dataset.last = found.dataset.last;
  };
  const replace = (found) => {
    list.replaceChildren(...itemsOf(found));
    for (const where of ["before", "after"]) setPager(where, found);
    Object.assign(conversation.dataset, { first: found.dataset.first, last: found.dataset.last });
  };

  const watcher = new IntersectionObserver((entries) => {
    const seen = entries.find((entry) => entry.isIntersecting)?.target;
    const link = seen?.querySelector("a");
    if (!link || task) return;
    begin(async (mine) => {
      const found = await ask(link.href, mine);
      if (!found) return; // the link stays, for whoever asks again
      await (seen.matches(".before") ? addBefore : addAfter)(found, mine);
      if (task === mine) changed();
    });
  }, { rootMargin: "1000px 0px" });
  const changed = () => {
    showRange();
    watcher.disconnect();
    for (const where of ["before", "after"]) if (pager(where)) watcher.observe(pager(where));
  };

  // -- a message, whatever part has it ----------------------------------------------------------------
  const partOf = (index) => {
    const address = new URL(location.href);
    address.pathname = conversation.dataset.chat;
    const step = Number(conversation.dataset.step);
    const offset = Math.floor(index / step) * step;
    address.hash = "";
    if (offset) address.searchParams.set("offset", offset);
    else address.searchParams.delete("offset");
    return address;
  };
  const bring = async (index, anchor) => {
    if (!byId(anchor) && "step" in conversation.dataset) {
      const address = partOf(index);
      const found = await begin((mine) => ask(address, mine));
      if (!found) return null;
      replace(found);
      history.replaceState(null, "", address);
      changed();
    }
    return byId(anchor);
  };
  // An address may name a message and not its part: the server knows the part.
  const seek = () => {
    const anchor = location.hash.slice(1);
    if (!("step" in conversation.dataset) || !/^[mp]\d+$/.test(anchor) || byId(anchor)) return;
    const address = partOf(0);
    address.pathname += `/at/${anchor}`;
    location.replace(address);
  };

  // -- all of it, for paper ----------------------------------------------------------------------------
  const whole = async (address, mine) => {
    const first = await ask(address, mine);
    if (!first) return changed();
    replace(first);
    for (let next = pager("after")?.querySelector("a"); next; next = pager("after")?.querySelector("a")) {
      const found = await ask(next.href, mine);
      if (!found) return changed();
      addAfter(found);
    }
    for (const part of conversation.querySelectorAll(".in-parts")) part.remove();
    delete conversation.dataset.step;
    print();
  };
  byId("whole")?.addEventListener("click", (event) => {
    event.preventDefault();
    watcher.disconnect();
    begin((mine) => whole(event.currentTarget.href, mine));
  });

  const target = location.hash.length > 1 && byId(location.hash.slice(1));
  if (target && list.contains(target)) show(target);
  seek();
  window.addEventListener("hashchange", seek);
  if ("step" in conversation.dataset) changed();
  return { bring, show, conversation };
})();
