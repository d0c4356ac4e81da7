# Each target works on a fresh machine with Python 3.11+ and nothing else, whatever ran before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PROCESSES ?= auto

.PHONY: demo test check bench docs clean
.DEFAULT_GOAL := demo

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A stamp per set of packages: made again when what it was made from changes.
$(VENV)/.package: $(BIN)/python pyproject.toml constraints.txt $(shell find src -type f -not -name '*.pyc')
	$(PIP) --constraint constraints.txt .
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.package
	$(BIN)/sensorium watch examples/stage.mp4 --out report
	@echo
	@echo "The report: $(CURDIR)/report/stage/report.html"

test: export OMP_NUM_THREADS = 1  # the processes share the cores
test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses $(PROCESSES)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/actions_quality.py
	$(BIN)/python benchmarks/actions_episodes.py
	$(BIN)/python benchmarks/actions_speed.py
	$(BIN)/python benchmarks/sounds_quality.py
	$(BIN)/python benchmarks/sounds_metrics.py
	$(BIN)/python benchmarks/sounds_prepared.py
	$(BIN)/python benchmarks/sounds_speed.py
	$(BIN)/python benchmarks/sounds_loading.py
	$(BIN)/python benchmarks/blocks_speed.py
	$(BIN)/python benchmarks/blocks_questions.py
	$(BIN)/python benchmarks/questions_executor.py
	$(BIN)/python benchmarks/questions_curve.py
	$(BIN)/python benchmarks/questions_quality.py
	$(BIN)/python benchmarks/events_quality.py
	$(BIN)/python benchmarks/events_speed.py
	$(BIN)/python benchmarks/portraits_speed.py
	$(BIN)/python benchmarks/expressions_quality.py
	$(BIN)/python benchmarks/expressions_speed.py
	$(BIN)/python benchmarks/attacks_agreement.py
	$(BIN)/python benchmarks/robustness_quality.py
	$(BIN)/python benchmarks/robustness_int8.py
	$(BIN)/python benchmarks/pse_study.py
	$(BIN)/python benchmarks/media_speed.py
	$(BIN)/python benchmarks/media_fuzz.py
	$(BIN)/python benchmarks/world_speed.py
	$(BIN)/python benchmarks/resume_torture.py

docs: $(VENV)/.dev
	$(BIN)/python benchmarks/write_docs.py

clean:
	rm -rf $(VENV) report runs
