# make lab        set up the course in .venv and open it in JupyterLab
# make test       set up and run every check that has to hold before a change is taken
# make quick      the checks of a minute: linter, stored notebooks, generated pages, quiz and exercises
# make nightly    the checks that take long
# make classroom  rehearse a class: a hub on this machine with simulated learners (LEARNERS=20)
# make hub        set up what a hub for a class needs; docs/hub.md goes on from there
# make bench      measure times and sizes into docs/benchmarks.md (ONLY=import,service: some; SUITE=1: the tests too)
# make notebooks  run all notebooks and store their outputs, in normal form
# make slides     write slides of each notebook into build/slides
# make solutions  run the notebooks with all exercises solved, into build/solutions (for instructors)
# make preflight  see whether this machine can hold the course (LEARNERS=30: a hub for a class)
# make site       write the course as a static site into build/site: open its index.html
# make docs       write the generated parts of README.md and docs/
# make lock       pin the dependencies of pyproject.toml anew (UPGRADE=1: to the newest allowed versions)
# make clean      remove .venv and .hub; what you made (my_work/) stays
#
# Needs Python 3.11 or newer with its venv module. Another interpreter: make lab PYTHON=/path/to/python3.12

VENV := .venv
IN_VENV := $(VENV)/bin/python
INTERPRETERS := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11 python)
LINT = $(IN_VENV) -m ruff check . && $(IN_VENV) -m ruff format --check .
WORKERS ?= 2
PARALLEL = -n $(WORKERS) --dist worksteal
QUICK := $(addprefix tests/test_,rooms.py notebooks_static.py pages.py quiz.py quiz_questions.py exercises.py)
LEARNERS ?= 20
PROXY := .hub/node_modules/.bin/configurable-http-proxy
FIRST_NOTEBOOK := notebooks/01_data_collection.ipynb
INSTALL = $(IN_VENV) -m uv pip install --python $(IN_VENV) --quiet --compile-bytecode --constraint requirements.lock

.PHONY: lab test quick nightly bench classroom hub notebooks slides solutions preflight site docs lock clean

lab: $(VENV)/.lab-ready
	$(IN_VENV) -m jupyterlab --ServerApp.root_dir=. $(FIRST_NOTEBOOK)

test: $(VENV)/.test-ready $(if $(shell command -v npm),$(PROXY))
	$(LINT)
	$(IN_VENV) -m pytest $(PARALLEL) $(PYTEST_OPTIONS)

quick: $(VENV)/.test-ready
	$(LINT)
	$(IN_VENV) -m pytest $(PARALLEL) $(QUICK)

nightly: $(VENV)/.test-ready $(if $(shell command -v npm),$(PROXY))
	$(IN_VENV) -m pytest -m nightly -o faulthandler_timeout=3600 -n $(WORKERS) --dist loadfile $(PYTEST_OPTIONS)

classroom: $(VENV)/.hub-ready $(PROXY)
	@exec $(IN_VENV) tools/classroom.py --learners $(LEARNERS) $(if $(NOTEBOOK),--notebook $(NOTEBOOK))

hub: $(VENV)/.hub-ready $(PROXY)
	@echo "The hub is installed. Next: step 2 in docs/hub.md."

bench: $(VENV)/.test-ready
	$(IN_VENV) benchmarks/run.py $(if $(ONLY),--only $(ONLY)) $(if $(SUITE),--suite)

notebooks: $(VENV)/.test-ready
	$(IN_VENV) tools/run_notebooks.py

slides: $(VENV)/.slides-ready
	$(IN_VENV) tools/slides.py

solutions: $(VENV)/.lab-ready
	$(IN_VENV) tools/solutions.py

# Needs no environment: it says whether one can be made.
preflight:
	@$(firstword $(PYTHON) $(shell command -v python3 python)) tools/preflight.py $(if $(filter command line environment,$(origin LEARNERS)),--learners $(LEARNERS))

site: $(VENV)/.site-ready
	$(IN_VENV) -m sphinx -q -W -c docs -d build/doctrees -b html . build/site

docs: $(VENV)/.lab-ready
	$(IN_VENV) tools/pages.py

lock: $(VENV)/.test-ready
	$(IN_VENV) tools/lock.py $(if $(UPGRADE),--upgrade)

clean:
	rm -rf $(VENV) .hub

$(VENV)/pyvenv.cfg:
	@for python in $(INTERPRETERS); do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting the course up in $(VENV) with $$python: about a minute, once."; \
	    exec "$$python" -m venv $(VENV); \
	  fi; \
	done; \
	echo "The course needs Python 3.11 or newer with its venv module; tried: $(INTERPRETERS)." >&2; \
	echo "Install one (on Debian or Ubuntu also the package python3-venv), or name one: make lab PYTHON=/path/to/python" >&2; \
	exit 1

# The last line of the recipe lets matplotlib list the fonts now; otherwise the first figure waits, with a message.
$(VENV)/.lab-ready: $(VENV)/pyvenv.cfg pyproject.toml requirements.lock tools/jupyterlab_settings.json
	@$(IN_VENV) -m pip --version >/dev/null 2>&1 || $(IN_VENV) -m ensurepip >/dev/null
	@$(IN_VENV) -m pip install --quiet --disable-pip-version-check --constraint requirements.lock uv
	@$(INSTALL) --editable ".[lab]"
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@cp tools/jupyterlab_settings.json $(VENV)/share/jupyter/lab/settings/overrides.json
	@$(IN_VENV) -c "import matplotlib.font_manager"
	@touch $@

$(VENV)/.site-ready: $(VENV)/.lab-ready
	@$(INSTALL) --editable ".[site]"
	@touch $@

$(VENV)/.slides-ready: $(VENV)/.lab-ready
	@$(INSTALL) --editable ".[slides]"
	@touch $@

$(VENV)/.test-ready: $(VENV)/.lab-ready
	@$(INSTALL) --editable ".[test]"
	@touch $@

$(VENV)/.hub-ready: $(VENV)/.lab-ready
	@$(INSTALL) --editable ".[hub,lab]"
	@touch $@

# 5.1 is the last version that runs on Node.js 18, which long-lived systems bring.
$(PROXY):
	@command -v npm >/dev/null || { \
	  echo "The hub needs Node.js 18 or newer and npm. On Debian or Ubuntu: apt install nodejs npm" >&2; exit 1; }
	@npm install --silent --no-fund --no-audit --no-save --no-package-lock --prefix .hub configurable-http-proxy@~5.1.0
	@touch $@
