// A section of a page that is asked for apart: `data-later` is the address of a page that has it too,
// in its element «later». Without JavaScript, a link leads there.
"use strict";

(() => {
  const ask = async (section) => {
    const status = section.querySelector("[role=status]");
    const { kind, page } = await kchat.load(section.dataset.later);
    const found = page?.getElementById("later");
    if (kind === "signed-out") status.textContent = section.dataset.signedOut;
    else if (kind === "too-many") status.textContent = section.dataset.tooMany;
    else if (kind !== "ok" || !found) status.textContent = section.dataset.failed;
    else {
      status.textContent = found.querySelector("p").textContent;
      const list = found.querySelector("ol");
      if (!list) return;
      section.append(document.adoptNode(list));
      section.dispatchEvent(new Event("later", { bubbles: true }));
    }
  };
  const askAll = () => document.querySelectorAll("[data-later]").forEach(ask);
  document.addEventListener("results", askAll);
  askAll();
})();
