# The commands of every day. CONTRIBUTING.md says when to use which.
BIN = .venv/bin

.PHONY: install fast all lint bench pages

install:  ## everything that the other targets need
	python3 -m venv .venv
	$(BIN)/pip install -e '.[test]'

fast:  ## the tests that take no whole program: a few minutes
	$(BIN)/pytest -m "not slow"

all:  ## all tests: some twenty minutes on two processors
	$(BIN)/pytest

lint:  ## the import rule, ruff, mypy, bandit
	$(BIN)/pytest -q -n 0 tests/test_house.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit -q -c pyproject.toml -r kchat_search wsgi.py

bench:  ## build and search 20,000 chats; print the figures
	$(BIN)/pip install --quiet -e '.[bench]'
	$(BIN)/python -m benchmarks.engines --chats 20000 --only ours

pages:  ## the pages on made-up conversations; it prints the address
	$(BIN)/kchat-search demo
