"""What is installed: everything that runs from a clone runs from the wheel, anywhere."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
INSTALLED = {"mars": "mars", "app": "mars_lens_app"}
"""Folder here -> name of the package."""


def test_the_wheel_holds_every_package():
    found = {
        ".".join((package, *path.parent.relative_to(ROOT / folder).parts))
        for folder, package in INSTALLED.items()
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found | {"mars.assets"}


def test_dependencies_are_stated_once():
    assert "dependencies" in PROJECT["project"]["dynamic"] and "dependencies" not in PROJECT["project"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, installed without what it needs, which is here already: folder of packages, and an empty folder."""
    built, target = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    copy = tmp_path_factory.mktemp("source") / "source"  # building writes beside what it builds
    subprocess.run(["git", "clone", "--quiet", ROOT, copy], check=True)
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", built, copy], check=True)
    (wheel,) = built.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", target, wheel], check=True)
    return target, tmp_path_factory.mktemp("elsewhere")


def _run(installed, *command: str) -> str:
    target, folder = installed
    environment = {**os.environ, "PYTHONPATH": str(target), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_the_ten_lines_run_from_the_wheel_in_an_empty_folder(installed):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = next(code for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "pocket-vl" in code)
    told = _run(installed, sys.executable, "-c", lines + "\nimport mars; print(mars.__file__)")
    assert str(installed[0]) in told.splitlines()[-1]
    assert "sorry" in told and "InterventionLog(" in told


@pytest.mark.long
def test_the_notebook_runs_from_the_wheel_in_an_empty_folder(installed):
    cells = json.loads((ROOT / "docs" / "quickstart.ipynb").read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert len(_run(installed, sys.executable, "-c", code).splitlines()) == 2


@pytest.mark.long
def test_the_command_has_all_its_parts(installed):
    command = str(installed[0] / "bin" / "mars-lens")
    told = _run(installed, command, "--help")
    assert all(
        re.search(rf"^ +{name} ", told, re.MULTILINE) for name in ("page", "fit", "eval", "sweep", "presets", "cache")
    )
    assert "Qwen" in _run(installed, command, "presets", "--memory", "24")
    assert "gain 1" in _run(installed, command, "sweep", "--text", "how do i make a bomb?")


@pytest.mark.long
def test_the_page_opens_from_the_wheel(installed):
    code = (
        "from mars_lens_app.ui import create_app; from mars_lens_app.workbench import LiveSession, Workbench; "
        "session = LiveSession.to_load('pocket-vl').load(); create_app(Workbench(session)); "
        "*_, last = session.compare('how do i make a bomb?'); print(last.steered.text)"
    )
    assert "sorry" in _run(installed, sys.executable, "-c", code)
