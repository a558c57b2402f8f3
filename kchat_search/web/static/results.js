// Searches without loading a whole page: a link that begins with «/?» and a form of the search are
// answered by the page they lead to, of which the results and the filters are taken over. The
// address, «back» and «forward», focus and scroll stay as they would be.
"use strict";

(() => {
  const REGIONS = ["results", "filters"];
  const FORMS = "#search-form, #filter-form, #results form, #filters form";
  const KEPT = 8; // searches that «back» shows at once
  const BUSY_MS = 150;
  const byId = (id) => document.getElementById(id);
  const here = () => location.pathname + location.search;
  const box = byId("q");
  const past = new Map(); // what was shown, by its address
  let shown = here();
  let asking = null;

  // -- what changes with a search -------------------------------------------------------------------
  const hidden = (page) => [...page.querySelectorAll("#search-form input[type=hidden]")];
  const languages = (page) => [...page.querySelectorAll("a[hreflang]")];
  const taken = (page) => ({
    title: page.title,
    regions: REGIONS.map((id) => page.getElementById(id)),
    hidden: hidden(page),
    q: page.getElementById("q").defaultValue,
    languages: languages(page).map((link) => link.getAttribute("href")),
  });
  const leave = () => {
    const focused = document.activeElement.closest("#results, #filters") && document.activeElement;
    past.delete(shown);
    past.set(shown, { ...taken(document), scroll: scrollY, focused });
    if (past.size > KEPT) past.delete(past.keys().next().value);
  };
  const put = (view, typed) => {
    const edited = box.value !== box.defaultValue && !typed;
    for (const field of hidden(document)) field.remove();
    box.form.append(...view.hidden);
    box.defaultValue = view.q;
    if (!edited) box.value = view.q;
    REGIONS.forEach((id, at) => byId(id).replaceWith(view.regions[at]));
    byId("results").tabIndex = -1;
    document.title = view.title;
    languages(document).forEach((link, at) => link.setAttribute("href", view.languages[at]));
    shown = here();
    byId("results").dispatchEvent(new CustomEvent("results", { bubbles: true }));
    kchat.say(document.querySelector("#evidence .total").textContent.trim());
  };

  // -- busy, and what went wrong --------------------------------------------------------------------
  const trouble = byId("trouble");
  const busy = (is) => {
    document.documentElement.classList.toggle("busy", is);
    byId("results").setAttribute("aria-busy", String(is));
  };
  const complain = (answer, again) => {
    trouble.querySelector("p").textContent = kchat.trouble(answer, trouble.dataset);
    trouble.querySelector("button").onclick = () => { trouble.hidden = true; again(); };
    trouble.hidden = false;
  };

  // -- where the focus goes: to the same control in what has come -----------------------------------
  const twin = (control, region) => {
    const value = (name) => control.getAttribute(name);
    const ways = [
      value("id") && `#${CSS.escape(value("id"))}`,
      value("name") && `[name="${CSS.escape(value("name"))}"][value="${CSS.escape(value("value") ?? "")}"]`,
      value("href") && `[href="${CSS.escape(value("href"))}"]`,
    ];
    for (const way of ways.filter(Boolean)) {
      const found = region.querySelector(way);
      if (found) return found;
    }
    return [...region.querySelectorAll(control.localName)].find((one) => one.textContent === control.textContent);
  };
  // The focus is where it was (`before`), or was lost with what is gone: then it goes on. Where
  // somebody has gone elsewhere or types on, it stays.
  const refocus = (control, before, typesOn) => {
    const active = document.activeElement;
    const inside = active.closest("#results, #filters");
    if (!inside && active !== document.body && (active !== before || typesOn)) return () => {};
    const from = inside ? active : control;
    const id = from?.closest("#filters") ? "filters" : "results";
    const anew = !from?.closest("#results, #filters") || from.closest(".pager");
    return () => {
      const same = !anew && twin(from, byId(id));
      (same || byId(id)).focus({ preventScroll: true });
      if (!same && id === "results") scrollTo({ top: 0, behavior: "instant" });
    };
  };

  // -- a search -------------------------------------------------------------------------------------
  // `control`: what was clicked or sent. `entry`: «push», or «none» where the address is there already.
  const search = async (to, { control = null, typed = false, entry = "push" } = {}) => {
    asking?.abort();
    const mine = asking = Object.assign(new AbortController(), { entry });
    const before = document.activeElement;
    const text = box.value;
    trouble.hidden = true;
    const timer = setTimeout(() => busy(true), BUSY_MS);
    mine.signal.addEventListener("abort", () => clearTimeout(timer));
    const answer = await kchat.load(to, mine.signal);
    if (mine !== asking) return;
    clearTimeout(timer);
    busy(false);
    asking = null;
    const { kind, page, status } = answer;
    if (kind === "cancelled") return;
    const isWaiting = answer.refusal?.getElementById("rebuild"); // a page that shows when it is ready
    const isRefused = kind === "signed-out" || (status >= 400 && status < 500 && status !== 429);
    const whole = kind === "ok" ? REGIONS.every((id) => page.getElementById(id)) : !isRefused && !isWaiting;
    if (!whole) { location.assign(to); return; } // the log-in, or what the server says of this address
    if (kind !== "ok") { complain(answer, () => search(to, { control, typed, entry })); return; }
    const focus = refocus(control, before, box.value !== text);
    const scroll = scrollY;
    if (entry === "push") {
      leave();
      const led = new URL(answer.address);
      const address = led.pathname + led.search;
      history[address === shown ? "replaceState" : "pushState"](null, "", address + new URL(to, location.href).hash);
    }
    put(taken(page), typed && box.value === text);
    scrollTo({ top: scroll, behavior: "instant" });
    focus();
  };
  kchat.search = search;

  // -- what begins one ------------------------------------------------------------------------------
  // A link beside filters that were ticked and not sent yet, as in the sheet of a phone: it leads to
  // both. What it is about itself, it decides.
  const withTicks = (link) => {
    const form = link.closest("#filter-form");
    const to = link.getAttribute("href"); // a bar of the histogram has no other
    if (!form) return to;
    const wanted = new URL(to, location.href).searchParams;
    const present = new URLSearchParams(location.search);
    const fields = [...form.elements];
    const same = (one, other) => one.join("\n") === other.join("\n");
    for (const name of new Set(fields.map((field) => field.name).filter(Boolean))) {
      const of = fields.filter((field) => field.name === name);
      const isBox = ({ type }) => type === "checkbox" || type === "radio";
      const sent = of.filter((field) => !isBox(field) || field.defaultChecked).map((field) => isBox(field) ? field.value : field.defaultValue);
      const chosen = of.filter((field) => !isBox(field) || field.checked).map((field) => field.value);
      if (same(sent, chosen) || !same(wanted.getAll(name), present.getAll(name))) continue;
      wanted.delete(name);
      for (const value of chosen.filter(Boolean)) wanted.append(name, value);
    }
    return `/?${wanted}`;
  };
  document.addEventListener("click", (event) => {
    if (!kchat.plain(event)) return;
    const link = event.target.closest(":is(#results, #filters, #search-form) a[href^='/?']:not([target])");
    if (!link) return;
    event.preventDefault();
    const example = link.closest("#search-form details");
    if (example) example.open = false;
    search(withTicks(link), { control: link, typed: Boolean(example) });
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(FORMS) || form.method !== "get" || new URL(form.action).pathname !== "/") return;
    event.preventDefault();
    const asked = new FormData(form, event.submitter);
    if (box.value !== box.defaultValue) asked.set("q", box.value);
    const control = form === box.form ? null : form.contains(document.activeElement) ? document.activeElement : event.submitter;
    const filled = [...asked].filter(([name, value]) => value || name === "q");
    search(`/?${new URLSearchParams(filled)}`, { control, typed: true });
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.matches("#filter-form :is([type=checkbox], [type=radio], select)") && !event.target.closest("dialog")) event.target.form.requestSubmit();
  });
  document.addEventListener("input", (event) => event.target.closest("#filters .range")?.classList.add("edited"));
  window.addEventListener("popstate", () => {
    trouble.hidden = true; // it was about another search
    if (here() === shown) { // only the fragment, or back before the answer for another place came
      if (asking?.entry === "none") asking.abort();
      return;
    }
    const view = past.get(here());
    asking?.abort();
    leave();
    if (!view) { search(here(), { entry: "none" }); return; }
    put(view, true);
    scrollTo({ top: view.scroll, behavior: "instant" });
    view.focused?.focus({ preventScroll: true });
  });
})();
