"""What a page's HTML lacks: a head that says what the page is, and repairs of what the theme and others write.

Every page gets its description, the sign of the book, and what a link to it shows elsewhere (Open Graph: title, text
and card). The repairs are for readers with a screen reader and for validity: tests/test_html.py and the tests with axe
find what is wrong, and `REPAIRS` says who wrote it.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import toctree

from book_repository import pages_address

# What others write, and what stands in its place, in this order.
REPAIRS = [
    # pydata-sphinx-theme: a script that draws icons, which the style sheet does as well (book_weight.py).
    (r'<script defer src="[^"]*/fontawesome\.js[^>]*></script>', ""),
    # The theme: the book's name and the search stand in no landmark.
    (r'<div id="pst-primary-sidebar" ', '<div id="pst-primary-sidebar" role="navigation" aria-label="Book" '),
    # pydata-sphinx-theme: the button beside an entry of the contents that unfolds its pages has no name.
    (r'<summary>(?=<span class="toctree-toggle")', '<summary aria-label="Pages of this section">'),
    # myst-nb: paragraphs in a summary; and a name for it that is not what it shows.
    (
        r'<summary aria-label="Toggle hidden content">\s*<p class="collapsed (.*?)</p>\s*<p class="expanded (.*?)</p>',
        r'<summary><span class="collapsed \1</span><span class="expanded \2</span>',
    ),
    # sphinx-exercise: every exercise of a page has the same id.
    (r'<section id="(?:exercise|solution)-content">', "<section>"),
    # sphinxcontrib-bibtex: a list whose items have a role that was given up.
    (r'role="doc-biblioentry"', 'role="listitem"'),
    # napoleon: the list of what a function returns, in a paragraph.
    (r"<p>(<ul class=\"simple\">(?:(?!</ul>).)*</ul>)\s*</p>", r"\1"),
    # MyST: the corner of a table, which heads nothing.
    (r'<th class="head">(?:<p></p>)?</th>', "<td></td>"),
    # gdcourse.explorer: spaces in a picture's address.
    (r'src="data:image/svg[^"]*"', lambda match: match[0].replace(" ", "%20")),
    # Sphinx: the index has a heading without a text.
    (r'(<div id="jb-print-docs-body" class="onlyprint">\s*)<h1></h1>', r"\1"),
]
REPAIRS = [(re.compile(pattern, re.DOTALL), new) for pattern, new in REPAIRS]

TEX = "\ue000"  # marks a formula that plain text cannot show (docutils drops "\0")

REDIRECT = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="refresh" content="0; url={page}"></head><body><p><a href="{page}">{title}</a></p></body></html>
"""


def repair(html):
    """Return a page with its repairs."""
    for pattern, new in REPAIRS:
        html = pattern.sub(new, html)
    return html


def describe(doctree, most=180):
    """Return the first sentences of a page, as many as a search engine shows, and none with a formula in TeX."""
    said = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if not isinstance(paragraph.parent, nodes.section) or list(paragraph.findall(toctree)):
            continue
        copy = paragraph.deepcopy()
        for formula in list(copy.findall(nodes.math)):
            text = formula.astext()
            formula.replace_self(nodes.Text(TEX if re.search(r"[\\^_{]", text) else text))
        for sentence in re.split(r"(?<=[.?!])\s+", " ".join(copy.astext().split())):
            if TEX in sentence or not sentence.endswith((".", "?", "!")):
                continue
            if len(said) + len(sentence) > most:
                return said or sentence[:most].rsplit(" ", 1)[0] + " …"
            said = f"{said} {sentence}".strip()
    return said


def site(config):
    """Return the address that the book is read at: `html_baseurl`, else where GitHub puts the pages of a repository."""
    return config.html_baseurl.rstrip("/") or pages_address(config.html_theme_options.get("repository_url", ""))


def add_head(app, pagename, templatename, context, doctree):
    if pagename in app.env.all_docs:  # also the index, which Sphinx writes over the page of that name
        doctree = doctree or app.env.get_doctree(pagename)
    text = describe(doctree) if doctree else ""
    title = re.sub(r"<[^>]+>", "", context.get("title", ""))  # html, so escaped
    here, static = site(app.config), context["pathto"]("_static", 1)
    tags = [
        f'<link rel="icon" href="{static}/favicon.png" sizes="48x48">',
        f'<link rel="icon" href="{static}/favicon.svg" type="image/svg+xml">',
        f'<link rel="apple-touch-icon" href="{static}/touch-icon.png">',
        f'<meta property="og:site_name" content="{escape(app.config.html_title or app.config.project)}">',
        '<meta property="og:type" content="website">',
        f'<meta property="og:title" content="{title}">',
        f'<meta property="og:url" content="{escape(here)}/{pagename}.html">',
        f'<meta property="og:image" content="{escape(here)}/_static/card.png">',
        '<meta property="og:image:alt" content="Five optimizers run from one point of a landscape into two valleys.">',
        '<meta name="twitter:card" content="summary_large_image">',
    ]
    for kind in ('name="description"', 'property="og:description"') if text else ():
        tags.append(f'<meta {kind} content="{escape(text)}">')
    context["metatags"] = context.get("metatags", "") + "\n".join(tags) + "\n"


def repair_all(app):
    """Repair each page as it leaves its template: also the parts that no event shows."""
    if app.builder.format == "html":
        render = app.builder.templates.render
        app.builder.templates.render = lambda template, context: repair(render(template, context))


def write_redirect(app, exception):
    """Lead from the folder to the first page, as Jupyter Book does, which keeps this file if it is there."""
    if app.builder.format == "html" and not exception and app.config.master_doc != "index":
        text = REDIRECT.format(title=escape(app.config.html_title), page=f"{app.config.master_doc}.html")
        (Path(app.outdir) / "index.html").write_text(text, encoding="utf-8")


def setup(app):
    app.connect("builder-inited", repair_all, priority=900)  # when the templates are there
    app.connect("html-page-context", add_head)
    app.connect("build-finished", write_redirect)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
