"""One hand-in through nbgrader: what goes in is bytes that anybody may have written, what comes out is a result."""

from __future__ import annotations

import ast
import contextlib
import inspect
import json
import logging
import os
import re
import secrets
import symtable
import zlib
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat import NotebookNode
from nbgrader import preprocessors as nbgrader
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

from gdcourse.grading import _guard, sandbox
from gdcourse.grading.assignment import Assignment
from gdcourse.grading.sandbox import Limits

LARGEST_OUTPUT = 100_000  # characters of one cell that are kept
LARGEST_MESSAGE = 500  # characters of one question's message that a student is shown
STUDENT = "student"  # in a gradebook of its own, every student has this name


class CannotGrade(Exception):
    """A hand-in that gets no score, and the reason for it."""


class _Run:
    """What the preprocessors of one hand-in share: each hand-in has a process of its own, and this is its."""

    assignment: Assignment
    limits: Limits
    command: list[str]
    connection: Path
    home: Path
    environment: dict[str, str]
    idle: set[str]  # the ids of cells that need not be run
    doubts: list[str]
    failure: str | None


_run = _Run()


class DropEmptyIds(nbgrader.NbGraderPreprocessor):
    """After `DeduplicateIds`: take away the empty metadata that it leaves, on which nbgrader stumbles."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        if not cell.metadata.get("nbgrader"):
            cell.metadata.pop("nbgrader", None)
        return cell, resources


class Restore(nbgrader.NbGraderPreprocessor):
    """Put back what students may not change: metadata, types and text of the checks, and cells that are missing."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        release = _run.assignment.release
        for cell in nb.cells:
            id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if id not in release:
                cell.metadata = NotebookNode()  # also tags, of which one keeps a cell from being run
                continue
            ours = release[id]
            cell.metadata = nbformat.from_dict(ours["metadata"])
            if ours["metadata"]["nbgrader"].get("locked"):
                cell.source = ours["source"]
            if cell.cell_type != ours["cell_type"]:
                kept = cell.source, cell.metadata
                cell.clear()
                cell.update(nbformat.from_dict(ours))
                cell.source, cell.metadata = kept
        here = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in nb.cells]
        after = -1
        for id, ours in release.items():
            if id in here:
                after = here.index(id)
            else:
                after += 1
                nb.cells.insert(after, nbformat.from_dict(ours))
                here.insert(after, id)
        return nb, resources


class _Manager(AsyncKernelManager):
    """Starts a kernel that may run as another user, who must be able to read the connection file."""

    def write_connection_file(self, **kwargs: Any) -> None:
        super().write_connection_file(**kwargs)
        owner = _run.connection.parent.stat()
        os.chown(_run.connection, owner.st_uid, owner.st_gid)


class Execute(nbgrader.Execute):
    """Run a notebook in a sandbox, keep little of what it prints, and have it fail where it must."""

    def create_kernel_manager(self) -> AsyncKernelManager:
        manager = _Manager(transport="ipc", connection_file=str(_run.connection))
        manager._kernel_spec = KernelSpec(
            argv=_run.command, language="python", interrupt_mode="message", display_name="Python"
        )
        self.km = manager
        return manager

    async def async_start_new_kernel(self, **kwargs: Any) -> None:
        assert self.km is not None
        arguments = ["--HistoryManager.hist_file=:memory:"]
        await self.km.start_kernel(extra_arguments=arguments, env=_run.environment, cwd=str(_run.home))

    def preprocess(self, nb: NotebookNode, resources: Any, km: Any = None) -> tuple[NotebookNode, Any]:
        assignment = _run.assignment
        name = f"_{secrets.token_hex(8)}"
        # exit() ends a kernel a tenth of a second later: it would be chance which cells still run.
        start = (
            "get_ipython().ask_exit = lambda: None\n"
            f"import builtins as _b\n_n = {{}}\nexec({inspect.getsource(_guard)!r}, _n)\n"
            f"_b.{name} = _n['Guard'](globals(), {assignment.modules!r}, {assignment.aliases!r}, "
            f"{assignment.builtins!r}, get_ipython())\ndel _b, _n"
        )
        cells, canaries = [_grader_cell(start)], []
        _run.idle = idle(nb, assignment.cells)
        worth = {question.id: question.points for question in assignment.questions}
        for cell in nb.cells:
            if _id(cell) in assignment.defines or _is_check(cell):
                canaries.append(_canary(name))
                defined = assignment.defines.get(_id(cell), ())
                record = f"{name}.record({defined!r}, trusted={not worth.get(_id(cell))!r})"
                cells += [canaries[-1][0], cell, _grader_cell(record)]
            else:
                cells.append(cell)
        canaries.append(_canary(name))
        cells.append(canaries[-1][0])
        ours = [cell for cell in cells if not any(cell is other for other in nb.cells)]
        nb.cells = cells
        try:
            nb, resources = super().preprocess(nb, resources, km)
        except DeadKernelError:
            _run.failure = (
                "The kernel died while it ran the notebook: the code ended its own process, or used more memory than "
                "a hand-in may"
            )
            raise
        except CellTimeoutError:
            _run.failure = f"A cell ran for more than {_run.limits.cell} seconds and could not be interrupted"
            raise
        for cell, value in canaries:
            doubt = _heard(cell, value)
            if doubt:  # the last says most
                kind = doubt.partition(":")[0]
                _run.doubts = [other for other in _run.doubts if other.partition(":")[0] != kind] + [doubt]
        for cell in ours[:1]:
            if any(output.output_type == "error" for output in cell.outputs):
                _run.doubts.append("the grader's own first cell failed")
        nb.cells = [cell for cell in nb.cells if not any(cell is other for other in ours)]
        return nb, resources

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        self._check_assign_resources(resources)
        if cell.get("id") in _run.idle:
            return cell, resources
        # What is not in the history is a little harder to find for the code that it grades.
        hidden = _is_check(cell) or "gdcourse" in cell.metadata
        if cell.cell_type == "code":
            self._kept = 0
            self.execute_cell(cell, index, store_history=not hidden)
        return cell, self.resources

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, index: int) -> NotebookNode | None:
        kind = msg["msg_type"]
        # Nothing takes an output back, or changes it later; there is nobody to talk to a widget.
        if kind in ("clear_output", "update_display_data") or kind.startswith("comm"):
            return None
        if kind in ("stream", "display_data", "execute_result"):
            size = len(msg["content"].get("text", "")) or len(str(msg["content"].get("data", "")))
            if kind == "stream" and self._kept + size > LARGEST_OUTPUT >= self._kept:
                msg["content"]["text"] = msg["content"]["text"][:1000] + "\n[more was printed, and is left out]\n"
            elif self._kept + size > LARGEST_OUTPUT and (kind != "stream" or msg["content"].get("name") != "stderr"):
                self._kept += size
                return None
            elif self._kept > LARGEST_OUTPUT:
                msg["content"]["text"] = msg["content"]["text"][:10]
            self._kept += size
        if kind == "error":
            msg["content"]["evalue"] = str(msg["content"].get("evalue"))[: 10 * LARGEST_MESSAGE]
            msg["content"]["traceback"] = [str(line)[:1000] for line in msg["content"].get("traceback", [])][-20:]
            if len(cell.outputs) > 1000:
                cell.outputs = cell.outputs[:10]
        return super().process_message(msg, cell, index)


def _id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _is_check(cell: NotebookNode) -> bool:
    meta = cell.metadata.get("nbgrader", {})
    return bool(cell.cell_type == "code" and meta.get("grade") and not meta.get("solution"))


def idle(nb: NotebookNode, known: Collection[str]) -> set[str]:
    """Find the course's own cells that only draw what the answers do: nobody looks at them here, and they take long.

    Parameters
    ----------
    nb
        The hand-in.
    known
        The text of the course's own cells.

    Returns
    -------
    set
        The ids of the cells that wait for an answer, stand there as in the release, and assign nothing that another
        cell might read.
    """
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    names = {cell.id: _names(cell.source) for cell in cells}
    # Of the course's own cells, tests see that they assign a name before they read it; of others, who knows?
    reads = {cell.id: names[cell.id][1] - (names[cell.id][0] if cell.source in known else set()) for cell in cells}
    found = set()
    for cell in cells:
        if cell.source in known and "once_answered(" in cell.source and not _is_check(cell):
            others = set().union(*(reads[other.id] for other in cells if other is not cell))
            if not names[cell.id][0] & others:
                found.add(cell.id)
    return found


def _names(source: str) -> tuple[set[str], set[str]]:
    """Return which of the notebook's names a cell assigns, and which occur in it; not what a function has to itself."""
    try:
        table = symtable.symtable(source, "cell", "exec")
    except SyntaxError:  # a magic, or a mistake
        return set(), set(re.findall(r"\w+", source))
    symbols = table.get_symbols()
    assigned = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
    occur = {symbol.get_name() for symbol in symbols}
    inner = table.get_children()
    while inner:
        scope = inner.pop()
        occur |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
        inner += scope.get_children()
    return assigned, occur


def _grader_cell(source: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata={"gdcourse": True})


def _canary(name: str) -> tuple[NotebookNode, str]:
    """Make a check that must fail, and what it must say. Each has a value of its own."""
    value = secrets.token_hex(8)
    return _grader_cell(f"assert len({value!r}) != 16, {value!r} + ':' + {name}.changes()"), value


def _heard(cell: NotebookNode, value: str) -> str | None:
    """Say what is wrong with the answer to a canary, if anything is."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if not errors:
        return "a check that must fail passed: the notebook changes how checks are run"
    said = [str(error.evalue) for error in errors if error.ename == "AssertionError"]
    if not any(text.startswith(f"{value}:") for text in said):
        return "a check that must fail failed in another way: the notebook changes how checks are run"
    changed = said[0].partition(":")[2]
    return f"the notebook replaces what the checks use: {changed}" if changed else None


def parse(content: bytes) -> NotebookNode:
    """Read a notebook that anybody may have written.

    Raises
    ------
    CannotGrade
        Where it is none; the message says in what way.
    """
    if not content.strip():
        raise CannotGrade("The file is empty")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        if content[:4] in (b"PK\x03\x04", b"%PDF"):
            raise CannotGrade("The file is not a notebook, whatever its name says") from None
        raise CannotGrade(f"The file is not a notebook: its JSON is broken ({str(error)[:100]})") from None
    if not isinstance(data, dict) or not ("cells" in data or "worksheets" in data):
        raise CannotGrade("The file is JSON, but not a notebook")
    try:
        nb = nbformat.convert(nbformat.from_dict(data), 4)
        for cell in nb.cells:
            cell.pop("attachments", None)
            if isinstance(cell.source, list):
                cell.source = "".join(cell.source)
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nb = nbformat.v4.upgrade(nb)
        nb.metadata = NotebookNode()
        nb.nbformat_minor = 5
        for number, cell in enumerate(nb.cells):
            cell.id = f"cell-{number}"
        nbformat.validate(nb)
    except Exception as error:  # what a validator of hostile data may raise is anybody's guess
        said = str(error).splitlines() or [type(error).__name__]
        raise CannotGrade(f"The file is not a valid notebook ({said[0][:100]})") from None
    return nb


def grade(content: bytes, assignment: Assignment, limits: Limits, *, sandboxed: bool, folder: Path) -> dict[str, Any]:
    """Grade one hand-in.

    Parameters
    ----------
    content
        The hand-in.
    assignment
        What `prepare` made.
    limits
        What it may use; the server sees to those of them that are for all processes together.
    sandboxed
        Whether its kernel runs in a sandbox.
    folder
        An empty folder, for its course.

    Returns
    -------
    dict
        ``status`` (``"graded"``, ``"flagged"`` or ``"not graded"``), ``reason``, and ``questions``: of each its
        ``id``, ``title``, ``max``, ``points`` (None where there are none yet), ``message`` and ``manual``.

    Raises
    ------
    RuntimeError
        Where the grader fails, not the hand-in.
    """
    _run.assignment, _run.limits, _run.doubts, _run.failure = assignment, limits, [], None
    try:
        notebook = parse(content)
        if not any(_id(cell) in assignment.release for cell in notebook.cells):
            raise CannotGrade(
                "It has none of the cells of the assignment: it is another notebook, or what marks the cells was lost "
                "when it was saved"
            )
        autograded, points = _autograde(notebook, folder, sandboxed)
    except CannotGrade as error:
        return {"status": "not graded", "reason": str(error), "questions": []}
    outputs = {_id(cell): cell.get("outputs", []) for cell in autograded.cells if _id(cell)}
    questions = []
    for question in assignment.questions:
        got = points.get(question.id)
        message = ""
        if not question.manual and got != question.points:
            message = _message(outputs.get(question.id, []), assignment.secrets)
        entry = asdict(question) | {"max": question.points, "points": got, "message": message}
        questions.append(entry)
    reason = "; ".join(_run.doubts)
    status = "flagged" if reason else "graded"
    return {"status": status, "reason": reason[:1].upper() + reason[1:], "questions": questions}


def _autograde(notebook: NotebookNode, folder: Path, sandboxed: bool) -> tuple[NotebookNode, dict[str, float | None]]:
    assignment = _run.assignment
    name = assignment.name
    connection, support, course = folder / "kernel", folder / "support", folder / "course"
    for path in connection, support, course / "source" / name, course / "submitted" / STUDENT / name:
        path.mkdir(parents=True)
    sandbox.lay_out(support, assignment.files)
    sandbox.lend(connection)
    _run.connection = connection / "connection.json"
    _run.command = sandbox.kernel(connection, support, _run.limits, sandboxed=sandboxed)
    (support / "work").mkdir(exist_ok=True)
    _run.home = support / "work"
    package = str(Path(__file__).resolve().parents[2])
    _run.environment = sandbox.environment(str(support)) | {"PYTHONPATH": package}
    nbformat.write(notebook, course / "submitted" / STUDENT / name / f"{name}.ipynb")
    (course / "gradebook.db").write_bytes(zlib.decompress(assignment.gradebook))

    config = Config({section: dict(values) for section, values in assignment.config.items()})
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}"
    config.Autograde.sanitize_preprocessors = [
        *(nbgrader.ClearOutput, nbgrader.DeduplicateIds, DropEmptyIds, Restore),
        *(nbgrader.OverwriteKernelspec, nbgrader.OverwriteCells, nbgrader.CheckCellMetadata),
    ]
    config.Autograde.autograde_preprocessors = [
        *(Execute, nbgrader.IgnorePattern, ClearMetadataPreprocessor, nbgrader.LimitOutput),
        *(nbgrader.SaveAutoGrades, nbgrader.CheckCellMetadata),
    ]
    config.Execute.timeout = _run.limits.cell
    config.Execute.iopub_timeout = 10
    config.Execute.shutdown_kernel = "immediate"
    config.Execute.store_widget_state = config.Execute.record_timing = False
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    result = NbGraderAPI(config=config).autograde(name, STUDENT)
    if not result["success"]:
        if _run.failure:
            raise CannotGrade(_run.failure)
        raise RuntimeError(f"{result.get('error') or ''}\n{result.get('log') or ''}".strip())
    with contextlib.closing(Gradebook(config.CourseDirectory.db_url)) as gradebook:
        (graded,) = gradebook.find_submission(name, STUDENT).notebooks
        points = {grade.name: None if grade.needs_manual_grade else grade.auto_score for grade in graded.grades}
    return nbformat.read(course / "autograded" / STUDENT / name / f"{name}.ipynb", as_version=4), points


def _message(outputs: list[NotebookNode], hidden: tuple[str, ...]) -> str:
    """Return what a failed check says, without what it may not say."""
    said = ""
    for output in outputs:
        if output.output_type == "error":
            kind, text = str(output.ename), str(output.evalue)
            own = kind in ("AssertionError", "NotImplementedError")
            said = text or kind if own else f"{kind}: {text}"
            if kind == "CellTimeoutError":
                said = f"The check did not end within {_run.limits.cell} seconds."
            break
        if output.output_type == "stream" and output.name == "stderr":
            said = f"The check wrote to stderr: {output.text}"
    said = re.sub(r"\x1b\[[0-9;]*m", "", said).strip()
    bare = re.sub(r"\s+", "", said)
    if any(line in bare for line in hidden) or any(line in bare for line in map(_escaped, hidden)):
        return "The message of this error repeats lines of the hidden tests, and is left out."
    return said if len(said) <= LARGEST_MESSAGE else said[:LARGEST_MESSAGE] + " …"


def _escaped(line: str) -> str:
    """Write a line as `repr` does."""
    return ast.unparse(ast.Constant(line))[1:-1]
