"""Hand-ins for the tests of the grading and for its benchmark: honest, broken and hostile ones."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SECRET = "the hidden value is 1764"


def _cell(source: str, id: str, **meta: Any) -> NotebookNode:
    own = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3, "grade_id": id}
    return new_code_cell(source, metadata={"nbgrader": own | meta})


def small_assignment(folder: Path) -> None:
    """Write an assignment that needs neither torch nor NumPy, so that its kernel starts soon."""
    check = {"grade": True, "locked": True}
    cells = [
        new_markdown_cell("# Powers"),
        _cell("def close(a, b):\n    return abs(a - b) < 1e-9", "tools", points=0, **check),
        new_markdown_cell("## Question 1 · The <b>square</b>"),
        _cell("def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION", "q1", solution=True),
        _cell(
            'assert close(square(3), 9), f"square(3): expected 9, got {square(3)}"\n'
            f'### BEGIN HIDDEN TESTS\nassert close(square(42), 1764), "{SECRET}"\n### END HIDDEN TESTS',
            "q1-check",
            points=2,
            **check,
        ),
        new_markdown_cell("## Question 2 · The cube"),
        _cell("def cube(x):\n    ### BEGIN SOLUTION\n    return x**3\n    ### END SOLUTION", "q2", solution=True),
        _cell(
            'assert close(cube(2), 8), f"cube(2): expected 8, got {cube(2)}"\n'
            "### BEGIN HIDDEN TESTS\nassert close(cube(-3), -27)\n### END HIDDEN TESTS",
            "q2-check",
            points=3,
            **check,
        ),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (folder / "powers").mkdir(parents=True)
    nbformat.write(notebook, folder / "powers" / "powers.ipynb")


@dataclass
class Maker:
    """Makes hand-ins for an assignment from the instructors' notebook.

    Parameters
    ----------
    source
        The instructors' notebook.
    name
        The assignment's.
    function
        The name of the function of its first question.
    points
        Of each question that is graded by machine, the first one's first.
    tool
        What its checks compare with.
    """

    source: NotebookNode
    name: str
    function: str
    points: tuple[float, ...]
    tool: str = "close"

    @property
    def all(self) -> float:
        return sum(self.points)

    def notebook(self, **answers: str) -> NotebookNode:
        """A hand-in with these answers, by cell, and right ones for the rest."""
        nb = nbformat.from_dict(json.loads(json.dumps(self.source)))
        for cell in nb.cells:
            id = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = re.sub(r"### BEGIN HIDDEN.*?### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)
            cell.source = answers.get(id, cell.source) if id else cell.source
        return nb

    def first(self, code: str) -> bytes:
        """A hand-in that runs this before a right answer."""
        return dump(self.notebook(q1=f"{code}\n{self.answer('q1')}"))

    def wrong(self, code: str = "", body: str = "return None") -> bytes:
        """A hand-in whose first answer is wrong, and which runs this before it."""
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        return dump(self.notebook(q1=f"{code}\ndef {self.function}(*args):\n{lines}\n"))

    def answer(self, id: str) -> str:
        return next(
            cell.source for cell in self.source.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == id
        )

    def changed(self, change: Callable[[NotebookNode], None], **answers: str) -> bytes:
        nb = self.notebook(**answers)
        change(nb)
        return dump(nb)


def dump(nb: NotebookNode) -> bytes:
    return nbformat.v4.writes(nb).encode()


def grade_id(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


@dataclass(frozen=True)
class Case:
    """A hand-in, and what must come of it.

    Parameters
    ----------
    content
        The file.
    status
        In the gradebook.
    score
        In the gradebook; None for no score.
    reason
        What the reason must match.
    """

    content: bytes
    status: str = "graded"
    score: float | None = None
    reason: str = ""


def bad(maker: Maker, outside: Path, port: int) -> dict[str, Case]:
    """All kinds of hostile and broken hand-ins for one assignment.

    Parameters
    ----------
    maker
        Of the assignment.
    outside
        A folder that no hand-in may see or write to, with the file ``secret``.
    port
        One that listens on this machine.
    """
    rest = maker.all - maker.points[0]
    stub = 'raise NotImplementedError("no answer")'
    spy = f"""
        import glob, os, socket
        reached = []
        def attempt(what, how):
            try:
                if how():
                    reached.append(what)
            except BaseException:
                pass
        attempt("secret", lambda: open({str(outside / "secret")!r}).read())
        attempt("folder", lambda: os.listdir({str(outside)!r}))
        attempt("write", lambda: open({str(outside / "written")!r}, "w"))
        attempt("package", lambda: open(__import__("gdcourse").__file__, "a"))
        attempt("python", lambda: open(os.path.join(os.path.dirname(os.__file__), "evil.py"), "w"))
        attempt("tmp", lambda: glob.glob("/tmp/gdc-*/*/course") or glob.glob("/tmp/pytest*"))
        attempt("environment", lambda: os.environ.get("GDCOURSE_SECRET"))
        attempt("home", lambda: os.listdir("/root") and os.path.exists("/root/.bashrc") or os.path.exists("/home"))
        attempt("shadow", lambda: os.path.exists("/etc/shadow") or os.path.exists("/etc/passwd"))
        attempt("network", lambda: socket.create_connection(("127.0.0.1", {port}), timeout=2))
        attempt("internet", lambda: socket.create_connection(("1.1.1.1", 53), timeout=2))
        attempt("root", lambda: os.getuid() == 0 or os.setuid(0) is None)
        attempt("processes", lambda: sum(name.isdigit() for name in os.listdir("/proc")) > 4)
        attempt("devices", lambda: os.mknod("/tmp/disk", 0o60666, os.makedev(254, 0)) is None)
        attempt("dev", lambda: open("/dev/written", "w"))
        attempt("root folder", lambda: open("/written", "w"))
        attempt("namespace", lambda: os.system("unshare -Ur true 2>/dev/null") == 0)
        for number in range(40):
            attempt("much", lambda: open(f"/tmp/{{number}}", "wb").write(bytes(16_000_000)) and number == 39)
        raise AssertionError(f"reached: {{reached}}")
    """
    cases = {
        # It would like to read, write and connect where it may not.
        "spy": Case(maker.wrong(body=dedent(spy).strip()), score=rest),
        "repeats hidden tests": Case(
            maker.wrong(
                body="import linecache\nraise ValueError(str([str(entry[2]) for entry in linecache.cache.values() "
                "if isinstance(entry, tuple) and 'HIDDEN' in str(entry[2])] + [In[-1]] + [__import__('inspect')"
                ".getsource(__import__('sys')._getframe(1))]))"
            ),
            score=rest,
        ),
        "fork bomb": Case(
            maker.first("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"),
            "not graded",
            reason="more than (64 processes|.* MB)",
        ),
        "memory": Case(maker.first("x = b'x' * 3_000_000_000"), "not graded", reason="more than .* MB of memory"),
        "address space": Case(maker.first("x = bytearray(10**11)"), score=rest),
        "endless": Case(maker.first("while True:\n    pass"), score=rest),
        "sleeps": Case(maker.first("import time\ntime.sleep(1000)"), score=rest),
        "endless and deaf": Case(
            maker.first("import signal, time\nsignal.signal(2, signal.SIG_IGN)\nwhile True:\n    time.sleep(1)"),
            "not graded",
            reason="could not be interrupted|longer than",
        ),
        "slow everywhere": Case(
            maker.changed(lambda nb: nb.cells.extend(new_code_cell("import time; time.sleep(1.5)") for _ in range(60))),
            "not graded",
            reason="longer than .* seconds",
        ),
        "os._exit": Case(maker.first("import os\nos._exit(0)"), "not graded", reason="kernel died"),
        "kills its kernel": Case(
            maker.first("import os, signal\nos.kill(os.getppid(), 9)\nos.kill(os.getpid(), 9)"),
            "not graded",
            reason="kernel died",
        ),
        "exit()": Case(maker.first("exit()\nimport time\ntime.sleep(0.5)"), score=maker.all),
        "sys.exit": Case(maker.first("import sys\nsys.exit(0)"), score=rest),
        "sys.exit in the answer": Case(maker.wrong(body="import sys\nsys.exit(0)"), score=rest),
        "prints 100 MB": Case(maker.first("print('x' * 10**8)"), score=maker.all),
        "prints many lines": Case(maker.first("for i in range(10_000):\n    print('line', i)"), score=maker.all),
        "markup": Case(
            maker.wrong(body="raise AssertionError('<script>alert(1)</script><img src=x onerror=alert(1)>')"),
            score=rest,
        ),
        # It tampers with what grades it.
        "replaces a tool": Case(
            maker.wrong(f"{maker.tool} = lambda *args, **more: True"),
            "flagged",
            reason="replaces what the checks use",
        ),
        "patches in place": Case(
            maker.wrong(f"{maker.tool}.__code__ = (lambda *args, **more: True).__code__"),
            "flagged",
            reason="replaces what the checks use",
        ),
        "shadows a built-in": Case(
            maker.wrong("def abs(x): return 0\ndef isinstance(*args): return True", "return 0"),
            "flagged",
            reason="built-in function",
        ),
        "patches a built-in": Case(
            maker.wrong("import builtins\nbuiltins.abs = lambda x: 0"), "flagged", reason="abs of builtins"
        ),
        "custom exceptions": Case(
            maker.wrong("get_ipython().set_custom_exc((BaseException,), lambda *args, **more: None)"),
            "flagged",
            reason="changes how checks are run|replaces",
        ),
        "drops later cells": Case(
            maker.wrong("get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])"),
            "flagged",
            reason="changes how checks are run",
        ),
        "runs nothing more": Case(
            maker.wrong(
                "from IPython.core.interactiveshell import InteractiveShell, ExecutionResult\n"
                "async def nothing(self, *args, **more):\n    return ExecutionResult(None)\n"
                "type(get_ipython()).run_cell_async = nothing\n"
                "type(get_ipython()).run_cell = lambda self, *a, **m: ExecutionResult(None)"
            ),
            "flagged",
            reason="changes how checks are run",
        ),
        "takes its errors back": Case(
            maker.wrong(
                "from IPython.display import clear_output\n"
                "get_ipython().events.register('post_run_cell', lambda result: clear_output())"
            ),
            score=rest,
        ),
        # The file is not what it should be.
        "corrupt": Case(maker.first("")[:-200], "not graded", reason="JSON is broken"),
        "empty": Case(b"", "not graded", reason="empty"),
        "a pdf": Case(b"%PDF-1.7\n%\xff\xff\xff\xff\n", "not graded", reason="not a notebook"),
        "a list": Case(b"[1, 2]", "not graded", reason="not a notebook"),
        "cells of text": Case(b'{"cells": "abc", "nbformat": 4, "metadata": {}}', "not graded", reason="not a valid"),
        "deep": Case(b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not graded", reason="JSON is broken"),
        "very large": Case(b'{"cells": []}' + b" " * (21 * 2**20), "not graded", reason="larger than 20 MB"),
        "many cells": Case(
            maker.changed(lambda nb: nb.cells.extend(new_markdown_cell("x" * 1000) for _ in range(2000))),
            score=maker.all,
        ),
        # The notebook was changed where it may not be.
        "no checks": Case(maker.changed(_delete("check", "tools")), score=maker.all),
        "no checks, and wrong": Case(
            maker.changed(_delete("check", "tools"), q1=f"def {maker.function}(*args): return 0"), score=rest
        ),
        "no cells at all": Case(maker.changed(lambda nb: nb.cells.clear()), "not graded", reason="none of the cells"),
        "twice": Case(maker.changed(_twice), score=maker.all),
        "another about the checks": Case(
            maker.changed(_edit, q1=f"def {maker.function}(*args): return 0"),
            score=rest,
        ),
        "checks as text": Case(
            maker.changed(_as_text, q1=f"def {maker.function}(*args): return 0"),
            score=rest,
        ),
        "no metadata": Case(maker.changed(_forget), "not graded", reason="none of the cells"),
        "another kernel": Case(
            maker.changed(lambda nb: nb.metadata.update(kernelspec={"name": "bash", "display_name": "Bash"})),
            score=maker.all,
        ),
        "nothing done": Case(
            dump(maker.notebook(**{f"q{number + 1}": stub for number in range(len(maker.points))})),
            score=0,
        ),
    }
    return cases


def _delete(*words: str) -> Callable[[NotebookNode], None]:
    def change(nb: NotebookNode) -> None:
        nb.cells = [cell for cell in nb.cells if not any(word in grade_id(cell) for word in words)]

    return change


def _twice(nb: NotebookNode) -> None:
    copies = [nbformat.from_dict(json.loads(json.dumps(cell))) for cell in nb.cells]
    nb.cells = [cell for pair in zip(nb.cells, copies, strict=True) for cell in pair]
    for number, cell in enumerate(nb.cells):
        cell.id = f"cell{number}"


def _edit(nb: NotebookNode) -> None:
    for cell in nb.cells:
        if "check" in grade_id(cell):
            cell.source = "1 + 1"
            cell.metadata.nbgrader.update(points=100, grade=False)
            cell.metadata.tags = ["skip-execution", "raises-exception"]


def _as_text(nb: NotebookNode) -> None:
    for number, cell in enumerate(nb.cells):
        if "check" in grade_id(cell):
            text = new_markdown_cell(cell.source, metadata=cell.metadata)
            nb.cells[number] = text


def _forget(nb: NotebookNode) -> None:
    for cell in nb.cells:
        cell.metadata = NotebookNode()


def zip_of(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()
