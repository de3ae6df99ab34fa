"""The command line: ``python -m gdcourse.grading --help``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gdcourse.grading import assignment, collect, driver, report, sandbox
from gdcourse.grading.sandbox import MB, Limits

EPILOG = """
OUT gets gradebook.csv, summary.html, feedback/<student>/<assignment>.html, and results/, which is what a later run
goes by: only new and changed hand-ins are graded. It can be interrupted at any time. In OUT/manual.csv a person gives
points, for questions that need one or in place of a score; what is written there stays.

The exit status is 0 if every hand-in has a score, 1 if not, 2 if nothing could be done, 130 after Ctrl-C.
"""

RISK = """WARNING: without a sandbox. Each hand-in runs with your rights: it can read your files, the hidden tests
and other hand-ins, change and delete what you can, and use the network. Do this in a container or a virtual machine
that holds nothing else."""


def main(argv: Sequence[str] | None = None) -> int:
    """Grade a folder of hand-ins.

    Parameters
    ----------
    argv
        The arguments; those of the process, if None.

    Returns
    -------
    int
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m gdcourse.grading",
        description="Grade a folder of hand-ins: notebooks, folders and zip files as a learning platform gives them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("handins", type=Path, metavar="HANDINS", help="the folder of hand-ins, which is only read")
    add("out", type=Path, metavar="OUT", help="the folder for what is made")
    add("--source", type=Path, help="the instructors' assignments (default: exercises/source)")
    add("--assignment", action="append", metavar="NAME", help="grade only this one (may be repeated)")
    add("--pattern", metavar="REGEX", help="finds (?P<student>…) and (?P<assignment>…) in the path of a notebook")
    add("--jobs", type=int, help="hand-ins at a time (default: the number of cores)")
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster whose workers do it, such as tcp://10.0.0.1:8786")
    add("--cell-timeout", type=int, default=60, metavar="S", help="seconds for one cell (default: 60)")
    add("--time-limit", type=int, default=180, metavar="S", help="seconds for a whole hand-in (default: 180)")
    add("--memory", type=int, default=2048, metavar="MB", help="for all processes of a hand-in (default: 2048)")
    add("--retry", action="store_true", help="grade again those that could not be graded")
    add("--unsandboxed", action="store_true", help="run hand-ins with your own rights, where there is no sandbox")
    options = parser.parse_args(argv)
    try:
        return run(options)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"gdcourse.grading: {error}", file=sys.stderr)
        return 2


def run(options: argparse.Namespace) -> int:
    """Do what the options say; see `main`."""
    for name in "cell_timeout", "time_limit", "memory", "jobs":
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {value}")
    if not options.handins.is_dir():
        raise ValueError(f"there is no folder {options.handins}")
    source = _source(options.source)
    known = assignment.names(source)
    wanted = options.assignment or known
    if not known or not set(wanted) <= set(known):
        unknown = ", ".join(sorted(set(wanted) - set(known))) or "any"
        raise ValueError(f"{source} has no assignment {unknown}: it has {', '.join(known) or 'none'}")
    out = options.out.resolve()
    if options.handins.resolve().is_relative_to(out) or out.is_relative_to(options.handins.resolve()):
        raise ValueError("HANDINS and OUT must not lie in each other")
    sandboxed = not options.unsandboxed
    if not sandboxed:
        print(RISK, file=sys.stderr)
    elif not options.scheduler and (why := sandbox.why_not()):
        raise ValueError(
            f"no sandbox: {why}. Hand-ins are other people's programs, and nothing is graded without one. Grade on a "
            "Linux machine that has it, or, in a machine that holds nothing else, with --unsandboxed."
        )
    report.read_manual(out / report.MANUAL)  # a slip in it is better known before than after
    limits = Limits(cell=options.cell_timeout, wall=options.time_limit, memory=options.memory * MB)

    collection = collect.collect(options.handins, source, wanted, options.pattern)
    digests = {name: assignment.digest(source, name) for name in wanted}
    keys = {
        (one.assignment, one.student): driver.key(one, digests[one.assignment], limits, sandboxed)
        for one in collection.hand_ins
    }
    store = driver.Store(out / "results")
    todo = []
    for one in collection.hand_ins:
        before = store.get(one.assignment, one.student)
        if (
            before is None
            or before.get("key") != keys[one.assignment, one.student]
            or before.get("status") == "failed"
            or (options.retry and before.get("status") == "not graded")
        ):
            todo.append(one)
    interrupted = _grade(options, collection, todo, keys, source, limits, store)
    made = report.write_all(out, store.all(), collection.unknown, collection.left_out)
    _tell(made, collection, len(todo), out)
    if interrupted:
        print("Interrupted. What was graded is kept: run the same command again for the rest.", file=sys.stderr)
        return 130
    return 0 if all(row.done for row in made) and not collection.unknown else 1


def _source(given: Path | None) -> Path:
    beside = Path(__file__).resolve().parents[2] / "exercises" / "source"
    choices = [given] if given is not None else [Path("exercises/source"), beside]
    for choice in choices:
        if choice.is_dir():
            return choice.resolve()
    raise ValueError(f"there is no folder {choices[0]}: say with --source where the assignments are")


def _grade(
    options: argparse.Namespace,
    collection: collect.Collection,
    todo: list[collect.HandIn],
    keys: dict[tuple[str, str], str],
    source: Path,
    limits: Limits,
    store: driver.Store,
) -> bool:
    """Grade, with a bar; return whether it was interrupted."""
    from tqdm import tqdm

    if not todo:
        return False

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    backend: Any = None
    try:
        jobs = min(options.jobs or _cores(), len(todo))
        local = driver.Local(1 if options.scheduler else jobs)
        backend = local
        needed = sorted({one.assignment for one in todo if not one.problem})
        ready = {name: local.server.prepare(source, name).result() for name in needed}
        if options.scheduler:
            local.close()
            backend = driver.Dask(options.scheduler)
        total = len(collection.hand_ins)
        with tqdm(total=total, initial=total - len(todo), unit="hand-in", desc="Grading", disable=None) as bar:
            graded = driver.grade(todo, ready, keys, backend, limits, sandboxed=not options.unsandboxed, keep=store.put)
            for result in graded:
                bar.set_postfix_str(f"{result['student'][:20]}: {result['status']}")
                bar.update()
        return False
    except KeyboardInterrupt:
        return True
    finally:
        signal.signal(signal.SIGTERM, before)
        if backend is not None:
            backend.close()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tell(made: list[report.Row], collection: collect.Collection, graded: int, out: Path) -> None:
    done = sum(row.done for row in made)
    print(f"{len(made)} hand-ins, {graded} of them graded now: {done} have a score.")
    for row in made:
        if not row.done:
            reason = " ".join(str(row.result["reason"]).split())[:200]
            print(f"  {row.status}: {row.result['student']}, {row.result['assignment']}: {reason}")
    for file, why in collection.unknown:
        print(f"  not attributed: {file}: {why}")
    print(f"{out / 'gradebook.csv'}\n{out / 'summary.html'}")


if __name__ == "__main__":
    sys.exit(main())
