# make book      the book as HTML in _build/html, from the stored outputs (nothing is executed)
# make test      every check that CI makes
# make serve     the built book on http://localhost:8000 (PORT=…)
# make pdf       the whole book as _build/gdcourse.pdf, printed by Chromium from the pages (some four minutes)
# make lite      the book, with a button that runs a chapter in the reader's browser; to read it: make serve.
#                Python for the browser is fetched from its public host, or with PYODIDE_DIR=folder hosted with the book
# make notebooks execute the notebooks whose code changed, and normalise all
# make exercise-check NOTEBOOK=…  which questions of an assignment pass
# make release   the students' exercises, exercises/release, from exercises/source
# make grade     a folder of hand-ins: make grade HANDINS=… OUT=… (ARGS="--jobs 4 …")
# make links     the links that leave the book, and the pages they stand on
# make contact-sheet  a picture of every page, on a laptop and a phone, light and dark (PAGES="book/index …")
# make lint      ruff and mypy;  make format  lets ruff rewrite the code
# make lock      requirements.txt and binder/requirements.txt from pyproject.toml (UPGRADE=--upgrade for newer versions)
# make clean     removes what was built; the environment .venv stays
#
# The first of them makes the environment: Python 3.11 or newer, in .venv, at the versions of requirements.txt.
# PYTHON chooses the interpreter: make book PYTHON=python3.12

PYTHON ?= python3
PORT ?= 8000
UPGRADE ?=

BIN := .venv/bin
INSTALLED := .venv/.installed
NOTEBOOKS := $(wildcard book exercises/source)
step = @printf '\n== %s\n' "$(1)"

# The tests run side by side already: threads of the linear algebra library would only get in each other's way.
export OMP_NUM_THREADS ?= 1

.PHONY: book pdf lite test serve links contact-sheet notebooks release exercise-check grade lint format lock clean
.PHONY: test-lint test-workflows test-notebooks test-python test-nbval

book: $(INSTALLED)
	$(call step,book: HTML with warnings as errors)
	@# Sphinx warns of a page only when it reads it: after a failure every page must be read again.
	@$(BIN)/python tools/build_book.py -q -W --keep-going >/dev/null || { rm -rf _build/.doctrees; exit 1; }
	@$(BIN)/python tools/check_book.py
	@echo "Open file://$(CURDIR)/_build/html/index.html"

pdf: book
	$(call step,pdf: every page printed)
	@$(BIN)/python tools/pdf.py

# First the site, so that the book knows that its chapters get a button.
lite: $(INSTALLED)
	$(call step,lite: the chapters that run in a browser)
	@$(BIN)/python tools/lite.py $(if $(PYODIDE_DIR),--pyodide "$(PYODIDE_DIR)")
	@$(MAKE) --no-print-directory book

# In this order, so that what is quick fails first. The browser tests need the book.
test: test-lint test-workflows test-notebooks book test-python test-nbval
	@printf '\nAll checks passed.\n'

test-lint: $(INSTALLED)
	$(call step,ruff: lint)
	@$(BIN)/ruff check
	$(call step,ruff: format)
	@$(BIN)/ruff format --check
	$(call step,spelling)
	@$(BIN)/codespell
	$(call step,mypy)
	@$(BIN)/mypy

test-workflows: $(INSTALLED)
	$(call step,GitHub workflows)
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

test-notebooks: $(INSTALLED)
	$(call step,notebooks: executed and normalised)
	@$(BIN)/python tools/notebooks.py check

test-python: $(INSTALLED)
	$(call step,pytest)
	@$(BIN)/python -m pytest -n auto

test-nbval: $(INSTALLED)
	$(call step,nbval: every notebook gives its stored outputs)
	@$(BIN)/python -m pytest $(NOTEBOOKS) --nbval --nbval-current-env --nbval-cell-timeout=120 \
		--nbval-sanitize-with=tests/nbval_sanitize.cfg -n auto --dist=loadfile

lint: test-lint

format: $(INSTALLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

notebooks: $(INSTALLED)
	$(BIN)/python tools/notebooks.py run

release: $(INSTALLED)
	$(BIN)/python tools/exercises.py release

exercise-check: $(INSTALLED)
	@$(BIN)/python -m gdcourse.exercises "$(NOTEBOOK)"

grade: $(INSTALLED)
	@test -n "$(HANDINS)" -a -n "$(OUT)" || { echo "Say where: make grade HANDINS=folder OUT=folder" >&2; exit 2; }
	@$(BIN)/python -m gdcourse.grading "$(HANDINS)" "$(OUT)" $(ARGS)

serve: $(INSTALLED)
	@test -f _build/html/index.html || { echo "There is no book yet: run 'make book' first." >&2; exit 1; }
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

links: $(INSTALLED)
	@$(BIN)/python tools/check_book.py --external

contact-sheet: $(INSTALLED)
	@$(BIN)/python tools/contact_sheet.py $(PAGES)

$(INSTALLED): requirements.txt pyproject.toml
	$(call step,environment in .venv (the first time this takes some minutes))
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, and $(PYTHON) is " + sys.version.split()[0] + ": try make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

# The resolver, uv, lives in an environment of its own for as long as it is needed.
lock: UV = $(LOCK_VENV)/bin/uv pip compile pyproject.toml --python-version 3.11 --no-annotate --quiet \
	--custom-compile-command "make lock"
lock: LOCK_VENV := _build/lock-venv
lock:
	$(PYTHON) -m venv $(LOCK_VENV)
	$(LOCK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(UV) $(UPGRADE) --all-extras --universal --fork-strategy fewest -o requirements.txt
	@# Binder: what running needs, at the same versions; torch in its CPU build, from PyTorch's own index.
	$(UV) --extra run --python-platform linux --constraint requirements.txt -o $(LOCK_VENV)/binder.txt
	{ echo "# Made by \`make lock\` from requirements.txt."; \
		echo "--extra-index-url https://download.pytorch.org/whl/cpu"; \
		sed -e '/^#/d' -e 's/^torch==.*/&+cpu/' $(LOCK_VENV)/binder.txt; } > binder/requirements.txt
	rm -r $(LOCK_VENV)

clean:
	rm -rf _build build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
