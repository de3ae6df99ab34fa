"""Grade a batch of generated hand-ins, a part of them hostile or broken, and say how it went.

    .venv/bin/python benchmarks/grading.py [hand-ins [bad ones]] > benchmarks/results/grading.txt

By default four of five hand-ins are honest: right and wrong answers of all assignments, from the tables in
tests/exercises, whose points are known. The others go through the kinds of tests/hand_ins.py, for
`logistic-regression`, whose kernels import torch. Points are those of the machine: a person reads the answers in words.
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
from collections.abc import Iterator
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import hand_ins  # noqa: E402

SOURCE = ROOT / "exercises" / "source"
HOSTILE = "logistic-regression"
SECRET = "a secret of this benchmark"
LIMITS = ["--cell-timeout", "20", "--time-limit", "90", "--memory", "1000"]


class Assignment:
    """One assignment, and the hand-ins of its table."""

    def __init__(self, name: str) -> None:
        self.name = name
        source = nbformat.read(SOURCE / name / f"{name}.ipynb", as_version=4)
        graded = [cell.metadata.nbgrader for cell in source.cells if cell.metadata.get("nbgrader", {}).get("grade")]
        self.points = {cell.grade_id: cell.points for cell in graded if not cell.solution}
        self.in_words = {cell.grade_id: "In words." for cell in graded if cell.solution}
        self.table = runpy.run_path(str(ROOT / "tests" / "exercises" / f"{name.replace('-', '_')}.py"))
        self.maker = hand_ins.Maker(source, name, "log_loss", tuple(self.points.values()), "ex.compare")

    def honest(self) -> Iterator[tuple[str, hand_ins.Case]]:
        """Yield right and wrong answers in turn, with their scores."""
        right = [(answers, self.maker.all) for answers in self.table["RIGHT"].values()]
        wrong = [
            ({lost.split()[0]: answer}, self.maker.all - sum(self.points[f"{q}-check"] for q in lost.split()))
            for lost, answer, _ in self.table["WRONG"].values()
        ]
        pairs = itertools.zip_longest(right, wrong)
        for answers, score in (one for pair in pairs for one in pair if one):
            content = hand_ins.dump(self.maker.notebook(**self.in_words, **answers))
            yield self.name, hand_ins.Case(content, score=score)


def main(count: int, bad: int) -> int:
    assignments = {path.name: Assignment(path.name) for path in sorted(SOURCE.iterdir()) if path.is_dir()}
    with tempfile.TemporaryDirectory() as temporary, socket.create_server(("127.0.0.1", 0)) as listener:
        folder = Path(temporary)
        outside = folder / "outside"
        outside.mkdir()
        (outside / "secret").write_text(SECRET)
        hostile = list(hand_ins.bad(assignments[HOSTILE].maker, outside, listener.getsockname()[1]).items())
        expected: dict[tuple[str, str], hand_ins.Case] = {}
        for number in range(bad):
            kind, case = hostile[number % len(hostile)]
            expected[HOSTILE, f"bad{number:03} {kind}"] = case
        turns = zip(*(itertools.cycle(one.honest()) for one in assignments.values()), strict=True)
        honest = (one for turn in turns for one in turn)
        for number, (name, case) in zip(range(count - bad), honest, strict=False):
            expected[name, f"honest{number:03}"] = case
        for (name, student), case in expected.items():
            path = folder / "in" / student / name / f"{name}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_bytes(case.content)
        before = set(Path("/tmp").glob("gdc-*"))
        started = time.monotonic()
        command = [sys.executable, "-m", "gdcourse.grading", folder / "in", folder / "out"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "GDCOURSE_SECRET": SECRET}
        done = subprocess.run([*command, *LIMITS], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        seconds = time.monotonic() - started
        time.sleep(0.5)
        left = set(Path("/tmp").glob("gdc-*")) - before
        return tell(folder, assignments, expected, seconds, done.returncode, left)


def tell(
    folder: Path,
    assignments: dict[str, Assignment],
    expected: dict[tuple[str, str], hand_ins.Case],
    seconds: float,
    code: int,
    left: set[Path],
) -> int:
    with (folder / "out" / "gradebook.csv").open(newline="") as stream:
        got = {(line["assignment"], line["student"]): line for line in csv.DictReader(stream)}
    results = [json.loads(path.read_text()) for path in (folder / "out" / "results").glob("*/*.json")]
    wrong, matrix = [], []
    for (name, student), case in expected.items():
        line = got[name, student]
        # Its last answer is read by a person, unless there is none.
        status = "graded" if line["status"] == "to grade by hand" else line["status"]
        checks = assignments[name].points
        points = f"{sum(float(line[check]) for check in checks):g}" if status == "graded" else ""
        wanted = f"{case.score:g}" if case.status == "graded" else ""
        if status != case.status or points != wanted or not re.search(case.reason, line["reason"]):
            wrong.append(f"{name} {student}: {status} {points} {line['reason']}, wanted {case.status} {wanted}")
        if not student.startswith("honest"):
            matrix.append(f"{student[7:]:24} {status:11} {points:>6}  {line['reason'][:90]}")
    honest = [result for result in results if result["student"].startswith("honest")]
    leaked = [str(path) for path in (folder / "out").rglob("*") if path.is_file() and SECRET in path.read_text()]
    written = [path.name for path in (folder / "outside").iterdir() if path.name != "secret"]
    cores = len(os.sched_getaffinity(0))
    spoilt = len(expected) - len(honest)
    print(f"{len(expected)} hand-ins of {len(assignments)} assignments, {spoilt} of them hostile or broken")
    print(f"Python {platform.python_version()}, {cores} cores, sandboxed, {' '.join(LIMITS)}")
    print(f"all: {seconds:.0f} s, {seconds / len(expected):.2f} s a hand-in; exit status {code}")
    print(
        f"an honest hand-in: {sum(r['seconds'] for r in honest) / len(honest):.2f} s on average, with "
        f"{cores} at a time; {max(r['seconds'] for r in honest):.2f} s at most"
    )
    for name in assignments:
        own = [result for result in honest if result["assignment"] == name]
        memory = max((result["memory"] for result in own), default=0) / 2**20
        mean = sum(result["seconds"] for result in own) / max(1, len(own))
        print(f"  {name:28} {len(own):3} honest ones, {mean:5.2f} s each; a kernel of at most {memory:.0f} MB")
    print(f"the longest of all: {max(r['seconds'] for r in results):.1f} s")
    print(
        f"not as expected: {len(wrong)}; secrets in the output: {len(leaked)}; files written outside: {len(written)};"
    )
    print(f"folders left behind: {len(left)}\n")
    print("\n".join(wrong))
    print(f"{'hostile or broken':24} {'status':11} {'points':>6}  reason")
    print("\n".join(matrix))
    return 1 if wrong or leaked or written or left else 0


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    sys.exit(main(count, int(sys.argv[2]) if len(sys.argv) > 2 else count // 5))
