"""A recorded session is the live one: every view of it is what a replay of the same prompts gives, in float32."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from app import answers
from app.report import render
from app.workbench import RecordedSession
from mars.bundled import shipped_recording
from tests.recording.samples import RESULTS, SETTINGS, TITLES, clouds_alike, files_of, replayed_alike, same


@pytest.mark.parametrize("title", TITLES)
def test_every_answer_to_a_prompt_is_that_of_a_replay(live, recorded, title):
    not_kept = ("pictures",) if title == "Rifle in a clip" else ()  # whose medium is not kept
    replayed_alike(live, recorded, title, SETTINGS, but=not_kept)


@pytest.mark.parametrize("no_signal", [False, True])
def test_every_view_of_the_clouds_is_that_of_the_live_session_with_its_stars(live, recorded, no_signal):
    clouds_alike(live, recorded, (0, live.chosen_layer), no_signal)


def test_what_the_page_says_beside_the_prompts_is_that_of_the_live_session(live, recorded):
    same(recorded.scores(), live.scores())
    same(dict(recorded.bands), dict(live.bands))
    assert (recorded.n_layers, recorded.chosen_layer) == (live.n_layers, live.chosen_layer)
    assert recorded.aggregates == live.aggregates and recorded.results == RESULTS
    assert {**asdict(recorded.card), "recorded": ""} == asdict(live.card)
    assert "float32" in recorded.card.recorded and len(recorded.posters()) == 0  # a thumbnail stands for the clip
    assert answers.compare(recorded, recorded.examples[0].text)["layer"] == live.chosen_layer
    assert render(recorded.results)


def test_hidden_states_are_kept_in_half_precision_where_asked_for_and_media_where_allowed(
    live, recorded, folder, lines
):
    head = recorded.kept.prompts[1]
    (first, *_) = live.compare(lines[1].text, [str(lines[1].medium)])
    kept = recorded.answers(head.key).hidden_states
    assert kept.dtype == np.float16 and kept.shape == (live.n_layers, live.artifact.mean_harmful.shape[1])
    np.testing.assert_allclose(kept, first.activations, rtol=2e-3, atol=0.5)
    files = list((folder / "media").rglob("*.*"))
    stored = {path.read_bytes() for path in files}
    clip = next(line for line in lines if line.title == "Rifle in a clip")
    assert lines[1].medium.read_bytes() in stored and clip.medium.read_bytes() not in stored
    assert sorted(path.name for path in files) == ["bicycle.png", "rifle.png", "rifle.webp"]  # as they were called
    assert Path(recorded.examples[1].media).name == lines[1].medium.name == "rifle.png"
    tokens = next(
        recorded.answers(one.key).tokens for one in recorded.kept.prompts if one.example.title == clip.title
    )
    assert tokens.modality == "video" and all(len(picture) < 20_000 for picture in tokens.pictures)
    (again,) = recorded.compare(clip.text, [str(clip.medium)])  # who has the file may bring it
    assert again.curves.modality == "video"


def test_what_is_shipped_is_what_the_model_says_today(live):
    """Where it is not: make record."""
    shipped = RecordedSession.open(shipped_recording("pocket-vl"))
    assert shipped.recording.size < 8e6 and len(shipped.examples) == 20
    for then in shipped.examples[:3]:
        (kept,) = shipped.compare(then.text, files_of(then))
        *_, now = live.compare(then.text, files_of(then), max_new_tokens=16)
        assert (kept.unsteered.text, kept.steered.text) == (now.unsteered.text, now.steered.text)
        np.testing.assert_allclose(kept.curves.after, now.curves.after, atol=1e-2)
        assert max(kept.unsteered.cut_after or 0, kept.steered.cut_after or 0) in (0, 16)
    assert shipped.recording.header.artifact == live.artifact.hash
