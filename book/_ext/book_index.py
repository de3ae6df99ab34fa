"""What the index lists, beside the glossary's terms: symbols, and the package's names as a reader writes them."""

import re

from sphinx.addnodes import index
from sphinx.transforms import SphinxTransform


class TidyIndex(SphinxTransform):
    """Call the package ``gd``, leave out ``__call__`` and its kind, and list Greek letters under Symbols."""

    default_priority = 840  # before the entries are collected, at 850

    def apply(self):
        for node in self.document.findall(index):
            node["entries"] = [(kind, shown(text), *rest) for kind, text, *rest in node["entries"] if text[:2] != "__"]


def shown(text):
    if re.match("[ℓ\u0370-\u03ff]", text):
        return f"\N{ZERO WIDTH SPACE}{text}"  # what does not begin with a letter is a symbol
    return re.sub(r"\bgdcourse\b", "gd", text)


def setup(app):
    app.add_transform(TidyIndex)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
