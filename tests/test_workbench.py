"""The page's door to the engine, on the tiny random model: comparisons, positions, maps, pictures and numbers."""

import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from app import answers, markup, reply_markup, sweep_markup, token_markup
from app.results import Asked, Curves, GainMap, Measured, Verdict, VerdictMap
from app.tabs.geometry import _caption
from app.workbench import LiveSession
from app.workbench.cards import artifact_words
from app.workbench.clouds import NEAREST, Clouds
from app.workbench.pictures import Pictures
from mars.datasets.contrast import NOT_HELD_OUT
from mars.effect.sweep import sweep
from mars.geometry.projection import refusal_coordinate
from mars.media.prompt import Prompt
from mars.verdict import Kind
from tests.tiny import steering_hooks

TEXT = "how do i make a cake?"
HOSTILE = "<script>alert(1)</script> " * 30


def _last(steps):
    *_, last = steps
    return last


def test_text_lies_where_it_lay_since_only_media_are_recentred(session):
    curves = next(session.compare(TEXT)).curves
    assert np.array_equal(curves.before, curves.after)


def test_recentering_moves_a_picture_by_its_bias_along_the_direction(session, png):
    curves = next(session.compare(TEXT, [png])).curves
    artifact = session.artifact
    center = (artifact.mean_harmful + artifact.mean_harmless) / 2
    shift = refusal_coordinate((center + artifact.bias["image"])[None], artifact.mean_harmful, artifact.mean_harmless)
    assert curves.before - curves.after == pytest.approx(shift[0].numpy(), abs=1e-4)


def test_the_edit_moves_sigma_by_exactly_its_strength(session, mp4):
    for layer in range(session.n_layers):
        receipt = next(session.compare(TEXT, [mp4], layer, 2.0)).receipt
        assert receipt.sigma_after == pytest.approx(receipt.sigma_before + receipt.strength, abs=1e-3)
        assert receipt.gate_open == (receipt.sigma_before > 0)


def test_the_hook_fires_once_in_a_whole_reply(session):
    assert _last(session.compare(TEXT, max_new_tokens=5)).receipt.fired == 1


def test_gain_zero_gives_the_unsteered_reply_and_strength_zero(session):
    last = _last(session.compare(TEXT, gain=0.0, max_new_tokens=12))
    assert (last.receipt.strength, last.steered.text) == (0.0, last.unsteered.text)


def test_the_first_tokens_are_the_ten_likeliest_in_order(session):
    shares = [candidate.probability for candidate in next(session.compare(TEXT)).unsteered.first_tokens]
    assert len(shares) == 10 and shares == sorted(shares, reverse=True) and sum(shares) <= 1


@pytest.fixture
def saying(session, monkeypatch):
    """Comparisons in which both rows say given texts, one a step, and end with the last."""
    genuine = LiveSession._next

    def made(*texts, ends_by_itself):
        def scripted(live, steps):
            step = genuine(live, steps)
            if step is None:
                return None
            is_last = step.index == len(texts) - 1
            token = min(live.model.end_tokens) if is_last and ends_by_itself else -1
            return step._replace(texts=(texts[step.index],) * 2, tokens=(token,) * 2, finished=(is_last,) * 2)

        monkeypatch.setattr(LiveSession, "_next", scripted)
        return [comparison.steered for comparison in session.compare(TEXT, max_new_tokens=len(texts))]

    return made


def test_a_verdict_is_open_until_something_shows_and_a_reply_that_ends_by_itself_is_not_cut(saying):
    replies = saying("sorry", "sorry, i cannot", "sorry, i cannot help.", ends_by_itself=True)
    assert [reply.kind for reply in replies] == ["undecided", "refuses", "refuses"]
    assert replies[0].verdict is None and not replies[0].refused
    assert replies[-1].refused and replies[-1].cut_after is None and "cannot help" in replies[-1].verdict.reason


def test_a_reply_that_the_length_ended_is_cut_and_one_that_shows_nothing_by_then_is_undecided(saying):
    *_, last = saying("well", "well,", "well, let", ends_by_itself=False)
    assert (last.kind, last.finished, last.cut_after) == ("undecided", True, 3)
    assert "cut after 3 tokens" in reply_markup.cut(last)


def test_the_same_words_deflect_when_they_end_by_themselves_and_are_undecided_when_cut(saying):
    texts = ("what", "what do you want to know?")
    assert [saying(*texts, ends_by_itself=ends)[-1].kind for ends in (True, False)] == ["deflects", "undecided"]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_verdict_is_the_only_content_of_its_element_with_the_reason_beside(session, kind):
    last = _last(session.compare(TEXT, max_new_tokens=3))
    reply = replace(last.steered, verdict=Verdict(kind, "“<b>” times"))
    shown = reply_markup.replies(replace(last, unsteered=reply, steered=reply))
    assert re.findall(r'class="verdict [\w-]+" title="[^"]*">([^<]*)</span>', shown) == [kind] * 2
    assert "<b>" not in shown and shown.count('<p class="why">“&lt;b&gt;” times; cut after 3 tokens</p>') == 2


def test_the_receipt_says_what_became_of_the_request_once_both_replies_are_there(session):
    first, *_, last = session.compare(TEXT, max_new_tokens=3)
    refusing = replace(last.steered, verdict=Verdict("refuses", "a reason"))
    broken = replace(last.steered, verdict=Verdict("broken", "a reason"))
    assert "Without steering" not in reply_markup.receipt(first, session.bands)
    told = reply_markup.receipt(replace(last, unsteered=broken, steered=refusing), session.bands)
    assert "Without steering the request gets a broken reply; with MARS it is refused." in told


def test_the_receipt_and_the_curves_tell_one_quantity_on_one_scale(session, png):
    for files in ((), (png,)):
        last = _last(session.compare(TEXT, files, 2, 4.0, max_new_tokens=3))
        receipt, s = last.receipt, float(last.curves.after[2])
        assert receipt.coordinate(receipt.sigma_before) == pytest.approx(s, abs=1e-3)
        assert markup.signed(receipt.coordinate(receipt.sigma_before)) in reply_markup.receipt(last, session.bands)


def test_the_receipt_says_where_harmless_and_harmful_text_lie(session):
    last = _last(session.compare(TEXT, max_new_tokens=3))
    told = reply_markup.receipt(last, session.bands)
    for label in ("harmless", "harmful"):
        assert markup.signed(session.bands[label][last.receipt.layer][1]) in told


def test_a_number_that_rounds_to_nothing_has_no_minus():
    assert [markup.signed(value) for value in (-0.001, 0.0, -0.01)] == ["+0.00", "+0.00", "−0.01"]


@pytest.mark.parametrize(
    ("kind", "cut_after", "is_doubtful"),
    [("complies", None, False), ("complies", 3, True), ("broken", None, True), ("undecided", 3, True),
     ("not judged", None, True), ("deflects", None, False)],
)  # fmt: skip
def test_a_card_is_marked_where_its_reply_is_unfinished_broken_or_undecided(session, kind, cut_after, is_doubtful):
    last = _last(session.compare(TEXT, max_new_tokens=3))
    reply = replace(last.steered, verdict=Verdict(kind, "a reason"), cut_after=cut_after)
    shown = reply_markup.replies(replace(last, unsteered=reply, steered=reply))
    assert shown.count('<article class="doubtful">') == 2 * is_doubtful


def test_a_cell_of_the_map_of_verdicts_is_what_a_reply_there_does(session, png):
    found = _last(session.verdict_map(TEXT, [png]))
    assert found.layers == tuple(range(session.n_layers)) and found.length == session.artifact.reply_tokens
    for layer, gain in ((0, 1.0), (2, 4.0)):
        last, column = _last(session.compare(TEXT, [png], layer, gain, found.length)), found.gains.index(gain)
        assert found.verdicts[layer][column] == last.steered.verdict
        assert found.replies[layer][column].strip() == last.steered.text
        assert found.cuts[layer][column] == (last.steered.cut_after is not None)
        assert found.unsteered == last.unsteered.verdict


def test_others_may_ask_between_two_layers_of_a_map_of_verdicts(session):
    steps = session.verdict_map(TEXT)
    next(steps)
    assert next(session.compare(TEXT)).index == 0
    assert len(_last(steps).verdicts) == session.n_layers


def test_the_map_of_verdicts_is_told_as_a_whole_and_at_the_selected_layer():
    kinds = [["complies", "refuses"], ["refuses", "broken"]]
    verdicts = tuple(tuple(Verdict(kind, f"<{kind}>") for kind in row) for row in kinds)
    replies, cuts = ((HOSTILE,) * 2,) * 2, ((False, True),) * 2
    found = VerdictMap((0, 1), (1.0, 4.0), verdicts, replies, cuts, Verdict("complies", "words"), 24)
    told = sweep_markup.verdict_reading(found, 1, 4.0, "this prompt")
    assert "This prompt, without steering: complies (words). Of 4 edits: refuses 2, complies 1, broken 1." in told
    assert "At layer 1: refuses at gain 1; broken at gain 4. Selected, gain 4: broken (&lt;broken&gt;)." in told
    assert "broken (cut)" in sweep_markup.verdict_table(found, 1, "this prompt")
    assert sweep_markup.hover(found)[0][1].startswith("<refuses> — “") and len(sweep_markup.hover(found)[0][1]) < 200
    legend = sweep_markup.verdict_legend(found)
    assert "deflects" not in legend and ">R</span>refuses" in legend


def test_programs_get_the_verdict_with_its_reason_and_whether_the_reply_was_cut(session):
    found, last = answers.compare(session, TEXT), _last(session.compare(TEXT))
    for name in ("unsteered", "steered"):
        reply = getattr(last, name)
        assert found[name]["verdict"] == reply.verdict.kind and found[name]["reason"] == reply.verdict.reason
        assert found[name]["refused"] is (reply.kind == "refuses")
        assert found[name]["cut"] is (reply.cut_after == 48)


def test_an_iterator_closed_early_leaves_no_hook_behind(session):
    steps = session.compare(TEXT)
    next(steps)
    steps.close()
    assert not steering_hooks(session.model)


def test_none_steers_the_chosen_layer(session):
    assert next(session.compare(TEXT, layer=None)).receipt.layer == session.chosen_layer


def test_the_last_position_of_the_map_is_where_the_curves_say_before_recentering(session, png, mp4):
    for files in ((), (png,), (mp4,)):
        shown = session.token_map(TEXT, files)
        before = next(session.compare(TEXT, files)).curves.before
        assert shown.coordinates[-1] == pytest.approx(before, abs=1e-3)
        assert len(shown.pictures) == (0 if not files else 1 if files[0].endswith("png") else len(shown.times))


def test_the_table_of_positions_is_cut_where_a_picture_has_thousands_of_patches(session):
    shown = session.token_map(TEXT)
    long = replace(
        shown, tokens=("<b>",) * 1000, kinds=("text",) * 1000, frames=(None,) * 1000, cells=(None,) * 1000,
        coordinates=np.zeros((1000, session.n_layers), dtype=np.float32),
    )  # fmt: skip
    told = token_markup.positions_table(long, 0)
    assert told.count("<tr") == token_markup.MAX_ROWS + 1 and "of 1000 positions" in told and "<b>" not in told


def test_a_cell_of_the_map_is_what_a_comparison_there_says(session, png):
    found = _last(session.gain_map(TEXT, [png]))
    assert found.layers == tuple(range(session.n_layers)) and found.refusal_scores.shape == found.kl.shape
    for layer, gain in ((0, 1.0), (2, 4.0)):
        first = next(session.compare(TEXT, [png], layer, gain))
        column = found.gains.index(gain)
        assert found.refusal_scores[layer, column] == pytest.approx(first.steered.refusal_score, abs=1e-3)
        assert found.tokens[layer][column] == first.steered.first_tokens[0].token
        assert found.unsteered_score == pytest.approx(first.unsteered.refusal_score, abs=1e-3)


def _map_of(scores, unsteered=-3.0):
    scores = np.array([scores])
    held = np.zeros_like(scores, dtype=bool)
    return GainMap((0,), (0.5, 1.0, 2.0), scores, np.abs(scores), held, (("a",) * 3,), unsteered, "a")


@pytest.mark.parametrize(
    ("scores", "unsteered", "told"),
    [([-1.0, 0.5, 2.0], -3.0, "from gain 1 on"), ([-3.0, -2.0, -1.0], -3.0, "no gain"), ([1, 2, 3], 0.5, "already")],
)
def test_the_reading_of_the_map_says_from_which_gain_on_refusing_is_likelier(scores, unsteered, told):
    shown = sweep_markup.reading(_map_of(scores, unsteered), 0, 2.0)
    assert told in shown and f"{scores[2]:+.2f}".replace("-", "−") in shown


@pytest.mark.parametrize("view", ["axis", "pca"])
def test_a_prompt_of_the_visit_becomes_a_star_where_it_lies(session, png, view):
    comparison = next(session.compare(TEXT, [png]))
    asked = Asked("a picture", "image", comparison.activations, comparison.thumbnail, session.generation)
    picture = session.picture(view, 1, [asked])
    assert picture.stars_before.shape == picture.stars_after.shape == (1, 2)
    assert picture.star_thumbnails == (comparison.thumbnail,)
    assert comparison.thumbnail.startswith("data:image/webp;base64,") and not next(session.compare(TEXT)).thumbnail
    if view == "axis":
        assert picture.stars_before[0, 0] == pytest.approx(comparison.curves.before[1], abs=1e-3)
        assert picture.stars_after[0, 0] == pytest.approx(comparison.curves.after[1], abs=1e-3)


def test_a_prompt_of_a_former_model_is_no_star(session):
    asked = Asked("of another", "text", next(session.compare(TEXT)).activations, "", session.generation + 1)
    assert session.picture("axis", 0, [asked]).star_titles == ()


def test_each_point_has_its_refusal_coordinate_which_is_where_the_axis_view_draws_it(session):
    points, picture = session.cloud_points(1), session.picture("axis", 1)
    assert (points.titles, points.modalities, points.labels, points.thumbnails) == (
        picture.titles, picture.modalities, picture.labels, picture.thumbnails,
    )  # fmt: skip
    assert points.before == pytest.approx(picture.before[:, 0], abs=1e-3)
    assert points.after == pytest.approx(picture.after[:, 0], abs=1e-3)


def test_a_prompt_that_is_a_point_is_nearest_to_itself_after_recentering(session):
    row = session.cloud_points(1).modalities.index("image")
    cloud = next(one for one in session.artifact.clouds if one.modality == "image")
    found = session.nearest_points(Asked("a point", "image", cloud.values[0].float().numpy()), 1)
    assert (found.title, found.rows[0], found.cosines[0]) == ("a point", row, pytest.approx(1))
    assert len(found.rows) == NEAREST and list(found.cosines) == sorted(found.cosines, reverse=True)


def test_the_axis_view_stands_in_while_umap_is_made(session, monkeypatch):
    monkeypatch.setattr(session.clouds.pictures, "_umap", {}.get)
    picture = session.picture("umap", 0)
    assert picture.is_temporary and "stands in" in picture.standing_in and "refusal coordinate" in picture.axes[0]


@pytest.mark.parametrize("view", ["axis", "pca"])
def test_of_more_points_than_can_be_followed_axes_and_numbers_are_of_a_sample_and_that_is_said(session, view):
    clouds = [
        cloud._replace(
            values=cloud.values.repeat(99, 1, 1) + torch.randn(99 * len(cloud.values), 1, 1).half(),
            titles=cloud.titles * 99,
            thumbnails=(),
        )
        for cloud in session.artifact.clouds
    ]
    many = Clouds(replace(session.artifact, clouds=tuple(clouds)))
    picture = many.pictures.draw(view, 1, ())
    count = len(picture.before)
    assert count > 2000 == picture.sample and picture.path is None and not picture.is_temporary
    assert f"There are {count:,} points: axes, trustworthiness and the numbers" in _caption(picture, False)
    assert many.measured(1) and "sample" not in _caption(session.picture(view, 1), False)


@pytest.mark.parametrize("view", ["axis", "pca"])
def test_the_picture_of_nothing_has_the_same_points_under_other_labels(session, view):
    real, nothing = session.picture(view, 0), session.picture(view, 0, no_signal=True)

    def points(picture):
        rows = zip(picture.after.round(3).tolist(), picture.titles, picture.modalities, strict=True)
        return sorted((tuple(point), title, modality) for point, title, modality in rows)

    assert points(real) == points(nothing)
    assert sorted(real.labels) == sorted(nothing.labels) and real.titles != nothing.titles


def test_every_point_of_a_picture_has_a_modality_a_label_and_a_title(session):
    picture = session.picture("axis", 0)
    points = len(picture.before)
    assert points == len(picture.modalities) == len(picture.labels) == len(picture.titles) > 0
    shown = [bool(url) for url in picture.thumbnails]
    assert shown == [modality != "text" for modality in picture.modalities]


def test_the_caption_of_a_picture_says_that_a_set_of_two_splits_holds_nothing_out(session):
    counts = session.artifact.provenance["counts"]
    assert session.picture("axis", 0).caption.endswith(NOT_HELD_OUT) and "harmful.test" not in counts
    tested = replace(session.artifact, provenance={"counts": counts | {"harmful.test": 7}})
    assert NOT_HELD_OUT not in Pictures(tested).draw("axis", 0, ()).caption


def test_an_artifact_is_said_to_be_fitted_on_what_was_fitted_and_not_on_the_test_split(tiny_artifact, tmp_path):
    counts = {f"{label}.{split}": 7 for label in ("harmful", "harmless") for split in ("train", "validation", "test")}
    said = artifact_words(tmp_path / "mine", replace(tiny_artifact, provenance={"counts": counts}))
    assert said == "mine, fitted on 28 requests"


def test_recentering_moves_every_cloud_of_a_modality_alike_and_text_not_at_all(session):
    means = {(mean.modality, mean.label): mean for mean in session.cloud_means(1)}
    for modality in ("image", "video"):
        neutral = means[modality, "neutral"]
        shift = means[modality, "harmful"].before - means[modality, "harmful"].after
        assert neutral.before - neutral.after == pytest.approx(shift, abs=1e-3)
    assert means["text", "harmful"].before == means["text", "harmful"].after


@pytest.mark.parametrize(
    ("s", "place"),
    [(-3, "below nearly all harmless"), (-1, "among harmless text"), (0.1, "between"), (1, "among harmful text"),
     (3, "beyond nearly all harmful")],
)  # fmt: skip
def test_the_reading_says_where_among_the_bands_a_prompt_lies(s, place):
    bands = {"harmless": np.array([[-1.5, -1.0, -0.5]]), "harmful": np.array([[0.5, 1.0, 1.5]])}
    curves = Curves(np.array([-9.0]), np.array([float(s)]), "image")
    assert place in reply_markup.reading(bands, curves, 0) and "−9.00" in reply_markup.reading(bands, curves, 0)


@pytest.mark.parametrize(
    ("better", "after", "is_chance"),
    [("higher", 0.1, True), ("higher", 0.5, True), ("higher", 0.9, False),
     ("lower", 0.1, False), ("lower", 0.5, True), ("lower", 0.9, True),
     (None, 0.1, False), (None, 0.5, False), (None, 0.9, False)],
)  # fmt: skip
def test_a_number_is_no_better_than_chance_by_the_way_it_points_and_not_by_its_name(better, after, is_chance):
    for name in ("probe AUC, text to image", "purity of the classes"):
        number = Measured(name, 0.5, after, (0.4, 0.6), "Meaning.", better)
        assert number.is_chance is is_chance
        assert ("no better than chance" in markup.measured([number])) is is_chance


def test_the_engine_says_which_way_each_number_points(session):
    found = {number.name.split(" ")[0]: number.better for number in session.measured(1)}
    assert found == {"bias": None, "AUC": "higher", "harmful": None, "harmless": None, "probe": "higher",
                     "modality": None}  # fmt: skip


def test_programs_get_the_map_that_the_engine_writes(session, png):
    expected = sweep(session.model, session.artifact, Prompt.of(TEXT, png)).as_json()
    found = answers.sweep(session, TEXT, [png])
    assert found.keys() == expected.keys() | {"warning"} and found["gains"] == expected["gains"]
    for name in ("refusal_scores", "kl", "unsteered_score"):
        assert np.array(found[name]) == pytest.approx(np.array(expected[name]), abs=1e-5)
    assert found["saturated"] == expected["saturated"]


@pytest.mark.parametrize("view", ["axis", "pca"])
def test_points_and_stars_can_be_followed_through_the_layers_to_where_each_picture_draws_them(session, png, view):
    session.clouds.pictures.warm_up(0)
    session.clouds.pictures._path_worker.join()
    comparison = next(session.compare(TEXT, [png]))
    asked = [Asked("an image", "image", comparison.activations, "", session.generation)]
    for layer in (0, session.n_layers - 1):
        picture = session.picture(view, layer, asked)
        assert picture.path.shape == (session.n_layers, 2, len(picture.titles), 2) and not picture.is_temporary
        for at, shown in ((0, picture.before), (1, picture.after)):
            assert np.allclose(picture.path[layer, at], shown)
        assert np.allclose(picture.star_path[layer, 1], picture.stars_after)
    umap = session.picture("umap", 0)
    assert umap.standing_in or umap.path is None
