# `make lab` opens the labs, `make test` tests everything. Each also makes the environment (.venv)
# if it is missing or older than the lock. Each target is one line that can be typed as well.
#   make lab PYTHON=python3.12            another Python than python3
#   make test ARGS="-k doors"             arguments for the command behind a target

PYTHON ?= python3
BIN := .venv/bin
# One stamp per PYTHON: another one makes a new environment instead of being silently ignored
ENV := .venv/made-with-$(subst /,-,$(PYTHON))
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: lab test build site lock lint clean

lab: $(ENV)
	JUPYTER_CONFIG_PATH=.jupyter $(BIN)/jupyter lab --allow-root $(ARGS)

test: $(ENV)
	@tests/system-packages.sh
	$(BIN)/pytest $(ARGS)

build: $(ENV)
	$(BIN)/python -m mlelabs.instructor build $(ARGS)

site: $(ENV)
	$(BIN)/python -m mlelabs.instructor.site $(ARGS)

lock: $(ENV)
	$(BIN)/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes --all-extras pyproject.toml -o requirements.txt $(ARGS)
	$(BIN)/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes --constraints requirements.txt pyproject.toml -o binder/requirements.txt

lint: $(ENV)
	$(BIN)/ruff check && $(BIN)/zizmor --offline --no-progress .github

clean:
	rm -rf .venv .pytest_cache .ruff_cache build *.egg-info

define CHECK_PYTHON
import sys
version = "%d.%d" % sys.version_info[:2]
if version not in ("3.11", "3.12", "3.13"):
    sys.exit("The labs need Python 3.11, 3.12 or 3.13; $(PYTHON) is " + version
             + ". Name another one: make PYTHON=python3.12 ...")
try:
    import ensurepip, venv
except ImportError:
    sys.exit("$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv")
endef
export CHECK_PYTHON

# pip brings uv, at the version and hash of the lock; uv brings the rest, and fast.
# The project itself is built with the lock's setuptools: nothing is installed without its hash.
$(ENV): requirements.txt pyproject.toml
	@$(PYTHON) -c "$$CHECK_PYTHON"
	$(PYTHON) -m venv --clear .venv
	sed -n '/^uv==/,/[^\\]$$/p' requirements.txt > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	$(BIN)/uv pip sync --python $(BIN)/python --require-hashes --compile-bytecode requirements.txt
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
