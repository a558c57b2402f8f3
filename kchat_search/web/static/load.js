// What all scripts of the pages share: asking for another page, saying something, remembering a
// choice. Nothing here is necessary: each page works without JavaScript.
"use strict";

const kchat = (() => {
  const isPage = (request) => /^text\/html\b/.test(request.getResponseHeader("Content-Type"));

  // Another page of ours: {kind, page, status, retryAfter, address}. `kind` is "ok", and `page` its
  // document; or "signed-out", "too-many" (ask again after `retryAfter` seconds), "failed" (`status`
  // is 0 where the server did not answer; `refusal`: the page that it answered instead), "cancelled".
  // The promise is never rejected.
  // Not `fetch`: from what it gives, only markup in a text could be made, which our policy forbids.
  const load = (to, signal) => new Promise((done) => {
    const address = new URL(to, location.href);
    const request = new XMLHttpRequest();
    const end = (kind, more = {}) => done({ kind, page: null, status: request.status, retryAfter: 0, address: request.responseURL, ...more });
    request.addEventListener("load", () => {
      const led = new URL(request.responseURL).pathname;
      if (request.status === 401 || (led === "/login" && address.pathname !== led)) end("signed-out");
      else if (request.status === 429) end("too-many", { retryAfter: Number(request.getResponseHeader("Retry-After")) || 1 });
      else if (request.status !== 200 || !request.response) end("failed", { refusal: isPage(request) ? request.response : null });
      else end("ok", { page: request.response });
    });
    request.addEventListener("error", () => end("failed"));
    request.addEventListener("abort", () => end("cancelled"));
    signal?.addEventListener("abort", () => request.abort());
    request.open("GET", address);
    request.responseType = "document";
    request.send();
  });

  // The words for an answer that is none, from the `data-` of an element, which need not have them all.
  const KEYS = { "signed-out": "signedOut", "too-many": "tooMany" };
  const trouble = ({ kind, status, retryAfter }, words) => {
    const key = KEYS[kind] ?? (status ? "failed" : "gone");
    return (words[key] ?? words.failed).replace("{seconds}", retryAfter);
  };

  // Is it a click that the browser would follow in the same window, and nobody has taken yet?
  const plain = (event) =>
    !(event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

  // Says something to whoever listens to the page. The same words again are said again.
  const say = (words) => {
    const live = document.getElementById("live");
    live.textContent = "";
    requestAnimationFrame(() => { live.textContent = words; });
  };

  // A choice that this browser keeps. It may forbid that: then there is none.
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const keep = (name, value) => {
    try {
      if (value === null) localStorage.removeItem(name);
      else localStorage.setItem(name, value);
    } catch { /* forbidden: nothing is kept */ }
  };

  // A number as the page's language writes it. The first call costs 25 ms: not while a page opens.
  const number = (value) => value.toLocaleString(document.documentElement.lang);

  return { load, trouble, plain, say, kept, keep, number };
})();
