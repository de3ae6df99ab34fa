"""Make the site on which chapters run in the reader's browser: `make lite`.

JupyterLite is JupyterLab as static files, and Pyodide is CPython, NumPy, SciPy and matplotlib for the browser. Into
_build/html/lite go the chapters that run there (book/_ext/gd_lite.py lists them, and gives them a launch button), a
wheel of the package, and wheels of all that the two need and Pyodide may not have.

PyTorch does not run in a browser. Most chapters use it in a cell or two, as the reference that a rule is held against:
in their copies these lines are comments.

Pyodide itself comes from its public host, or, with --pyodide FOLDER, from the site: of an unpacked Pyodide distribution
the parts that chapters use are copied, and then no other host is asked for anything.
"""

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from check_book import HTML, ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

sys.path.append(str(ROOT / "book" / "_ext"))

from book_repository import site_address
from gd_lite import CHAPTERS

OUT = HTML / "lite"
SHARE = Path(sys.prefix) / "share" / "jupyter" / "labextensions"
EXTENSIONS = ("@jupyterlite/pyodide-kernel-extension", "@jupyter-widgets/jupyterlab-manager", "anywidget")
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"

# What a chapter and its kernel import, and what of it is compiled and so comes with Pyodide.
NEEDED = ("gdcourse", "ipywidgets", "comm", "ipython", "jedi", "pyparsing", "cycler", "fonttools", "python-dateutil")
COMPILED = {"numpy", "matplotlib", "scipy", "contourpy", "kiwisolver", "pillow"}
CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "package.json")
BROWSER = {
    "sys_platform": "emscripten",
    "platform_system": "Emscripten",
    "os_name": "posix",
    "platform_machine": "wasm32",
    "python_version": "3.14",
    "python_full_version": "3.14.0",
    "extra": "",
}

TORCH_MODULES = {"counting", "distributed", "models", "overview", "torch_optimizer", "training"}  # of the package
NOTE = "# PyTorch does not run in a browser. On a machine that has it:"
SET_UP = "# The package comes with this site.\n%pip install --quiet gdcourse"


def in_order(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the names in some code in the order of running, each with whether it is bound there."""
    if isinstance(node, ast.arg):
        yield node.arg, True
    elif isinstance(node, ast.Name):
        yield node.id, isinstance(node.ctx, ast.Store)
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, False
    for _, part in sorted(ast.iter_fields(node), key=lambda field: field[0] not in ("generators", "iter", "value")):
        for child in part if isinstance(part, list) else [part]:
            if isinstance(child, ast.AST):
                yield from in_order(child)
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
        yield node.value.id, True  # half of it will be missing


def without_torch(source: str, lost: set[str]) -> str:
    """Return a cell's code with the statements that need torch as comments; ``lost`` collects the names they bind."""
    lines = source.splitlines()
    said = False
    for statement in ast.parse(source).body:
        names = list(in_order(statement))
        first = dict(reversed(names))
        uses = {name for name in lost & first.keys() if not first[name]}
        bound = {name for name, binds in names if binds}
        if imports := isinstance(statement, ast.Import | ast.ImportFrom):
            bound = {alias.asname or alias.name.split(".")[0] for alias in statement.names}
            module = getattr(statement, "module", None)
            paths = [f"{module}.{alias.name}" if module else alias.name for alias in statement.names]
            uses = {"torch", *TORCH_MODULES} & {path.removeprefix("gdcourse.").split(".")[0] for path in paths}
        elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
            bound = {statement.name}
        if not uses:
            lost -= bound
            continue
        lost |= bound
        begin = statement.lineno - 1
        for i in range(begin, statement.end_lineno):
            lines[i] = "" if imports else f"# {lines[i]}".rstrip()
        if not imports and not said:
            lines[begin] = f"{NOTE}\n{lines[begin]}"
            said = True
    return "\n".join(lines)


def for_browser(page: str, site: str) -> nbformat.NotebookNode:
    """Return a chapter as it runs in a browser."""
    notebook = nbformat.read(ROOT / f"{page}.ipynb", as_version=4)
    lost: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = mend_links(cell.source, page, site)
        elif "%pip" in cell.source:
            cell.source, cell.outputs = SET_UP, []
        elif cell.cell_type == "code":
            cell.source = without_torch(cell.source, lost)
    notebook.metadata["kernelspec"] = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}
    return notebook


def mend_links(text: str, page: str, site: str, chapters: Collection[str] = CHAPTERS) -> str:
    """Let links to pages that are not on the site lead to the published book."""

    def mend(match: re.Match) -> str:
        name = os.path.normpath(Path(page).parent / match[1])
        return match[0] if name in chapters else f"]({site}/{name}.html{match[2] or ''})"

    return re.sub(r"\]\((?!\w+:|#)([^)#\s]+)\.(?:ipynb|md)(#[^)\s]*)?\)", mend, text)


def requirements(roots: Iterable[str]) -> set[str]:
    """Return the distributions that these need in a browser, and they themselves, less what is compiled."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found or name in COMPILED:
            continue
        try:
            needed = [Requirement(line) for line in requires(name) or ()]
        except PackageNotFoundError:  # needed in a browser alone
            continue
        found.add(name)
        waiting += [r.name for r in needed if not r.marker or r.marker.evaluate(BROWSER)]
    return found


def fetch_wheels(folder: Path) -> None:
    """Put wheels of the package and of what it and the kernel need into a folder; keep those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wanted = {name: distribution(name).version for name in requirements(NEEDED) - {"gdcourse"}}
    for wheel in folder.glob("*.whl"):
        name, version = parse_wheel_filename(wheel.name)[:2]
        if wanted.get(name) == str(version):
            del wanted[name]
        else:
            wheel.unlink()
    if wanted:
        pure = ["--only-binary=:all:", "--platform=any", "--abi=none", "--implementation=py", "--python-version=3.14"]
        names = [f"{name}=={version}" for name, version in sorted(wanted.items())]
        subprocess.run([*pip, "download", "--no-deps", "--dest", folder, *pure, *names], check=True)
    with TemporaryDirectory() as clean:  # setuptools would leave a build folder in the repository
        shutil.copytree(ROOT / "gdcourse", Path(clean) / "gdcourse")
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, clean)
        subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, clean], check=True)


def copy_pyodide(source: Path, target: Path) -> None:
    """Copy what chapters use of a Pyodide distribution; what is not there comes from the site's own wheels."""
    lock = json.loads((source / "pyodide-lock.json").read_text(encoding="utf-8"))
    packages, kept = lock["packages"], {}
    waiting = ["micropip", *COMPILED, *requirements(NEEDED)]
    while waiting:
        name = waiting.pop()
        if name in packages and name not in kept and (source / packages[name]["file_name"]).is_file():
            kept[name] = packages[name]
            waiting += packages[name]["depends"]
    if absent := sorted({"micropip", "numpy", "matplotlib"} - kept.keys()):
        sys.exit(f"{source} is no full Pyodide distribution: {', '.join(absent)} are not in it")
    target.mkdir(parents=True, exist_ok=True)
    (target / "pyodide-lock.json").write_text(json.dumps(lock | {"packages": kept}), encoding="utf-8")
    for name in [*CORE, *(package["file_name"] for package in kept.values())]:
        shutil.copy(source / name, target)


def make(pyodide: Path | None, site: str, out: Path = OUT) -> None:
    """Make the site."""
    cache = ROOT / "_build" / "lite"
    fetch_wheels(cache / "wheels")
    for folder in (out, cache / "contents"):
        shutil.rmtree(folder, ignore_errors=True)
    for page in CHAPTERS:
        path = cache / "contents" / f"{page}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        # With each text in one piece: JupyterLite trips over the lists of lines that nbformat writes.
        path.write_text(json.dumps(for_browser(page, site), ensure_ascii=False), encoding="utf-8")
    # One app, for one document with one toolbar: what a reader of a chapter wants.
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", str(cache), "--output-dir", str(out)]
    command += ["--contents", str(cache / "contents"), "--piplite-wheels", str(cache / "wheels"), "--apps", "notebooks"]
    command += ["--ignore-sys-prefix", "all", "--no-sourcemaps"]
    command += [f"--LiteBuildConfig.federated_extensions={SHARE / name}" for name in EXTENSIONS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cache)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    settings = json.loads((out / "jupyter-lite.json").read_text(encoding="utf-8"))
    data = settings["jupyter-config-data"]
    data["exposeAppInBrowser"] = True  # so that a test can look into it
    if pyodide:
        copy_pyodide(pyodide, out / "pyodide")
        kernel = data.setdefault("litePluginSettings", {}).setdefault(KERNEL, {})
        kernel |= {"pyodideUrl": "./pyodide/pyodide.mjs", "disablePyPIFallback": True}
    (out / "jupyter-lite.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")


def main() -> None:
    """Make the site."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pyodide", type=Path, help="folder of a Pyodide distribution; else its public host is asked")
    options = parser.parse_args()
    if options.pyodide and not (options.pyodide / "pyodide-lock.json").is_file():
        sys.exit(f"{options.pyodide} holds no pyodide-lock.json: it is no Pyodide distribution")
    make(options.pyodide, site_address(ROOT))
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    print(f"{OUT}: {len(CHAPTERS)} chapters, {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
