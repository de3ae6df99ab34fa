"""Build the book in _build/html: `jupyter-book build`, without three costs that the book has no use for."""

import functools
import gc
import sys

import pybtex.plugin

# jsonschema would compile a grammar of web addresses at each start, for seconds; it does without where there is none.
sys.modules["rfc3987_syntax"] = None
# The documents are large trees that live to the end: looking for garbage among them takes longer than all else.
gc.disable()
# For each citation the bibliography would search all that is installed for its plugins.
pybtex.plugin._load_entry_point = functools.cache(pybtex.plugin._load_entry_point)

from jupyter_book.cli.main import main  # noqa: E402

if __name__ == "__main__":
    main(["build", ".", *sys.argv[1:]])
