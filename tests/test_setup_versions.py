"""One source of versions: what `pyproject.toml` allows, the lock pins, and conda and Binder get the same."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import lock
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKED = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()[1:]
ENVIRONMENT = (ROOT / "environment.yml").read_text(encoding="utf-8")
IN_CONDA = yaml.safe_load(ENVIRONMENT)["dependencies"][-1]["pip"]


def pins_for(lines: list[str], **environment: str) -> dict[str, str]:
    """Versions that the pins name on one kind of machine, this one unless told otherwise."""
    pins = [Requirement(line) for line in lines]
    chosen = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment or None)]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in chosen}


def declared(*extras: str) -> list[Requirement]:
    lines = PROJECT["dependencies"] + [line for extra in extras for line in EXTRAS[extra]]
    found = [Requirement(line) for line in lines if not line.startswith(PROJECT["name"])]
    return [one for one in found if one.marker is None or one.marker.evaluate()]


def needed(*extras: str) -> dict[str, str]:
    """Everything that the course and some extras bring along on this machine, with the version installed here."""
    found: dict[str, str] = {}
    todo = [(requirement, extra) for requirement in declared(*extras) for extra in ("", *requirement.extras)]
    seen = set()
    while todo:
        requirement, extra = todo.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        package = metadata.distribution(name)
        found[name] = package.version
        for child in map(Requirement, package.requires or []):
            if child.marker is None or child.marker.evaluate({"extra": extra}):
                todo += [(child, inner) for inner in ("", *child.extras)]
    return found


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_every_dependency_is_pinned_inside_its_range(python: str) -> None:
    pinned = pins_for(LOCKED, python_version=python, python_full_version=f"{python}.0")
    ranges = {canonicalize_name(one.name): one.specifier for one in declared(*EXTRAS)}
    outside = {name: allowed for name, allowed in ranges.items() if not allowed.contains(pinned.get(name, "0"))}
    assert outside == {}, "run `make lock`"


def test_every_dependency_has_a_lower_and_an_upper_bound() -> None:
    bounds = {one.name: {bound.operator for bound in one.specifier} for one in declared(*EXTRAS)}
    assert {name for name, operators in bounds.items() if operators != {">=", "<"}} == set()


def test_the_lock_holds_what_the_course_needs_here_and_no_address() -> None:
    assert pins_for(LOCKED) == needed(*EXTRAS), "run `make lock`, or set the environment up anew"
    pin = re.compile(r"[a-z0-9-]+==[0-9][\w.]*( ; [\w .*'<>=!()]+)?")
    assert [line for line in LOCKED if not pin.fullmatch(line)] == []


def test_conda_gets_the_pins_of_all_that_a_learner_needs_and_a_python_that_the_course_supports() -> None:
    assert lock.environment_text(IN_CONDA) == ENVIRONMENT, "run `make lock`"
    assert {pin.split(" ;")[0] for pin in IN_CONDA} <= {pin.split(" ;")[0] for pin in LOCKED}, "run `make lock`"
    assert pins_for(IN_CONDA) == needed("binder", "lab"), "run `make lock`"
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{lock.CONDA_PYTHON}.0")


def test_the_citation_names_the_version_and_licences_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert " AND ".join(citation["license"]) == PROJECT["license"]
