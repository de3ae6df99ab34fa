"""Small data sets, shipped or made from a seed, the standardising of their columns, and tables that were measured."""

from gdcourse.data._benchmark import benchmark
from gdcourse.data._digits import Digits, digits
from gdcourse.data._penguins import Penguins, penguins
from gdcourse.data._standardise import Standardised, standardise
from gdcourse.data._synthetic import blobs, two_moons

__all__ = ["Digits", "Penguins", "Standardised", "benchmark", "blobs", "digits", "penguins", "standardise", "two_moons"]
