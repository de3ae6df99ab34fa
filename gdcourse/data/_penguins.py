"""The Palmer penguins."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Penguins:
    """The Palmer penguins: n = 342 adult birds with all four measurements. Arrays of shape (n,), read-only.

    Attributes
    ----------
    bill_length, bill_depth, flipper_length : array of floats
        In millimetres.
    body_mass : array of floats
        In grams.
    species : array of strings
        ``'Adelie'`` (151 birds), ``'Chinstrap'`` (68) or ``'Gentoo'`` (123).
    """

    bill_length: np.ndarray
    bill_depth: np.ndarray
    flipper_length: np.ndarray
    body_mass: np.ndarray
    species: np.ndarray

    def __len__(self) -> int:
        return len(self.species)

    def __repr__(self) -> str:
        return f"Penguins(n={len(self)})"


@cache
def penguins() -> Penguins:
    """Return the Palmer penguins: sizes of 342 adult Adelie, Chinstrap and Gentoo penguins.

    The two birds of the source's 344 that have no measurements are left out. The data are in the public domain (CC0).

    Returns
    -------
    Penguins
        The same read-only arrays at every call; ``.copy()`` one to change it.

    References
    ----------
    Gorman, Williams & Fraser (2014), *Ecological sexual dimorphism and environmental variability within a community of
    Antarctic penguins (genus Pygoscelis)*, PLoS ONE 9(3): e90081. Horst, Hill & Gorman (2020), *palmerpenguins*.
    """
    text = files(__package__).joinpath("penguins.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))

    def column(name: str, kind: type = float) -> np.ndarray:
        values = np.array([kind(row[name]) for row in rows])
        values.flags.writeable = False
        return values

    return Penguins(
        bill_length=column("bill_length_mm"),
        bill_depth=column("bill_depth_mm"),
        flipper_length=column("flipper_length_mm"),
        body_mass=column("body_mass_g"),
        species=column("species", str),
    )
