"""The live path: a notebook in JupyterLab, a real mouse in a real browser, a real kernel."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from explorer_support import browser  # noqa: F401
from jupyter_client import BlockingKernelClient

import gdcourse as gd

CODE = """import gdcourse as gd

rules = [gd.GradientDescent(lr=0.01), gd.Adam(lr=0.3)]
w = gd.Explorer("Himmelblau", rules, start=(-0.5, -1.0), steps=100)
w"""


def notebook(path: Path, *cells: str) -> None:
    """Write a notebook with these code cells, none of them run yet."""
    made = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "execution_count": None, "outputs": [], "source": text}
        for i, text in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": made}))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of its own, with nothing of the user's settings; gives its address and its folder."""
    folder = tmp_path_factory.mktemp("lab")
    notebook(folder / "live.ipynb", CODE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    env["PYTHONPATH"] = str(Path(gd.__file__).parents[1])  # the kernel imports the package under test
    options = [
        "--no-browser",
        "--allow-root",
        "--IdentityProvider.token=",
        "--ip=127.0.0.1",
        f"--port={port}",
        f"--ServerApp.root_dir={folder}",
    ]
    quiet = ["--LabApp.news_url=None", "--LabApp.expose_app_in_browser=True"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, *quiet], env=env, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{url}/api/status", timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        else:
            pytest.fail(f"JupyterLab did not start:\n{(folder / 'log').read_text()}")
        yield url, folder
    finally:
        server.terminate()
        server.wait(30)


def run_all(page: Any) -> None:
    """Run the open notebook once its kernel is there."""
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=120_000)
    page.evaluate("async () => await window.jupyterapp.shell.currentWidget.sessionContext.ready")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")


def kernel_of(url: str, folder: Path) -> BlockingKernelClient:
    """Connect to the kernel that the notebook runs in."""
    with urllib.request.urlopen(f"{url}/api/kernels") as answer:
        kernels = json.load(answer)
    client = BlockingKernelClient(connection_file=str(folder / "runtime" / f"kernel-{kernels[0]['id']}.json"))
    client.load_connection_file()
    client.start_channels()
    return client


def ask(client: BlockingKernelClient, code: str, expression: str = "None") -> Any:
    """Run code in the kernel; return the value of an expression after it, by way of JSON."""
    reply = client.execute_interactive(
        code,
        user_expressions={"it": f"__import__('json').dumps({expression})"},
        output_hook=lambda message: None,
        timeout=60,
    )
    assert reply["content"]["status"] == "ok", reply["content"]
    result = reply["content"]["user_expressions"]["it"]
    assert result["status"] == "ok", result
    return json.loads(result["data"]["text/plain"].strip("'"))


def wait_until(true: Any, what: str) -> None:
    for _ in range(100):
        if true():
            return
        time.sleep(0.1)
    pytest.fail(what)


def test_the_reader_and_python_move_the_same_start(lab, browser):  # noqa: F811
    url, folder = lab
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{url}/lab/tree/live.ipynb?reset")
    run_all(page)
    ball = page.locator(".gd-ball")
    ball.wait_for(timeout=120_000)
    page.wait_for_timeout(500)
    client = kernel_of(url, folder)

    # The mouse drags the ball; Python's w.start follows, and so do its trajectories.
    assert ask(client, "", "list(w.start)") == [-0.5, -1.0]
    box = ball.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y - 30, steps=8)
    page.mouse.up()
    wait_until(lambda: ask(client, "", "list(w.start)") != [-0.5, -1.0], "w.start did not follow the mouse")
    page.wait_for_timeout(500)
    start = ask(client, "", "list(w.start)")
    assert start[0] > -0.4
    assert start[1] > -0.9
    assert float(ball.get_attribute("aria-valuenow")) == start[0]
    assert ask(client, "", "w.trajectories[0].theta[0].tolist()") == start

    # Python moves it; the picture follows.
    before = ball.bounding_box()
    ask(client, "w.start = (2.0, -3.0)")
    wait_until(lambda: ball.get_attribute("aria-valuenow") == "2", "the picture did not follow w.start")
    after = ball.bounding_box()
    assert after["x"] > before["x"] + 20
    assert after["y"] > before["y"] + 20
    assert ask(client, "", "list(w.start)") == [2.0, -3.0]

    # Rules and their hyperparameters make the round trip as instances of the package's classes.
    number = page.locator(".gd-rate input[type=text]")
    number.fill("0.015")
    number.press("Enter")
    wait_until(lambda: ask(client, "", "w.optimizers[0].lr") == 0.015, "w.optimizers did not follow the number typed")
    assert ask(client, "", "[type(rule).__name__ for rule in w.optimizers]") == ["GradientDescent", "Adam"]
    ask(client, "w.optimizers = [gd.Momentum(lr=0.01, beta=0.5)]; w.surface = gd.objectives.Beale(); w.steps = 50")
    page.locator(".gd-choose b", has_text="Momentum").wait_for()
    wait_until(
        lambda: page.locator(".gd-bar select").first.input_value() == "Beale", "the picture did not follow w.surface"
    )
    assert page.locator(".gd-choose").count() == 1
    assert page.locator(".gd-step").inner_text() == "step 50 / 50"

    # The reader chooses another surface: Python has an objective of that class, with rates and a start to suit.
    page.locator(".gd-bar select").first.select_option("Rosenbrock")
    wait_until(lambda: ask(client, "", "type(w.surface).__name__") == "Rosenbrock", "w.surface did not follow")
    assert ask(client, "", "w.trajectories[0].diverged") is False
    client.stop_channels()
    page.close()
