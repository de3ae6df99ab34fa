"""The Sphinx extension: script and style on the pages that hold an explorer, and on no other."""

import subprocess
import sys
from pathlib import Path

from explorer_support import himmelblau

EXTENSIONS = Path(__file__).parents[1] / "book" / "_ext"


def test_pages_with_an_explorer_get_its_script_and_others_do_not(tmp_path):
    path = f"import sys\nsys.path.insert(0, {str(EXTENSIONS)!r})\n"
    (tmp_path / "conf.py").write_text(f"{path}extensions = ['gd_explorer']\n")
    (tmp_path / "index.rst").write_text("Without\n=======\n\n.. toctree::\n\n   sub/with\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "with.rst").write_text(f"With\n====\n\n.. raw:: html\n\n   {himmelblau().to_html()}\n")
    out = tmp_path / "out"
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(tmp_path), str(out)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    page = (out / "sub" / "with.html").read_text()
    assert '<script defer="defer" src="../_static/gdcourse/explorer.js' in page
    assert 'href="../_static/gdcourse/explorer.css' in page
    assert "gdcourse/explorer.js" not in (out / "index.html").read_text()
    assert (out / "_static" / "gdcourse" / "explorer.js").stat().st_size > 10_000
