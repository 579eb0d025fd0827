# Everything that a person types. Each target does its own set-up in .venv.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: app test check format screenshots fit eval train clean

app: $(VENV)/.app ## open the page on the bundled model
	$(RUN) app.py

test: $(VENV)/.dev ## all tests, under ten minutes
	$(RUN) -m pytest

check: $(VENV)/.dev ## lint and format
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(VENV)/.dev
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

screenshots: $(VENV)/.dev ## the pictures in the README, from the real page
	$(RUN) scripts/screenshots.py

fit: $(VENV)/.app ## fit the bundled model's artifact again
	$(RUN) -m mars fit --out assets/pocket-vl/artifact

eval: $(VENV)/.app ## the figures in the README
	$(RUN) -m mars eval --set test --per-cell 100 --strategies unsteered,addition,mars,mars_no_recentering \
	  --json out/eval.json
	$(RUN) scripts/readme_figures.py out/eval.json

train: $(VENV)/.app ## train the bundled model from nothing
	$(RUN) assets/pocket-vl/train.py

$(VENV)/.app: requirements.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache out
