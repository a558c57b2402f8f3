// From result to result, back to the list, and the link to a message.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const { conversation } = kchat.chat;

  for (const [key, id] of [["[", "result-previous"], ["]", "result-next"], ["u", "back"]]) {
    kchat.key(key, () => byId(id)?.click());
  }

  // One button for all messages: it comes to the one that is pointed at, or whose time has the focus.
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "copy";
  const words = conversation.dataset;
  const come = (event) => {
    const message = event.target.closest(".transcript > [id]");
    if (!message || message.contains(copy)) return;
    copy.textContent = words.copy;
    message.append(copy);
  };
  conversation.addEventListener("pointerover", come);
  conversation.addEventListener("focusin", come);
  copy.addEventListener("click", async () => {
    const anchor = copy.parentElement.id;
    const address = new URL(words.chat, location.href);
    // Of a chat in parts, the server knows which part has the message, also when more have come.
    if ("step" in words) address.pathname += `/at/${anchor}`;
    else address.hash = anchor;
    try {
      await navigator.clipboard.writeText(address.href);
      copy.textContent = words.copied;
      kchat.say(words.copied);
    } catch { // no permission, or no secure address: then the address bar has it
      location.hash = anchor;
      kchat.say(words.inAddressBar);
    }
  });
})();
