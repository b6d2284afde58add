# Two commands: `make conformance` brings the lab up and runs the suite on it, `make test` runs all
# tests of this project. Both do their own set-up.
BIN := .venv/bin
PERSONALITIES := tests/truth/test_personalities.py
# Whatever the user's shell has set must not choose another cluster.
unexport KUBECONFIG

.PHONY: help conformance test truth personalities quick newest lint mutants docs image example setup clean

help:  ## these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

conformance: setup  ## the lab comes up with all add-ons, every requirement is proven on it
	$(BIN)/pytest --aicr-lab --evidence

test: setup-test lint quick  ## all our tests, of the truth matrix a part; needs root for the lab
	$(BIN)/python -m aicr_lab up --build-only --addons all
	@# Three labs at once; what failed is judged by a second trial that has the machine for itself.
	$(BIN)/pytest tests/lab tests/truth -m "not thorough" -n 3 --durations 15 \
	  || $(BIN)/pytest tests/lab tests/truth -m "not thorough" \
	    --last-failed --last-failed-no-failures none

truth: setup-test  ## the whole truth matrix: every defect of every requirement; makes docs/truth.md
	$(BIN)/python -m aicr_lab up --build-only --addons all,envoy-gateway
	mkdir -p build
	@# Four labs on two cores: trials mostly wait.
	$(BIN)/pytest tests/truth --ignore $(PERSONALITIES) -n 4 --junit-xml build/truth.xml; \
	  status=$$?; $(BIN)/python docs/truth.py build/truth.xml && exit $$status

personalities: setup-test  ## each kind of platform, healthy and broken; makes docs/accelerators.md
	$(BIN)/python -m aicr_lab up --build-only --addons all
	mkdir -p build
	$(BIN)/pytest $(PERSONALITIES) -n 4 --junit-xml build/personalities.xml; status=$$?; \
	  PYTHONPATH=. $(BIN)/python docs/accelerators.py build/personalities.xml && exit $$status

quick: setup-test  ## the tests that need no cluster
	@# They wait half of the time. Real processes meet real signals there: what failed on a busy machine
	@# is tried once more, alone.
	$(BIN)/pytest tests/unit tests/plugin -n $$((2 * $$(nproc))) \
	  || $(BIN)/pytest tests/unit tests/plugin --last-failed --last-failed-no-failures none

newest: setup  ## the tests that need no cluster, on the newest Python that we say we run on
	scripts/newest.sh

lint: setup  ## style, types, layers, dead code, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/deptry .

mutants:  ## mutants of the deciding code that no unit test notices; takes long
	scripts/mutants.sh

docs: setup  ## what is generated in docs/, and the site of it in build/site
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build -q -W --keep-going -d build/doctrees docs build/site

image: setup  ## the image of the suite, without a daemon: build/aicr-pytest.tar
	mkdir -p build
	$(BIN)/python -m aicr_lab image build/aicr-pytest.tar

example: setup  ## the example in reports/
	rm -rf reports/lab
	$(BIN)/pytest --aicr-lab --evidence-dir reports/lab

.PHONY: setup-test
setup-test:
	@scripts/setup.sh test

setup:  ## the virtual environment, and what Debian has to bring
	@scripts/setup.sh

clean:  ## what set-up and runs have made here
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache aicr-evidence mutants out/mutants-venv out/newest build .hypothesis
