"""Set the formulas with MathJax when the book is built, so that a page shows them at once, with no script, and offline.

MathJax comes from the pinned package `sphinx-mathjax-offline` and runs in V8, the JavaScript engine of Chromium, from
the package `mini-racer`. Its result is what it would have made in the reader's browser: HTML with MathJax's fonts, and
the same formula as MathML for screen readers. Of the package's 24 MB the book gets the fonts and one style sheet.

What is set is kept between builds in the doctrees' folder. A formula that MathJax cannot read is a warning.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from html import escape
from importlib.metadata import distribution
from pathlib import Path

PARTS = [
    "core",
    "adaptors/liteDOM",
    "input/tex",
    *[f"input/tex/extensions/{name}" for name in ("boldsymbol", "color", "enclose", "cancel")],
    "output/chtml",
    "output/chtml/fonts/tex",
    "a11y/assistive-mml",
]
# Nothing is loaded later, so neither autoload nor require. Without noundefined an unknown macro is an error.
SETTINGS = """
globalThis.global = globalThis;
globalThis.console = { log() {}, warn() {}, error() {} };
globalThis.MathJax = {
  loader: { load: [], require(name) { throw new Error(`${name} is not loaded: see PARTS`); } },
  startup: { typeset: false },
  tex: {
    packages: { "[+]": ["boldsymbol", "color", "enclose", "cancel"], "[-]": ["autoload", "noundefined", "require"] },
  },
  chtml: { fontURL: "fonts" },
};
"""
SET = """((formulas) => {
  const { adaptor, document, output } = MathJax.startup;
  const html = formulas.map(([tex, display]) => {
    try {
      return adaptor.outerHTML(MathJax.tex2chtml(tex, { display }));
    } catch (error) {
      return `data-mjx-error="${error.message}"`;
    }
  });
  return JSON.stringify({ html, css: adaptor.textContent(output.styleSheet(document)) });
})"""
# MathJax makes the x of a formula (0.442 of its font) as high as the x of the text around it; so does this.
SIZE = "mjx-container[jax] { font-size: clamp(1em, calc(1ex / 0.442), 1.3em); }\n"


def mathjax() -> Path:
    return Path(distribution("sphinx-mathjax-offline").locate_file("sphinx-mathjax-offline/static/mathjax"))


def set_all(formulas):
    """Return the HTML of each formula ``[tex, display]``, and the style sheet that they want."""
    from py_mini_racer import MiniRacer

    def source(name):
        return (mathjax() / f"{name}.js").read_text(encoding="utf-8")

    engine = MiniRacer()
    loaded = [name + ".js" if "/fonts/" in name else re.sub("^input/tex/extensions", "[tex]", name) for name in PARTS]
    names = ",".join(map(json.dumps, loaded))
    engine.eval(";\n".join([SETTINGS, source("startup"), f"MathJax.loader.preLoad({names})", *map(source, PARTS), "0"]))
    return json.loads(engine.eval(f"{SET}({json.dumps(formulas)})"))


def set_beside(formulas):
    """Do the same in a process of its own: V8 does not survive the forks that read and write the pages."""
    done = subprocess.run([sys.executable, __file__], input=json.dumps(formulas), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"MathJax did not run: {done.stderr}")
    return json.loads(done.stdout)


class Formulas:
    """The formulas that are set, by their TeX and whether they are displayed, and the rules of their style sheet."""

    def __init__(self, path):
        self.path = path
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        same = kept.get("parts") == [PARTS, SETTINGS]
        self.html = {(tex, display): html for tex, display, html in kept["html"]} if same else {}
        self.rules = dict.fromkeys(kept["rules"]) if same else {}

    def add(self, wanted, jobs):
        """Set those of the wanted formulas that are not set yet, and return what is wrong with any."""
        new = sorted(formula for formula in wanted if formula not in self.html)
        if not new:
            return {}
        jobs = max(1, min(jobs, len(new) // 100))
        wrong = {}
        with ThreadPoolExecutor(jobs) as pool:
            shares = [new[k::jobs] for k in range(jobs)]
            for share, done in zip(shares, pool.map(set_beside, shares), strict=True):
                self.rules |= dict.fromkeys(done["css"].strip().split("\n\n"))
                for formula, html in zip(share, done["html"], strict=True):
                    if error := re.search(r'data-mjx-error="([^"]*)"', html):
                        wrong[formula] = error[1]
                    else:
                        self.html[formula] = html
        kept = {
            "parts": [PARTS, SETTINGS],
            "html": [[*formula, html] for formula, html in self.html.items()],
            "rules": list(self.rules),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
        return wrong


def as_tex(node):
    """Return the TeX of a formula's node, and whether it is displayed; as sphinx.ext.mathjax puts it together."""
    tex = node.astext()
    if node.tagname == "math":
        return tex.strip(), False
    if node["nowrap"]:
        return tex.strip(), True
    parts = [
        rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in tex.split("\n\n") if part.strip()
    ]
    tex = "\\\\".join(parts)
    return (rf"\begin{{align}}\begin{{aligned}}{tex}\end{{aligned}}\end{{align}}" if parts[1:] else tex).strip(), True


def visit(self, node):
    from docutils.nodes import SkipNode
    from sphinx.util.math import get_node_equation_number

    tex, display = formula = as_tex(node)
    html = self.builder.app.formulas.html.get(formula, escape(tex))
    # A wide formula scrolls, so it must be in the keyboard's reach.
    where = {"tabindex": "0"} if display else {}
    self.body.append(
        self.starttag(node, "div" if display else "span", "", CLASS="math notranslate nohighlight", **where)
    )
    if display and not node["nowrap"] and node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(f"{html}</div>\n" if display else f"{html}</span>")
    raise SkipNode


def keep_together(formula):
    """Keep a formula in a line with the punctuation that touches it: a browser would break the line between them."""
    from docutils import nodes

    parent = formula.parent
    place = parent.index(formula)
    before, after = (parent[i : i + 1] for i in (max(place - 1, 0), place + 1))
    opening = re.search(r"[(\[“‘]+$", before[0]) if place and isinstance(before[0], nodes.Text) else None
    closing = re.match(r"[^\w\s(\[“‘]+", after[0]) if after and isinstance(after[0], nodes.Text) else None
    if not (opening or closing):
        return
    whole = nodes.inline(classes=["gd-together"])
    parent.replace(formula, whole)
    if opening:
        parent[place - 1] = nodes.Text(before[0][: opening.start()])
        whole += nodes.Text(opening[0])
    whole += formula
    if closing:
        parent[place + 1] = nodes.Text(after[0][closing.end() :])
        whole += nodes.Text(closing[0])


def collect(app, doctree):
    from docutils import nodes

    for formula in list(doctree.findall(nodes.math)):
        keep_together(formula)
    found = {as_tex(node) for kind in (nodes.math, nodes.math_block) for node in doctree.findall(kind)}
    app.env.formulas = {**getattr(app.env, "formulas", {}), app.env.docname: found}


def purge(app, env, docname):
    getattr(env, "formulas", {}).pop(docname, None)


def merge(app, env, docnames, other):
    found = getattr(other, "formulas", {})
    env.formulas = {**getattr(env, "formulas", {}), **{name: found[name] for name in docnames if name in found}}


def set_formulas(app, env):
    from sphinx.util import logging

    if app.builder.format != "html":
        return
    pages = getattr(env, "formulas", {})
    wrong = app.formulas.add(set().union(*pages.values()), app.parallel)
    for formula, error in wrong.items():
        for page in sorted(page for page in pages if formula in pages[page]):
            logging.getLogger(__name__).warning("MathJax cannot read %s: %s", formula[0], error, location=page)
    folder = Path(app.outdir) / "_static" / "mathjax"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "formulas.css").write_text("\n".join([*app.formulas.rules, SIZE]), encoding="utf-8")


def start(app):
    if app.builder.format != "html":
        return
    app.formulas = Formulas(Path(app.doctreedir) / "formulas.json")
    fonts = sorted((mathjax() / "output" / "chtml" / "fonts" / "woff-v2").glob("*.woff"))
    if not fonts:
        raise FileNotFoundError(f"MathJax has no fonts in {mathjax()}")
    folder = Path(app.outdir) / "_static" / "mathjax" / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    for font in fonts:
        if not (folder / font.name).exists():
            shutil.copy2(font, folder)


def setup(app):
    app.add_html_math_renderer("set", (visit, None), (visit, None))
    app.connect("config-inited", lambda app, config: setattr(config, "html_math_renderer", "set"))
    app.connect("builder-inited", start)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", set_formulas, priority=100)  # before those who write parts of pages there
    app.connect("html-page-context", lambda app, *page: app.add_css_file("mathjax/formulas.css"))
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}


if __name__ == "__main__":
    try:
        json.dump(set_all(json.load(sys.stdin)), sys.stdout)
        sys.stdout.flush()
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # without waiting for V8's threads
