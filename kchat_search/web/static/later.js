// A section of a page that is asked for apart, when it is open: `data-later` is the address of a page
// that has it too, in its element «later». Without JavaScript, a link leads there.
"use strict";

(() => {
  const ask = async (section) => {
    const address = section.dataset.later;
    section.removeAttribute("data-later"); // asked once, even if it is closed and opened again
    const status = section.querySelector("[role=status]");
    const answer = await kchat.load(address);
    const found = answer.page?.getElementById("later");
    if (!found) status.textContent = kchat.trouble(answer, section.dataset);
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
