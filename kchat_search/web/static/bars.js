// A range of days, by dragging over the bars of the histogram or with Shift and an arrow on one of
// them. It fills the two date fields, which say it in words too, and sends their form.
"use strict";

(() => {
  const CLICK = 5; // pixels that a hand moves while it clicks
  let first = null; // the bar where a range begins
  let last = null;
  let down = null; // where the pointer came down
  let dragged = false;

  const form = () => document.getElementById("filter-form");
  const fields = () => ["from", "to"].map((id) => document.getElementById(id));
  const bars = () => [...document.querySelectorAll("#filters .bars .hit-area")];
  const show = () => {
    const all = bars();
    const [low, high] = [all.indexOf(first), all.indexOf(last)].sort((a, b) => a - b);
    all.forEach((bar, at) => bar.classList.toggle("in-range", low >= 0 && at >= low && at <= high));
    const [start, end] = fields();
    start.value = low < 0 ? start.defaultValue : all[low].dataset.start;
    end.value = low < 0 ? end.defaultValue : all[high].dataset.end;
  };
  const drop = () => { first = last = down = null; show(); };
  const send = () => {
    first = last = down = null;
    if (!form().closest("dialog")) form().requestSubmit(); // in the sheet, «apply» does
  };
  const under = (x) => bars().reduce((best, bar) => {
    const far = (one) => { const at = one.getBoundingClientRect(); return Math.abs(x - at.left - at.width / 2); };
    return far(bar) < far(best) ? bar : best;
  });

  document.addEventListener("pointerdown", (event) => {
    dragged = false;
    const drawing = event.target.closest("#filters .bars");
    if (!drawing || event.button || !bars().length) return;
    down = { x: event.clientX, id: event.pointerId, drawing };
  });
  document.addEventListener("pointermove", (event) => {
    if (!down || event.pointerId !== down.id) return;
    if (!dragged && Math.abs(event.clientX - down.x) < CLICK) return;
    if (!dragged) {
      dragged = true;
      first = under(down.x);
      down.drawing.setPointerCapture(down.id);
    }
    last = under(event.clientX);
    show();
  });
  document.addEventListener("pointerup", () => {
    if (down && dragged) send();
    down = null;
  });
  document.addEventListener("pointercancel", () => { if (down) drop(); });
  document.addEventListener("dragstart", (event) => { if (event.target.closest(".bars")) event.preventDefault(); });
  document.addEventListener("click", (event) => {
    if (!dragged) return;
    dragged = false; // the end of dragging is no click on a bar
    if (!event.target.closest("#filters .bars")) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && first) { event.preventDefault(); drop(); return; }
    const bar = event.target.closest("#filters .bars a")?.querySelector(".hit-area");
    if (!bar) return;
    if (event.key === "Enter" && first) { event.preventDefault(); send(); return; }
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !event.shiftKey) return;
    event.preventDefault();
    first ??= bar;
    const all = bars();
    last = all[Math.max(0, Math.min(all.length - 1, all.indexOf(last ?? first) + by))];
    show();
  });
})();
