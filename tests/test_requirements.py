"""What is installed lies within the ranges of the requirements, whose floors leave out what an advisory names."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

FILES = sorted(Path(__file__).parent.parent.glob("requirements*.txt"))


def _lines(path: Path) -> list[str]:
    """Those of requirements, with their reasons."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if re.match(r"\w", line)]


def _outside(lines: list[str]) -> dict[str, str]:
    """Requirements that what is installed does not satisfy, with its version."""
    wanted = [Requirement(line.split("#")[0]) for line in lines]
    return {str(one): found for one in wanted if (found := version(one.name)) not in one.specifier}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_installed_lies_within_the_ranges(path):
    if path.name == "requirements-ray.txt":
        pytest.importorskip("ray", reason=f"Ray is not installed: pip install -r {path.name}")
    assert _lines(path) and _outside(_lines(path)) == {}


def test_a_version_outside_of_a_range_is_seen():
    h11 = version("h11")
    assert _outside([f"h11>{h11}  # why", f"h11<{h11}", f"h11>={h11}"]) == {f"h11>{h11}": h11, f"h11<{h11}": h11}


def test_a_floor_without_a_ceiling_names_the_advisory_that_it_is_for():
    floors = [line for path in FILES for line in _lines(path) if "<" not in line]
    assert floors and [line for line in floors if not re.search(r"# (CVE|PYSEC)-\d{4}-\d+", line)] == []
