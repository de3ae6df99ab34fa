"""Link the package's names in code to their entries in the API reference: ``gd.descend`` in a cell or in a sentence.

The links are laid around what the highlighter wrote, so the code keeps its looks, and its text when it is copied.
Nothing is imported or executed: a name is linked if it begins with ``gd.`` or the page imports it from the package,
and the longest part of it that has an entry is the link, ``gd.plots.RULES`` of ``gd.plots.RULES.values``.
(sphinx-codeautolink, which would also follow variables, stops at the exercises of our chapters.)
"""

import re
from html import unescape
from pathlib import Path

PRE = re.compile(r"(?<=<pre>).*?(?=</pre>)", re.DOTALL)
DOT = '<span class="o">.</span>'
# A name and what hangs on it; neither an attribute of something else nor the keyword of an argument.
CHAIN = re.compile(
    rf'(?<!{re.escape(DOT)})(<span class="n">\w+</span>(?:{re.escape(DOT)}<span class="\w+">\w+</span>)*)'
    r'(?!<span class="o">=</span>)'
)
INLINE = re.compile(
    r'<a\b.*?</a>|<code class="docutils literal notranslate"><span class="pre">(gd(?:\.\w+)+).*?</code>', re.DOTALL
)
IMPORT = re.compile(r"^from (gdcourse[\w.]*) import ([\w, ]+)", re.MULTILINE)


def text(html):
    return unescape(re.sub(r"<[^>]+>", "", html))


def imports(body):
    """Return the names under which a page's code knows the package and what it imports from it."""
    known = {"gd": "gdcourse"}
    for code in PRE.findall(body):
        for module, names in IMPORT.findall(text(code)) if "gdcourse" in code else ():
            for name in names.split(","):
                original, _, alias = name.strip().partition(" as ")
                known[alias or original] = f"{module}.{original}"
    return known


def find(name, entries):
    """Return the entry of the longest part of a full name that has one, and how many parts that leaves out."""
    parts = name.split(".")
    for end in range(len(parts), 1, -1):
        whole = ".".join(parts[:end])
        short = ".".join([parts[0], *parts[2:end]])  # gdcourse.modern.Lion is gdcourse.Lion
        for candidate in (whole, short) if end > 2 else (whole,):
            if candidate in entries:
                return candidate, len(parts) - end
    return None, 0


def add_links(app, pagename, templatename, context, doctree):
    body = context.get("body")
    if not body or not doctree:
        return
    entries, known = app.env.get_domain("py").objects, imports(body)

    def link(name, html):
        entry = entries[name]
        address = app.builder.get_relative_uri(pagename, entry.docname)
        return f'<a class="gd-link" href="{address}#{entry.node_id}">{html}</a>'

    def in_cell(match):
        parts = match[1].split(DOT)
        first, *rest = map(text, parts)
        entry, left = find(".".join([known[first], *rest]), entries) if first in known else (None, 0)
        if not entry:
            return match[0]
        end = len(parts) - left
        return DOT.join([link(entry, DOT.join(parts[:end])), *parts[end:]])

    def in_sentence(match):
        entry = match[1] and find(match[1].replace("gd.", "gdcourse.", 1), entries)[0]
        return link(entry, match[0]) if entry else match[0]

    body = PRE.sub(lambda match: CHAIN.sub(in_cell, match[0]), body)
    context["body"] = INLINE.sub(in_sentence, body)


def entries_of(app):
    objects = app.env.get_domain("py").objects
    return "\n".join(sorted(f"{name} {entry.docname} {entry.node_id}" for name, entry in objects.items()))


def rewrite(app, env):
    """Write every page anew when the entries are not those of the last build that was finished."""
    stamp = Path(app.doctreedir) / "gd_entries.txt"
    return env.found_docs if not stamp.exists() or stamp.read_text() != entries_of(app) else []


def remember(app, exception):
    if not exception:
        (Path(app.doctreedir) / "gd_entries.txt").write_text(entries_of(app))


def setup(app):
    app.connect("env-updated", rewrite)
    app.connect("build-finished", remember)
    app.connect("html-page-context", add_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
