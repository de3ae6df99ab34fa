"""A process that grades: it has imported nbgrader once, and forks for each hand-in.

A hand-in's process can be ended at any moment, with all that it started: when it takes too long, too much memory or
too many processes, and when whoever asked for it is gone. `Server` starts such a process and talks to it.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import os
import pickle
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gdcourse.grading.assignment import Assignment, prepare
from gdcourse.grading.sandbox import MB, Limits

TICK = 0.1  # seconds between two looks at what the hand-ins use


class Server:
    """A grading process, as its user sees it.

    Parameters
    ----------
    jobs
        How many hand-ins it grades at a time; more wait.
    """

    def __init__(self, jobs: int) -> None:
        here = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gdcourse.grading.server", str(jobs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for whoever started the grading, who then ends this
        )
        self._futures: dict[int, Future[Any]] = {}
        self._last = 0
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        atexit.register(self.close)

    @property
    def alive(self) -> bool:
        """Whether it can still grade."""
        return self._process.poll() is None

    def prepare(self, source: Path, name: str) -> Future[Assignment]:
        """Have `assignment.prepare` run there."""
        return self._submit("prepare", source, name)

    def grade(self, content: bytes, assignment: Assignment, limits: Limits, sandboxed: bool) -> Future[dict[str, Any]]:
        """Have `notebook.grade` run there, and watched.

        Returns
        -------
        Future
            Of the result of `notebook.grade`, with ``seconds`` and ``memory`` (the most that its kernel held, in
            bytes) added.
        """
        return self._submit("grade", content, assignment, limits, sandboxed)

    def _submit(self, *request: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            self._last += 1
            self._futures[self._last] = future
            frame = pickle.dumps((self._last, *request))
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(struct.pack("<Q", len(frame)) + frame)
                self._process.stdin.flush()
            except OSError as error:
                future.set_exception(RuntimeError(f"the grading process has ended: {error}"))
        return future

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while len(head := stream.read(8)) == 8:
            id, good, answer = pickle.loads(stream.read(*struct.unpack("<Q", head)))
            future = self._futures.pop(id)
            if good:
                future.set_result(answer)
            else:
                future.set_exception(RuntimeError(answer))
        for future in list(self._futures.values()):
            if not future.done():
                future.set_exception(RuntimeError("the grading process has ended"))

    def close(self) -> None:
        """End the process, and with it all that it grades now."""
        atexit.unregister(self.close)
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()  # which it notices
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=5)
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass
class _Task:
    """A process that grades a hand-in, or makes an assignment ready."""

    id: int
    pid: int
    pipe: int
    folder: Path
    limits: Limits
    watched: bool
    started: float = field(default_factory=time.monotonic)
    answer: bytearray = field(default_factory=bytearray)
    memory: int = 0


class _Loop:
    """What runs in the process of a `Server`."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.input = os.dup(0)
        self.output = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2, 1)  # nobody else writes to where the answers go
        self.buffer = bytearray()
        self.waiting: list[tuple[Any, ...]] = []
        self.tasks: dict[int, _Task] = {}
        self.root = Path(tempfile.mkdtemp(prefix="gdc-", dir="/tmp"))  # short: the path of a socket has 107 characters
        self.made = 0

    def run(self) -> None:
        looked = 0.0
        while True:
            ready, _, _ = select.select([self.input, *self.tasks], [], [], TICK if self.tasks else None)
            if self.input in ready and not self.receive():
                return
            for pipe in ready:
                if pipe in self.tasks:
                    data = os.read(pipe, 65536)
                    self.tasks[pipe].answer += data
                    if not data:
                        self.finish(self.tasks[pipe])
            if time.monotonic() - looked > TICK:
                self.watch()
                looked = time.monotonic()
            while self.waiting and len(self.tasks) < self.jobs:
                self.start(*self.waiting.pop(0))

    def receive(self) -> bool:
        data = os.read(self.input, 2**20)
        self.buffer += data
        while len(self.buffer) >= 8 and len(self.buffer) >= 8 + (size := struct.unpack("<Q", self.buffer[:8])[0]):
            self.waiting.append(pickle.loads(self.buffer[8 : 8 + size]))
            del self.buffer[: 8 + size]
        return bool(data)

    def send(self, id: int, good: bool, answer: Any) -> None:
        frame = pickle.dumps((id, good, answer))
        with contextlib.suppress(BrokenPipeError), os.fdopen(os.dup(self.output), "wb") as stream:
            stream.write(struct.pack("<Q", len(frame)) + frame)

    def start(self, id: int, kind: str, *arguments: Any) -> None:
        self.made += 1
        folder = self.root / str(self.made)
        folder.mkdir()
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            for other in [self.input, self.output, *self.tasks]:
                os.close(other)
            _child(kind, arguments, folder, write)
        os.close(write)
        limits = arguments[2] if kind == "grade" else Limits(wall=600)
        self.tasks[read] = _Task(id, pid, read, folder, limits, kind == "grade")

    def watch(self) -> None:
        """End what uses too much."""
        now = time.monotonic()
        processes = _processes()
        for task in list(self.tasks.values()):
            below = _descendants(task.pid, processes)
            memory = sum(processes[pid].memory for pid in below)
            task.memory = max(task.memory, memory)
            limits = task.limits
            threads = sum(processes[pid].threads for pid in below)
            reason = None
            if now - task.started > limits.wall:
                reason = f"It took longer than {limits.wall} seconds"
            elif not task.watched:
                pass
            elif memory > limits.memory:
                reason = f"It used more than {limits.memory // MB} MB of memory"
            elif task.pid in processes and processes[task.pid].memory > limits.memory:
                reason = f"What it printed took more than {limits.memory // MB} MB of memory"
            elif threads > limits.processes:
                reason = f"It started more than {limits.processes} processes and threads"
            elif _litter(task.folder / "kernel"):
                reason = "It wrote files to the folder of its connection"
            if reason:
                self.finish(task, reason)
        known = {task.pid for task in self.tasks.values()}
        for pid, process in processes.items():
            if process.parent == os.getpid() and pid not in known:  # it outlived the one that started it
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        _reap(known)

    def finish(self, task: _Task, reason: str | None = None) -> None:
        del self.tasks[task.pipe]
        os.close(task.pipe)
        _end(task.pid)
        shutil.rmtree(task.folder, ignore_errors=True)
        if task.folder.exists():  # too deep for Python
            subprocess.run(["rm", "-rf", "--", str(task.folder)], check=False)
        if not task.watched:
            good, answer = pickle.loads(task.answer) if task.answer else (False, reason or "it ended without an answer")
            self.send(task.id, good, answer)
            return
        if reason is not None:
            answer = {"status": "not graded", "reason": reason, "questions": []}
        else:
            try:
                answer = json.loads(task.answer)
            except ValueError:
                answer = {"status": "failed", "reason": "the process that graded it ended", "questions": []}
        seconds = round(time.monotonic() - task.started, 3)
        self.send(task.id, True, answer | {"seconds": seconds, "memory": task.memory})

    def close(self) -> None:
        for task in self.tasks.values():
            _end(task.pid)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            processes = _processes()
            left = _descendants(os.getpid(), processes)
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _reap(set())
            if not left:
                break
            time.sleep(0.02)
        subprocess.run(["rm", "-rf", "--", str(self.root)], check=False)


def _child(kind: str, arguments: tuple[Any, ...], folder: Path, pipe: int) -> None:
    """Do what was asked for, in a process of its own, which ends here."""
    try:
        os.setsid()
        _die_with_parent()
        for standard in signal.SIGINT, signal.SIGTERM:
            signal.signal(standard, signal.SIG_DFL)
        log = os.open(folder / "log", os.O_RDWR | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        answer = _prepared(*arguments) if kind == "prepare" else _graded(folder, *arguments)
        with os.fdopen(pipe, "wb") as stream:
            stream.write(answer)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _prepared(source: Path, name: str) -> bytes:
    try:
        return pickle.dumps((True, prepare(source, name)))
    except Exception as error:
        return pickle.dumps((False, str(error) or type(error).__name__))


def _graded(folder: Path, content: bytes, assignment: Assignment, limits: Limits, sandboxed: bool) -> bytes:
    from gdcourse.grading import notebook

    try:
        answer = notebook.grade(content, assignment, limits, sandboxed=sandboxed, folder=folder)
    except Exception as error:
        log = (folder / "log").read_text(errors="replace")[-1000:]
        answer = {"status": "failed", "reason": f"{error}"[-1000:] + f"\n{log}", "questions": []}
    return json.dumps(answer).encode()


@dataclass
class _Process:
    parent: int
    memory: int
    threads: int


def _processes() -> dict[int, _Process]:
    """Return what Linux says about all processes; elsewhere nothing."""
    found = {}
    page = os.sysconf("SC_PAGE_SIZE")
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stream:
                    fields = stream.read().rpartition(b")")[2].split()
            except OSError:  # it has ended
                continue
            if fields[0] != b"Z":
                found[int(name)] = _Process(int(fields[1]), int(fields[21]) * page, int(fields[17]))
    return found


def _descendants(root: int, processes: dict[int, _Process]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.parent, []).append(pid)
    found: set[int] = set()
    todo = [root]
    while todo:
        for pid in children.get(todo.pop(), []):
            if pid not in found:
                found.add(pid)
                todo.append(pid)
    return found


def _end(pid: int) -> None:
    """Kill a process and all below it, and wait for it."""
    below = _descendants(pid, _processes())
    for victim in [pid, *below]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(victim, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _reap(known: set[int]) -> None:
    """Collect the children that ended, except those in `known`."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in known:
            return
        with contextlib.suppress(ChildProcessError):
            os.waitpid(ended.si_pid, 0)


def _litter(folder: Path) -> bool:
    """Whether more lies in the folder of the sockets than belongs there."""
    size = count = 0
    for where, folders, files in os.walk(folder):
        count += len(files) + len(folders)
        for name in files:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(where, name)).st_size
        if count > 50 or size > MB:
            return True
    return False


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _die_with_parent() -> None:
    _prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> None:
    """Serve until the input ends."""
    _prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: what loses its parent becomes our child, and is ended
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what it started ends with it
    loop = _Loop(int(sys.argv[1]))
    # jsonschema would like to know how international addresses are written, which takes it two seconds to learn and
    # which no notebook asks for.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    with contextlib.suppress(ImportError):
        from gdcourse.grading import notebook  # noqa: F401 (so that no hand-in has to)
    try:
        loop.run()
    finally:
        loop.close()


if __name__ == "__main__":
    main()
