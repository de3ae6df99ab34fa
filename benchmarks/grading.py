"""Grade a batch of generated hand-ins, a part of them hostile or broken, and say how it went.

    .venv/bin/python benchmarks/grading.py [hand-ins [bad ones]] > benchmarks/results/grading.txt

The assignment is `log-loss`, whose kernels import torch. By default four of five hand-ins are honest: the right and
wrong answers of tests/test_exercises.py, whose scores are known. The others go through the kinds of tests/hand_ins.py.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

import hand_ins  # noqa: E402
from test_exercises import POINTS, RIGHT, WRONG  # noqa: E402

LIMITS = ["--cell-timeout", "20", "--time-limit", "60", "--memory", "1000"]


def main(count: int, bad: int) -> int:
    source = nbformat.read(ROOT / "exercises" / "source" / "log-loss" / "log-loss.ipynb", as_version=4)
    maker = hand_ins.Maker(source, "log-loss", "log_loss", (4, 3, 3))
    with tempfile.TemporaryDirectory() as temporary, socket.create_server(("127.0.0.1", 0)) as listener:
        folder = Path(temporary)
        outside = folder / "outside"
        outside.mkdir()
        (outside / "secret").write_text("a secret of this benchmark")
        hostile = hand_ins.bad(maker, outside, listener.getsockname()[1])
        honest = [(name, answers, sum(POINTS.values())) for name, answers in RIGHT.items()]
        for name, (question, answer, _) in WRONG.items():
            honest.append((name, {question: answer}, sum(POINTS.values()) - POINTS[f"{question}-check"]))
        contents: dict[str, bytes] = {}
        expected: dict[str, hand_ins.Case] = {}
        kinds = list(hostile.items())
        for number in range(bad):
            name, case = kinds[number * max(1, len(kinds) // bad) % len(kinds)]
            expected[f"bad{number:03} {name}"] = case
        for number, (_, answers, score) in zip(range(count - bad), itertools.cycle(honest), strict=False):
            content = hand_ins.dump(maker.notebook(**answers))
            expected[f"honest{number:03}"] = hand_ins.Case(content, score=score)
        for student, case in expected.items():
            contents[student] = case.content
            path = folder / "in" / student / "log-loss.ipynb"
            path.parent.mkdir(parents=True)
            path.write_bytes(case.content)
        before = set(Path("/tmp").glob("gdc-*"))
        started = time.monotonic()
        command = [sys.executable, "-m", "gdcourse.grading", folder / "in", folder / "out", "--assignment", "log-loss"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "GDCOURSE_SECRET": "a secret of this benchmark"}
        done = subprocess.run([*command, *LIMITS], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        seconds = time.monotonic() - started
        time.sleep(0.5)
        left = set(Path("/tmp").glob("gdc-*")) - before
        return tell(folder, expected, seconds, done.returncode, left)


def tell(folder: Path, expected: dict[str, hand_ins.Case], seconds: float, code: int, left: set[Path]) -> int:
    with (folder / "out" / "gradebook.csv").open(newline="") as stream:
        got = {line["student"]: line for line in csv.DictReader(stream)}
    results = [json.loads(path.read_text()) for path in (folder / "out" / "results" / "log-loss").glob("*.json")]
    wrong, matrix = [], []
    for student, case in expected.items():
        line = got[student]
        wanted = f"{case.score:g}" if case.status == "graded" else ""
        fits = line["status"] == case.status and line["score"] == wanted and re.search(case.reason, line["reason"])
        if not fits:
            wrong.append(f"{student}: {line['status']} {line['score']} {line['reason']}, wanted {case.status} {wanted}")
        if not student.startswith("honest"):
            matrix.append(f"{student[7:]:24} {line['status']:11} {line['score']:>3}  {line['reason'][:90]}")
    honest = [result for result in results if result["student"].startswith("honest")]
    leaked = [
        str(path)
        for path in (folder / "out").rglob("*")
        if path.is_file() and "a secret of this benchmark" in path.read_text()
    ]
    written = [path.name for path in (folder / "outside").iterdir() if path.name != "secret"]
    cores = len(os.sched_getaffinity(0))
    print(f"{len(expected)} hand-ins of log-loss, {len(expected) - len(honest)} of them hostile or broken")
    print(f"Python {platform.python_version()}, {cores} cores, sandboxed, {' '.join(LIMITS)}")
    print(f"all: {seconds:.0f} s, {seconds / len(expected):.2f} s a hand-in; exit status {code}")
    print(
        f"an honest hand-in: {sum(r['seconds'] for r in honest) / len(honest):.2f} s on average, with "
        f"{cores} at a time; {max(r['seconds'] for r in honest):.2f} s at most"
    )
    print(f"its kernel: {max(r['memory'] for r in honest) / 2**20:.0f} MB at most")
    print(f"the longest of all: {max(r['seconds'] for r in results):.1f} s")
    print(
        f"not as expected: {len(wrong)}; secrets in the output: {len(leaked)}; files written outside: {len(written)};"
    )
    print(f"folders left behind: {len(left)}\n")
    print("\n".join(wrong))
    print(f"{'hostile or broken':24} {'status':11} {'of 10':>3}  reason")
    print("\n".join(matrix))
    return 1 if wrong or leaked or written or left else 0


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    sys.exit(main(count, int(sys.argv[2]) if len(sys.argv) > 2 else count // 5))
