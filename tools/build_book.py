"""Build the book in _build/html: `jupyter-book build`, without two costs that the book has no use for."""

import gc
import sys

# jsonschema would compile a grammar of web addresses at each start, for seconds; it does without where there is none.
sys.modules["rfc3987_syntax"] = None
# The documents are large trees that live to the end: looking for garbage among them takes longer than all else.
gc.disable()

from jupyter_book.cli.main import main  # noqa: E402

if __name__ == "__main__":
    main(["build", ".", *sys.argv[1:]])
