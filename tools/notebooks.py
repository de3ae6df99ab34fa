"""Execute the notebooks whose code changed, keep them normalised, and check that they are.

    python tools/notebooks.py run [--force] [--jobs N] [PATH ...]
    python tools/notebooks.py check [PATH ...]

A notebook is committed with its outputs. The hash of its code is stored beside them (metadata
`gdcourse.executed`), and only `run` writes that hash: it is how the repository knows that the outputs
came from one run, from top to bottom, of exactly this code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("book", "exercises/source")
CELL_TIMEOUT = 120  # seconds
MAX_BYTES = 1_000_000
MIN_ALT = 20  # characters
CELL_METADATA = ("tags", "mystnb", "nbgrader")
WIDGET = "application/vnd.jupyter.widget-view+json"

# What differs from machine to machine, or from run to run, and so may not stand in an output.
FORBIDDEN_TEXT = {
    "a path of this machine": re.compile(
        r"/home/|/root/|/Users/|/tmp/|[A-Z]:\\Users|\.venv\b|site-packages|ipykernel_?\d*[/.]"
    ),
    "a memory address": re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
}
DATA_URI = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s]+")


def find(paths: Sequence[Path] = ()) -> list[Path]:
    """List the notebooks in these files and folders; by default those of the book and the exercises."""
    found: set[Path] = set()
    for path in paths or [ROOT / folder for folder in FOLDERS]:
        found |= {path} if path.suffix == ".ipynb" else set(path.rglob("*.ipynb"))
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def to_text(nb: NotebookNode) -> str:
    return nbformat.v4.writes(nb) + "\n"


def write(nb: NotebookNode, path: Path) -> None:
    """Write only what changed, and never half a file."""
    text = to_text(nb)
    if path.read_text(encoding="utf-8") == text:
        return
    temporary = path.with_suffix(".ipynb.tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)


def code_hash(nb: NotebookNode) -> str:
    sources = [cell.source for cell in nb.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def is_executed(nb: NotebookNode) -> bool:
    return nb.metadata.get("gdcourse", {}).get("executed") == code_hash(nb)


def normalise(nb: NotebookNode) -> NotebookNode:
    """Return the notebook with everything dropped that is not content, in the one form we commit."""
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    if "gdcourse" in nb.metadata:
        metadata["gdcourse"] = nb.metadata["gdcourse"]
    cells = []
    seen: Counter[str] = Counter()
    for old in nb.cells:
        cell = {"cell_type": old.cell_type, "id": _cell_id(old, seen), "source": old.source}
        cell["metadata"] = {key: old.metadata[key] for key in CELL_METADATA if old.metadata.get(key)}
        if old.get("attachments"):
            cell["attachments"] = old.attachments
        if old.cell_type == "code":
            cell["execution_count"] = None
            cell["outputs"] = _normalise_outputs(old.outputs)
        cells.append(cell)
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _cell_id(cell: NotebookNode, seen: Counter[str]) -> str:
    """Name a cell by its content, so that ids are stable and a new cell changes no other's id."""
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    if not name or not re.fullmatch(r"[\w-]{1,60}", name, re.ASCII):
        name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def _normalise_outputs(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for old in outputs:
        output = nbformat.from_dict(old)
        if "execution_count" in output:
            output.execution_count = None
        if "data" in output:
            # A stored widget view has no model behind it.
            output.data.pop(WIDGET, None)
            if not output.data:
                continue
        if kept and output.output_type == "stream" == kept[-1].output_type and output.name == kept[-1].name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def execute(nb: NotebookNode, folder: Path) -> None:
    """Run a notebook from top to bottom in a fresh kernel; the outputs and the hash of the code go into it."""
    client = NotebookClient(
        nb,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        store_widget_state=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # not a line about transport security for each kernel
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    nb.metadata["gdcourse"] = {"executed": code_hash(nb)}


def refresh(path: Path, force: bool) -> tuple[bool, str]:
    """Bring one notebook up to date; return whether it was executed, and the error that kept its file as it was."""
    try:
        nb = read(path)
        stale = force or not is_executed(nb)
        if stale:
            execute(nb, path.parent)
        write(normalise(nb), path)
    except CellExecutionError as error:
        return True, str(error)
    except Exception as error:  # as text, because not every exception can travel between processes
        return True, f"{type(error).__name__}: {error}"
    return stale, ""


def problems(path: Path) -> list[str]:
    """Say everything that keeps this notebook from being committed."""
    try:
        nb = read(path)
        nbformat.validate(nb)
    except Exception as error:
        return [f"not a valid notebook: {error}"]
    found = []
    if not is_executed(nb):
        found.append("not executed since its code changed (make notebooks)")
    if path.read_text(encoding="utf-8") != to_text(normalise(nb)):
        found.append("not normalised (make notebooks)")
    if path.stat().st_size > MAX_BYTES:
        found.append(f"{path.stat().st_size:,} bytes, more than {MAX_BYTES:,}")
    for number, cell in enumerate(nb.cells):
        if cell.cell_type == "code":
            found += [f"cell {number}: {problem}" for problem in _cell_problems(cell)]
    return found


def _cell_problems(cell: NotebookNode) -> Iterable[str]:
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"error output {output.ename}: {output.evalue}"
        elif output.get("name") == "stderr":
            yield f"text on stderr: {output.text.strip()[:80]!r}"
        for text in _texts(output):
            for what, pattern in FORBIDDEN_TEXT.items():
                if match := pattern.search(DATA_URI.sub("", text)):
                    yield f"{what} in an output: {match.group()!r}"
    images = [mime for output in cell.outputs for mime in output.get("data", {}) if mime.startswith("image/")]
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    if images and len(alt.strip()) < MIN_ALT:
        yield f"an image without alt text (cell metadata mystnb.image.alt, at least {MIN_ALT} characters)"


def _texts(output: NotebookNode) -> Iterable[str]:
    yield output.get("text", "")
    for mime, data in output.get("data", {}).items():
        if not mime.startswith("image/") or mime == "image/svg+xml":
            yield data if isinstance(data, str) else json.dumps(data)


def check(paths: Sequence[Path]) -> bool:
    """Print the problems of each notebook; return whether there were none."""
    clean = True
    for path in paths:
        for problem in problems(path):
            clean = False
            print(f"{_shown(path)}: {problem}", file=sys.stderr)
    return clean


def run(paths: Sequence[Path], *, force: bool, jobs: int) -> bool:
    """Execute what changed, normalise the rest, and check all; return whether everything is well."""
    executed, failed = 0, set()
    with ProcessPoolExecutor(max_workers=min(jobs, len(paths))) as pool:
        futures = {pool.submit(refresh, path, force): path for path in paths}
        for future in tqdm(as_completed(futures), total=len(futures), unit="notebook"):
            was_executed, error = future.result()
            executed += was_executed
            if error:
                failed.add(futures[future])
                tqdm.write(f"{_shown(futures[future])}: {error}", file=sys.stderr)
    print(f"{executed} of {len(paths)} notebooks executed, {len(failed)} failed")
    return check([path for path in paths if path not in failed]) and not failed


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb_run = verbs.add_parser("run", help="execute notebooks whose code changed, normalise all, then check")
    verb_run.add_argument("--force", action="store_true", help="execute unchanged notebooks too")
    verb_run.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="notebooks at once (default: cores)")
    verb_check = verbs.add_parser("check", help="fail, with reasons, where a notebook may not be committed")
    for verb in (verb_run, verb_check):
        verb.add_argument("paths", nargs="*", type=Path, help=f"notebooks or folders (default: {', '.join(FOLDERS)})")
    args = parser.parse_args(argv)
    paths = find(args.paths)
    if not paths:
        print("no notebook found", file=sys.stderr)
        return 1
    well = run(paths, force=args.force, jobs=args.jobs) if args.verb == "run" else check(paths)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
