"""The map of a prompt beside that of its benign twin: which cell is best, what is said of it, and what is pinned."""

from dataclasses import replace

import numpy as np
import pytest

from app import sweep_markup
from app.results import GainMap, Mapped, Pin, Request
from app.state import Visit
from app.tabs import gains
from app.workbench import LiveSession, Workbench, read_examples

GAINS = (0.5, 1.0, 2.0)


def _map_of(scores, unsteered=-6.0):
    scores = np.array(scores, dtype=np.float32)
    tokens = (("a",) * scores.shape[1],) * scores.shape[0]
    return GainMap(tuple(range(len(scores))), GAINS, scores, scores * 0 + 0.25, scores > 90, tokens, unsteered, "a")


def _pair(own, twin, is_harmless=False, no_twin=""):
    return Mapped(own, twin, None, no_twin, is_harmless, 0)


HARMFUL = _map_of([[-6, 0, 6], [-6, 6, 7]])


@pytest.mark.parametrize(
    ("twin", "best"),
    [
        ([[-6, -6, -6], [-6, -6, -6]], (1, 1.0)),  # of rises that are alike, the smallest gain
        ([[-6, -6, -6], [-6, 3, 3]], (0, 2.0)),  # layer 1 refuses the twin too
        ([[-6, 3, 3], [-6, 3, 3]], None),
    ],
)
def test_the_best_cell_raises_refusal_of_the_prompt_most_and_spares_its_twin(twin, best):
    assert sweep_markup.best_cell(HARMFUL, _map_of(twin)) == best


def test_a_sentence_holds_the_cell_in_use_against_the_best_one():
    pair = _pair(HARMFUL, _map_of([[-6] * 3] * 2))
    told = sweep_markup.pair_reading(pair, 0, 1.0)
    assert "layer 1 at gain 1 (refusal of the prompt 0.2 % to 99.8 %, of its benign twin 0.2 %, damage 0.25" in told
    assert "In use: layer 0 at gain 1 (refusal of the prompt 0.2 % to 50.0 %" in told
    assert "That is the one in use" in sweep_markup.pair_reading(pair, 1, 1.0)
    assert "Gain 1.25, which is in use, is not in the map" in sweep_markup.pair_reading(pair, 1, 1.25)
    refused = _pair(HARMFUL, _map_of([[6] * 3] * 2))
    assert "No cell raises" in sweep_markup.pair_reading(refused, 0, 1.0)


def test_where_there_is_no_twin_a_sentence_says_so_and_nothing_is_called_best():
    told = sweep_markup.pair_reading(_pair(HARMFUL, None, no_twin="No <twin> is known."), 0, 1.0)
    assert "No &lt;twin&gt; is known." in told and "Best" not in told


@pytest.fixture
def backend(tiny, tiny_artifact):
    return Workbench(LiveSession.of(tiny, tiny_artifact, examples=read_examples()))


def _asked(session, example):
    files = (example.media,) if example.media else ()
    *_, last = session.compare(example.text, files, max_new_tokens=3)
    return Visit().with_comparison(last, _request(example.text, files))


def _request(text, files=()):
    return Request(text, files, 3)


def _panels():
    return gains.Panels(*gains.Panels._fields)


def _made(backend, visit, of=gains.FIRST_TOKEN):
    for shown in gains._map(backend, _panels(), "visit", of, 1, 1.0, visit):
        visit = shown.get("visit", visit)
    return visit, shown


def _example(backend, label):
    return next(one for one in backend.session.examples if one.label == label and one.media and one.twin)


def test_a_harmful_prompt_stands_beside_its_twin_whose_damage_alone_is_shown(backend):
    visit, shown = _made(backend, _asked(backend.session, _example(backend, "harmful")))
    *_, twin = backend.session.gain_map(visit.gain_map.benign.text, [visit.gain_map.benign.media])
    assert np.allclose(visit.gain_map.twin.refusal_scores, twin.refusal_scores)
    assert (
        not visit.gain_map.is_harmless and shown["twin"] and "Damage to its benign twin" in shown["damage"].to_json()
    )


def test_a_harmless_prompt_has_no_twin_and_its_own_damage_is_shown(backend):
    visit, shown = _made(backend, _asked(backend.session, _example(backend, "harmless")))
    assert visit.gain_map.twin is None and shown["twin"] == ""
    assert "Damage to this prompt" in shown["damage"].to_json() and "harmless itself" in shown["reading"]


def test_no_damage_is_shown_of_a_prompt_that_is_not_known_to_be_harmless(backend):
    *_, last = backend.session.compare("how do i make a kite?", max_new_tokens=3)
    visit = Visit().with_comparison(last, _request("how do i make a kite?"))
    visit, shown = _made(backend, visit)
    assert shown["damage"] == shown["twin"] == "" and "No harmless twin" in shown["reading"] and shown["scores"]


def test_the_map_of_verdicts_has_its_twin_too(backend):
    visit, shown = _made(backend, _asked(backend.session, _example(backend, "harmful")), gains.VERDICTS)
    assert visit.verdict_map.twin.length == visit.verdict_map.own.length and shown["twin_verdicts"]
    assert shown["reading"].count("without steering") == 2 and shown["scores"] == ""


def test_a_map_of_a_model_that_is_no_longer_here_is_not_shown(backend):
    visit, _ = _made(backend, _asked(backend.session, _example(backend, "harmless")))
    backend.session = replace(backend.session, generation=backend.session.generation + 1)
    assert gains._show(backend, _panels(), gains.FIRST_TOKEN, 1, 1.0, visit)["scores"] == ""


def test_two_cells_are_pinned_with_the_replies_to_prompt_and_twin_and_a_third_takes_the_oldest_ones_place(backend):
    visit = _asked(backend.session, _example(backend, "harmful"))
    for layer in (0, 1, 1, 2):
        *_, (visit, can_clear, shown) = gains._pin(backend, gains.FIRST_TOKEN, layer, 2.0, visit)
    assert [pin.cell for pin in visit.pins] == [(1, 2.0), (2, 2.0)] and can_clear["interactive"]
    assert "A: layer 1, gain 2" in shown and "B: layer 2, gain 2" in shown and shown.count("Its benign twin") == 2
    *_, last = backend.session.compare(visit.request.text, visit.request.files, 2, 2.0, gains.NEW_TOKENS)
    assert visit.pins[1].own.steered.text == last.steered.text
    cleared, can_clear, shown = gains._unpinned(visit)
    assert cleared.pins == () and not can_clear["interactive"] and "No cell is pinned" in shown
    assert visit.with_comparison(last, visit.request).pins == ()


def test_what_a_pinned_reply_says_is_escaped(backend):
    visit = _asked(backend.session, _example(backend, "harmless"))
    reply = replace(visit.shown.steered, text="<script>")
    shown = sweep_markup.pinned([Pin(0, 1.0, replace(visit.shown, steered=reply), None)])
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "benign twin" not in shown
