"""What the scripts of ``benchmarks/`` have measured, for the chapters that draw it."""

from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
ADDRESS = "https://raw.githubusercontent.com/gdcourse/gdcourse/HEAD/benchmarks/results"


def benchmark(name: str) -> np.ndarray[Any, Any]:
    """Return a table of ``benchmarks/results``: what took too long to be computed in a chapter.

    Where the package is installed without its repository, as in Colab, the file is fetched from the repository's
    address.

    Parameters
    ----------
    name : str
        Of the file, without ``.csv``; ``benchmarks/`` has the script that made it, and says how.

    Returns
    -------
    structured array, shape (rows,)
        With a field for each column: ``benchmark("mlp")["train_loss"]``.

    Raises
    ------
    FileNotFoundError
        If there is no such table.
    """
    if RESULTS.is_dir():
        path = RESULTS / f"{name}.csv"
        if not path.is_file():
            known = ", ".join(sorted(file.stem for file in RESULTS.glob("*.csv")))
            raise FileNotFoundError(f"name must be one of {known}; got {name!r}")
        text = path.read_text(encoding="utf-8")
    else:
        from urllib.request import urlopen  # takes as long as a third of NumPy: `import gdcourse` shall not wait for it

        with urlopen(f"{ADDRESS}/{name}.csv", timeout=30) as answer:
            text = answer.read().decode()
    return np.genfromtxt(text.splitlines(), delimiter=",", names=True, dtype=None, encoding="utf-8")
