/* A click on «show image» shows it in its place, and a second click takes it away. Before the first,
   nothing is asked for. Without this script the button asks for the page with that image. */
(() => {
  "use strict";

  const shownBy = (button) => button.closest(".bubble").querySelector("img.shown");

  function show(button) {
    const link = button.closest(".file").querySelector(".file-text a");
    const image = document.createElement("img");
    image.className = "shown";
    image.alt = link.textContent;
    image.referrerPolicy = "no-referrer";
    if (button.dataset.width) {
      image.width = button.dataset.width;
      image.height = button.dataset.height;
    }
    image.addEventListener("error", () => {
      if (!image.isConnected) return;
      hide(button);
      const words = document.createElement("p");
      words.className = "tag failed";
      words.textContent = button.dataset.failed;
      button.closest(".file").after(words);
      kchat.say(words.textContent);
    });
    image.src = link.href;
    button.closest(".bubble").querySelector(".failed")?.remove();
    button.closest(".file").after(image);
    label(button, true);
  }

  function hide(button) {
    shownBy(button)?.remove();
    label(button, false);
  }

  function label(button, shown) {
    const { show: showing = button.textContent, hide: hiding } = button.dataset;
    button.dataset.show = showing;
    button.textContent = shown ? hiding : showing;
    button.setAttribute("aria-expanded", shown);
    button.setAttribute("aria-label", `${button.textContent} ${button.closest(".file").querySelector("a").textContent}`);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button.show-image");
    if (!button) return;
    event.preventDefault();
    if (shownBy(button)) hide(button);
    else show(button);
  });
})();
