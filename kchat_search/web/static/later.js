// A section of a page that is asked for apart: `data-later` is the address of a page that has it too,
// in its element «later». Without JavaScript, a link leads there.
"use strict";

for (const section of document.querySelectorAll("[data-later]")) {
  const status = section.querySelector("[role=status]");
  const say = (words) => { status.textContent = words; };
  const address = new URL(section.dataset.later, location.href);
  // Not `fetch`: from what it gives, only markup in a text could be made, which our policy forbids.
  const request = new XMLHttpRequest();
  request.addEventListener("load", () => {
    const found = request.response?.getElementById("later");
    if (new URL(request.responseURL).pathname !== address.pathname || request.status === 401) {
      say(section.dataset.signedOut);
    } else if (request.status === 429) {
      say(section.dataset.tooMany);
    } else if (request.status !== 200 || !found) {
      say(section.dataset.failed);
    } else {
      say(found.querySelector("p").textContent);
      const list = found.querySelector("ol");
      if (list) {
        section.append(document.adoptNode(list));
        section.dispatchEvent(new Event("later", { bubbles: true }));
      }
    }
  });
  request.addEventListener("error", () => say(section.dataset.failed));
  request.open("GET", address);
  request.responseType = "document";
  request.send();
}
