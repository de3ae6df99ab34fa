"""Link the first mention of each glossary term on a page to the glossary, and let the page show its definition.

The pages are the notebooks: chapters and assignments. Terms are looked for in sentences and in tables, not in titles,
captions, code, formulas or other links. They may begin with a capital letter, and stand in the plural. What a page
shows of a definition (``book/_static/glossary.js``) are those of its paragraphs that hold no link.
"""

import re
from typing import NamedTuple

from docutils import nodes
from sphinx.addnodes import glossary, pending_xref

SKIPPED = (
    nodes.FixedTextElement,
    nodes.Invisible,
    nodes.caption,
    nodes.literal,
    nodes.math,
    nodes.raw,
    nodes.reference,
    nodes.rubric,
    nodes.title,
)
FOLDED = {"dropdown_title", "sd-summary-title"}  # a link in it would be one control inside another
LINK = re.compile(r'<a class="gd-term[^>]*#([^">]+)"')


class Entry(NamedTuple):
    """An entry of the glossary."""

    page: str
    id: str
    names: list[str]
    definition: str  # HTML


def read_entries(app, env):
    """Return the entries of the glossary."""
    objects = env.get_domain("std").objects
    found = []
    for page in sorted({page for (kind, _), (page, _) in objects.items() if kind == "term"}):
        for node in env.get_doctree(page).findall(glossary):
            for item in node.findall(nodes.definition_list_item):
                terms = list(item.findall(nodes.term))
                shown = [text for text in item[-1] if not text.next_node(pending_xref)]
                html = "".join(app.builder.render_partial(text)["fragment"] for text in shown)
                found.append(Entry(page, terms[0]["ids"][0], [term.astext() for term in terms], html))
    return found


def pattern(name):
    """Return a regular expression for a term as it stands in a sentence."""
    first, rest = name[0], re.escape(name[1:]).replace(r"\ ", r"\s+").replace("'", "['’]")
    start = f"[{first.upper()}{first}]" if name[:2].islower() else re.escape(first)
    return f"{start}{rest[:-2]}(?:um|a)" if rest.endswith("um") else f"{start}{rest}(?:e?s)?"


def finder(entries):
    """Return a regular expression for all names, the longest first, and the entry of each of its groups."""
    names = sorted(((name, entry) for entry in entries for name in entry.names), key=lambda pair: -len(pair[0]))
    whole = "|".join(f"({pattern(name)})" for name, _ in names)
    return re.compile(rf"(?<![\w-])(?:{whole})(?![\w-])"), [entry for _, entry in names]


def is_prose(text):
    node = text.parent
    while node is not None:
        if isinstance(node, SKIPPED) or FOLDED & set(node.get("classes", ())):
            return False
        node = node.parent
    return True


def add_links(app, doctree, docname):
    entries = app.env.gd_glossary
    if not entries or not app.env.doc2path(docname).endswith(".ipynb"):
        return
    regex, of_group = finder(entries)
    seen = set()
    for text in [text for text in doctree.findall(nodes.Text) if is_prose(text)]:
        parts, end = [], 0
        for match in regex.finditer(text):
            entry = of_group[match.lastindex - 1]
            if entry.id in seen:
                continue
            seen.add(entry.id)
            address = f"{app.builder.get_relative_uri(docname, entry.page)}#{entry.id}"
            link = nodes.reference("", match[0], internal=True, refuri=address, classes=["gd-term"])
            parts += [nodes.Text(text[end : match.start()]), link]
            end = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def add_definitions(app, pagename, templatename, context, doctree):
    """Put the definitions of the terms that a page links to at its end, where nobody sees them."""
    used = set(LINK.findall(context.get("body", "")))
    shown = [f'<div id="{entry.id}">{entry.definition}</div>' for entry in app.env.gd_glossary if entry.id in used]
    if shown:
        context["body"] += f'<template id="gd-terms">{"".join(shown)}</template>'
        app.add_js_file("glossary.js", loading_method="defer")


def update(app, env):
    """Read the glossary, and have every page written anew if it is not that of the last build."""
    before, env.gd_glossary = getattr(env, "gd_glossary", None), read_entries(app, env)
    return env.found_docs if env.gd_glossary != before else []


def setup(app):
    app.connect("env-updated", update)
    app.connect("doctree-resolved", add_links, priority=900)  # when other references are known
    app.connect("html-page-context", add_definitions)
    app.add_css_file("finding.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
