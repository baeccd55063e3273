# `make play` and `make test` set up all they need in .venv; nothing else is touched.

# The first Python of a version that every dependency has wheels for, able to make environments.
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	>/dev/null 2>&1 && { echo $$p; break; }; done)
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet

# What one test of the page asks about accessibility; without npm that test is skipped.
AXE := .cache/npm/node_modules/axe-core/axe.min.js

.PHONY: play test soak fuzz check bench clean

play: $(VENV)/performer
	$(RUN) -m live --or-page $(ARGS)

test: $(VENV)/development $(AXE)
	$(RUN) -m pytest $(ARGS)

soak: $(VENV)/development
	$(RUN) -m pytest -m slow $(ARGS)

# One of midi, journal, config, model; until it is interrupted or something breaks.
fuzz: $(VENV)/development
	$(RUN) -m tests.fuzz $(or $(TARGET),midi) $(ARGS)

check: $(VENV)/development
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(VENV)/development
	$(RUN) -m benchmarks.performer $(ARGS)
	$(RUN) -m benchmarks.stage
	$(RUN) -m benchmarks.page
	$(RUN) -m benchmarks.clock
	$(RUN) -m benchmarks.duet

clean:
	rm -rf $(VENV) build *.egg-info

$(AXE):
	-@command -v npm >/dev/null && npm install --silent --no-save --prefix .cache/npm axe-core@4

$(RUN):
	@test -n "$(PYTHON)" || { echo "Continuo needs Python 3.11 or 3.12 with its venv module" \
	"(on Debian: apt-get install python3-venv)"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/performer: pyproject.toml | $(RUN)
	$(PIP) install -e '.[page]'
	@touch $@

$(VENV)/development: pyproject.toml | $(RUN)
	$(PIP) install -e '.[training,dev]'
	@touch $@ $(VENV)/performer
