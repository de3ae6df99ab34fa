"""Read and write the pages side by side, which `jupyter-book build` has no option for."""

import os

# It numbers the sections once all pages are read, in the one process that is left then, but does not declare so.
SAFE = "sphinx_multitoc_numbering"


def run_side_by_side(app):
    app.parallel = max(app.parallel, os.cpu_count() or 1)
    if SAFE in app.extensions:
        app.extensions[SAFE].parallel_read_safe = True


def setup(app):
    app.connect("builder-inited", run_side_by_side)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
