"""The API reference: an entry for every public name, made from its docstring, and a table of all names.

``.. gd-entries:: optimizers`` documents a module of gdcourse, ``.. gd-table:: optimizers modern`` lists the names of
some. A name is called as a reader calls it: ``gd.Adam``, not ``gdcourse.optimizers.Adam``. Public is what a module's
``__all__`` says, else every class and function that it defines, and every constant with a ``#:`` comment, whose name
does not begin with an underscore.
"""

import inspect
import re
from importlib import import_module
from pathlib import Path

import gdcourse
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.addnodes import desc_addname
from sphinx.ext.autosummary import extract_summary
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

ROOT = Path(gdcourse.__file__).parents[1]
OPTIONS = [":members:", ":member-order: bysource", ":special-members: __call__, __getitem__"]


def comments(module):
    """Return the ``#:`` comments of a module's constants by name."""
    found = ModuleAnalyzer.for_module(module.__name__).find_attr_docs()
    return {name: " ".join(text).strip() for (scope, name), text in found.items() if not scope}


def public(module):
    """Return the public names of a module in the order of its source, each with its kind, docstring and full name."""

    def belongs(value):
        return inspect.isroutine(value) or inspect.isclass(value)

    notes = comments(module)
    defined = [name for name, value in vars(module).items() if belongs(value) and value.__module__ == module.__name__]
    offered = getattr(module, "__all__", [*defined, *notes])
    for name in (name for name in vars(module) if name in offered and name[0] != "_"):
        value = getattr(module, name)
        kind = "class" if inspect.isclass(value) else "function" if inspect.isroutine(value) else "data"
        doc = notes.get(name, "") if kind == "data" else value.__doc__ or ""
        short = name in gdcourse.__all__ and getattr(gdcourse, name) is value
        yield kind, inspect.cleandoc(doc), f"gdcourse.{name}" if short else f"{module.__name__}.{name}"


class FromModules(SphinxDirective):
    """Write reStructuredText about some modules of gdcourse, and parse it."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        modules = [import_module(f"gdcourse.{name}") for name in self.arguments[0].split()]
        for module in modules:
            self.env.note_dependency(module.__file__)
        node = nodes.container(classes=[self.name])
        lines = [line for text in self.texts(modules) for line in (*text.splitlines(), "")]
        self.state.nested_parse(StringList(lines, "gdcourse"), 0, node)
        return [node]


class Entries(FromModules):
    def texts(self, modules):
        for module in modules:
            yield f".. py:module:: {module.__name__}"
            yield name_as_read(inspect.cleandoc(module.__doc__))
            for kind, doc, name in public(module):
                if kind == "data":
                    scope, _, last = name.rpartition(".")
                    yield f".. py:data:: {last}\n   :module: {scope}\n\n   {doc}"
                else:
                    options = [*OPTIONS, *[":show-inheritance:"] * inherits(name)] if kind == "class" else []
                    yield "\n   ".join([f".. auto{kind}:: {name}", *options])


class Table(FromModules):
    def texts(self, modules):
        rows = []
        for module in modules:
            for _, doc, name in public(module):
                said = extract_summary(doc.splitlines(), self.state.document)
                rows += [f"   * - :py:obj:`{shown(name)} <{name}>`", f"     - {said}"]
        yield "\n".join([".. list-table::", "   :class: gd-names", "   :widths: 35 65", "", *rows])


def resolve(name):
    """Return what a full name stands for."""
    module, _, last = name.rpartition(".")
    return getattr(import_module(module), last)


def inherits(name):
    """Return whether the first base of a class is one of ours, and worth telling."""
    base = resolve(name).__bases__[0]
    return base.__module__.startswith("gdcourse") and base.__name__[0] != "_"


def shown(name):
    """Return a full name as a reader writes it."""
    return re.sub(r"^gdcourse\b", "gd", name)


def shorten_signature(app, what, name, obj, options, signature, result):
    """Leave out the types that say nothing: what kind of argument is meant, the docstring says."""
    untold = r"(: |^)~?(typing\.)?Any(?=[,)]|$| =)"
    return signature and re.sub(untold, "", signature), result and re.sub(untold, "", result)


def name_as_read(doc):
    """Let the references in a docstring show ``gd.descend`` where they name ``gdcourse.descend``."""
    return re.sub(r"`gdcourse\.([\w.]+)`", r"`gd.\1 <gdcourse.\1>`", doc)


def change_docstring(app, what, name, obj, options, lines):
    lines[:] = map(name_as_read, lines)


def skip(app, what, name, obj, skipped, options):
    """Leave out what a NamedTuple says by itself of its fields."""
    return True if (inspect.getdoc(obj) or "").startswith("Alias for field number") else None


def rename(app, domain, kind, content):
    for prefix in content.parent.findall(desc_addname):
        text = shown(prefix.astext())
        prefix.clear()
        prefix += nodes.Text(text)


def make_lines(app, pagename, templatename, context, doctree):
    """Make the lines of a long signature out of spans: Sphinx's lists without terms puzzle a screen reader."""

    def spans(match):
        signature = re.sub("<d([ld])>", r'<span class="gd-d\1">', match[0])
        return re.sub("</d[ld]>", "</span>", signature)

    if "gd-entries" in context.get("body", ""):
        context["body"] = re.sub(r'<dt class="sig .*?</dt>', spans, context["body"], flags=re.DOTALL)


def set_source(app, config):
    options = config.html_theme_options

    def address(domain, info):
        """Return where the lines of an entry are in the repository."""
        if domain != "py" or not info["fullname"]:
            return None
        value = import_module(info["module"])
        for part in info["fullname"].split("."):
            value = getattr(value, part, None)
        try:
            value = inspect.unwrap(value.fget if isinstance(value, property) else value)
            lines, first = inspect.getsourcelines(value)
            path = Path(inspect.getsourcefile(value)).relative_to(ROOT).as_posix()
        except (TypeError, OSError):  # a field or a constant
            return None
        branch = options.get("repository_branch", "main")
        return f"{options['repository_url']}/blob/{branch}/{path}#L{first}-L{first + len(lines) - 1}"

    config.linkcode_resolve = address


def setup(app):
    app.add_directive("gd-entries", Entries)
    app.add_directive("gd-table", Table)
    app.connect("config-inited", set_source, priority=900)  # after book_repository
    app.connect("autodoc-process-signature", shorten_signature)
    app.connect("html-page-context", make_lines)
    app.connect("autodoc-process-docstring", change_docstring)
    app.connect("autodoc-skip-member", skip)
    app.connect("object-description-transform", rename)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
