// From match to match, over all parts of a chat; and where the matches are, beside the scroll bar.
"use strict";

(() => {
  const nav = document.getElementById("matches");
  if (!nav) return;
  const { bring, show, conversation } = kchat.chat;
  const counter = document.getElementById("match-place");
  const details = nav.querySelector("details");
  const places = nav.dataset.places.split(" ").map((place) => {
    const [index, anchor] = place.split(":");
    return { index: Number(index), anchor };
  });
  let current = -1;

  const words = () => nav.dataset.words.replace("{number}", kchat.number(current + 1)).replace("{total}", kchat.number(places.length));
  const choose = (place) => {
    for (const item of conversation.querySelectorAll(".current")) item.classList.remove("current");
    current = place;
    if (current < 0) return;
    counter.textContent = words();
    document.getElementById(places[current].anchor)?.classList.add("current");
    track.replaceChildren(...ticks());
  };
  const go = async (place) => {
    const { index, anchor } = places[place];
    const item = await bring(index, anchor);
    if (!item) return;
    choose(place);
    show(item);
    history.replaceState(history.state, "", `#${anchor}`);
    kchat.say(words());
  };
  const step = (by) => {
    if (current >= 0) return go((current + by + places.length) % places.length);
    const here = places.findIndex(({ index }) => index >= Number(conversation.dataset.first));
    if (by > 0) return go(Math.max(0, here));
    return go(here > 0 ? here - 1 : places.length - 1);
  };

  for (const [id, by] of [["match-previous", -1], ["match-next", 1]]) {
    const button = document.getElementById(id);
    button.hidden = false;
    button.addEventListener("click", () => step(by));
  }
  kchat.key("n", () => step(1));
  kchat.key("p", () => step(-1));

  // -- the list: it closes when something is chosen ------------------------------------------------------
  nav.addEventListener("click", (event) => {
    const item = event.target.closest(".match-list li[value]");
    if (!item || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    details.open = false;
    counter.focus();
    go(item.value - 1);
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    counter.focus();
  });
  document.addEventListener("click", (event) => { if (!details.contains(event.target)) details.open = false; });

  // -- the track: for the eye and the mouse alone, the list says the same -----------------------------------
  const track = document.createElement("div");
  track.className = "match-track";
  track.setAttribute("aria-hidden", "true");
  const total = Number(conversation.dataset.total);
  const heights = new Map(); // at most one tick for each half percent
  places.forEach(({ index }, place) => {
    const height = Math.floor((index / total) * 200) / 2;
    if (!heights.has(height)) heights.set(height, place);
  });
  const ticks = () => {
    const now = current < 0 ? null : Math.floor((places[current].index / total) * 200) / 2;
    return [...heights].map(([height, place]) => {
      const tick = document.createElement("i");
      tick.style.top = `${height}%`;
      tick.dataset.place = place;
      tick.classList.toggle("now", height === now);
      return tick;
    });
  };
  track.addEventListener("click", (event) => {
    const { place } = event.target.dataset;
    if (place) go(Number(place));
  });
  document.body.append(track);
  track.append(...ticks());

  // -- where we are ---------------------------------------------------------------------------------------
  const atHash = () => choose(places.findIndex(({ anchor }) => `#${anchor}` === location.hash));
  window.addEventListener("hashchange", atHash);
  atHash();
  if (current < 0 && !location.hash && nav.matches(".finding")) step(1);
})();
