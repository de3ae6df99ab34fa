"""Build the students' release of the graded exercises from the instructors' source, with nbgrader.

    python tools/exercises.py release
    python tools/exercises.py check

`release` rewrites `exercises/release`: solutions and hidden tests are cut out, and everything that nbgrader
makes up anew at each build (the cells' ids) is made stable, so that building twice gives the same bytes.
`check` fails where `exercises/release` is not what `release` would write. Neither leaves a gradebook behind.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbgrader.apps import NbGraderAPI
from notebooks import normalise, to_text
from traitlets.config import Config, PyFileConfigLoader

EXERCISES = Path(__file__).resolve().parents[1] / "exercises"
SOURCE = EXERCISES / "source"
RELEASE = EXERCISES / "release"


def assignments() -> list[str]:
    return sorted(folder.name for folder in SOURCE.iterdir() if any(folder.glob("*.ipynb")))


def open_course(root: Path) -> NbGraderAPI:
    """Copy the course into `root`, and return nbgrader there: with our settings, and a new gradebook."""
    shutil.copytree(SOURCE, root / "source", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(EXERCISES)).load_config())
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
    # nbgrader calls `alembic` by name, and it need not be on the PATH of whoever calls us.
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = programs + os.pathsep + os.environ.get("PATH", "")
    return NbGraderAPI(config=config)


def succeed(result: dict) -> None:
    """Raise where nbgrader says that it failed: its functions return instead."""
    if not result["success"]:
        raise RuntimeError(f"{result.get('error', '')}\n{result.get('log', '')}".strip())


def build(course: NbGraderAPI) -> dict[Path, bytes]:
    """Have nbgrader make every release; return the files of `exercises/release`, by their paths in it."""
    for name in assignments():
        succeed(course.generate_assignment(name))
    made = Path(course.coursedir.root) / "release"
    return {path.relative_to(made): stable(path) for path in sorted(made.rglob("*")) if path.is_file()}


def stable(path: Path) -> bytes:
    if path.suffix != ".ipynb":
        return path.read_bytes()
    built = nbformat.read(path, as_version=4)
    built.metadata.pop("gdcourse", None)  # it says that the source was executed; the release was not
    nb = normalise(built)
    for cell, made in zip(nb.cells, built.cells, strict=True):
        # nbgrader locks the checks with these two.
        cell.metadata.update({key: made.metadata[key] for key in ("deletable", "editable") if key in made.metadata})
        if cell.cell_type == "code" and made.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata.tags = ["hide-input"]  # as a page of the book, an assignment shows checks folded
    return to_text(nb).encode()


def committed() -> dict[Path, bytes]:
    files = (path for path in RELEASE.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts)
    return {path.relative_to(RELEASE): path.read_bytes() for path in sorted(files)}


def differing(new: dict[Path, bytes]) -> list[Path]:
    old = committed()
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["release", "check"])
    verb = parser.parse_args(argv).verb
    with tempfile.TemporaryDirectory() as folder:
        new = build(open_course(Path(folder).resolve()))
    changed = differing(new)
    if verb == "check":
        for path in changed:
            print(f"exercises/release/{path} is out of date (python tools/exercises.py release)", file=sys.stderr)
        return 1 if changed else 0
    for path in changed:
        if path in new:
            (RELEASE / path).parent.mkdir(parents=True, exist_ok=True)
            (RELEASE / path).write_bytes(new[path])
        else:
            (RELEASE / path).unlink()
    print(f"{len(new)} files in exercises/release, {len(changed)} of them changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
