# What a change must pass, without root; each check stands here and nowhere else.
# `make check` runs all of it, `make style` what takes a second.

bin := $(if $(wildcard .venv/bin/python),.venv/bin/)
workers ?= 2

.PHONY: check lint style ruff format mypy imports docstrings test coverage

check: lint test

lint: style mypy imports docstrings

style: ruff format

ruff:
	$(bin)ruff check

format:
	$(bin)ruff format --check

mypy:
	$(bin)mypy

imports:
	$(bin)lint-imports --no-cache

docstrings:
	$(bin)interrogate -q tests

# Without real servers: `python -m pytest` alone runs those tests too.
test:
	CHAOSTUI_HIDE_SERVERS=1 $(bin)python -m pytest -n $(workers) -q

# Lines of a package that its own tests run, at least so many percent of them.
coverage:
	$(bin)python -m pytest -n 0 -q tests/handlers --cov=chaostui.handlers --cov-fail-under=95
	$(bin)python -m pytest -n 0 -q tests/tui/model --cov=chaostui.tui.model --cov-fail-under=92
	$(bin)python -m pytest -n 0 -q tests/engine/relay/test_pipeline.py \
	  --cov=chaostui.engine.relay.pipeline --cov=chaostui.engine.relay.walk \
	  --cov=chaostui.engine.relay.queue --cov=chaostui.engine.relay.outlet --cov-fail-under=88
