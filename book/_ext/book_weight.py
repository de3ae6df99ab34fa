"""What a page makes its reader load, less what is not needed there: one style sheet, with the rules that the pages use.

The theme and the extensions bring fifteen style sheets with more than five thousand rules, and Font Awesome three
times: as a script with all its drawings (1.5 MB), as fonts, and as a rule of CSS for every icon. The pages share one
sheet of the rules whose classes occur in a page or a script, with the fonts that the first screen needs in it. Scripts
wait until the page is read; images say their size, so that nothing moves when they come, and come when they are near.
"""

import base64
import hashlib
import io
import itertools
import posixpath
import re
import shutil
import struct
from pathlib import Path

import pydata_sphinx_theme

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
# Fonts that most pages need: in the sheet itself, cut to what the book writes, they are there with the first layout.
FIRST = ("vendor/fontawesome/webfonts/", *(f"MathJax_{name}" for name in ("Main-Reg", "Math-Italic", "AMS", "Size")))
SOURCE = re.compile(r"""src:\s*url\(["']?([^)"']*)["']?\)[^;}]*""")
URL = re.compile(r"""url\(["']?(?!data:|#)([^)"']+)["']?\)""")
LINK = re.compile(
    r'[ \t]*<link (?=[^>]*rel="stylesheet")(?![^>]*media="print")[^>]*href="([^"]*)_static/([^"?]*)[^>]*>\n?'
)
PRELOAD = re.compile(r'[ \t]*<link rel="preload" as="script"[^>]*>\n?')
CODE = re.compile(r'<span class="[npw]">([^<]*)</span>')


def words(pages, scripts):
    """Return every class and id of the pages, and every word of the scripts, which may add them."""
    found = set()
    for page in pages:
        for names in re.findall(r'\b(?:class|id)="([^"]*)"', page):
            found.update(names.split())
    for script in scripts:
        found.update(re.findall(r"[A-Za-z][\w-]*", script))
    return found


def trim(nodes, known, starts):
    """Return the rules of a style sheet that can apply, as text; names that begin as in `starts` are known too."""
    import tinycss2

    def names(selector):
        """The classes and ids that an element must have: not those within :not(…), :is(…) and their like."""
        for dot, token in itertools.pairwise([*selector, None]):
            if dot.type == "hash":
                yield dot.value
            elif dot == "." and token is not None and token.type == "ident":
                yield token.value

    def applies(selector):
        return all(name in known or name.startswith(starts) for name in names(selector))

    kept = []
    for node in nodes:
        if node.type == "qualified-rule":
            split = [list(part) for comma, part in itertools.groupby(node.prelude, lambda one: one == ",") if not comma]
            heads = [tinycss2.serialize(part).strip() for part in split if applies(part)]
            if heads:
                kept.append(f"{','.join(heads)}{{{tinycss2.serialize(node.content).strip()}}}")
        elif node.type == "at-rule" and node.lower_at_keyword in ("media", "supports"):
            inner = trim(tinycss2.parse_rule_list(node.content, True, True), known, starts)
            if inner:
                kept.append(f"@{node.at_keyword}{tinycss2.serialize(node.prelude)}{{{inner}}}")
        elif node.type != "at-rule" or node.lower_at_keyword != "charset":
            kept.append(node.serialize())
    return "\n".join(kept)


def read(static, name):
    """Return a style sheet and those that it imports; the files that it names are named as from the folder `static`."""
    text = (static / name).read_text(encoding="utf-8")
    text = URL.sub(lambda url: f"url({posixpath.normpath(posixpath.join(posixpath.dirname(name), url[1]))})", text)
    place = posixpath.dirname(name)
    return re.sub(
        r'@import "([^"]+)";', lambda other: read(static, posixpath.normpath(posixpath.join(place, other[1]))), text
    )


def font(path, points):
    """Return a font of these code points alone, for a style sheet; None if it has none of them."""
    from fontTools import subset, ttLib

    options = subset.Options(flavor="woff", desubroutinize=True, drop_tables=["GSUB", "FFTM"], layout_features=[])
    with ttLib.TTFont(path, lazy=True) as face:
        points = points & face.getBestCmap().keys()
        if not points:
            return None
        cut = subset.Subsetter(options)
        cut.populate(unicodes=points)
        cut.subset(face)
        face.flavor = "woff"
        face.save(file := io.BytesIO())
    return f"data:font/woff;base64,{base64.b64encode(file.getvalue()).decode()}"


def embed(sheet, static):
    """Put the fonts of the first screen into a style sheet, with the characters that it writes itself."""
    points = {int(point, 16) for point in re.findall(r'content:\s*"\\([0-9a-fA-F]{2,5})\s?"', sheet)}
    points |= {ord(one) for one in "".join(re.findall(r'content:\s*"([^"\\]+)"', sheet))}

    def source(match):
        path = static / match[1]
        if not any(part in match[1] for part in FIRST):
            return match[0]
        if not path.exists():
            path = (THEME / match[1]).with_suffix(".ttf")
        return f"src:url({font(path, points) or ''})"

    return SOURCE.sub(source, sheet)


def one_sheet(static, names, pages):
    """Write the style sheet of all pages from these, and return what to call it."""
    import tinycss2

    path = static / "book.css"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if not names:  # no page was written anew
        names = before.partition("*/")[0].split()[2:]
    whole = "\n".join(read(static, name) for name in names)
    known = words(pages, [script.read_text(encoding="utf-8") for script in static.rglob("*.js")])
    digest = hashlib.sha256("\n".join([Path(__file__).read_text(), whole, *sorted(known)]).encode()).hexdigest()[:16]
    if before.split()[1:2] != [digest]:
        starts = tuple(name for name in known if name.endswith("-") and len(name) > 3)
        sheet = trim(tinycss2.parse_stylesheet(whole, skip_comments=True, skip_whitespace=True), known, starts)
        path.write_text(f"/* {digest} {' '.join(names)} */\n{embed(sheet, static)}\n", encoding="utf-8")
    return f"book.css?v={digest}"


def lighten(app, exception):
    """Give all pages one style sheet, and have their scripts wait."""
    if app.builder.format != "html" or exception:
        return
    out = Path(app.outdir)
    static = out / "_static"
    shutil.rmtree(static / "vendor" / "fontawesome", ignore_errors=True)
    for path in static.rglob("fontawesome.js*"):
        path.unlink()
    built = [out / app.builder.get_target_uri(name) for name in app.env.found_docs]
    built += [path for path in out.glob("*.html") if path not in built]
    pages = {path: path.read_text(encoding="utf-8") for path in built}
    heads = {path: text.partition("</head>")[0] for path, text in pages.items()}
    lists = {tuple(name for _, name in LINK.findall(head)) for head in heads.values()} - {(), ("book.css",)}
    names = max(lists, key=len, default=())
    if odd := set().union(*lists) - set(names):
        raise ValueError(f"some pages alone ask for the style sheets {odd}: all share one")
    sheet = one_sheet(static, names, pages.values())
    for path, head in heads.items():
        first = iter([f'    <link rel="stylesheet" href="{{}}_static/{sheet}" />\n'])
        new = LINK.sub(lambda link, first=first: next(first, "").format(link[1]), PRELOAD.sub("", head))
        if "searchtools.js" not in head:  # what stands in that page itself calls its scripts at once
            # A module without a source waits as deferred scripts do, and in its turn.
            new = new.replace("<script>DOCUMENTATION_OPTIONS", '<script type="module">DOCUMENTATION_OPTIONS')
            new = re.sub(r"<script (?![^>]*\bdefer\b)(?=[^>]*\bsrc=)", "<script defer ", new)
        if new != head:
            path.write_text(new + pages[path][len(head) :], encoding="utf-8")


def size(path):
    """Return width and height of a PNG."""
    with path.open("rb") as file:
        head = file.read(24)
    return struct.unpack(">II", head[16:]) if head.startswith(b"\x89PNG") else None


def plain_code(app, pagename, templatename, context, doctree):
    """Take the marks from code that looks as all of it does: a fifth of the elements of a chapter such as Adam."""
    if "body" in context:
        context["body"] = CODE.sub(r"\1", context["body"])


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
    app.connect("html-page-context", plain_code, priority=900)  # after those who look for names in code
    app.connect("build-finished", lighten, priority=900)  # the theme writes the colours of code there
    return {"parallel_read_safe": True, "parallel_write_safe": True}
