"""The README lets a newcomer in: it is short, its lines run as they stand there, and its map leads where it says."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import torch

from mars.verdict import verdict
from tests.pages import ROOT, blocks

README = (ROOT / "README.md").read_text(encoding="utf-8")
(TEN_LINES,) = (block.code for block in blocks(README, "python"))
HUB_LINES = blocks((ROOT / "docs" / "your-own-model.md").read_text(encoding="utf-8"), "python")[0].code
MAP = README.split("## Code map")[1].split("\n## ")[0]


def _printed(code: str, folder, **environment: str) -> list[str]:
    """What the lines print, run by a Python of their own in a folder that holds nothing of the repository."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"} | environment
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_is_short():
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("made", ["loaded", "fitted"])
def test_the_ten_lines_run_as_they_stand_there_and_show_the_phenomenon(device, made, tmp_path):
    """And so they do where the artifact is fitted anew, as the comment among them has it."""
    if device == "gpu" and not torch.cuda.is_available():
        pytest.skip("There is no GPU.")
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}
    fitted, times = re.subn(
        r"^artifact = Artifact\.load.*\n# (?=artifact = Artifact\.fit)", "", TEN_LINES, flags=re.MULTILINE
    )
    assert times == 1
    unsteered, steered, log = _printed(fitted if made == "fitted" else TEN_LINES, tmp_path, **hidden)
    assert (verdict(unsteered).kind, verdict(steered).kind) == ("complies", "refuses")
    for shown, printed in zip(re.findall(r"# (.*) …$", TEN_LINES, re.MULTILINE), (unsteered, steered), strict=True):
        assert printed.startswith(shown)
    assert float(steered.split()[-1]) > 0
    assert "applications=1" in log


def test_the_lines_for_a_hub_id_run_on_a_stand_in(tmp_path, tiny_folder, png):
    """A tiny checkpoint of the same family stands in the hub's cache, under the id of the true one."""
    (model_id,) = re.findall(r'load_model\("(.*)"\)', HUB_LINES)
    cached = tmp_path / "hub" / f"models--{model_id.replace('/', '--')}"
    shutil.copytree(tiny_folder, cached / "snapshots" / "0")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0")
    shutil.copy(png, tmp_path / "photo.png")
    assert _printed(HUB_LINES, tmp_path, HF_HUB_CACHE=str(tmp_path / "hub")) != []


def test_what_it_says_of_the_cost_is_what_was_measured():
    speed = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8").split("<!-- /speed -->")[0]
    (ratio,) = re.findall(r"against one plain `generate` \| ([\d.]+) ", speed)
    assert f"take {float(ratio):.1f} times as long as one plain `generate`" in " ".join(README.split())


@pytest.mark.parametrize(
    ("what", "path", "defines"),
    [
        ("decodes", "mars/media/decode.py", "def read_image("),
        ("edits the residual stream", "mars/model/hooks.py", "def editing("),
        ("chooses the layer", "mars/geometry/layer_selection.py", "def score_layers("),
        ("judges whether a reply refuses", "mars/verdict/judge.py", "def verdict("),
    ],
)
def test_the_map_leads_to_where_things_are_done(what, path, defines):
    package, name = path.split("/")[-2:]
    (line,) = (line for line in MAP.splitlines() if what in line)
    assert name in line and package in line
    assert defines in (ROOT / path).read_text(encoding="utf-8")


def test_the_map_has_every_package_of_the_engine_and_every_folder():
    packages = [path.parent.name for path in (ROOT / "mars").glob("*/__init__.py")]
    folders = ["mars", "app", "assets", "benchmarks", "scripts", "tests"]
    assert [name for name in packages + folders if f"{name}/" not in MAP] == []


def test_its_main_results_are_those_of_the_full_tables():
    (main,) = _tables(README.split("<!-- main results -->")[1])
    trained, *_ = _tables((ROOT / "docs" / "results.md").read_text(encoding="utf-8"))
    for request, rates in main.items():
        for strategy, rate in rates.items():
            row = trained[
                {"MARS": "mars", "MARS without re-centering": "mars no recentering"}.get(strategy, strategy)
            ]
            assert rate == row[request], (request, strategy)
    assert len(main) == 6


def _tables(text: str) -> list[dict[str, dict[str, str]]]:
    """The tables of a page: first cell of a row -> head of a column -> cell."""
    tables = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        heads, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines())
        tables.append({row[0]: dict(zip(heads[1:], row[1:], strict=True)) for row in rows})
    return tables
