// What the search page shows of a result: the words of the article, without formulas, buttons and lists of contents;
// of a glossary term its definition. And no page twice, and the package's names as a reader writes them.
"use strict";

Search.htmlToText = (html, anchor) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const element of page.querySelectorAll(".headerlink, .math, script, style, template, h1")) element.remove();
  const target = anchor && page.getElementById(decodeURIComponent(anchor.slice(1)));
  const shown = target?.localName === "dt" ? target.parentElement.querySelector(`#${CSS.escape(target.id)} ~ dd`) : target;
  return ((shown?.textContent.trim() ? shown : page.querySelector("article"))?.textContent ?? "").replace(/\s+/g, " ");
};

{
  const perform = Search._performSearch;
  Search._performSearch = (...query) => {
    const results = perform(...query).filter(([, title]) => !/^(?:\d+\. )?(.*) > \1$/.test(title));
    for (const result of results) result[1] = result[1].replace(/^gdcourse\./, "gd.");
    return results;
  };
}
