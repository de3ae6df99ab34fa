"""The grading of hand-ins: one batch of honest, broken and hostile ones, graded once, and looked at from all sides.

The batch has an assignment of its own that needs no torch, so that a hand-in takes a second.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import hand_ins
import nbformat
import pytest

from gdcourse.grading import assignment, collect, driver, notebook, report, sandbox
from gdcourse.grading.__main__ import main
from gdcourse.grading.sandbox import MB, Limits

for package in "nbgrader", "distributed":  # what is imported here needs neither, and they take seconds
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)

pytestmark = pytest.mark.pipeline
ROOT = Path(__file__).resolve().parents[1]
WHY_NOT = sandbox.why_not()
needs_sandbox = pytest.mark.skipif(WHY_NOT is not None, reason=f"no sandbox here: {WHY_NOT}")

LIMITS = ["--cell-timeout", "4", "--time-limit", "30", "--memory", "600"]  # not tight: the machine may be busy
SECRET = "value-of-the-environment-7f3a"
HTML_NAME = '"><img src=x onerror=alert(1)>'
FORMULA_NAME = "=cmd|'calc'!A1"


def maker(source: Path) -> hand_ins.Maker:
    read = nbformat.read(source / "powers" / "powers.ipynb", as_version=4)
    return hand_ins.Maker(read, "powers", "square", (2, 3))


def run(*arguments: object, **more: object) -> subprocess.CompletedProcess:
    """Run the command, as an instructor does."""
    env = os.environ | {"GDCOURSE_SECRET": SECRET, "PYTHONPATH": str(ROOT), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    command = [sys.executable, "-m", "gdcourse.grading", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=900, cwd="/", **more)


def table(out: Path) -> dict[str, dict[str, str]]:
    with (out / "gradebook.csv").open(newline="") as stream:
        return {line["student"]: line for line in csv.DictReader(stream)}


def processes() -> list[str]:
    """The command lines of kernels and grading processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if "/tmp/gdc-" in line:
            found.append(line)
    return found


class Batch:
    """What was handed in, and where the results are."""

    def __init__(self, folder: Path) -> None:
        self.source, self.handins, self.out = folder / "source", folder / "handins", folder / "out"
        self.outside = folder / "outside"


@pytest.fixture(scope="module")
def batch(tmp_path_factory) -> Batch:
    """Grade it once, also where tests run side by side."""
    from filelock import FileLock

    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    made = Batch(root / "grading-batch")
    with FileLock(root / "grading.lock"):
        if not made.source.exists():
            _grade_batch(made)
    return made


# A kernel takes a second: these, each much like another, are for benchmarks/grading.py.
BENCHMARK = {
    *("sys.exit in the answer", "prints many lines", "no checks", "another kernel", "many cells"),
    *("takes its errors back", "patches in place"),
}


def cases(made: Batch, port: int = 9) -> dict[str, hand_ins.Case]:
    every = hand_ins.bad(maker(made.source), made.outside, port)
    return {name: case for name, case in every.items() if name not in BENCHMARK}


def _grade_batch(made: Batch) -> None:
    hand_ins.small_assignment(made.source)
    made.outside.mkdir()
    (made.outside / "secret").write_text(SECRET)
    make = maker(made.source)
    good = make.first("")
    # For the names of files: nothing of it has to be run.
    other = hand_ins.dump(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Another notebook")]))
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        for name, case in cases(made, listener.getsockname()[1]).items():
            folder = made.handins / name
            folder.mkdir(parents=True)
            (folder / "powers.ipynb").write_bytes(case.content)
        (made.handins / "Ada Lovelace_12345_assignsubmission_file_").mkdir()
        files = {
            "alice_powers (1).ipynb": good,
            "alice_powers.ipynb": make.wrong(),
            "lovelaceada_LATE_123_456_powers-2.ipynb": other,
            "Ada Lovelace_12345_assignsubmission_file_/my homework (final).ipynb": other,
            f"{HTML_NAME}_powers.ipynb": make.wrong(),
            f"{FORMULA_NAME}_powers.ipynb": good,
            "Zoë 学生_powers.ipynb": other,
            "paul_powers.pdf": b"%PDF",
            "notes.txt": b"about the course",
            ".DS_Store": b"",
            "holiday.ipynb": b"{}",
            "blank.ipynb": b"\n" * 5_000_000,
            "class.zip": hand_ins.zip_of(
                {
                    "zipped/powers.ipynb": good,
                    "../../escaped_powers.ipynb": good,
                    "/absolute_powers.ipynb": good,
                    "carl.zip": hand_ins.zip_of({"powers.ipynb": other}),
                    "bomb_powers.ipynb": b" " * 100_000_000,
                    "long" + "_1" * 30_000 + "_powers.ipynb": good,
                    "__MACOSX/zipped/._powers.ipynb": b"junk",
                }
            ),
            "broken_powers.zip": b"PK\x03\x04 and no more",
        }
        for name, content in files.items():
            (made.handins / name).write_bytes(content)
        os.utime(made.handins / "alice_powers.ipynb", (1, 1))
        (made.handins / "linked_powers.ipynb").symlink_to(made.outside / "secret")
        before, running = set(Path("/tmp").glob("gdc-*")), processes()
        started = time.monotonic()
        done = run(made.handins, made.out, "--source", made.source, *LIMITS)
        (made.out / "seconds").write_text(str(time.monotonic() - started))
    (made.out / "said.json").write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    deadline = time.monotonic() + 20  # the kernel takes its time to bury the dead
    while time.monotonic() < deadline:
        left = [str(path) for path in set(Path("/tmp").glob("gdc-*")) - before]
        left += [line for line in processes() if line not in running]
        if not left:
            break
        time.sleep(0.2)
    (made.out / "left.json").write_text(json.dumps(left))


# What must come of the hand-ins beside those of `hand_ins.bad`: status, score, and part of the reason.
OTHERS = {
    "alice": ("graded", "5", ""),  # of two, the newer
    "lovelaceada_123": ("not graded", "", "none of the cells"),
    "Ada Lovelace_12345": ("not graded", "", "none of the cells"),
    HTML_NAME: ("graded", "3", ""),
    f"'{FORMULA_NAME}": ("graded", "5", ""),  # no spreadsheet takes it for a formula
    "Zoë 学生": ("not graded", "", "none of the cells"),
    "zipped": ("graded", "5", ""),
    "carl": ("not graded", "", "none of the cells"),
    "paul": ("not graded", "", "not a notebook"),
    "bomb": ("not graded", "", "larger than 20 MB unpacked"),
    "escaped": ("not graded", "", "out of the folder"),
    "absolute": ("not graded", "", "out of the folder"),
    "broken": ("not graded", "", "not a zip file"),
    "linked": ("not graded", "", "a link"),
    "holiday": ("not graded", "", "not a notebook"),
    "long_1": ("not graded", "", "more than 500 characters"),
    "blank": ("not graded", "", "empty"),
}


@needs_sandbox
def test_each_hand_in_gets_what_it_deserves(batch):
    got = table(batch.out)
    wrong = {}
    for name, case in cases(batch).items():
        line = got.pop(name)
        score = None if line["score"] == "" else float(line["score"])
        wanted = case.score if case.status == "graded" else None
        if line["status"] != case.status or score != wanted or not re.search(case.reason, line["reason"]):
            wrong[name] = line
    for name, (status, points, reason) in OTHERS.items():
        line = got.pop(name)
        if (line["status"], line["score"]) != (status, points) or reason not in line["reason"]:
            wrong[name] = line
    assert not wrong
    assert not got


@needs_sandbox
def test_it_says_who_was_not_graded_and_fails(batch):
    code, said, errors = json.loads((batch.out / "said.json").read_text())
    assert code == 1, errors
    for name, line in table(batch.out).items():
        told = f": {name.removeprefix(chr(39))}, powers: " in said
        assert told == (line["status"] != "graded"), name
    assert not errors


@needs_sandbox
def test_nothing_is_left_and_nothing_was_reached(batch):
    assert json.loads((batch.out / "left.json").read_text()) == []
    assert [path.name for path in batch.outside.iterdir()] == ["secret"]
    spied = json.loads((batch.out / "results" / "powers" / "spy.json").read_text())
    assert spied["questions"][1]["message"] == "reached: []"
    for path in batch.out.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert SECRET not in text, path
            assert hand_ins.SECRET not in text or "results" not in path.parts, path


@needs_sandbox
def test_a_hand_in_takes_bounded_time_and_memory(batch):
    results = driver.Store(batch.out / "results").all()
    assert max(result["seconds"] for result in results) < 30 + 10
    honest = [result for result in results if result["student"] in OTHERS and result["questions"]]
    assert 0 < max(result["memory"] for result in honest) < 300 * MB


@needs_sandbox
def test_feedback_is_for_students(batch):
    pages = {path.parent.name: path.read_text() for path in batch.out.glob("feedback/*/powers.html")}
    assert len(pages) == len(table(batch.out))
    for name, page in pages.items():
        assert "1764" not in page, name
        assert "HIDDEN" not in page, name
        assert "<script" not in page, name
        assert "<img" not in page, name
        assert len(page) < 20_000, name
    assert "Question 1 · The &lt;b&gt;square&lt;/b&gt;" in pages["alice"]
    assert "Score: <strong>5 of 5</strong>" in pages["alice"]
    assert "square(3): expected 9, got 0" in pages["another about the checks"]
    assert "repeats lines of the hidden tests" in pages["repeats hidden tests"]
    assert "&lt;script&gt;alert(1)" in pages["markup"]
    assert "The file is empty" in pages["empty"]
    # Who tampered is told by a person, not by a page.
    assert "close" not in pages["replaces a tool"]
    assert "your instructor will look at it" in pages["replaces a tool"]


@needs_sandbox
def test_the_summary_says_what_happened(batch):
    page = (batch.out / "summary.html").read_text()
    assert "<script" not in page
    assert "<img" not in page
    assert re.search(r"role='img' aria-label='Bar chart: number of students by score \(points\)\. .*5: \d+", page)
    assert page.index("Question 1 ·") < page.index("Question 2 ·")  # most missed it
    assert "alice_powers (1).ipynb" in page.partition("Older versions")[2]
    assert "notes.txt" in page.partition("Files left out")[2]
    assert ".DS_Store" not in page
    for name, line in table(batch.out).items():
        if line["status"] == "not graded":
            assert report.escape(name) in page, name


@pytest.fixture
def alone(tmp_path_factory):
    """One of these tests at a time: each keeps the machine busy."""
    from filelock import FileLock

    root = tmp_path_factory.getbasetemp()
    with FileLock((root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "grading.lock"):
        yield


@pytest.fixture
def small(tmp_path):
    """An assignment, and six hand-ins that are right."""
    hand_ins.small_assignment(tmp_path / "source")
    make = maker(tmp_path / "source")
    (tmp_path / "in").mkdir()
    for number in range(6):
        (tmp_path / "in" / f"s{number}_powers.ipynb").write_bytes(make.first(f"# {number}"))
    return tmp_path, make


def interrupt(command: list, after: int, results: Path, number: int) -> tuple[int, bytes]:
    """Send the command a signal once there are so many results; return its exit status, and what it said."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 300
        while len(list(results.glob("*.json"))) < after and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        _, errors = process.communicate(timeout=300)
    return process.returncode, errors


@needs_sandbox
def test_only_what_is_new_or_changed_is_graded(alone, small):
    """It is killed, interrupted, run to its end, and run again; nothing graded is lost."""
    folder, make = small
    arguments = folder / "in", folder / "out", "--source", folder / "source", *LIMITS
    command = [sys.executable, "-m", "gdcourse.grading", *map(str, arguments), "--jobs", "1"]
    results = folder / "out" / "results" / "powers"
    before = set(Path("/tmp").glob("gdc-*"))

    interrupt(command, 1, results, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while set(Path("/tmp").glob("gdc-*")) - before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert set(Path("/tmp").glob("gdc-*")) <= before  # nothing goes on behind its back
    killed = {path: path.read_bytes() for path in results.glob("*.json")}
    assert 1 <= len(killed) < 5

    code, said = interrupt(command, len(killed) + 1, results, signal.SIGINT)
    assert code == 130
    assert b"What was graded is kept" in said
    kept = {path: path.read_bytes() for path in results.glob("*.json")}
    assert killed.items() < kept.items()
    assert len(kept) < 6
    assert len(table(folder / "out")) == len(kept)

    (folder / "in" / "s0_powers.ipynb").write_bytes(b"{")
    (folder / "in" / "s1_powers.ipynb").unlink()  # what was graded stays
    (folder / "in" / "new_powers.ipynb").write_bytes(make.wrong())
    done = run(*arguments)
    assert done.returncode == 1
    assert f"{6 - len(kept) + 2} of them graded now: 6 have a score" in done.stdout, done.stdout
    assert {name: line["score"] for name, line in table(folder / "out").items()} == {
        **{f"s{number}": "5" for number in range(1, 6)},
        "s0": "",  # not 0, and not the old score
        "new": "3",
    }
    assert {path.name for path, content in kept.items() if path.read_bytes() != content} == {"s0.json"}
    (earlier,) = (results / "earlier").iterdir()
    assert json.loads(earlier.read_text())["questions"][1]["points"] == 2

    # A person settles it, and what they write stays. Nothing is graded: this is quick.
    manual = folder / "out" / "manual.csv"
    text = manual.read_text()
    assert text.splitlines()[1].startswith("powers,s0,total,,,")
    manual.write_text(text.replace("powers,s0,total,,,", "powers,s0,total,,4.5,by mail: "))
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 of them graded now: 7 have a score" in done.stdout
    assert table(folder / "out")["s0"]["score"] == "4.5"
    assert "4.5,by mail" in manual.read_text()
    first = (folder / "out" / "gradebook.csv").read_bytes()
    assert "0 of them graded now" in run(*arguments).stdout
    assert (folder / "out" / "gradebook.csv").read_bytes() == first


@needs_sandbox
@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_grades_each_once_though_a_worker_is_killed(alone, small):
    from distributed import LocalCluster

    folder, make = small
    for number in range(3, 6):
        (folder / "in" / f"s{number}_powers.ipynb").unlink()
    (folder / "in" / "bad_powers.ipynb").write_bytes(make.first("import os; os._exit(1)"))
    os.environ["PYTHONPATH"] = str(ROOT)  # for the workers
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        command = [sys.executable, "-m", "gdcourse.grading", folder / "in", folder / "out", "--source"]
        command += [folder / "source", "--scheduler", cluster.scheduler_address, *LIMITS]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            results = folder / "out" / "results" / "powers"
            deadline = time.monotonic() + 300
            while not list(results.glob("*.json")) and time.monotonic() < deadline:
                time.sleep(0.05)
            victim = next(iter(cluster.workers.values()))
            os.kill(victim.process.process.pid, signal.SIGKILL)
            output, errors = process.communicate(timeout=600)
    assert process.returncode == 1, errors
    assert "4 hand-ins, 4 of them graded now: 3 have a score" in output, output
    got = table(folder / "out")
    scores = {"s0": "5", "s1": "5", "s2": "5", "bad": ""}
    assert {name: line["score"] for name, line in got.items()} == scores
    assert not (results / "earlier").exists()  # no result replaced another


# Each replaces something that the checks of the real assignments rely on, and what the guard calls it.
TAMPERING = {
    "ex.question = lambda number: lambda check: check": "question of gdcourse.exercises",
    "ex.compare = lambda *args, **more: None": "compare of gdcourse.exercises",
    "ex.compare.__code__ = (lambda *args, **more: None).__code__": "compare of gdcourse.exercises",
    "ex.compare.__kwdefaults__['tolerance'] = 1e9": "compare of gdcourse.exercises",
    "ex._compare_values = lambda *args: None": "_compare_values of gdcourse.exercises",
    "ex.isinstance = lambda *args: True": "isinstance of gdcourse.exercises",
    "ex.forbid.__wrapped__.__code__ = (lambda *args, **more: (yield)).__code__": "forbid of gdcourse.exercises",
    "ex._refusing = lambda refused: ex.contextlib.nullcontext()": "_refusing of gdcourse.exercises",
    "import types; ex = types.SimpleNamespace(**vars(ex))": "ex",
    "import sys; sys.modules['gdcourse.exercises'] = ex = type(ex)('gdcourse.exercises')": "ex",
    "import types; ex.compare = types.FunctionType(ex.compare.__code__, {}, 'c')": "compare of gdcourse.exercises",
    "from unittest import mock; mock.patch.object = print": "object of patch of unittest.mock",
    "import numpy; numpy.isclose = lambda *args, **more: numpy.bool_(True)": "isclose of numpy",
    "import numpy; numpy.isclose._implementation.__code__ = (lambda a, b, *rest: True).__code__": "isclose of numpy",
    "torch.allclose = torch.equal = lambda *args, **more: True": "allclose of torch, equal of torch",
    "torch.Tensor.numpy = lambda self: 0": "numpy of torch.Tensor",
    "class M(torch.overrides.TorchFunctionMode): pass\nM().__enter__()": "M over all of torch",
    "def abs(x): return 0": "the built-in function abs",
    # What is none.
    "import numpy; numpy.errstate(all='ignore').__enter__(); torch.set_default_dtype(torch.float64)": "",
    "torch.manual_seed(0); torch.func.grad(torch.sum)(torch.ones(2)); torch.set_default_device('cpu')": "",
    "with ex.forbid('torch.nn.*Loss', 'torch.autograd.*', 'numpy.linalg.inv', 'torch.optim.*'): pass": "",
    "import matplotlib.pyplot as plt; plt.switch_backend('agg'); plt.plot([1]); plt.close()": "",
}
NOTICE = """
import json, os, sys
from gdcourse.grading._guard import Guard
space = {"__name__": "__main__"}
exec("import torch; from gdcourse import exercises as ex", space)
aliases = {"ex": ("gdcourse", "exercises"), "torch": ("torch", "")}
guard = Guard(space, ["gdcourse", "gdcourse.exercises", "torch"], aliases, ["abs"], object())
for code in json.load(sys.stdin):
    if os.fork() == 0:
        exec(code, space)
        print(json.dumps([code, guard.changes()]), flush=True)
        os._exit(0)
    os.wait()
"""


def test_only_what_nothing_depends_on_is_not_run():
    shown = "with ex.once_answered():\n    w = fit()\n    print([step for step in w])"
    known = [shown, "step = 1", "def check():\n    w = 2\n    return w", "X = load()\ncheck()"]

    def idle(*sources):
        nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        found = notebook.idle(nb, known)
        return [number for number, cell in enumerate(nb.cells) if cell.id in found]

    assert idle(*known) == [0]
    assert idle(*known, "def answer(w):\n    return [w for _ in w]") == [0]
    assert idle(shown + "  # mine", *known[1:]) == []
    for reads in "print(w)", "def answer():\n    return w", "w = 1", "%timeit w", "class A:\n    b = lambda self: w":
        assert idle(*known, reads) == [], reads
    assert idle(shown, shown) == [0, 1]
    assert notebook.idle(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(w)")]), ["print(w)"]) == set()


def test_what_the_guard_notices():
    command = [sys.executable, "-W", "ignore", "-c", NOTICE]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=json.dumps(list(TAMPERING)), env=env, capture_output=True, text=True)
    assert dict(map(json.loads, done.stdout.splitlines())) == TAMPERING, done.stderr


@needs_sandbox
def test_the_real_assignment(alone, tmp_path):
    """Hand-ins with torch, for the assignment of this repository: an honest one, and one that tampers."""
    name = "logistic-regression"
    (tmp_path / "in" / "ada" / name).mkdir(parents=True)
    # With this, torch replaces a function of its own, which is not tampering.
    own = "def gradient(w, b, X, y):\n    return torch.func.grad(lambda w, b: log_loss(X @ w + b, y), (0, 1))(w, b)"
    source = nbformat.read(ROOT / "exercises" / "source" / name / f"{name}.ipynb", as_version=4)
    make = hand_ins.Maker(source, name, "log_loss", (2, 2, 1, 1, 2, 1), "ex.compare")
    (tmp_path / "in" / "ada" / name / f"{name}.ipynb").write_bytes(hand_ins.dump(make.notebook(q2=own, q7="A line.")))
    early = "import gdcourse.exercises as early\nearly.compare = lambda *args, **more: None"
    late = (
        "import numpy, types\nex.question.__code__ = (lambda number: lambda check: check).__code__\n"
        "torch.allclose = lambda *args: True\nnumpy.isclose = lambda *args, **more: numpy.bool_(True)\n"
        "ex = types.SimpleNamespace(**vars(ex))\n\ndef log_loss(z, y):\n    return z.sum()"
    )
    wrong = make.changed(lambda nb: nb.cells.insert(0, nbformat.v4.new_code_cell(early)), q1=late)
    (tmp_path / "in" / f"eve_{name}.ipynb").write_bytes(wrong)
    done = run(tmp_path / "in", tmp_path / "out", "--assignment", name)
    got = table(tmp_path / "out")
    assert (got["ada"]["status"], got["ada"]["score"], got["ada"]["reason"]) == ("to grade by hand", "", ""), (
        done.stdout
    )
    points = [got["ada"][f"q{number}-check"] for number in range(1, 7)]
    assert (points, got["ada"]["q7"]) == (["2", "2", "1", "1", "2", "1"], "")
    assert got["eve"]["status"] == "flagged"
    told = "allclose of torch, compare of gdcourse.exercises, ex, isclose of numpy, question of gdcourse.exercises"
    assert told in got["eve"]["reason"]
    results = driver.Store(tmp_path / "out" / "results").all()
    assert results[0]["memory"] < 700 * MB
    # A person reads the last answer.
    manual = tmp_path / "out" / "manual.csv"
    line = f"{name},ada,q7,1.0,"
    assert f"{line},\n" in manual.read_text()
    manual.write_text(manual.read_text().replace(f"{line},\n", f"{line}0.5,\n"))
    made = {row.result["student"]: row for row in report.write_all(tmp_path / "out", results, [], [])}
    assert (made["ada"].status, made["ada"].score, made["eve"].score) == ("by hand", 9.5, None)


def test_without_a_sandbox_it_refuses(small, monkeypatch, capsys):
    folder, _ = small
    monkeypatch.setenv("PATH", "/nowhere")
    arguments = [str(folder / "in"), str(folder / "out"), "--source", str(folder / "source")]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "no sandbox: the program `bwrap` is missing" in said or "Linux only" in said
    assert "--unsandboxed" in said
    assert not (folder / "out").exists()


def test_without_a_sandbox_by_choice(alone, small):
    folder, make = small
    for number in range(1, 6):
        (folder / "in" / f"s{number}_powers.ipynb").unlink()
    daemon = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(987)'], "
    (folder / "in" / "leaves_powers.ipynb").write_bytes(make.first(daemon + "start_new_session=True)"))
    done = run(folder / "in", folder / "out", "--source", folder / "source", "--unsandboxed", *LIMITS)
    assert done.returncode == 0, done.stdout
    assert "Each hand-in runs with your rights" in done.stderr
    assert {line["score"] for line in table(folder / "out").values()} == {"5"}
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(b"time.sleep(987)" in line for line in running)


@pytest.mark.parametrize(
    ("path", "student", "name"),
    [
        ("alice_log-loss (1).ipynb", "alice", "log-loss"),
        ("alice_log_loss.ipynb", "alice", "log-loss"),
        ("log-loss_alice.ipynb", "alice", "log-loss"),
        ("Log-Loss - Alice Miller.ipynb", "Alice Miller", "log-loss"),
        ("alice/log-loss/log-loss.ipynb", "alice", "log-loss"),
        ("alice/log-loss.ipynb", "alice", "log-loss"),
        ("log-loss/alice.ipynb", "alice", "log-loss"),
        ("log-loss/ada_lovelace.ipynb", "ada_lovelace", "log-loss"),
        ("log-loss/alice/solution final.ipynb", "alice", "log-loss"),
        ("log-loss-2/alice.ipynb", "alice", "log-loss-2"),
        ("alice_log-loss-2.ipynb", "alice", "log-loss-2"),
        ("alice_log-loss-Copy1.ipynb", "alice", "log-loss"),
        ("submissions/alice_log-loss.ipynb", "alice", "log-loss"),
        ("Ada Lovelace_1815_assignsubmission_file_/log-loss.ipynb", "Ada Lovelace_1815", "log-loss"),
        ("Ada Lovelace_1815_assignsubmission_file/final.ipynb", "Ada Lovelace_1815", "log-loss"),
        ("lovelaceada_1815_20_log-loss-1.ipynb", "lovelaceada_1815", "log-loss"),
        ("lovelaceada_LATE_1815_20_log-loss.ipynb", "lovelaceada_1815", "log-loss"),
        ("alice_ex2 (1).ipynb", "alice", "log-loss"),  # by its content
        ("log-loss.ipynb", "", "log-loss"),
    ],
)
def test_names_of_learning_platforms(path, student, name):
    ids = {"log-loss": frozenset({"q1", "q2"}), "log-loss-2": frozenset({"p1", "p2"})}
    found = collect._Found(path, 0.0, b'"grade_id": "q1"')
    assert collect._attribute(found, ids)[:2] == (student, name)


def test_a_hand_in_is_known_by_its_content_where_its_name_says_nothing(tmp_path):
    """All assignments have a q1; and what is for another assignment than the one that is graded is not for it."""
    release, source = ROOT / "exercises" / "release", ROOT / "exercises" / "source"
    known = assignment.names(source)
    (tmp_path / "in").mkdir()
    for number, name in enumerate(known):
        notebook = nbformat.read(release / name / f"{name}.ipynb", as_version=4)
        for cell in notebook.cells:  # it was run, and answered
            if cell.cell_type == "code":
                cell.outputs = [nbformat.v4.new_output("stream", text="a line of output that is not in the release")]
            cell.source = cell.source.replace('raise NotImplementedError("write your code', 'return 0  # ("')
        (tmp_path / "in" / f"s{number}_hw {number} (1).ipynb").write_bytes(hand_ins.dump(notebook))
        copy = tmp_path / "in" / f"t{number}" / name / f"{name}.ipynb"
        copy.parent.mkdir(parents=True)
        copy.write_bytes(b"{}")
    found = collect.collect(tmp_path / "in", source, known)
    assert not found.unknown
    assert {(one.student[0], one.assignment) for one in found.hand_ins} == {(who, n) for who in "st" for n in known}
    only = collect.collect(tmp_path / "in", source, known[2:3])
    assert {one.assignment for one in only.hand_ins} == {known[2]}
    assert len(only.hand_ins) == 2
    assert not only.unknown
    assert len(only.left_out) == 2 * len(known) - 2


def test_several_notebooks_of_no_name_are_several_students(tmp_path):
    hand_ins.small_assignment(tmp_path / "source")
    (tmp_path / "in" / "week 3").mkdir(parents=True)
    for name in "ada_ex2.ipynb", "bob_ex2 (1).ipynb":
        (tmp_path / "in" / "week 3" / name).write_bytes(b"{}")
    found = collect.collect(tmp_path / "in", tmp_path / "source", ["powers"])
    assert [one.student for one in found.hand_ins] == ["ada", "bob"]


def test_a_pattern_says_whose(tmp_path):
    hand_ins.small_assignment(tmp_path / "source")
    (tmp_path / "in" / "group 7").mkdir(parents=True)
    (tmp_path / "in" / "group 7" / "x-99-powers.ipynb").write_bytes(b"{}")
    (tmp_path / "in" / "powers.ipynb").write_bytes(b"{}")
    found = collect.collect(tmp_path / "in", tmp_path / "source", ["powers"], r"x-(?P<student>\d+)-(?P<assignment>\w+)")
    assert [(one.student, one.assignment) for one in found.hand_ins] == [("99", "powers")]
    assert found.unknown == [("powers.ipynb", "Its path does not match the pattern")]
    for pattern, says in (("(", "no.* regular expression|not a regular"), ("x", "needs a group")):
        with pytest.raises(ValueError, match=says):
            collect.collect(tmp_path / "in", tmp_path / "source", ["powers"], pattern)


@pytest.mark.parametrize(
    "student", ["../../etc/passwd", "a/b\\c", ".hidden", "..", "con:", "x" * 300, "Zoë 学生", "a\0b"]
)
def test_no_name_of_a_student_leads_anywhere(tmp_path, student):
    store = driver.Store(tmp_path / "results")
    path = store.path("powers", student)
    assert path.parent == tmp_path / "results" / "powers"
    assert len(path.name.encode()) <= 120
    store.put({"assignment": "powers", "student": student, "key": "k", "status": "graded"})
    assert path.exists()
    assert store.get("powers", student)["student"] == student


def result(student: str, *points: float | None, status: str = "graded", message: str = "") -> dict:
    questions = [
        {"id": f"q{n}", "title": f"Question {n}", "max": 4.0, "points": p, "message": message, "manual": p is None}
        for n, p in enumerate(points)
    ]
    more = {"reason": "", "file": f"{student}.ipynb", "key": student, "older": [], "seconds": 1.0, "memory": 1}
    return {"assignment": "words", "student": student, "status": status, "questions": questions, **more}


def test_a_person_gives_points(tmp_path):
    results = [
        result("a", 4.0, None),
        result("b", 0.0, None),
        result("-c", 2.0, 2.0),
        result("d", 4.0, 4.0, status="flagged"),
    ]
    made = report.write_all(tmp_path, results, [], [])
    assert [row.status for row in made] == ["to grade by hand", "to grade by hand", "graded", "flagged"]
    assert [row.score for row in made] == [None, None, 4.0, None]
    manual = tmp_path / "manual.csv"
    lines = manual.read_text().splitlines()
    assert lines == [
        "assignment,student,question,max,points,note",
        "words,a,q1,4.0,,",
        "words,b,q1,4.0,,",
        "words,d,total,8.0,,",
    ]
    # A spreadsheet in another language writes semicolons and commas.
    text = manual.read_text().replace(",", ";").replace("words;a;q1;4.0;;", "words;a;q1;4,0;3,5;well said")
    manual.write_text(text, encoding="utf-8-sig")
    made = report.write_all(tmp_path, [*results, result("e", None)], [], [])
    assert [row.score for row in made] == [7.5, None, 4.0, None, None]
    assert manual.read_text(encoding="utf-8-sig").startswith(text)
    assert "words;e;q0;4.0;;" in manual.read_text()
    assert "'-c" in (tmp_path / "gradebook.csv").read_text()
    manual.write_text("assignment,student,question,points\nwords,a,q1,many\n")
    with pytest.raises(ValueError, match=r"line 2: 'many' are no points"):
        report.write_all(tmp_path, results, [], [])


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    driver.write(tmp_path / "a", "old")
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        driver.write(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"


def test_what_a_score_depends_on(tmp_path):
    hand_ins.small_assignment(tmp_path / "source")
    digest = assignment.digest(tmp_path / "source", "powers")
    one = collect.HandIn("a", "powers", "a.ipynb", b"1")
    other = collect.HandIn("a", "powers", "a.ipynb", b"2")
    keys = {
        driver.key(h, d, l, s)
        for h in (one, other)
        for d in (digest, "x")
        for l in (Limits(), Limits(cell=1))
        for s in (True, False)
    }
    assert len(keys) == 16
    (tmp_path / "source" / "powers" / "data.csv").write_text("1,2")
    assert assignment.digest(tmp_path / "source", "powers") != digest


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere", "out"], "there is no folder nowhere"),
        ([".", "out", "--source", "nowhere"], "there is no folder nowhere"),
        ([".", "out", "--assignment", "ex99"], "has no assignment ex99: it has .*logistic-regression"),
        ([".", "out", "--jobs", "0"], "--jobs must be at least 1, got 0"),
        ([".", "./out"], "must not lie in each other"),
    ],
)
def test_errors_of_the_command_line(arguments, says, capsys):
    assert main(arguments) == 2
    assert re.search(says, capsys.readouterr().err)


def test_the_package_does_not_import_the_grading():
    code = "import sys, gdcourse; print([name for name in sys.modules if 'grading' in name or 'nbgrader' in name])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
