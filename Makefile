# The README's two commands. Both set up what they need: a .venv pinned by constraints.txt, made once, again only when it is out of date.

PYTHON ?= python3
BIN := .venv/bin
# One thread a process: on a busy machine several threads of one process wait for each other longer than they work.
export OMP_NUM_THREADS ?= 1
# Compiled modules are kept: tests start dozens of processes, and each would compile the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test docs clean

demo: .venv/.reproduce  ## predict, solve, train, measure and report on real digits
	$(BIN)/lopsided reproduce demo --out demo

test: .venv/.dev  ## format, lint, types, layers, doctests, tests
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check

docs: .venv/.docs  ## the documentation site, in docs/_build; says where it is
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build
	@echo "the documentation is at file://$(CURDIR)/docs/_build/index.html"

clean:  ## forget the set-up and everything generated
	rm -rf .venv demo docs/_build docs/_inventories docs/gallery docs/tutorial docs/reference/generated docs/reference/backreferences .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"lopsided needs Python 3.11 or newer, $(PYTHON) is {sys.version.split()[0]}")'
	$(PYTHON) -m venv .venv

# What .venv/.NAME says is installed; groups of dependencies want a newer pip than Python 3.11 brings.
# Modules are compiled when they are first imported: most of them never are.
reproduce := --editable '.[reproduce]'
dev := --editable '.[reproduce,cluster,arrow]' --group dev
docs := --editable '.[reproduce]' --group docs

.venv/.%: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt $($*)
	touch $@
