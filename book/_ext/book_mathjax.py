"""Serve MathJax with the book instead of from another host, so that formulas also show offline.

The files come from the pinned package `sphinx-mathjax-offline`. That package would copy all of its 24 MB;
the book copies the 3 MB that a page can ask for: TeX input, HTML output with its fonts, and the screen-reader support.
"""

import shutil
from importlib.metadata import distribution
from pathlib import Path

FILES = (
    "tex-chtml.js",
    "input/tex/extensions/*.js",
    "output/chtml/fonts/woff-v2/*.woff",
    "a11y/*.js",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
)


def copy_mathjax(app):
    if app.builder.format != "html":
        return
    source = Path(distribution("sphinx-mathjax-offline").locate_file("sphinx-mathjax-offline/static/mathjax"))
    target = Path(app.outdir) / "_static" / "mathjax"
    for pattern in FILES:
        found = sorted(source.glob(pattern))
        if not found:
            raise FileNotFoundError(f"MathJax has no {pattern} in {source}")
        for file in found:
            copy = target / file.relative_to(source)
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, copy)


def setup(app):
    app.connect("config-inited", lambda app, config: setattr(config, "mathjax_path", "mathjax/tex-chtml.js"))
    app.connect("builder-inited", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
