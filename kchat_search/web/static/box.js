// The box: what may be typed at the cursor, and what was searched for before. The pattern is the
// combobox of the ARIA guide. It says nothing while somebody types: only to who asks for the list.
"use strict";

(() => {
  const RECENT = "kchat.recent";
  const MOST_KEPT = 20;
  const MOST_SHOWN = 6;
  const WAIT = 150; // ms after a key

  for (const out of document.querySelectorAll('form[action="/logout"]')) {
    out.addEventListener("submit", () => kchat.keep(RECENT, null));
  }
  const form = document.getElementById("search-form");
  if (!form) return;
  const input = document.getElementById("q");
  const box = document.getElementById("entry");
  const syntax = document.getElementById("syntax");
  const words = input.dataset;

  // -- what was searched for before: of whoever is signed in now, and only what had an answer -------
  const recent = () => {
    try {
      const { who, searches } = JSON.parse(kchat.kept(RECENT));
      if (who === form.dataset.who) return searches.filter((q) => typeof q === "string").slice(0, MOST_KEPT);
    } catch { /* none, or not ours */ }
    kchat.keep(RECENT, null);
    return [];
  };
  const remember = () => {
    const q = (new URLSearchParams(location.search).get("q") || "").trim();
    const before = recent();
    if (!q || location.pathname !== "/" || !document.getElementById("results")) return;
    const searches = [q, ...before.filter((other) => other !== q)].slice(0, MOST_KEPT);
    kchat.keep(RECENT, JSON.stringify({ who: form.dataset.who, searches }));
  };
  remember(); // at once: whoever leaves the page soon has searched, too
  document.addEventListener("results", remember);

  // -- the list -------------------------------------------------------------------------------------
  const make = (tag, attributes, text = "") => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  };
  const popup = make("div", { class: "suggest", hidden: "" });
  const list = make("ul", { role: "listbox", id: "suggestions", "aria-label": words.suggestions });
  const forget = make("button", { type: "button", class: "forget" }, words.clear);
  popup.append(list, forget);
  box.append(popup);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-haspopup", "listbox"], ["aria-expanded", "false"], ["aria-controls", "suggestions"]]) {
    input.setAttribute(name, value);
  }

  let shown = []; // what each option does
  let active = -1;
  let isOld = false; // somebody has typed since: the options are for another text
  let turn = 0; // an answer to an earlier question is no answer
  let timer = 0;
  const isOpen = () => !popup.hidden;
  const age = (old) => {
    list.children[active]?.setAttribute("aria-selected", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
    isOld = old;
    list.setAttribute("aria-busy", old);
  };
  const close = () => {
    turn += 1;
    clearTimeout(timer);
    popup.hidden = true;
    input.setAttribute("aria-expanded", "false");
    age(false);
  };
  const activate = (place) => {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = (place + shown.length) % shown.length;
    const option = list.children[active];
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  };
  const option = ({ written, hint, count }, place) => {
    const made = make("li", { role: "option", id: `suggestion-${place}`, "aria-selected": "false" });
    made.append(make("bdi", { class: "written" }, written));
    if (hint) made.append(" ", make("bdi", { class: "hint" }, hint));
    if (count !== null) made.append(" ", make("span", { class: "n" }, kchat.number(count)));
    return made;
  };
  const show = (choices, asked, hasRecent) => {
    age(false);
    shown = choices;
    list.replaceChildren(...choices.map(option));
    if (!choices.length) {
      close();
      if (asked) kchat.say(words.none);
      return;
    }
    forget.hidden = !hasRecent;
    popup.hidden = false;
    syntax.open = false;
    input.setAttribute("aria-expanded", "true");
    if (asked) {
      kchat.say(`${words.suggestions}: ${kchat.number(choices.length)}`);
      activate(0);
    }
  };

  // -- what is suggested: the server counts in code points, the browser in UTF-16 -------------------
  const put = (start, end, insert) => {
    const characters = [...input.value];
    const rest = characters.slice(end).join("");
    const space = insert.endsWith(":") || /^[\s)）]/.test(rest) ? "" : " ";
    const before = characters.slice(0, start).join("") + insert + space;
    input.value = before + rest;
    input.setSelectionRange(before.length, before.length);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const completion = (start, end) => ({ insert, label, hint, count }) => ({
    written: insert,
    hint: [insert.includes(label) ? "" : label, hint].filter(Boolean).join(" · "),
    count,
    take: () => put(start, end, insert),
  });
  const search = (q) => ({
    written: q,
    hint: words.recent,
    count: null,
    take: () => { input.value = q; form.requestSubmit(); },
  });
  const ask = async (asked) => {
    clearTimeout(timer);
    const mine = ++turn;
    const q = input.value;
    const at = [...q.slice(0, input.selectionStart)].length;
    const typed = q.trim();
    const before = asked ? recent().filter((other) => other !== typed && other.includes(typed)).slice(0, MOST_SHOWN) : [];
    let found = [];
    try {
      const answer = await fetch(`/suggest?${new URLSearchParams({ q, at })}`);
      if (answer.ok && !answer.redirected) {
        const { start, end, suggestions } = await answer.json();
        found = suggestions.map(completion(start, end));
      }
    } catch { /* no answer: the box works without */ }
    if (mine === turn && document.activeElement === input) show([...before.map(search), ...found], asked, before.length > 0);
  };

  // -- when: at an operator, or when it is asked for -------------------------------------------------
  const operators = [...form.querySelectorAll(".operators code")].map((code) => code.textContent.slice(0, -1));
  const atOperator = () => {
    const word = /(?:^|[\s(（])[-－]?([a-z]+)([:：](?:["“＂][^"”＂]*|\S*))?$/i.exec(input.value.slice(0, input.selectionStart));
    if (!word) return false;
    const name = word[1].toLowerCase();
    return word[2] ? operators.includes(name) : name.length > 1 && operators.some((each) => each.startsWith(name));
  };
  const typed = () => {
    clearTimeout(timer);
    turn += 1;
    if (!atOperator()) return close();
    age(true);
    timer = setTimeout(ask, WAIT, false);
  };
  input.addEventListener("input", (event) => { if (!event.isComposing) typed(); });
  input.addEventListener("compositionend", typed);

  const take = (place) => {
    const { take: run } = shown[place];
    close();
    run();
  };
  const keys = {
    ArrowDown: () => { if (isOpen() && !isOld) activate(active + 1); else ask(true); },
    ArrowUp: () => isOpen() && !isOld && activate(active < 0 ? -1 : active - 1),
    Enter: () => isOpen() && active >= 0 && take(active),
    Tab: () => isOpen() && active >= 0 && take(active),
    Escape: () => { if (!isOpen()) return false; close(); return true; },
  };
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // the input method's own keys
    const asks = event.ctrlKey && event.key === " ";
    if (!asks && (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !Object.hasOwn(keys, event.key))) return;
    if ((asks ? ask(true) : keys[event.key]()) !== false) event.preventDefault();
  }, { capture: true }); // before what else listens to these keys
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays
  list.addEventListener("click", (event) => {
    const chosen = [...list.children].indexOf(event.target.closest("li"));
    if (isOld) ask(true); // what it would replace is not what stands there now
    else if (chosen >= 0) take(chosen);
  });
  forget.addEventListener("click", () => {
    kchat.keep(RECENT, null);
    close();
    input.focus();
    kchat.say(words.cleared);
  });
  box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget)) close(); });
  document.addEventListener("submit", close, true);

  // -- the help closes like a menu -------------------------------------------------------------------
  document.addEventListener("click", (event) => { if (!syntax.contains(event.target)) syntax.open = false; });
  syntax.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !syntax.open) return;
    event.preventDefault();
    syntax.open = false;
    syntax.querySelector("summary").focus();
  });
})();
