# The commands of the project. `make train` and `make test` need Python 3.10 or newer, make and a
# package index, nothing else: they make .venv and install the pinned requirements themselves.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Settings laid over config_unconditional.json for `make train`: a small model and few epochs, on the
# built-in corpus. Many small steps at a high learning rate give the best writing in a few minutes.
QUICK := --set 'data_loader.args.source={"type": "synthetic"}' --bs 16 --lr 5e-3 \
	--set data_loader.args.epoch_lines=null --set data_loader.args.concatenate_share=0 \
	--set data_loader.args.max_points=null --set data_loader.args.validation_limit=null \
	--set trainer.averaging=null --set trainer.precision=float32 \
	--set arch.args.hidden_size=200 --set arch.args.num_layers=2 \
	--set lr_scheduler.args.warmup_steps=50 --set lr_scheduler.args.decay=cosine \
	--set lr_scheduler.args.decay_steps=1800 --set lr_scheduler.args.final_factor=0.02 \
	--set trainer.epochs=9 --set trainer.clip_grad_norm=1.0 --set trainer.sample_period=3

# Where the benchmarks write what they measured.
RESULTS := benchmarks/results
MEASURE := $(BIN)/python -m benchmarks

# Hands of the pictures beside the README's letter.
SIX_HANDS := otto jonas hugo anton oskar ruben

# How much of it, and which; see docs/reliability.md.
SEED := 1
CASES := 100000
ROUNDS := 100
TARGET := ink.svg
HARNESS := PYTHONPATH=.:tests/helpers:tests/harness OMP_NUM_THREADS=1 $(BIN)/python -m

.PHONY: help setup train test test-slow test-settings fuzz fuzz-guided faults lint format figures benchmarks precision package clean

help:
	@echo "make train      train on the built-in corpus (minutes), end with a picture of samples"
	@echo "make test       the test suite, the lint and the type checker, as continuous integration does"
	@echo "make test-slow  the tests that take minutes"
	@echo "make test-settings  tests of numbers as other processors compute them (an hour), with a table"
	@echo "make fuzz       read nearly valid files of every format (an hour), into docs/reliability.md"
	@echo "make fuzz-guided TARGET=ink.svg  the same of one format, by a fuzzer that sees which code runs"
	@echo "make faults     kill every command, again and again (an hour), the same"
	@echo "make format     format the code"
	@echo "make figures    draw the pictures of saved_figures/ that need no data, with the shipped weights"
	@echo "make benchmarks measure speed and memory (15 minutes), into benchmarks/README.md"
	@echo "make precision  train with three seeds in float32 and in bfloat16 (an hour and more), the same"
	@echo "make package    export the shipped models into handwriting/weights/, build the wheel into dist/"
	@echo "make clean      remove .venv and caches; data/ and saved/ stay"

setup: $(VENV)/.installed

# The stamp is written last, so an install that broke off is begun again.
$(VENV)/.installed: requirements.txt requirements-onnx.txt requirements-formats.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "error: Python 3.10 or newer is needed; name one with PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

train: setup
	$(BIN)/python train.py -c config_unconditional.json $(QUICK)

test: setup lint
	$(BIN)/python -m pytest -n auto

test-settings: setup
	.ci/settings

test-slow: setup
	$(BIN)/python -m pytest -n auto -m slow

fuzz: setup
	$(HARNESS) fuzz --cases $(CASES) --seed $(SEED)
	$(HARNESS) reliability_report

fuzz-guided: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	$(HARNESS) guided $(TARGET) --cases $(CASES)

faults: setup
	$(HARNESS) kills --rounds $(ROUNDS) --seed $(SEED)
	$(HARNESS) reliability_report

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# No real ink is in any of them.
figures: setup
	$(BIN)/python experiments.py -r unconditional --device cpu --samples-only \
		--out saved_figures/unconditional
	$(BIN)/python experiments.py -r research/conditional --device cpu --samples-only \
		--out saved_figures/conditional
	$(BIN)/python experiments.py -r conditional --device cpu --bias 1 --seed 2 \
		--text-file saved_figures/page.txt --format svg,png,json --out saved_figures/page
	for hand in $(SIX_HANDS); do \
		$(BIN)/python experiments.py -r conditional --device cpu --bias 1 --seed 3 --hand $$hand \
			--page a5 --margin 8 --text-file saved_figures/page.txt --format png --dpi 100 \
			--out saved_figures/hands/$$hand || exit 2; \
	done
	$(BIN)/python experiments.py -r recognition --device cpu \
		--ink saved_figures/page/page.json --out saved_figures/reading

# Ratios are of one run; nothing else should run beside it.
benchmarks: setup
	$(MEASURE).start_times --json $(RESULTS)/00_start_times.json
	$(MEASURE).training_step --model conditional --naive --memory --repeats 3 \
		--json $(RESULTS)/01_conditional_float32.json
	$(MEASURE).training_step --model conditional --naive --memory --repeats 3 --bfloat16 \
		--json $(RESULTS)/02_conditional_bfloat16.json
	$(MEASURE).training_step --model conditional --naive --memory --repeats 1 \
		--recompute-steps 100 --json $(RESULTS)/03_conditional_recomputed.json
	$(MEASURE).training_step --model unconditional --naive --memory --repeats 3 \
		--json $(RESULTS)/04_unconditional_float32.json
	$(MEASURE).training_step --model conditional --memory --repeats 1 --steps 200 700 1400 \
		--json $(RESULTS)/05_growth_with_steps.json
	$(MEASURE).training_step --model conditional --memory --repeats 1 --batch-size 8 32 128 \
		--json $(RESULTS)/05_growth_with_lines.json
	$(MEASURE).sampling --threads 1 --json $(RESULTS)/06_sampling_1_thread.json
	$(MEASURE).sampling --json $(RESULTS)/07_sampling.json
	$(MEASURE).recognition --json $(RESULTS)/08_recognition.json
	$(MEASURE).synthetic_corpus --json $(RESULTS)/09_synthetic_corpus.json
	$(if $(wildcard data/trainset.txt),$(MEASURE).prepare_corpus --data data \
		--json $(RESULTS)/10_prepare_corpus.json)
	$(if $(wildcard data/trainset.txt),$(MEASURE).page_layout --data data \
		--json $(RESULTS)/16_page_layout.json)
	$(MEASURE).training_step --model conditional --bfloat16 --uncompiled --processor-time \
		--threads 1 --batch-size 16 32 --repeats 3 --json $(RESULTS)/12_compiled_3x400.json
	$(MEASURE).training_step --model conditional --hidden-size 320 --num-layers 2 --bfloat16 \
		--uncompiled --processor-time --threads 1 --batch-size 16 32 --repeats 3 \
		--json $(RESULTS)/13_compiled_2x320.json
	$(MEASURE).recognition --threads 1 --bfloat16 --uncompiled --processor-time --repeats 5 \
		--json $(RESULTS)/14_compiled_recognition.json
	$(MEASURE).training_step --model conditional --naive --memory --repeats 0 --bfloat16 \
		--threads 1 --uncompiled --json $(RESULTS)/15_compiled_memory.json
	$(MEASURE).processes --naive --uncompiled --json $(RESULTS)/16_processes.json
	$(MEASURE).runtime --json $(RESULTS)/17_runtime.json
	$(MEASURE).report

# Small enough for CPUs, large enough to learn; on the lines in data/, else on the built-in corpus.
SMALL_TRAINING := arch.args.hidden_size=128 arch.args.num_layers=2 data_loader.args.batch_size=16 \
	data_loader.args.limit=2000 data_loader.args.validation_limit=400 optimizer.args.lr=0.003 \
	lr_scheduler.args.decay=cosine lr_scheduler.args.decay_steps=750 \
	lr_scheduler.args.final_factor=0.02 trainer.averaging=0.99

# It goes on from what its file has, and the file in the repository has all of it.
precision: setup
	rm -f $(RESULTS)/11_precision.json
	$(MEASURE).precision --epochs 6 --set $(SMALL_TRAINING) --json $(RESULTS)/11_precision.json
	$(MEASURE).report

# The models that the package brings with it; parity vectors stay out of the wheel.
package: setup
	$(BIN)/python experiments.py -r conditional --export handwriting/weights
	$(BIN)/python experiments.py -r recognition --export handwriting/weights
	$(BIN)/python experiments.py -r language_model --export handwriting/weights
	cp saved/models/pretrained/hands.safetensors handwriting/weights/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
