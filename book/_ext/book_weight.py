"""What a page makes its reader load, less what is not needed there: icons that it does not show, images out of sight.

The theme brings Font Awesome three times: as a script with all its drawings (1.5 MB), as fonts, and as a rule of CSS
for every icon. The book shows some twenty of two thousand icons: the script is left out, and of the fonts and rules
what the pages name remains. Images say their size, so that nothing moves when they come, and come when they are near.
"""

import base64
import io
import re
import shutil
import struct
from pathlib import Path

import pydata_sphinx_theme

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
SHEET = Path("styles") / "pydata-sphinx-theme.css"
FONTS = Path("vendor") / "fontawesome" / "webfonts"
SCRIPT = Path("scripts") / "fontawesome.js"
FACE = re.compile(r"src:url\(\.\./vendor/fontawesome/webfonts/([\w-]+)\.woff2\)[^}]*\}")
RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
NAME = re.compile(r"\bfa-[a-z0-9-]+")
GLYPH = re.compile(r'content:\s*"\\([ef][0-9a-f]{3})"')


def woff(font, points):
    """Return a font of these code points alone, for a style sheet; None if it has none of them."""
    from fontTools import subset, ttLib

    options = subset.Options(flavor="woff", desubroutinize=True, drop_tables=["GSUB", "FFTM"], layout_features=[])
    with ttLib.TTFont(font, lazy=True) as face:
        points = points & face.getBestCmap().keys()
        if not points:
            return None
        cut = subset.Subsetter(options)
        cut.populate(unicodes=points)
        cut.subset(face)
        face.flavor = "woff"
        face.save(file := io.BytesIO())
    return f"data:font/woff;base64,{base64.b64encode(file.getvalue()).decode()}"


def icons(sheet, names, others):
    """Return the theme's style sheet with the icons of these names, and those that other style sheets ask for."""
    points = {int(point, 16) for point in others}

    def keep(rule):
        if names.isdisjoint(NAME.findall(rule[1])):
            return ""
        points.add(int(rule[2], 16))
        return rule[0]

    sheet = RULE.sub(keep, sheet)
    # The icons of a font stand in the style sheet itself: a few kB, there with the first paint.
    return FACE.sub(lambda face: f"src:url({woff(THEME / FONTS / f'{face[1]}.ttf', points) or ''})}}", sheet)


def lighten(app, exception):
    """Leave out the icons that no page shows, and all that only they need."""
    if app.builder.format != "html" or exception:
        return
    out = Path(app.outdir)
    static = out / "_static"
    shutil.rmtree(static / "vendor" / "fontawesome", ignore_errors=True)
    for path in static.rglob("fontawesome.js*"):
        path.unlink()
    pages = [*out.glob("*.html"), *(out / "book").rglob("*.html"), *static.rglob("*.js")]
    names = set().union(*(NAME.findall(path.read_text(encoding="utf-8")) for path in pages))
    sheets = [path.read_text(encoding="utf-8") for path in static.rglob("*.css") if path.name != SHEET.name]
    others = set().union(*map(GLYPH.findall, sheets))
    (static / SHEET).write_text(icons((THEME / SHEET).read_text(encoding="utf-8"), names, others), encoding="utf-8")


def size(path):
    """Return width and height of a PNG."""
    with path.open("rb") as file:
        head = file.read(24)
    return struct.unpack(">II", head[16:]) if head.startswith(b"\x89PNG") else None


def size_images(app, pagename, templatename, context, doctree):
    """Let every picture of a page say its size, and wait until it is near."""
    known = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}

    def sized(image):
        name = image[1].rpartition("/")[2]
        found = size(known[name]) if name in known else None
        return f'<img width="{found[0]}" height="{found[1]}" loading="lazy"{image[0][4:]}' if found else image[0]

    if "body" in context:
        context["body"] = re.sub(r'<img (?![^>]*\bwidth=)[^>]*?src="((?:\.\./)*_images/[^"]+)"', sized, context["body"])


def setup(app):
    app.connect("html-page-context", size_images)
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
