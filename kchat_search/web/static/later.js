// A section of a page that is asked for apart, when it is open: `data-later` is the address of a page
// that has it too, in its element «later». Without JavaScript, a link leads there.
"use strict";

(() => {
  const ask = async (section) => {
    const address = section.dataset.later;
    section.removeAttribute("data-later"); // asked once, even if it is closed and opened again
    const status = section.querySelector("[role=status]");
    const { kind, page } = await kchat.load(address);
    const found = page?.getElementById("later");
    if (kind === "signed-out") status.textContent = section.dataset.signedOut;
    else if (kind === "too-many") status.textContent = section.dataset.tooMany;
    else if (kind !== "ok" || !found) status.textContent = section.dataset.failed;
    else {
      status.textContent = found.querySelector("p").textContent;
      const list = found.querySelector("ol");
      if (list) section.append(document.adoptNode(list));
    }
  };
  const askOpen = () => {
    for (const section of document.querySelectorAll("[data-later]")) {
      if (section.open !== false) ask(section);
    }
  };
  document.addEventListener("results", askOpen);
  document.addEventListener("toggle", askOpen, true);
  askOpen();
})();
