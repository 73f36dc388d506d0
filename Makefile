# Two commands do all the set-up: `make book` and `make test`.
# README.md gives the same commands for people without make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HTML := _build/html
PORT ?= 8000
UV_VERSION := 0.13.9
# What requirements.txt holds: everything a reader, CI and `make bench` need.
EXTRAS := --extra data --extra fast --extra cluster --extra bench --extra dev
# Python keeps what it compiles, also where the surroundings say otherwise: every notebook and many
# tests start processes, and to compile the packages takes each of them five seconds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: book site serve test quick lab exercises bench lock clean
.DEFAULT_GOAL := book

# One environment for everything; uv installs in seconds what pip installs in minutes.
$(VENV)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, found " + sys.version.split()[0] + "; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	@# JupyterLab opens Markdown pages as notebooks; the setting stays inside this environment.
	JUPYTER_CONFIG_DIR=$(VENV)/etc/jupyter $(BIN)/jupytext-config set-default-viewer markdown
	touch $@

# The site, executed offline on the embedded sample data; a warning is an error.
book: $(VENV)/.ready
	$(BIN)/jupyter-book build . -W -n --keep-going
	@echo "The book is in $(HTML)/index.html. To read it: make serve"

# The same with the real heart, downloaded once and verified.
site: $(VENV)/.ready
	DATA_HELPERS_OFFLINE=0 DATA_HELPERS_SOURCE=real $(BIN)/jupyter-book build . -W -n --keep-going
	@echo "The book is in $(HTML)/index.html. To read it: make serve"

serve:
	@test -f $(HTML)/index.html || { echo "no site yet: run make book first"; exit 1; }
	@echo "http://127.0.0.1:$(PORT)/   (stop with Ctrl-C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(HTML) $(PORT) 2>/dev/null || \
		{ echo "port $(PORT) cannot be used, or the server was stopped; try another: make serve PORT=8001"; exit 1; }

# Everything: style, types, tests with doctests and coverage, a clean build of the book, the browser tests.
# Three workers for two cores, since some tests wait.
test: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	rm -rf _build
	$(BIN)/jupyter-book build . -W -n --keep-going --quiet
	$(BIN)/pytest -n 3 --dist loadgroup --cov --cov-report=term-missing:skip-covered --durations=15

# For every commit: style, types, and the tests that are neither slow nor need a browser.
quick: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	HYPOTHESIS_PROFILE=quick $(BIN)/pytest -n 2 -m "not slow and not web" --no-header -q

# JupyterLab: chapters and exercises (Markdown) open as notebooks.
lab: $(VENV)/.ready
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --notebook-dir=.

# The exercise notebooks. A notebook that somebody has worked in is never replaced.
exercises: $(VENV)/.ready
	$(BIN)/python -m data_helpers exercises _build/exercises/student
	$(BIN)/python -m data_helpers exercises _build/exercises/instructor --instructor

# Comparisons with other packages, on a machine that does nothing else; book/benchmarks.md shows them.
# make bench ONLY=stitching REPEATS=5 SIZE=small   (small and tiny results stay in _build/benchmarks)
bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks $(ONLY) --repeats $(or $(REPEATS),3) --size $(or $(SIZE),full)

# Choose the newest versions that work together on Python 3.11 to 3.14, and pin them.
lock: $(VENV)/.ready
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate --no-header $(EXTRAS) pyproject.toml -o requirements.txt
	sed -i.bak '1i # Made by `make lock` from pyproject.toml; pins for Python 3.11 to 3.14. Do not edit.' requirements.txt && rm requirements.txt.bak
	echo '-e .' >> requirements.txt

clean:
	rm -rf _build $(VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
