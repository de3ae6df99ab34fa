"""What a chapter needs to show the package in the page."""

import ast
import inspect
import textwrap
from typing import Any

__all__ = ["show_source"]


def source(obj: Any) -> str:
    """Return the source of a class or function without its docstrings, which the page's own text replaces."""
    text = textwrap.dedent(inspect.getsource(obj))
    lines = text.splitlines()
    drop: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            doc = node.body[0]
            assert doc.end_lineno is not None
            drop.update(range(doc.lineno, doc.end_lineno + 1))
            if doc.end_lineno < len(lines) and not lines[doc.end_lineno].strip():
                drop.add(doc.end_lineno + 1)
    return "\n".join(line for number, line in enumerate(lines, 1) if number not in drop).rstrip()


class show_source:
    """Display the package's own lines in the page, highlighted: ``gd.show_source(gd.Adam)``.

    Parameters
    ----------
    *objects : classes or functions
        One after the other.
    """

    def __init__(self, *objects: Any) -> None:
        self._text = "\n\n\n".join(source(obj) for obj in objects)

    def __repr__(self) -> str:
        return self._text

    def _repr_markdown_(self) -> str:
        return f"```python\n{self._text}\n```"
