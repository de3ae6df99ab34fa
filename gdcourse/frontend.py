"""The explorer's front end as the two single files that its hosts want, put together from the modules in ``static/``.

There is no build step: a bundle is the modules one after another, their import lines and the word ``export`` left out.
So a name may be defined at the top of one module only (a test sees to it), and an import is always written as
``import { a, b } from "./module.js";``.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

STATIC = Path(__file__).with_name("static")
MODULES = (
    "random.js",
    "schedules.js",
    "rules.js",
    "datasets.js",
    "surfaces.js",
    "descend.js",
    "draw.js",
    "explorer.js",
)


def source(name: str) -> str:
    """Return the text of a file of the front end."""
    return (STATIC / name).read_text(encoding="utf-8")


def _plain(module: str) -> str:
    """Return a module's text without its imports and exports, and without comments and indentation: a fifth smaller."""
    text = re.sub(r'^import \{[^}]*\} from "\./[\w.]+";\n', "", source(module), flags=re.MULTILINE)
    text = re.sub(r"^export default .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    text = re.sub(r"^ *(/\*\*.*?\*/|//[^\n]*)\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return f"// {module}\n" + re.sub(r"^ +", "", text, flags=re.MULTILINE)


@cache
def widget_module() -> str:
    """Return the ES module that anywidget loads, which has ``export default { render }``."""
    return "\n".join(map(_plain, MODULES)) + "\nexport default { render };\n"


@cache
def page_script() -> str:
    """Return the script of a static page: a classic one, since browsers load no modules from ``file://``."""
    body = "\n".join(map(_plain, (*MODULES, "static.js")))
    return f'(() => {{\n"use strict";\n{body}\n}})();\n'


def style() -> str:
    """Return the style sheet."""
    return source("explorer.css")


@cache
def datasets() -> dict[str, Any]:
    """Return the explorer's own data sets, by the name of the objective that they are for."""
    return json.loads(source("datasets.js").split("=", 1)[1].rstrip().rstrip(";"))
