"""Small data sets, shipped in the package or made from a seed, and the standardising of their columns."""

from gdcourse.data._digits import Digits, digits
from gdcourse.data._penguins import Penguins, penguins
from gdcourse.data._standardise import Standardised, standardise
from gdcourse.data._synthetic import blobs, two_moons

__all__ = ["Digits", "Penguins", "Standardised", "blobs", "digits", "penguins", "standardise", "two_moons"]
