# Two commands do everything on a fresh machine: `make serve` and `make test`.
# They build their own environment in .venv and need only Python 3.11 or newer
# (and, for the browser tests, Chromium).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PORT_LOCAL ?= $(or $(PORT),5000)
SAMPLES := bytelatent/graph/samples
GRAPH := $(BIN)/python -m bytelatent.graph build --formats json,png,pdf,html

.PHONY: serve test lint figures bench clean help

help:
	@echo "make serve     the web app on http://localhost:$(PORT_LOCAL) (no torch)"
	@echo "make test      lint, types and every test, a real browser included"
	@echo "make lint      format the code and fix what can be fixed"
	@echo "make figures   make demo_output/ and plot_data/ anew from the shipped models"
	@echo "make bench     the benchmarks; results are printed and written to benchmarks/results/"

serve: $(VENV)/.web
	env -u PORT $(BIN)/python render_server.py --port $(PORT_LOCAL)

test: $(VENV)/.dev
	dev/lint.sh --check
	dev/ensure_chromium.sh
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.dev
	dev/lint.sh

figures: $(VENV)/.dev
	$(BIN)/python -m bytelatent.scaling report config=bytelatent/configs/scaling/cpu.yaml
	$(BIN)/python -m bytelatent.plotting.all
	$(GRAPH) $(SAMPLES)/pride_and_prejudice.txt.gz --kind entities --min-count 2 --evidence 2 \
		--overrides $(SAMPLES)/pride_and_prejudice.json --title "Pride and Prejudice" \
		--out demo_output/graph_pride_and_prejudice
	$(GRAPH) bytelatent/plotting/samples/sotu.txt --max-nodes 600 --evidence 1 \
		--overrides $(SAMPLES)/state_of_the_union.json --title "State of the Union, 2016 and 2018" \
		--out demo_output/graph_state_of_the_union
	$(GRAPH) bytelatent/plotting/samples/persuasion.txt --kind patches --max-nodes 600 --evidence 1 \
		--title "Persuasion, chapters 1 to 4" --out demo_output/graph_persuasion_patches
	$(BIN)/python -m app.precompute examples
	$(BIN)/python -m app.precompute traces
	$(BIN)/python -m app.precompute languages
	$(BIN)/python -m app.precompute inspected
	$(BIN)/python -m app.precompute diagram --model blt-1b

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/web.py
	$(BIN)/python benchmarks/entropies.py
	$(BIN)/python benchmarks/forward.py
	$(BIN)/python benchmarks/loader.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/generate.py
	$(BIN)/python benchmarks/speculation.py

clean:
	rm -rf $(VENV) node_modules build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.web: requirements.txt constraints.txt | $(BIN)/python
	$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt requirements-graph.txt | $(BIN)/python
	$(PIP) install -c constraints.txt torch
	$(PIP) install --no-deps --require-hashes -r requirements-graph.txt
	PYTHONWARNINGS=ignore $(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.web
