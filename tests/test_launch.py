"""Where the buttons of the built pages lead: Binder, Colab, the download, and the copy that runs in the browser."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from check_book import HTML, ROOT, toc_pages

sys.path.append(str(ROOT / "book" / "_ext"))

import gd_lite

pytestmark = pytest.mark.pipeline
NOTEBOOKS = [page for page in toc_pages(ROOT) if (ROOT / f"{page}.ipynb").exists()]


def addresses(page: str) -> list[str]:
    built = HTML / f"{page}.html"
    if not built.exists():
        pytest.fail(f"{built} is missing: run `make book` first")
    buttons = re.findall(r'<a href="([^"]*)"[^>]*\bdropdown-item"', built.read_text(encoding="utf-8"))
    return [button.replace("&amp;", "&") for button in buttons]


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_buttons_of_a_notebook_lead_to_it(page: str) -> None:
    found = addresses(page)
    for pattern in (
        rf"https://mybinder\.org/v2/gh/[^/]+/[^/?]+/[^?]+\?urlpath=lab/tree/{page}\.ipynb",
        rf"https://colab\.research\.google\.com/github/[^/]+/[^/]+/blob/.+/{page}\.ipynb",
    ):
        assert sum(bool(re.fullmatch(pattern, address)) for address in found) == 1, pattern
    (download,) = [address for address in found if "_sources/" in address]
    source = (HTML / f"{page}.html").parent / download
    assert source.resolve() == (HTML / "_sources" / f"{page}.ipynb").resolve()
    assert json.loads(source.read_text(encoding="utf-8"))["cells"]


def test_only_chapters_that_run_in_the_browser_say_so_and_only_where_their_site_is() -> None:
    site = (HTML / "lite" / "jupyter-lite.json").exists()
    for page in toc_pages(ROOT):
        found = [address for address in addresses(page) if "lite/" in address]
        assert len(found) == (site and page in gd_lite.CHAPTERS), page
        for address in found:
            path, _, query = address.partition("?path=")
            assert ((HTML / f"{page}.html").parent / path).is_file()
            assert (HTML / "lite" / "files" / query).is_file()
            assert query == f"{page}.ipynb"


def test_chapters_are_pages_and_none_is_about_pytorch() -> None:
    assert set(gd_lite.CHAPTERS) <= set(NOTEBOOKS)
    assert not [page for page in gd_lite.CHAPTERS if page.startswith("book/pytorch/")]


@pytest.mark.parametrize("site", [True, False])
def test_button_comes_and_goes_with_the_site(tmp_path: Path, site: bool) -> None:
    if site:
        (tmp_path / "lite").mkdir()
        (tmp_path / "lite" / "jupyter-lite.json").touch()
    app = SimpleNamespace(outdir=tmp_path, config=SimpleNamespace())
    gd_lite.look(app, app.config)
    group = {"label": "launch-buttons", "buttons": []}
    context = {"header_buttons": [group], "pathto": lambda name, resource: f"../../{name}"}
    gd_lite.add_button(app, "book/pytorch/autograd", "", context, None)
    assert group["buttons"] == []
    gd_lite.add_button(app, "book/optimizers/adam", "", context, None)
    wanted = ["../../lite/notebooks/index.html?path=book/optimizers/adam.ipynb"]
    assert [button["url"] for button in group["buttons"]] == wanted * site
