"""An assignment made ready for grading: nbgrader's gradebook for it, its questions, and what must not be told."""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import logging
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import nbformat

CONFIG = "nbgrader_config.py"


@dataclass(frozen=True)
class Question:
    """One graded cell of an assignment.

    Parameters
    ----------
    id
        Its ``grade_id``.
    title
        The heading that it stands under.
    points
        The most that it can give.
    manual
        Whether a person has to grade it.
    """

    id: str
    title: str
    points: float
    manual: bool


@dataclass(frozen=True)
class Assignment:
    """All that is needed to grade hand-ins of one assignment, on this machine or another.

    Parameters
    ----------
    name
        The name of its folder and of its notebook.
    questions
        Its graded cells, in order.
    release
        The cells of nbgrader that students get, by their ``grade_id``, in order.
    gradebook
        A SQLite gradebook that knows this assignment, compressed.
    files
        What lies beside the notebook, by path: students' code may read it.
    secrets
        The lines of the hidden tests.
    defines
        The names that each locked cell binds, by ``grade_id``, except those that answers bind as well.
    cells
        The text of all the code cells, before any answer.
    modules
        The modules that locked cells use.
    aliases
        What the notebook's imports call what locked cells use: of each name, the module, and what of it ("" for
        itself).
    builtins
        The names of built-in functions that locked cells use.
    config
        nbgrader's settings.
    """

    name: str
    questions: tuple[Question, ...]
    release: dict[str, dict[str, Any]]
    gradebook: bytes
    files: dict[str, bytes] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    defines: dict[str, tuple[str, ...]]
    cells: tuple[str, ...] = field(repr=False)
    modules: tuple[str, ...]
    aliases: dict[str, tuple[str, str]]
    builtins: tuple[str, ...]
    config: dict[str, Any]


def names(source: Path) -> list[str]:
    """Return the assignments in a folder: those with a notebook of the folder's name."""
    return sorted(path.parent.name for path in source.glob("*/*.ipynb") if path.stem == path.parent.name)


def digest(source: Path, name: str) -> str:
    """Return a hash of all that can change a score, except the hand-in and the options."""
    files = [source.parent / CONFIG, *_files(source / name), *sorted(Path(__file__).resolve().parents[1].rglob("*.py"))]
    contents = (path.read_bytes() for path in files if path.exists())
    return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).hexdigest()


def marks(source: Path, name: str) -> frozenset[str]:
    """Return what a notebook of the instructors is known by: see `marks_in`."""
    return marks_in((source / name / f"{name}.ipynb").read_bytes())


def marks_in(notebook: bytes) -> frozenset[str]:
    """Return the ids of nbgrader's cells and the longer lines, in bytes that need not be a notebook.

    Ids alone would not do: every assignment has its ``q1``.
    """
    text = notebook.decode(errors="replace")
    ids = re.findall(r'"grade_id"\s*:\s*"([^"\\]{1,200})"', text)
    lines = re.findall(r'^[ \t]*"((?:[^"\\\n]|\\.){20,400})",?[ \t]*\r?$', text, re.MULTILINE)
    return frozenset(ids) | {line.removesuffix("\\n") for line in lines}


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and ".ipynb_checkpoints" not in path.parts]


def prepare(source: Path, name: str) -> Assignment:
    """Make one assignment ready.

    Parameters
    ----------
    source
        The folder that holds ``<name>/<name>.ipynb``, with solutions and hidden tests. Settings of nbgrader are read
        from ``nbgrader_config.py`` beside it, if there is one.
    name
        The assignment.

    Returns
    -------
    Assignment

    Raises
    ------
    ValueError
        Where nbgrader does not take the notebook; the message is nbgrader's own.
    """
    import nbformat

    files = {str(path.relative_to(source / name)): path.read_bytes() for path in _files(source / name)}
    config = _settings(source.parent / CONFIG)
    gradebook, released = _generate(name, files, config)
    notebook = nbformat.reads(files.pop(f"{name}.ipynb").decode(), as_version=4)
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if _is_ours(cell)}
    locked = {id: cell for id, cell in cells.items() if _is_locked(cell) and cell.cell_type == "code"}
    trees = {id: _parse(cell.source) for id, cell in locked.items()}
    answers = set().union(*(_bound(_parse(cell.source)) for cell in cells.values() if not _is_locked(cell)))
    loads = {node.id for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Name)}
    aliases = {alias: home for alias, home in _imports(notebook.cells).items() if alias in loads}
    homes = [*aliases.values(), *_imports(locked.values()).values()]
    return Assignment(
        name=name,
        questions=tuple(_questions(notebook)),
        release={
            cell.metadata.nbgrader.grade_id: json.loads(json.dumps(cell)) for cell in released.cells if _is_ours(cell)
        },
        gradebook=zlib.compress(gradebook),
        files=files,
        secrets=tuple(sorted(_secrets(notebook))),
        defines={id: tuple(sorted(_bound(tree) - answers)) for id, tree in trees.items()},
        cells=tuple(cell.source for cell in notebook.cells if cell.cell_type == "code"),
        modules=tuple(sorted({home for module, part in homes for home in (module, f"{module}.{part}".rstrip("."))})),
        aliases=aliases,
        builtins=tuple(sorted(loads & vars(builtins).keys())),
        config=config,
    )


def _settings(path: Path) -> dict[str, Any]:
    from traitlets.config.loader import PyFileConfigLoader

    if not path.exists():
        return {}
    loaded = PyFileConfigLoader(path.name, path=str(path.parent)).load_config()
    return {section: dict(values) for section, values in loaded.items()}


def _generate(name: str, files: dict[str, bytes], config: dict[str, Any]) -> tuple[bytes, nbformat.NotebookNode]:
    """Have nbgrader make the release; return its gradebook and the release."""
    import nbformat
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    _know_version()
    with tempfile.TemporaryDirectory(prefix="gdcourse-") as temporary:
        root = Path(temporary).resolve()
        for file, content in files.items():
            (root / "source" / name / file).parent.mkdir(parents=True, exist_ok=True)
            (root / "source" / name / file).write_bytes(content)
        settings = Config(config)
        settings.CourseDirectory.root = str(root)
        settings.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
        programs = str(Path(sys.executable).parent)  # nbgrader calls `alembic` by name
        if programs not in os.environ.get("PATH", "").split(os.pathsep):
            os.environ["PATH"] = programs + os.pathsep + os.environ.get("PATH", "")
        logging.getLogger("traitlets").setLevel(logging.CRITICAL)
        result = NbGraderAPI(config=settings).generate_assignment(name)
        if not result["success"]:
            raise ValueError(f"nbgrader cannot use {name}.ipynb: {result.get('error')}\n{result.get('log')}")
        released = nbformat.read(root / "release" / name / f"{name}.ipynb", as_version=4)
        return (root / "gradebook.db").read_bytes(), released


def _know_version() -> None:
    """Say which version of the gradebook this is: nbgrader starts a program to learn it, which takes six seconds."""
    from alembic.script import ScriptDirectory
    from nbgrader import api, dbutil

    head = ScriptDirectory(dbutil.ALEMBIC_DIR).get_current_head()
    if head:
        api.get_alembic_version = lambda: head


def _is_ours(cell: nbformat.NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("grade_id"))


def _is_locked(cell: nbformat.NotebookNode) -> bool:
    return not cell.metadata.nbgrader.get("solution", False)


def _questions(notebook: nbformat.NotebookNode) -> list[Question]:
    found = []
    heading = notebook.metadata.get("title", "")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#{1,6}\s+(.*?)\s*#*$", cell.source, re.MULTILINE)
            heading = headings[-1] if headings else heading
        if _is_ours(cell) and (cell.metadata.nbgrader.get("grade") or cell.metadata.nbgrader.get("task")):
            meta = cell.metadata.nbgrader
            manual = bool(meta.get("solution") or meta.get("task") or cell.cell_type != "code")
            found.append(Question(meta.grade_id, heading, float(meta.get("points", 0)), manual))
    return found


def _secrets(notebook: nbformat.NotebookNode) -> set[str]:
    """Find the lines between the marks of hidden tests, without blanks."""
    hidden = r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS"
    blocks = [block for cell in notebook.cells for block in re.findall(hidden, cell.source, re.DOTALL)]
    lines = {re.sub(r"\s+", "", line) for block in blocks for line in block.splitlines()}
    return {line for line in lines if len(line) >= 10}


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:  # a magic
        return ast.Module([], [])


def _bound(tree: ast.Module) -> set[str]:
    """Find the functions, classes and modules that the top level of a cell gives a name."""
    bound = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names if alias.name != "*"}
    return bound


def _imports(cells: Iterable[nbformat.NotebookNode]) -> dict[str, tuple[str, str]]:
    """Find what the imports in these cells give a name: the module, and what of it ("" for itself)."""
    found = {}
    for cell in cells:
        for node in ast.walk(_parse(cell.source)) if cell.cell_type == "code" else ():
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0],
                        "",
                    )
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    return found
