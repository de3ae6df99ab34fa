"""Read and write the pages side by side, which `jupyter-book build` has no option for."""

import os

# They do not declare that they are safe: one numbers the sections once all pages are read, in the one process that is
# left then; the other, which Jupyter Book loads, works for LaTeX only.
SAFE = ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex")


def run_side_by_side(app):
    app.parallel = max(app.parallel, os.cpu_count() or 1)
    for name in set(SAFE) & set(app.extensions):
        app.extensions[name].parallel_read_safe = True


def setup(app):
    app.connect("builder-inited", run_side_by_side)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
