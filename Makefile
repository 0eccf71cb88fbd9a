# The commands of the project. `make train` and `make test` need Python 3.10 or newer, make and a
# package index, nothing else: they make .venv and install the pinned requirements themselves.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WEIGHTS := saved/models/pretrained
# Settings laid over config_unconditional.json for `make train`: a small model and few epochs, on the
# built-in corpus. Many small steps at a high learning rate give the best writing in a few minutes.
QUICK := --set 'data_loader.args.source={"type": "synthetic"}' --bs 16 --lr 5e-3 \
	--set arch.args.hidden_size=200 --set arch.args.num_layers=2 \
	--set lr_scheduler.args.warmup_steps=50 --set lr_scheduler.args.decay=cosine \
	--set lr_scheduler.args.decay_steps=1800 --set lr_scheduler.args.final_factor=0.02 \
	--set trainer.epochs=9 --set trainer.clip_grad_norm=1.0 --set trainer.sample_period=3

.PHONY: help setup train test test-slow lint format figures clean

help:
	@echo "make train      train on the built-in corpus (minutes), end with a picture of samples"
	@echo "make test       the test suite and the lint, as continuous integration runs them"
	@echo "make test-slow  the tests that take minutes"
	@echo "make format     format the code"
	@echo "make figures    draw the pictures of saved_figures/ that need no data, with the shipped weights"
	@echo "make clean      remove .venv and caches; data/ and saved/ stay"

setup: $(VENV)/.installed

# The stamp is written last, so an install that broke off is begun again.
$(VENV)/.installed: requirements.txt requirements-onnx.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "error: Python 3.10 or newer is needed; name one with PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

train: setup
	$(BIN)/python train.py -c config_unconditional.json $(QUICK)

test: setup lint
	$(BIN)/python -m pytest -n auto

test-slow: setup
	$(BIN)/python -m pytest -n auto -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# No real ink is in any of them.
figures: setup
	$(BIN)/python experiments.py -r $(WEIGHTS)/conditional.pth --device cpu --samples-only \
		--out saved_figures/conditional
	$(BIN)/python experiments.py -r $(WEIGHTS)/conditional.pth --device cpu --bias 1 --seed 2 \
		--text-file saved_figures/page.txt --format svg,png,json --out saved_figures/page
	$(BIN)/python experiments.py -r $(WEIGHTS)/recognition.pth --device cpu \
		--ink saved_figures/page/page.json --out saved_figures/reading

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
