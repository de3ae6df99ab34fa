"""Give the pages that hold an explorer its script, and all pages its style sheet, which is a part of theirs.

Both are written to ``_static/gdcourse/`` of the built book. The script is one classic file, so that it also runs from
``file://``, where browsers load no modules; :mod:`gdcourse.frontend` puts it together.
"""

from pathlib import Path

from gdcourse import frontend


def write_files(app):
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / "gdcourse"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "explorer.js").write_text(frontend.page_script(), encoding="utf-8")
    (folder / "explorer.css").write_text(frontend.style(), encoding="utf-8")


def add_to_page(app, pagename, templatename, context, doctree):
    if 'class="gd-explorer"' in context.get("body", ""):
        app.add_js_file("gdcourse/explorer.js", loading_method="defer")


def setup(app):
    app.add_css_file("gdcourse/explorer.css")
    app.connect("builder-inited", write_files)
    app.connect("html-page-context", add_to_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
