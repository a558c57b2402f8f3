// On a phone the filters are a sheet over the results: a dialog, so that the focus stays in it, Escape
// closes it, and what lies behind can't be reached. Without JavaScript the link leads to them.
"use strict";

(() => {
  const narrow = matchMedia("(max-width: 900px)");
  const sheet = document.getElementById("sheet");
  const filters = () => document.getElementById("filters");
  const place = document.createComment(""); // where the filters are when there is no sheet

  const show = () => {
    const shown = filters();
    shown.replaceWith(place);
    shown.classList.add("open");
    sheet.append(shown);
    sheet.showModal();
  };
  const close = () => {
    const shown = filters();
    shown.classList.remove("open");
    place.replaceWith(shown);
    document.querySelector(".to-filters")?.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("a.to-filters") && narrow.matches) {
      event.preventDefault();
      show();
    } else if (sheet.open && event.target.closest("#filters .close")) {
      event.preventDefault();
      filters().querySelector("form").reset();
      sheet.close();
    }
  });
  // Closed without «apply», nothing has been chosen.
  sheet.addEventListener("cancel", () => filters().querySelector("form").reset());
  sheet.addEventListener("close", close);
  document.addEventListener("submit", () => { if (sheet.open) sheet.close(); });
  // A link in the sheet has brought other filters, which stay open.
  document.addEventListener("results", () => filters().classList.toggle("open", sheet.open));
  narrow.addEventListener("change", () => { if (!narrow.matches && sheet.open) sheet.close(); });
})();
