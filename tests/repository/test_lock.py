"""``requirements.lock`` has every package of pyproject.toml, in a version that fits, with its hashes."""

import re
import tomllib

import pytest
from layout import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
HASHES = r"(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+"
PINS = re.findall(rf"^(\S+?)(?:\[\S+\])?==(\S+?)(?: ; .*)? \\\n{HASHES}", LOCK, re.MULTILINE)
LISTS = re.findall(r"^(?:TESTED|DOCUMENTED|EXTRAS) := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
EXTRAS = [extra for extra in ",".join(LISTS).split(",") if not extra.startswith("$(")]


def test_every_package_has_hashes():
    pinned = re.findall(r"^[\w.-]+(?:\[\S+\])?==", LOCK, re.MULTILINE)
    assert len(pinned) == len(PINS) > 100


@pytest.mark.parametrize("extra", [None, *EXTRAS])
def test_what_the_project_needs_is_pinned_within_its_range(extra):
    needed = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    versions: dict[str, list[str]] = {}
    for name, version in PINS:
        versions.setdefault(canonicalize_name(name), []).append(version)
    for line in needed:
        requirement = Requirement(line)
        pinned = versions.get(canonicalize_name(requirement.name), [])
        assert pinned, f"{requirement.name} is missing; run make lock"
        assert all(version in requirement.specifier for version in pinned), f"{line}: {pinned}; run make lock"
