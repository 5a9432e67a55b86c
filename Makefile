# make lab        set up the course in .venv and open it in JupyterLab
# make test       the checks that have to hold before a change is taken
# make quick      the checks of a minute: linter, stored notebooks, generated pages, quiz and exercises
# make nightly    the checks that take long
# make notebooks  run the notebooks that are stale, say why, and store their outputs in normal form
# make docs       write the generated parts of README.md and docs/
# make site       write the course as a static site for learners into build/site: open its index.html
#                 (TEACHER=1: into build/site-teacher, with the pages for instructors, operators and maintainers)
# make slides     write slides of each notebook and each plan, and a handout, into build/slides
# make solutions  run the notebooks with all exercises solved, into build/solutions (for instructors)
# make preflight  see whether this machine can hold the course (LEARNERS=30: a hub for a class)
# make hub        set up what a hub for a class needs; docs/hub.md goes on from there
# make classroom  rehearse a class: a hub on this machine with simulated learners (LEARNERS=20)
# make bench      measure times and sizes into docs/benchmarks.md
# make lock       pin the dependencies of pyproject.toml anew (UPGRADE=1: to the newest allowed versions)
# make clean      remove .venv and .hub; what you made (my_work/) stays
#
# Needs Python 3.11 or newer with its venv module. Another interpreter: make lab PYTHON=/path/to/python3.12

VENV := .venv
IN_VENV := $(VENV)/bin/python
INTERPRETERS := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11 python)
LINT = $(IN_VENV) -m ruff check . && $(IN_VENV) -m ruff check --preview --select PLW1514 . && $(IN_VENV) -m ruff format --check .
# One more than the cores of a small machine: a test often waits for a program that it has started.
WORKERS ?= 3
SPREAD = -n $(WORKERS) --dist loadfile --no-loadscope-reorder
LEARNERS ?= 20
QUICK := $(addprefix tests/test_,rooms.py notebooks_static.py pages.py quiz.py quiz_questions.py exercises.py)
PROXY := .hub/node_modules/.bin/configurable-http-proxy
FIRST_NOTEBOOK := notebooks/01_data_collection.ipynb
# Somebody's usual settings under which Python finds our modules no more, or forgets what it was told to assert.
unexport PYTHONSAFEPATH PYTHONOPTIMIZE

.PHONY: lab test quick nightly notebooks docs site slides solutions preflight hub classroom bench lock clean

# The last lines it prints are the address of the first notebook.
lab: ready-lab
	@$(IN_VENV) -m jupyterlab --log-level=WARN --ServerApp.root_dir=. --ServerApp.use_redirect_file=False \
	  --LabApp.default_url=/lab/tree/$(FIRST_NOTEBOOK)

test: ready-test
	$(LINT)
	$(IN_VENV) -m pytest $(SPREAD) $(PYTEST_OPTIONS)

quick: ready-test
	$(LINT)
	$(IN_VENV) -m pytest $(SPREAD) $(QUICK)

nightly: ready-test $(if $(shell command -v npm),$(PROXY))
	MLOPS_CASES=10000 $(IN_VENV) -m pytest tests/test_strangers.py -n 2 $(PYTEST_OPTIONS)
	$(IN_VENV) -m pytest -m nightly -n 2 --dist loadfile -o faulthandler_timeout=3600 $(PYTEST_OPTIONS)

notebooks: ready-test
	$(IN_VENV) tools/run_notebooks.py

docs: ready-lab
	$(IN_VENV) tools/pages.py

site: ready-site
	$(IN_VENV) -m sphinx -q -W -c docs $(if $(TEACHER),-t teacher )-d build/doctrees$(if $(TEACHER),-teacher) -b html . \
	  build/site$(if $(TEACHER),-teacher)

slides: ready-slides
	$(IN_VENV) tools/slides.py

solutions: ready-test
	$(IN_VENV) tools/solutions.py

# Needs no environment: it says whether one can be made.
preflight:
	@$(firstword $(PYTHON) $(shell command -v python3 python)) tools/preflight.py $(if $(filter command line environment,$(origin LEARNERS)),--learners $(LEARNERS))

# Every account of the machine has to read what is installed, also where files are usually made for oneself.
hub: ready-hub $(PROXY)
	@chmod -R go+rX $(VENV) .hub
	@echo "The hub is installed. Next: step 2 in docs/hub.md."

classroom: ready-hub $(PROXY)
	@exec $(IN_VENV) tools/classroom.py --learners $(LEARNERS) $(if $(NOTEBOOK),--notebook $(NOTEBOOK))

bench: ready-test
	$(IN_VENV) benchmarks/run.py

lock: ready-test
	$(IN_VENV) tools/lock.py $(if $(UPGRADE),--upgrade)

clean:
	rm -rf $(VENV) .hub

# Whether there is anything to install, tools/install.py knows: it is asked each time.
ready-%: $(VENV)/pyvenv.cfg
	@$(IN_VENV) -c "" 2>/dev/null || { \
	  echo "The environment in $(VENV) does not work, maybe because its Python is gone. 'make clean' removes it" >&2; \
	  echo "(what you made in my_work/ stays); then run this again." >&2; exit 1; }
	@$(IN_VENV) tools/install.py $*

$(VENV)/pyvenv.cfg:
	@for python in $(INTERPRETERS); do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making an environment in $(VENV) with $$python."; \
	    exec "$$python" -m venv $(VENV); \
	  fi; \
	done; \
	echo "The course needs Python 3.11 or newer with its venv module; tried: $(INTERPRETERS)." >&2; \
	echo "Install one (on Debian or Ubuntu also the package python3-venv), or name one: make lab PYTHON=/path/to/python" >&2; \
	exit 1

# 5.1 is the last version that runs on Node.js 18, which long-lived systems bring.
$(PROXY):
	@command -v npm >/dev/null || { \
	  echo "The hub needs Node.js 18 or newer and npm. On Debian or Ubuntu: apt install nodejs npm" >&2; exit 1; }
	@npm install --loglevel=error --no-fund --no-audit --no-save --no-package-lock --prefix .hub configurable-http-proxy@~5.1.0
	@touch $@
