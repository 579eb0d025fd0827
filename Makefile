# Everything that a person types. Each target does its own set-up in .venv.

SHELL := bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
TRAIN := $(RUN) -m mars.pocket_vl.training
UPDATE := $(RUN) -m scripts.update_docs
META := assets/pocket-vl/meta.json
ICON := assets/icon-vl/results.json
SEEDS ?= 1
PER_CELL ?= 200
STRATEGIES ?= all
MINUTES ?= 30
FILES ?=
MODELS ?= pocket-vl
JSON ?=
# glibc gives freed memory back and asks for it again at every training step; keeping it is quicker.
KEEP := MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000

.PHONY: app test test-long hostile soak check format screenshots latency fit eval train bars reproduce bench bench-icon \
	judge record fit-judge outside train-icon icon-eval icon-report second-model \
	clean

app: $(VENV)/.app ## open the page: on Icon-VL where it was fetched, else on its recording (python app.py --model pocket-vl: live)
	$(RUN) app.py

test: $(VENV)/.dev ## all tests but the long ones, under ten minutes
	$(RUN) -m pytest

test-long: test ## and what takes longer: thousands of hostile inputs, two minutes of many visitors
	$(RUN) -m tests.hostile
	$(RUN) -m pytest -m long
	$(RUN) -m tests.soak --minutes 2

hostile: $(VENV)/.dev ## thousands of hostile inputs through the engine, a sample through the running page
	mkdir -p out
	$(RUN) -m tests.hostile | tee out/hostile.txt
	$(UPDATE) hostile out/hostile.txt

soak: $(VENV)/.dev ## sixteen visitors for half an hour; MINUTES=2 for less
	mkdir -p out
	$(RUN) -m tests.soak --minutes $(MINUTES) | tee out/soak.txt
	$(UPDATE) soak out/soak.txt

check: $(VENV)/.dev ## lint and format
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(VENV)/.dev
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

screenshots: $(VENV)/.dev ## the images in README and docs, from the real page
	$(RUN) scripts/screenshots.py
	$(RUN) scripts/screenshots.py --model icon-vl --tabs compare geometry layers --looks . --out assets/screenshots/icon-vl

latency: $(VENV)/.dev ## time the page in a browser against its budgets
	$(RUN) scripts/latency.py

fit: $(VENV)/.app ## fit the bundled model's artifact again
	$(RUN) -m mars fit --out assets/pocket-vl/artifact

eval: $(VENV)/.app ## every strategy on the test split: the tables of README and docs, and a report
	$(RUN) -m mars eval --set test --per-cell $(PER_CELL) --strategies $(STRATEGIES) --json out/eval.json
	$(RUN) -m app.report out/eval.json --html out/report.html
	$(UPDATE) evaluation out/eval.json

train: $(VENV)/.app ## train the bundled model from nothing, or go on where it was; SEEDS=3 for all three seeds
	for seed in $$(seq 0 $$(($(SEEDS) - 1))); do \
		$(KEEP) $(TRAIN) --seed $$seed --per-cell $(PER_CELL) $$(test $$seed = 0 && echo --fit-only) || exit 1; \
	done

bars: $(VENV)/.app ## hold the stored figures of all seeds to the bars again
	$(TRAIN) --bars
	$(UPDATE) bars $(META)

bench: $(VENV)/.app ## what the engine costs beside plain transformers; figures with a bar alone: python -m benchmarks --quick --json FILE
	$(RUN) -m benchmarks --json out/bench.json
	$(RUN) -m benchmarks.plot out/bench.json out/bench.html
	$(UPDATE) speed out/bench.json

bench-icon: $(VENV)/.app ## the same on Icon-VL, with an evaluation, a fit, and the memory of fit and page
	$(RUN) -m mars cache --get icon-vl
	$(RUN) -m benchmarks --model icon-vl --json out/bench-icon-vl.json
	$(UPDATE) speed-icon-vl out/bench-icon-vl.json

judge: $(VENV)/.app ## judge labelled replies: FILES="a.jsonl b.jsonl" JSON=out.json; ours without FILES
	$(RUN) -m mars.verdict judge $(FILES) $(if $(JSON),--json $(JSON))

fit-judge: $(VENV)/.app ## fit the judge again from FILES and ours, and say what it finds on models left out of the fit
	$(RUN) -m mars.verdict fit $(FILES) --leave-out
	$(RUN) -m mars.verdict fit $(FILES)

outside: $(VENV)/.app ## how many prompts are said to lie outside what was fitted: questions, photographs, the test split
	$(RUN) -m scripts.outside --json out/outside.json
	$(UPDATE) outside out/outside.json
	$(RUN) -m scripts.outside --model icon-vl --json out/outside-icon-vl.json
	$(UPDATE) outside-icon-vl out/outside-icon-vl.json

record: $(VENV)/.app ## the recordings that the page shows without a model; MODELS="pocket-vl icon-vl" for both
	for model in $(MODELS); do \
		$(RUN) -m app record --model $$model --out assets/recordings/$$model --gains 1 2 --harmful-tokens 16 \
			$$(test $$model = pocket-vl && echo --verdicts) || exit 1; \
	done

train-icon: $(VENV)/.dev ## train Icon-VL's connector from nothing, or go on where it was, and fit its artifact
	$(RUN) -m mars cache --get icon-vl
	$(RUN) -m mars.icon_vl.training.features
	test -f runs/icon/alignment.safetensors || $(RUN) -m mars.icon_vl.training.alignment
	test -f runs/icon/distillation.safetensors || $(RUN) -m mars.icon_vl.training.distillation
	$(RUN) -m mars.icon_vl.training.artifact

icon-eval: $(VENV)/.dev ## what Icon-VL reaches on the test split, by the counts that icon-report and the docs show
	$(RUN) -m mars.icon_vl.bars --split test --out $(ICON) --limits assets/icon-vl/limits.json
	$(UPDATE) icon $(ICON)
	$(UPDATE) icon-limits assets/icon-vl/limits.json
	$(RUN) -m mars.icon_vl.bars.typographic --json out/typographic.json
	$(UPDATE) typographic out/typographic.json

icon-report: $(VENV)/.app ## Icon-VL's bars and tables from the stored counts, in seconds; JSON=bars.json for the bars alone
	$(RUN) -m mars.icon_vl.bars.report $(ICON) $(if $(JSON),--json $(JSON))

second-model: $(VENV)/.dev ## a second language model beside Icon-VL's, in words: refusals, controls, effect by layer
	$(RUN) -m mars cache --get icon-vl
	$(RUN) -m scripts.second_model --json out/second-model.json
	$(UPDATE) second-model out/second-model.json

reproduce: train eval ## from nothing to the tables of README and docs
	$(TRAIN) --results out/eval.json
	$(UPDATE) bars $(META)

$(VENV)/.app: requirements.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache out
