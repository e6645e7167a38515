# One command per thing people do. Bare `make` prints this list.
.DEFAULT_GOAL := help
.PHONY: help setup up down status doctor demo simulate insights reconcile rejected rebuild check-upgrade adopt accept-loss \
  invariants chaos bi bench bench-peers test test-fast lint lock clean

SALESLAKE := .venv/bin/saleslake
PYTEST := .venv/bin/python -m pytest
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
# The environment's own Python first: then a set-up that has nothing to do costs a second.
CANDIDATES := .venv/bin/python python3.11 python3.12 python3.13 python3
PYTHON ?= $(shell for p in $(CANDIDATES); do $$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo '  ARGS="..." passes options on: make simulate ARGS="--count 1000"'

setup: ## make .venv, fetch the jars, find Java; quick when nothing changed
	@test -n "$(PYTHON)" || { echo "setup: no Python 3.11, 3.12 or 3.13 found. Install one" \
	  "(on Debian 12: apt-get install python3 python3-venv), then run make again." >&2; exit 1; }
	@$(PYTHON) -P stack/bootstrap.py

up: setup ## start every part of the stack and wait until each is healthy
	@$(SALESLAKE) up $(ARGS)

down: setup ## stop every part; data stays
	@$(SALESLAKE) down $(ARGS)

status: setup ## how each part is, and where to reach it
	@$(SALESLAKE) status $(ARGS)

doctor: setup ## check the machine and the installation, with remedies
	@$(SALESLAKE) doctor $(ARGS)

demo: setup ## orders from the simulator to the marts, reconciled to the cent
	@$(SALESLAKE) demo $(ARGS)

simulate: setup ## send simulated orders
	@$(SALESLAKE) simulate $(ARGS)

insights: setup ## print the sales answers
	@$(SALESLAKE) insights $(ARGS)

reconcile: setup ## compare the truth manifest with every layer
	@$(SALESLAKE) reconcile $(ARGS)

rejected: setup ## count the records that are not in silver: make rejected ARGS="--samples 3"
	@$(SALESLAKE) rejected $(ARGS)

rebuild: setup ## make silver and gold anew from bronze: make rebuild ARGS=--check
	@$(SALESLAKE) rebuild $(ARGS)

check-upgrade: setup ## can this version go on from the checkpoint and tables that are there?
	@$(SALESLAKE) check-upgrade $(ARGS)

adopt: setup ## make a new checkpoint for a lake that lost its own
	@$(SALESLAKE) adopt $(ARGS)

accept-loss: setup ## go on without records that the topic no longer has
	@$(SALESLAKE) accept-loss $(ARGS)

invariants: setup ## check I1 to I13 against the running stack
	@$(SALESLAKE) invariants $(ARGS)

chaos: setup ## a random walk of faults and its proof: make chaos SEED=7 MINUTES=10
	@$(SALESLAKE) chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

bi: setup ## what Tableau, Power BI and Metabase read: make bi ARGS=build
	@$(SALESLAKE) bi $(ARGS)

bench: setup ## measure against peers and the engine's own floor, ten minutes: make bench ARGS=--full
	@$(SALESLAKE) bench $(ARGS)

bench-peers: setup ## install the peers that `make bench` compares with, below .bench/
	@.venv/bin/python -m bench.peers $(ARGS)

test: setup lint ## every test: unit, policy, DAGs, real servers, the demo end to end
	@$(PYTEST) $(ARGS)

test-fast: setup ## unit, policy and DAG tests: no server
	@$(PYTEST) tests/unit tests/policy $(wildcard tests/dags) $(ARGS)

lint: setup ## ruff and mypy
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

lock: setup ## resolve dependencies and jars anew: requirements.lock, jars.lock
	@.venv/bin/uv pip compile pyproject.toml --group dev --universal --generate-hashes --upgrade \
	  --no-header --no-annotate --no-emit-index-url --quiet --output-file requirements.lock
	@.venv/bin/python -m stack.jars lock

clean: setup ## stop the stack in .run and delete its data, secrets and logs
	@test -z "$(SALESLAKE_RUN_DIR)$(ARGS)" || { echo "clean: it deletes the stack in .run, and no other; here" \
	  "SALESLAKE_RUN_DIR or ARGS names one. Nothing was done. Unset both, or delete that run folder after" \
	  "\`make down\`." >&2; exit 1; }
	@$(SALESLAKE) down
	rm -rf .run lake/data
