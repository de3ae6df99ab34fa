"""Check the HTML of the built pages: what a browser would have to mend, and what no browser can.

The parse errors are those of the HTML standard, as html5lib, its parser in Python, reports them: unclosed elements,
wrong nesting, a `<p>` that a list ends, an attribute that stands twice. The rest is told by the tree: ids that are not
unique or that nothing has, an element where the standard allows none, a picture without a text, a level of headings
that is left out.
"""

import sys
from collections import Counter

import html5lib
from check_book import HTML, ROOT, toc_pages

# What may stand only where a block may, and the elements whose content is text.
HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = {"article", "aside", "blockquote", "details", "div", "dl", "fieldset", "figure", "footer", "form", "header"}
BLOCKS |= {"hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "ul", *HEADINGS}
TEXTS = {"a", "abbr", "b", "button", "cite", "code", "dt", "em", "i", "kbd", "label", "legend", "output", "p", "pre"}
TEXTS |= {"q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "time", "u", "var", *HEADINGS}
MAY_HOLD = {"a": BLOCKS, "dt": {"div", "p"}, "summary": set(HEADINGS)}
PARENTS = {"li": {"ul", "ol", "menu"}, "dt": {"dl", "div"}, "dd": {"dl", "div"}, "figcaption": {"figure"}}
CONTROLS = {"a", "button", "input", "select", "textarea", "details", "label"}
REFERENCES = ("aria-labelledby", "aria-describedby", "aria-controls", "for", "data-target")


def elements(node, above=()):
    """Yield every element below a node, with the names of those around it, but nothing of a formula or a drawing."""
    for child in node:
        if isinstance(child.tag, str) and child.tag[0] != "{":  # no comment; {…}svg and {…}math have their own rules
            yield child, above
            yield from elements(child, (*above, child.tag))


def wrong(html: str) -> list[str]:
    """Describe what is wrong with a page."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = list(elements(parser.parse(html), ("html",)))
    # Since html5lib was written, the standard allows `&body=` in an address.
    errors = [(at, code, data) for at, code, data in parser.errors if code != "expected-named-entity"]
    found = [f"line {line}, column {column}: {code} {data or ''}" for (line, column), code, data in errors]
    ids = Counter(element.get("id") for element, _ in tree if element.get("id") is not None)
    found += [f"id {name!r} is given {count} times" for name, count in ids.items() if count > 1]
    level = 0

    def say(element, text):
        known = "".join(f' {name}="{element.get(name)}"' for name in ("id", "class", "href") if element.get(name))
        found.append(f"<{element.tag}{known}> {text}")

    for element, above in tree:
        name, parent = element.tag, above[-1]
        if name in BLOCKS and parent in TEXTS and name not in MAY_HOLD.get(parent, ()):
            say(element, f"stands in <{parent}>, which holds text only")
        if name in PARENTS and parent not in PARENTS[name]:
            say(element, f"stands in <{parent}>")
        if parent in ("ul", "ol") and name not in ("li", "script", "template"):
            say(element, f"stands in <{parent}>, which holds items only")
        if name in CONTROLS and (outer := [other for other in above if other in ("a", "button")]):
            say(element, f"is a control in another, <{outer[0]}>")
        if name == "img" and element.get("alt") is None:
            say(element, "has no alt")
        if name in HEADINGS:
            if HEADINGS[name] > level + 1:
                say(element, f"comes after <h{level}>" if level else "is the first heading")
            level = HEADINGS[name]
        for reference in REFERENCES:
            for target in element.get(reference, "").split():
                if target.removeprefix("#") not in ids:
                    say(element, f"refers by {reference} to {target!r}, which nothing has as its id")
        for attribute in ("href", "src"):
            if any(sign in element.get(attribute, "") for sign in ' "<>\n'):
                say(element, f"has a space or a quote in its {attribute}")
    return found


def main() -> int:
    names = sys.argv[1:] or [*toc_pages(ROOT), "index", "search", "genindex"]
    count = 0
    for name in names:
        for line in wrong((HTML / f"{name}.html").read_text(encoding="utf-8")):
            count += 1
            print(f"{name}: {line}", file=sys.stderr)
    print(f"{len(names)} pages, {count} faults in their HTML")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
