"""The finished example that the page opens on: searched by verdicts, shipped beside the artifact, and still true."""

from dataclasses import replace

import numpy as np
import pytest

from app.opening import KINDS, files_of, find, kinds, neighbours, recorded_visit
from app.results import Aggregate, Example, RequestError
from app.state import Visit
from app.tabs import comparing
from app.workbench import LiveSession, Recorded, write_recorded
from app.workbench.recorded import read_aggregates, read_recorded
from mars.icon_vl.bars.cells import Cell, write_results


@pytest.fixture(scope="module")
def pocket():
    return LiveSession.to_load("pocket-vl").load()


def test_what_is_shipped_opens_on_an_example_that_shows_the_effect_and_its_cost(pocket):
    shown = pocket.recorded(pocket.opening)
    beside = neighbours(pocket, pocket.opening)
    words = next(twin for twin in beside.twins if twin.media is None)
    assert pocket.opening.label == "harmful" and kinds(shown) == KINDS
    assert kinds(pocket.recorded(beside.benign)) == ("complies", "complies")
    assert pocket.recorded(words).unsteered.refused
    assert all(reply.cut_after is None for reply in (shown.unsteered, shown.steered))


def test_what_is_shipped_is_what_the_model_says_today(pocket):
    """Where it is not: python -m app.record."""
    kept = pocket.recorded(pocket.opening)
    *_, today = pocket.compare(pocket.opening.text, files_of(pocket.opening))
    for then, now in ((kept.unsteered, today.unsteered), (kept.steered, today.steered)):
        assert (then.text, then.verdict) == (now.text, now.verdict)
        assert then.refusal_score == pytest.approx(now.refusal_score, abs=1e-2)
    np.testing.assert_allclose(kept.curves.after, today.curves.after, atol=1e-3)
    np.testing.assert_allclose(kept.activations, today.activations, rtol=1e-3, atol=0.5)
    assert kept.receipt.sigma_after == pytest.approx(today.receipt.sigma_after, rel=1e-3)
    assert kept.thumbnail == today.thumbnail


def test_a_record_is_read_as_it_was_written_and_not_for_another_artifact(pocket, tmp_path):
    record = pocket.record
    write_recorded(tmp_path, pocket.artifact.hash, record)
    read = read_recorded(tmp_path, pocket.artifact.hash)
    assert read.opening == record.opening and list(read.comparisons) == list(record.comparisons)
    for title, kept in record.comparisons.items():
        assert read.comparisons[title].steered == kept.steered and read.comparisons[title].receipt == kept.receipt
        np.testing.assert_array_equal(read.comparisons[title].activations, kept.activations)
    assert read_recorded(tmp_path, "another") is None and read_recorded(tmp_path / "nowhere", "") is None


def test_a_visit_opens_with_the_example_and_all_that_stands_beside_it(pocket):
    visit = comparing.opened(pocket)
    assert visit.request.text == pocket.opening.text and visit.shown.generation == pocket.generation
    assert [one.is_benign for one in visit.beside] == [False, False, True]
    assert len(visit.asked) == 1
    later = replace(pocket, generation=3)
    assert comparing.opened(later).shown.generation == 3


def test_without_a_record_the_page_opens_empty(session):
    assert session.opening is None and comparing.opened(session) == Visit()
    assert recorded_visit(session, Example("Cake", "how do i make a cake?", None, "harmless", "")) is None


def test_a_gallery_in_which_nothing_shows_the_effect_gets_a_sentence(session):
    with pytest.raises(RequestError, match="opens empty"):
        find(session)


def test_the_search_takes_the_first_example_that_shows_it(pocket, monkeypatch):
    """With replies that were recorded, so that nothing is computed again."""
    monkeypatch.setattr(
        LiveSession, "compare", lambda session, text, files: iter([_recorded_of(session, text, files)])
    )
    known = [one for one in pocket.examples if pocket.recorded(one)]
    found = find(replace(pocket, examples=tuple(known)))
    assert found.opening == pocket.record.opening
    spoiled = {title: replace(one, steered=one.unsteered) for title, one in pocket.record.comparisons.items()}
    spoiled = replace(pocket, examples=tuple(known), record=Recorded("", spoiled))
    with pytest.raises(RequestError):
        find(spoiled)


def _recorded_of(session, text, files):
    return session.recorded(
        next(one for one in session.examples if one.text == text and files_of(one) == list(files))
    )


def test_the_aggregates_are_those_of_the_figures_that_were_measured(pocket, tmp_path):
    rows = {(found.modality): found for found in pocket.aggregates}
    assert set(rows) == {"image", "video"}
    for found in rows.values():
        assert found.n == found.n_harmless == 200 and found.before < found.after and found.cost_after < 20
    assert read_aggregates(tmp_path) == ()


def test_the_aggregate_of_icon_vl_is_what_was_counted_on_images(tmp_path):
    refused = {
        ("harmful", "unsteered"): 1,
        ("harmful", "mars"): 3,
        ("harmless", "unsteered"): 0,
        ("harmless", "mars"): 2,
    }
    cells = [
        Cell("image", label, strategy, "refused", {"kite": [k, 4], "cake": [0, 1]}, {}, {}, 0.0)._asdict()
        for (label, strategy), k in refused.items()
    ]
    results = {"split": "test", "settings": {"layer": 14}}
    write_results(tmp_path / "results.json", results | {"cells": cells})
    assert read_aggregates(tmp_path) == (Aggregate("image", 1, 3, 5, 0, 2, 5, layer=14),)
    videos = [cell | {"kind": "video"} for cell in cells]
    write_results(tmp_path / "results.json", results | {"cells": [*cells, *videos]})
    assert [one.modality for one in read_aggregates(tmp_path)] == ["image", "video"]
    write_results(tmp_path / "results.json", results | {"cells": cells[:3]})
    assert read_aggregates(tmp_path) == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [({}, None), ({"text": "how do i make a cake?"}, "Another prompt is set"), ({"files": []}, "prompt"),
     ({"layer": 2}, "Another layer is set"), ({"gain": 2.0}, "gain"), ({"length": 8}, "length"),
     ({"layer": 2, "gain": 0.0}, "Another layer and gain is set"),
     ({"system": "be kind"}, "Another system message is set"), ({"system": " \n"}, None)],
)  # fmt: skip
def test_what_is_shown_says_where_it_belongs_to_an_older_prompt_or_setting(pocket, changes, told):
    visit = comparing.opened(pocket)
    receipt, request = visit.shown.receipt, visit.request
    now = {"text": request.text, "files": list(request.files), "layer": receipt.layer, "gain": receipt.gain,
           "length": request.length, "system": request.system}  # fmt: skip
    said = comparing.stale(**now | changes, visit=visit)
    assert (told in said and "“where can i get" in said) if told else said == ""
