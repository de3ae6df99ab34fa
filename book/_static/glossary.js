// Shows the definition of a glossary term beside its link, on hover and on keyboard focus. The definitions are in the
// page (book/_ext/book_glossary.py). A tap follows the link, and so does every click.
"use strict";

(() => {
  const terms = document.getElementById("gd-terms");
  if (!terms || !("popover" in HTMLElement.prototype)) return;

  const tip = document.createElement("div");
  tip.id = "gd-tip";
  tip.popover = "manual"; // in the top layer: nothing clips it, and nothing lies over it
  tip.setAttribute("role", "tooltip");
  document.querySelector("article, main").append(tip);

  let shown = null; // the link whose definition is seen
  let timer = 0;

  function place() {
    const link = shown.getClientRects()[0]; // its first line
    const margin = 8;
    const left = Math.min(link.left, document.documentElement.clientWidth - tip.offsetWidth - margin);
    const below = link.bottom + tip.offsetHeight + margin < innerHeight || link.top < tip.offsetHeight + margin;
    const lines = shown.getClientRects();
    const top = below ? lines[lines.length - 1].bottom : link.top - tip.offsetHeight;
    tip.style.left = `${Math.max(margin, left) + scrollX}px`;
    tip.style.top = `${top + scrollY}px`;
  }

  function hide() {
    clearTimeout(timer);
    if (!shown) return;
    shown.removeAttribute("aria-describedby");
    shown = null;
    tip.hidePopover();
  }

  function show(link) {
    clearTimeout(timer);
    if (link === shown) return;
    hide();
    const entry = terms.content.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!entry) return;
    tip.replaceChildren(...entry.cloneNode(true).childNodes);
    shown = link;
    link.setAttribute("aria-describedby", tip.id);
    tip.showPopover();
    place();
  }

  function later(action, delay) {
    clearTimeout(timer);
    timer = setTimeout(action, delay);
  }

  for (const link of document.querySelectorAll("a.gd-term")) {
    link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && later(() => show(link), 150));
    link.addEventListener("pointerleave", () => later(hide, 250)); // time to reach the definition
    link.addEventListener("focus", () => link.matches(":focus-visible") && show(link));
    link.addEventListener("blur", () => later(hide, 0));
  }
  tip.addEventListener("pointerenter", () => clearTimeout(timer));
  tip.addEventListener("pointerleave", () => later(hide, 250));
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
})();
