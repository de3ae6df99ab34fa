"""Grade a batch of generated hand-ins, a part of them hostile or broken, and say how it went.

    .venv/bin/python benchmarks/grading.py [hand-ins [bad ones]] > benchmarks/results/grading.txt

The assignment is `logistic-regression`, whose kernels import torch. By default four of five hand-ins are honest: the
right and wrong answers of its table in tests/exercises, whose points are known. The others go through the kinds of
tests/hand_ins.py. Question 7 is for a person to read, so the points are those of the machine.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import platform
import re
import runpy
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import hand_ins  # noqa: E402

NAME = "logistic-regression"
POINTS = {"q1": 2, "q2": 2, "q3": 1, "q4": 1, "q5": 2, "q6": 1}
LIMITS = ["--cell-timeout", "20", "--time-limit", "120", "--memory", "1000"]


def main(count: int, bad: int) -> int:
    source = nbformat.read(ROOT / "exercises" / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    table = runpy.run_path(str(ROOT / "tests" / "exercises" / f"{NAME.replace('-', '_')}.py"))
    maker = hand_ins.Maker(source, NAME, "log_loss", tuple(POINTS.values()), "ex.compare")
    with tempfile.TemporaryDirectory() as temporary, socket.create_server(("127.0.0.1", 0)) as listener:
        folder = Path(temporary)
        outside = folder / "outside"
        outside.mkdir()
        (outside / "secret").write_text("a secret of this benchmark")
        hostile = hand_ins.bad(maker, outside, listener.getsockname()[1])
        honest = [(name, answers, maker.all) for name, answers in table["RIGHT"].items()]
        for name, (lost, answer, _) in table["WRONG"].items():
            left = maker.all - sum(POINTS[question] for question in lost.split())
            honest.append((name, {lost.split()[0]: answer}, left))
        contents: dict[str, bytes] = {}
        expected: dict[str, hand_ins.Case] = {}
        kinds = list(hostile.items())
        for number in range(bad):
            name, case = kinds[number * max(1, len(kinds) // bad) % len(kinds)]
            expected[f"bad{number:03} {name}"] = case
        for number, (_, answers, score) in zip(range(count - bad), itertools.cycle(honest), strict=False):
            content = hand_ins.dump(maker.notebook(q7="In words.", **answers))
            expected[f"honest{number:03}"] = hand_ins.Case(content, score=score)
        for student, case in expected.items():
            contents[student] = case.content
            path = folder / "in" / student / f"{NAME}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_bytes(case.content)
        before = set(Path("/tmp").glob("gdc-*"))
        started = time.monotonic()
        command = [sys.executable, "-m", "gdcourse.grading", folder / "in", folder / "out", "--assignment", NAME]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "GDCOURSE_SECRET": "a secret of this benchmark"}
        done = subprocess.run([*command, *LIMITS], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        seconds = time.monotonic() - started
        time.sleep(0.5)
        left = set(Path("/tmp").glob("gdc-*")) - before
        return tell(folder, expected, seconds, done.returncode, left)


def tell(folder: Path, expected: dict[str, hand_ins.Case], seconds: float, code: int, left: set[Path]) -> int:
    with (folder / "out" / "gradebook.csv").open(newline="") as stream:
        got = {line["student"]: line for line in csv.DictReader(stream)}
    results = [json.loads(path.read_text()) for path in (folder / "out" / "results" / NAME).glob("*.json")]
    wrong, matrix = [], []
    for student, case in expected.items():
        line = got[student]
        # Its last answer is read by a person, unless there is none.
        status = "graded" if line["status"] == "to grade by hand" else line["status"]
        points = f"{sum(float(line[f'{question}-check']) for question in POINTS):g}" if status == "graded" else ""
        wanted = f"{case.score:g}" if case.status == "graded" else ""
        if status != case.status or points != wanted or not re.search(case.reason, line["reason"]):
            wrong.append(f"{student}: {status} {points} {line['reason']}, wanted {case.status} {wanted}")
        if not student.startswith("honest"):
            matrix.append(f"{student[7:]:24} {status:11} {points:>3}  {line['reason'][:90]}")
    honest = [result for result in results if result["student"].startswith("honest")]
    leaked = [
        str(path)
        for path in (folder / "out").rglob("*")
        if path.is_file() and "a secret of this benchmark" in path.read_text()
    ]
    written = [path.name for path in (folder / "outside").iterdir() if path.name != "secret"]
    cores = len(os.sched_getaffinity(0))
    print(f"{len(expected)} hand-ins of {NAME}, {len(expected) - len(honest)} of them hostile or broken")
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
    print(f"{'hostile or broken':24} {'status':11} {'of 9':>3}  reason")
    print("\n".join(matrix))
    return 1 if wrong or leaked or written or left else 0


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    sys.exit(main(count, int(sys.argv[2]) if len(sys.argv) > 2 else count // 5))
