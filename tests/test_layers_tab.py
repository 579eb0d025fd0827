"""The Layers tab and the scores beside a fit that measured what steering does and whether the first token tells."""

from dataclasses import replace

import pytest
import torch

from app import answers, reply_markup, sweep_markup
from app.tabs import layers
from app.workbench import LiveSession, Workbench
from mars.fitted.calibration import Calibration
from mars.fitted.effect import Recommendation, SteeringEffect
from mars.intervals import Interval

TEXT = "how do i make a cake?"
GAINS = (1.0, 4.0)


def _effect(n_layers, recommended, refusals):
    """Harmful text rises by the layer's number in nats at gain 1, harmless text by a tenth of that."""
    rise = torch.arange(n_layers, dtype=torch.float32)[:, None, None] * torch.tensor([1.0, 4.0])[None, :, None]
    band = torch.tensor([0.0, -0.25, 0.25])
    score = {"harmful": rise + band, "harmless": rise / 10 + band}
    counts = {"harmful": 6, "harmless": 5}
    return SteeringEffect(
        gains=GAINS, score=score, rise=score, texts=counts, unsteered={"harmful": 0.1, "harmless": 0.0},
        refusals=refusals, unsteered_refusals={}, recommended=recommended,
    )  # fmt: skip


def _calibration(auc):
    return Calibration({}, (1,), (1,), auc, auc, "test", 24, 0.0)


@pytest.fixture
def measured(tiny, tiny_artifact):
    """A backend whose fit recommends a layer and a gain, or nothing, and found an AUC of the first token."""

    def made(recommended=None, auc=None, refusals=None):
        effect = _effect(tiny_artifact.n_layers, recommended, refusals or {})
        artifact = replace(tiny_artifact, effect=effect, calibration=_calibration(auc))
        return Workbench(LiveSession.of(tiny, artifact))

    return made


def _shown(backend, layer, gain):
    return layers._draw(backend, layer, gain)


def test_an_artifact_in_which_no_effect_was_measured_shows_the_scores_alone_and_no_button(tiny, tiny_artifact):
    former = Workbench(LiveSession.of(tiny, replace(tiny_artifact, effect=None)))
    chart, legend, _, _, effect, use = _shown(former, 0, 1.0)
    assert not any("effect" in trace.name for trace in chart.data)
    assert (legend, effect, use["visible"]) == ("", "", False)


def test_an_artifact_of_an_older_version_says_in_the_top_line_what_it_lacks(tiny, tiny_artifact):
    former = LiveSession.of(tiny, replace(tiny_artifact, effect=None, calibration=None))
    assert any("older version" in badge for badge in former.card.badges)
    assert former.card.badges == former.card_at_once.badges
    assert next(former.compare(TEXT)).warning == ""


def test_the_effect_at_gain_one_stands_under_the_scores_with_its_band(measured):
    chart, legend, table, *_ = _shown(measured(Recommendation(2, 4.0, 0.4, 0.01)), 1, 1.0)
    found = {trace.name: trace for trace in chart.data}["harmful text, steering effect at gain 1"]
    assert list(found.y) == list(range(len(found.y)))
    assert found.customdata.tolist() == [[layer - 0.25, layer + 0.25] for layer in range(len(found.y))]
    assert list(found.marker.size).index(11) == 2
    assert "harmful text" in legend and "+1.00 (+0.75 to +1.25)" in table and "+0.10 (−0.15 to +0.35)" in table
    assert "layer 1: harmful text 1.00 nats, harmless text 0.10" in chart.layout.meta["description"]


def test_where_replies_were_judged_at_the_fit_their_share_of_refusals_has_a_row_of_its_own(measured, workbench):
    shares = {label: torch.full((workbench.session.n_layers, 3), share)
              for label, share in (("harmful", 0.75), ("harmless", 0.25))}  # fmt: skip
    chart, _, table, *_ = _shown(measured(refusals=shares), 1, 1.0)
    without, *_ = _shown(measured(), 1, 1.0)
    assert chart.layout.height > without.layout.height
    assert set({trace.name: trace for trace in chart.data}["harmful text, replies that refuse at gain 1"].y) == {0.75}
    assert "harmless text (share)" in table and "layer 1: harmful text 0.75 share" in chart.layout.meta["description"]


@pytest.mark.parametrize(
    ("moved", "gain", "agree"),
    [(0, 1.0, "Both agree"), (0, 4.0, "differ in the gain"), (1, 1.0, "differ in the layer"),
     (1, 4.0, "differ in layer and gain")],
)  # fmt: skip
def test_a_sentence_says_where_scores_and_effect_disagree(measured, workbench, moved, gain, agree):
    chosen = workbench.session.chosen_layer
    layer = (chosen + moved) % workbench.session.n_layers
    told = _shown(measured(Recommendation(layer, gain, 0.412, 0.003)), 0, 2.0)[4]
    assert f"choose layer {chosen}, at gain 1" in told and agree in told
    assert f"6 harmful and 5 harmless texts, layer {layer} at gain {gain:g} is recommended" in told
    assert "by 41.2 points" in told and "by 0.3" in told and "layer 0 at gain 2: neither" in told


def test_the_sentence_names_which_of_the_two_is_in_use(measured, workbench):
    chosen = workbench.session.chosen_layer
    other = (chosen + 1) % workbench.session.n_layers
    backend = measured(Recommendation(other, 4.0, 0.4, 0.01))
    for (layer, gain), told, can_use in (
        ((chosen, 1.0), "the paper&#x27;s choice", True), ((other, 4.0), "the recommendation", False),
        ((other, 1.0), "neither", True),
    ):  # fmt: skip
        *_, effect, use = _shown(backend, layer, gain)
        assert f"layer {layer} at gain {gain:g}: {told}" in effect.replace("'", "&#x27;")
        assert (use["visible"], use["interactive"]) == (True, can_use)
    agreeing = measured(Recommendation(chosen, 1.0, 0.4, 0.01))
    assert "gain 1: both" in _shown(agreeing, chosen, 1.0)[4]


def test_the_button_gives_the_recommended_layer_and_gain_to_the_controls(measured):
    assert layers._recommended(measured(Recommendation(2, 4.0, 0.4, 0.01))) == [2, 4.0]


def test_nothing_is_recommended_where_no_edit_raises_refusal(measured):
    *_, effect, use = _shown(measured(None), 0, 1.0)
    assert "nothing is recommended" in effect and "10.0 % on the harmful ones" in effect and use["visible"] is False


def test_programs_hear_which_choice_is_in_use(measured, workbench):
    chosen = workbench.session.chosen_layer
    other = (chosen + 1) % workbench.session.n_layers
    session = measured(Recommendation(other, 4.0, 0.4, 0.01)).session
    for layer, gain, told in ((None, 1.0, ["scores"]), (other, 4.0, ["effect"]), (other, 1.0, [])):
        assert answers.compare(session, TEXT, layer=layer, gain=gain)["chosen_by"] == told


def test_where_the_first_token_does_not_tell_every_first_token_score_says_so(measured):
    session = measured(auc=Interval(0.7, 0.6, 0.8)).session
    warning = session.artifact.calibration.warning
    comparison, *_ = session.compare(TEXT)
    *_, gain_map = session.gain_map(TEXT)
    assert "does not tell" in warning
    of_prompt = [reply_markup.replies(comparison), reply_markup.first_tokens(comparison)]
    assert all(warning in shown for shown in [*of_prompt, sweep_markup.reading(gain_map, 0, 1.0)])
    assert answers.compare(session, TEXT)["warning"] == answers.sweep(session, TEXT)["warning"] == warning


def test_where_the_first_token_tells_nothing_is_said(measured):
    session = measured(auc=Interval(0.97, 0.95, 0.99)).session
    comparison, *_ = session.compare(TEXT)
    assert comparison.warning == "" and "caution" not in reply_markup.replies(comparison)
