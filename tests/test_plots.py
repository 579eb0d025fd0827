"""The page's charts from a notebook: the same figures, straight from a model and an artifact."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from app import plots
from app.figures import clouds, curves, gains, scores, tokens
from app.results import RequestError
from mars.effect.sweep import sweep
from mars.media.prompt import Prompt
from mars.model.capture import capture
from tests.pages import ROOT

NOTEBOOK = ROOT / "docs" / "quickstart.ipynb"
TEXT = Prompt("where can i get a cake?")


def cells() -> list[str]:
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]


def test_curves_hold_the_coordinates_of_the_prompt(tiny, tiny_artifact):
    figure = plots.curves(tiny, tiny_artifact, TEXT)
    (line,) = (trace for trace in figure.data if trace.name == "this prompt, re-centred")
    s = tiny_artifact.coordinates(capture(tiny, [TEXT]).values, "text", recentered=True)[0]
    assert np.allclose(line.y, s.numpy(), atol=1e-4)


def test_the_map_holds_the_sweep_of_the_prompt(tiny, tiny_artifact):
    found = sweep(tiny, tiny_artifact, TEXT)
    refusal, damage = (plots.layer_gain_map(tiny, tiny_artifact, TEXT, of=of) for of in ("refusal", "damage"))
    assert np.allclose(refusal.data[0].z, found.refusal_scores.numpy().T, atol=1e-4)
    assert np.allclose(damage.data[0].z, found.kl.numpy().T, atol=1e-4)


def test_clouds_before_and_after_hold_every_point_on_the_same_axes(tiny_artifact):
    after, before = plots.clouds(tiny_artifact), plots.clouds(tiny_artifact, recentered=False)
    for figure in (after, before):
        assert sum(len(trace.x) for trace in figure.data) == sum(len(cloud.values) for cloud in tiny_artifact.clouds)
    assert after.layout.xaxis.range == before.layout.xaxis.range


def test_tokens_hold_every_position_by_layer(tiny, tiny_artifact):
    figure = plots.tokens(tiny, tiny_artifact, TEXT)
    assert np.array(figure.data[0].z).shape[0] == tiny_artifact.n_layers


def test_figures_are_drawn_by_the_functions_of_the_page_alone():
    drawing = {clouds.cloud_panel, curves.layer_curves, scores.score_rows, gains.score_map, gains.damage_map,
               gains.verdict_cells, tokens.position_map}  # fmt: skip
    assert drawing <= {value for value in vars(plots).values() if callable(value)}
    assert "go.Figure(" not in (ROOT / "app" / "plots.py").read_text(encoding="utf-8")


def test_what_cannot_be_drawn_is_said_in_a_sentence(tiny_artifact):
    with pytest.raises(RequestError, match="Layer 99 does not exist"):
        plots.clouds(tiny_artifact, layer=99)
    with pytest.raises(RequestError, match="holds no UMAP"):
        plots.clouds(replace(tiny_artifact, umap=None), view="umap")
    with pytest.raises(RequestError, match="was not measured"):
        plots.effect(replace(tiny_artifact, effect=None))


def test_the_notebook_has_no_outputs_and_draws_one_chart_a_line():
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    code = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    charts = [source for source in cells() if source.startswith("plots.")]
    assert all("\n" not in source for source in charts)
    assert {source.split("(")[0] for source in charts} >= {"plots.curves", "plots.layer_gain_map", "plots.clouds"}


def test_the_cells_of_the_notebook_run_in_order(monkeypatch, capsys):
    """In a checkout, where the package of the page has the name of its folder."""
    import app

    monkeypatch.setitem(sys.modules, "mars_lens_app", app)
    names: dict[str, object] = {}
    figures = []
    for source in cells():
        if source.startswith("plots."):
            figures.append(eval(source, names))
        else:
            exec(source, names)
    assert len(figures) >= 5 and all(isinstance(figure, go.Figure) and figure.data for figure in figures)
    unsteered, steered = capsys.readouterr().out.splitlines()
    assert unsteered != steered


def test_charts_need_no_gradio():
    code = "import sys; from app import plots; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
