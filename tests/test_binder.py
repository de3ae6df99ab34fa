"""The lock and the Binder image: complete, of one mind, and readable for repo2docker."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.pipeline
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: str) -> dict[str, str]:
    lines = (ROOT / path).read_text().splitlines()
    parsed = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    assert all(len(pin.specifier) == 1 and str(pin.specifier).startswith("==") for pin in parsed), path
    return {canonical(pin.name): str(pin.specifier).removeprefix("==") for pin in parsed}


LOCK = pins("requirements.txt")
BINDER = pins("binder/requirements.txt")


@pytest.mark.parametrize("wanted", [*PROJECT["dependencies"], *(name for extra in EXTRAS.values() for name in extra)])
def test_lock_holds_what_pyproject_asks_for(wanted: str) -> None:
    requirement = Requirement(wanted)
    locked = LOCK.get(canonical(requirement.name))
    assert locked, f"{wanted} is not in requirements.txt: run `make lock`"
    assert locked in requirement.specifier, f"requirements.txt has {locked}: run `make lock`"


def test_binder_installs_what_running_needs_at_the_locked_versions() -> None:
    locked = LOCK | {"torch": f"{LOCK['torch']}+cpu"}
    differing = {name: version for name, version in BINDER.items() if locked.get(name) != version}
    assert not differing, "binder/requirements.txt differs from requirements.txt: run `make lock`"
    wanted = {canonical(Requirement(name).name) for name in [*PROJECT["dependencies"], *EXTRAS["run"]]}
    assert wanted <= BINDER.keys()


def test_binder_image_stays_small() -> None:
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in (ROOT / "binder/requirements.txt").read_text()
    heavy = [name for name in BINDER if name.startswith(("nvidia", "cuda", "triton"))]
    others = {canonical(Requirement(name).name) for extra in ("book", "test") for name in EXTRAS[extra]}
    assert not heavy
    assert not others & BINDER.keys(), "building and testing the book is not Binder's work"


def test_repo2docker_reads_the_folder() -> None:
    """Without Docker it still parses everything and prints the Dockerfile that it would build."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    assert "Building conda environment for python=3.11" in printed
    assert 'pip install --no-cache-dir -r "binder/requirements.txt"' in printed
    assert "RUN ./binder/postBuild" in printed
