"""A runner's first minute: JupyterLab from the locked environment opens a chapter and runs it to the end."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import chromium, run_notebook

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.pipeline
START = 180  # seconds; a busy machine needs most of them
RUN = 300

# The state of each code cell of the open notebook: [has it run, the names of its errors].
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.model.type === "code" && cell.model.sharedModel.source.trim())
  .map(cell => [cell.model.executionCount !== null,
                cell.model.outputs.toJSON().filter(o => o.output_type === "error").map(o => `${o.ename}: ${o.evalue}`)])
"""


def chapter() -> Path:
    preferred = ROOT / "book" / "optimizers" / "momentum.ipynb"
    found = sorted(path for path in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
    if not found:
        pytest.skip("there is no chapter in book/ yet")
    return preferred if preferred in found else found[0]


@contextmanager
def jupyterlab(folder: Path, private: Path) -> Iterator[str]:
    """Start a server that knows nothing of this user's own settings; yield the address of its page for a file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        environ[f"JUPYTER_{name}"] = str(private / name)
    environ |= {"JUPYTERLAB_SETTINGS_DIR": str(private / "settings"), "IPYTHONDIR": str(private / "ipython")}
    environ |= {"JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += [
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",
    ]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with (private / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START
        while True:
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).close()
                break
            except OSError:
                said = (private / "log").read_text()
                assert server.poll() is None, f"JupyterLab ended:\n{said}"
                assert time.monotonic() < deadline, f"JupyterLab did not answer within {START} s:\n{said}"
                time.sleep(0.2)
        yield f"{address}/lab/tree/{{}}?token={token}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_a_chapter_runs_to_the_end_in_jupyterlab(tmp_path: Path) -> None:
    notebook = chapter()
    book = tmp_path / "book"
    shutil.copytree(ROOT / "book", book, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    private = tmp_path / "private"
    private.mkdir()
    wanted = sum(
        cell["cell_type"] == "code" and bool("".join(cell["source"]).strip())
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    )
    with chromium() as browser, jupyterlab(book, private) as address:
        page = browser.new_page()
        page.set_default_timeout(START * 1000)
        page.goto(address.format(notebook.relative_to(ROOT / "book").as_posix()))
        page.locator(".jp-NotebookPanel .jp-Notebook").wait_for()
        page.wait_for_function(f"({CELLS})().length === {wanted}")
        cells = run_notebook(page, CELLS, RUN)
    assert [errors for _, errors in cells if errors] == []
    assert all(run for run, _ in cells)
