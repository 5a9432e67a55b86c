"""One source of versions: what `pyproject.toml` allows, the lock pins, and conda and Binder get the same."""

import re
import sys
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
LOCK_TEXT = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCK = [Requirement(line) for line in LOCK_TEXT.splitlines() if line and not line.startswith("#")]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
ENVIRONMENT_PINS = [Requirement(line) for line in ENVIRONMENT["dependencies"][-1]["pip"]]
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")
EXTRAS = PROJECT["optional-dependencies"]


def pins_for(requirements: list[Requirement], **environment: str) -> dict[str, str]:
    """Versions that the pins name on one kind of machine, this one unless told otherwise."""
    chosen = [pin for pin in requirements if pin.marker is None or pin.marker.evaluate(environment or None)]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in chosen}


def declared(*extras: str) -> list[Requirement]:
    lines = PROJECT["dependencies"] + [line for extra in extras for line in EXTRAS[extra]]
    found = [Requirement(line) for line in lines if not line.startswith(PROJECT["name"])]
    return [one for one in found if one.marker is None or one.marker.evaluate()]


def needed(requirements: list[Requirement]) -> dict[str, str]:
    """Everything that the requirements bring along on this machine, with the version installed here."""
    found: dict[str, str] = {}
    open_ends = [(requirement, extra) for requirement in requirements for extra in ("", *requirement.extras)]
    seen = set()
    while open_ends:
        requirement, extra = open_ends.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        package = metadata.distribution(name)
        found[name] = package.version
        for line in package.requires or []:
            child = Requirement(line)
            if child.marker is None or child.marker.evaluate({"extra": extra}):
                open_ends += [(child, inner) for inner in ("", *child.extras)]
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_pinned_inside_its_range(python: str) -> None:
    pinned = pins_for(LOCK, python_version=python.rpartition(".")[0], python_full_version=python)
    ranges = {canonicalize_name(one.name): one.specifier for one in declared(*EXTRAS)}
    assert ranges.keys() <= pinned.keys(), "run `make lock`"
    outside = {name: pinned[name] for name, allowed in ranges.items() if not allowed.contains(pinned[name])}
    assert outside == {}, "run `make lock`"


def test_every_dependency_has_a_lower_and_an_upper_bound() -> None:
    bounds = {one.name: {bound.operator for bound in one.specifier} for one in declared(*EXTRAS)}
    assert {name for name, operators in bounds.items() if operators != {">=", "<"}} == set()


def test_the_lock_holds_what_the_course_needs_here_and_nothing_else() -> None:
    assert pins_for(LOCK) == needed(declared(*EXTRAS)), "run `make lock`, or set the environment up anew"


def test_the_lock_holds_versions_and_no_address() -> None:
    pin = re.compile(r"[a-z0-9-]+==[0-9][\w.]*( ; [\w .*'<>=!()]+)?")
    assert [line for line in LOCK_TEXT.splitlines()[1:] if not pin.fullmatch(line)] == []


def test_conda_pins_are_pins_of_the_lock() -> None:
    locked = {(pin.name, pin.specifier) for pin in LOCK}
    assert {(pin.name, pin.specifier) for pin in ENVIRONMENT_PINS} <= locked, "run `make lock`"


def test_binder_can_install_the_libraries_before_it_has_the_course() -> None:
    local = [line for line in ENVIRONMENT["dependencies"][-1]["pip"] if line.startswith(("-", ".")) or "/" in line]
    assert local == [], "Binder would install everything anew after each change of a text"
    assert "--editable ." in (ROOT / "postBuild").read_text(encoding="utf-8"), "postBuild installs the course itself"


def test_conda_gets_all_that_a_learner_needs_and_nothing_else() -> None:
    assert pins_for(ENVIRONMENT_PINS) == needed(declared("binder", "lab")), "run `make lock`"


def test_conda_pins_one_minor_version_of_python_that_the_course_supports() -> None:
    python = next(line for line in ENVIRONMENT["dependencies"] if str(line).startswith("python"))
    minor = re.fullmatch(r"python=(3\.\d+)", python)
    assert minor, "Binder quietly takes an old Python when it is given a range"
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{minor[1]}.0")


def test_environment_yml_is_what_make_lock_writes() -> None:
    written = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert written == lock.environment_text(ENVIRONMENT["dependencies"][-1]["pip"])


def test_the_python_that_runs_the_tests_is_one_the_course_supports() -> None:
    assert SpecifierSet(PROJECT["requires-python"]).contains(sys.version.split()[0])


def test_the_citation_names_the_version_and_licences_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert " AND ".join(citation["license"]) == PROJECT["license"]
