"""All hand-ins, side by side: what was graded is kept, and is not graded again."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from gdcourse.grading import sandbox
from gdcourse.grading.assignment import Assignment
from gdcourse.grading.collect import HandIn
from gdcourse.grading.sandbox import Limits
from gdcourse.grading.server import Server

Result = dict[str, Any]


class Backend(Protocol):
    """Where hand-ins are graded."""

    jobs: int

    def grade(self, content: bytes, assignment: Assignment, limits: Limits, sandboxed: bool) -> Any:
        """Start one, and return its future."""

    def completed(self, futures: set[Any]) -> set[Any]:
        """Wait until some of these futures are done, and return those."""

    def close(self) -> None:
        """Give up what is not done."""


class Local:
    """The machine that the command runs on.

    Parameters
    ----------
    jobs
        How many hand-ins at a time.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.server = Server(jobs)

    def grade(self, content: bytes, assignment: Assignment, limits: Limits, sandboxed: bool) -> Future[Result]:
        return self.server.grade(content, assignment, limits, sandboxed)

    def completed(self, futures: set[Any]) -> set[Any]:
        return wait(futures, return_when=FIRST_COMPLETED).done

    def close(self) -> None:
        self.server.close()


class Dask:
    """The workers of a Dask cluster. Each grades as many hand-ins at a time as it has threads.

    Parameters
    ----------
    address
        The scheduler's, such as ``"tcp://10.0.0.1:8786"``.
    """

    def __init__(self, address: str) -> None:
        from distributed import Client

        self.client = Client(address, set_as_default=False, timeout=30)
        self.client.wait_for_workers(1, timeout=60)
        self.jobs = max(1, sum(self.client.nthreads().values()))

    def grade(self, content: bytes, assignment: Assignment, limits: Limits, sandboxed: bool) -> Any:
        return self.client.submit(_grade_on_worker, content, assignment, limits, sandboxed, pure=False, retries=2)

    def completed(self, futures: set[Any]) -> set[Any]:
        from distributed import wait

        with self.client.as_current():
            done: set[Any] = wait(futures, return_when="FIRST_COMPLETED").done
        self.jobs = max(1, sum(self.client.nthreads().values()))  # workers come and go
        return done

    def close(self) -> None:
        self.client.close()


_worker: list[Server] = []
_worker_lock = threading.Lock()


def _grade_on_worker(content: bytes, assignment: Assignment, limits: Limits, sandboxed: bool) -> Result:
    """Grade one hand-in in a process of Dask, which has one grading process."""
    with _worker_lock:
        if not (_worker and _worker[-1].alive):
            if sandboxed and (why := sandbox.why_not()):
                raise RuntimeError(f"a worker has no sandbox: {why}")
            _worker.append(Server(max(1, os.cpu_count() or 1)))
    return _worker[-1].grade(content, assignment, limits, sandboxed).result()


def key(hand_in: HandIn, digest: str, limits: Limits, sandboxed: bool) -> str:
    """Return what a score depends on, as a hash: where it is the same, nothing is graded again."""
    parts = hashlib.sha256(hand_in.content).hexdigest(), digest, repr(limits), repr(sandboxed), hand_in.problem
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def file_name(student: str) -> str:
    """Return a name for a student's files that is one on every system, and no two students share."""
    name = quote(student, safe=" ,+@()'")
    if name.startswith((".", " ")):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > 100:
        name = f"{name[:80]}~{hashlib.sha256(student.encode()).hexdigest()[:16]}"
    return name


class Store:
    """The results in a folder, a JSON file each.

    Parameters
    ----------
    folder
        It is made if there is none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, assignment: str, student: str) -> Path:
        """Return where a result lies."""
        return self.folder / assignment / f"{file_name(student)}.json"

    def get(self, assignment: str, student: str) -> Result | None:
        """Return a result, or None where there is none that can be read."""
        try:
            found: Result = json.loads(self.path(assignment, student).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def put(self, result: Result) -> None:
        """Keep a result. One that it replaces is kept too, in the folder ``earlier``."""
        path = self.path(result["assignment"], result["student"])
        path.parent.mkdir(parents=True, exist_ok=True)
        before = self.get(result["assignment"], result["student"])
        if before is not None and before.get("status") != "failed" and before.get("key") != result["key"]:
            earlier = path.parent / "earlier" / f"{path.stem}-{str(before.get('key'))[:12]}.json"
            earlier.parent.mkdir(exist_ok=True)
            write(earlier, path.read_text(encoding="utf-8"))
        write(path, json.dumps(result, indent=1, ensure_ascii=False) + "\n")

    def all(self) -> list[Result]:
        """Return all results, by assignment and student."""
        results = []
        for path in sorted(self.folder.glob("*/*.json")):
            try:
                results.append(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError):
                continue
        return sorted(results, key=lambda result: (result["assignment"], result["student"]))


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.write_text(text, encoding="utf-8", newline="")
    os.replace(new, path)


def grade(
    hand_ins: list[HandIn],
    assignments: dict[str, Assignment],
    keys: dict[tuple[str, str], str],
    backend: Backend,
    limits: Limits,
    *,
    sandboxed: bool,
    keep: Callable[[Result], None],
) -> Iterator[Result]:
    """Grade hand-ins, and hand each result to `keep` as soon as it is there.

    Parameters
    ----------
    hand_ins
        Those to grade.
    assignments
        Made ready, by name.
    keys
        What `key` says, by assignment and student.
    backend
        Where to.
    limits, sandboxed
        As for `notebook.grade`.
    keep
        Is called once for each hand-in.

    Yields
    ------
    dict
        Each result after it was kept.
    """
    waiting = list(reversed(hand_ins))
    running: dict[Any, HandIn] = {}
    while waiting or running:
        while waiting and len(running) < 2 * backend.jobs:  # enough to keep all busy, not all that there is
            hand_in = waiting.pop()
            if hand_in.problem:
                answer = {"status": "not graded", "reason": hand_in.problem, "questions": []}
                yield _kept(hand_in, keys, answer, keep)
            else:
                future = backend.grade(hand_in.content, assignments[hand_in.assignment], limits, sandboxed)
                running[future] = hand_in
        if not running:
            continue
        for future in backend.completed(set(running)):
            hand_in = running.pop(future)
            try:
                answer = future.result()
            except Exception as error:
                answer = {"status": "failed", "reason": str(error) or type(error).__name__, "questions": []}
            yield _kept(hand_in, keys, answer, keep)


def _kept(hand_in: HandIn, keys: dict[tuple[str, str], str], answer: Result, keep: Callable[[Result], None]) -> Result:
    result = {
        "assignment": hand_in.assignment,
        "student": hand_in.student,
        "file": hand_in.file,
        "older": list(hand_in.older),
        "key": keys[hand_in.assignment, hand_in.student],
        "seconds": 0.0,
        "memory": 0,
    }
    result |= answer
    keep(result)
    return result
