r"""Let the book's search find symbols: ∇ and the Greek letters, typed as they are, also where a formula has them.

Sphinx indexes a formula by its TeX, ``\eta``, and drops a query's signs that are no letters, such as ∇. Here a symbol
is a word of its own, in the index and in a query, and a formula is indexed by its symbols too.
"""

import re
from pathlib import Path

from sphinx.search import SearchEnglish
from sphinx.util.index_entries import split_index_msg

NAMES = "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
SYMBOLS = dict(zip(NAMES.split(), "αβγδεζηθκλμνξπρστφχψω", strict=True)) | {"nabla": "∇", "partial": "∂"}
TEX = re.compile(rf"\\(?:var)?({'|'.join(SYMBOLS)})(?![a-z])", re.IGNORECASE)


class SearchSymbols(SearchEnglish):
    _word_re = re.compile(r"[∇∂\u0370-\u03ff]|[^\W\u0370-\u03ff]+")
    js_splitter_code = (
        r"var splitQuery = (query) => query.normalize('NFKC')"
        r".match(/[∇∂\u0370-\u03ff]|((?![\u0370-\u03ff])[\p{Letter}\p{Number}_\p{Emoji_Presentation}])+/gu) ?? [];"
    )

    def split(self, text):
        return super().split(TEX.sub(lambda match: f" {SYMBOLS[match[1].lower()]} {match[1]} ", text))


def keep_entries(app, env):
    """Give the search the entries of the index, which Sphinx 7 forgets for the pages that it does not write anew."""
    for page, entries in env.get_domain("index").entries.items():
        names = {
            (name, target, main) for kind, text, target, main, _ in entries for name in split_index_msg(kind, text)
        }
        env._search_index_index_entries[page] = sorted(names)


def add_to_page(app, pagename, templatename, context, doctree):
    if pagename == "search":
        app.add_js_file("search.js", loading_method="defer")


def setup(app):
    app.add_search_language(SearchSymbols)
    app.config.templates_path.append(str(Path(__file__).with_name("templates")))
    app.connect("env-updated", keep_entries)
    app.connect("html-page-context", add_to_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
