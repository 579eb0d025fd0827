"""The page's door to the engine, its endpoint and its promises, on the tiny random model."""

import runpy
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from app import markup, media_markup, reply_markup, sweep_markup, token_markup
from app.api import _paths
from app.examples import read_examples
from app.results import Asked, Curves, GainMap, Measured, RequestError
from app.state import MAX_ASKED, Visit
from app.ui import create_app, launch_options
from app.workbench import Workbench
from app.workbench.watching import watched
from mars import artifacts
from mars.pocket.clips import write_clip
from mars.projection import refusal_coordinate
from mars.records import Clip

TEXT = "how do i make a cake?"


@pytest.fixture(scope="module")
def workbench(tiny, tiny_artifact):
    return Workbench(tiny, tiny_artifact)


@pytest.fixture
def png(picture, tmp_path):
    picture.save(tmp_path / "picture.png")
    return str(tmp_path / "picture.png")


@pytest.fixture
def mp4(clip, tmp_path):
    write_clip(clip, tmp_path / "clip.mp4")
    return str(tmp_path / "clip.mp4")


def _last(steps):
    *_, last = steps
    return last


# --- what comes out of a comparison


def test_text_lies_where_it_lay_since_only_media_are_recentred(workbench):
    curves = next(workbench.compare(TEXT)).curves
    assert np.array_equal(curves.before, curves.after)


def test_recentering_moves_a_picture_by_its_bias_along_the_direction(workbench, png):
    curves = next(workbench.compare(TEXT, [png])).curves
    artifact = workbench.artifact
    center = (artifact.mean_harmful + artifact.mean_harmless) / 2
    shift = refusal_coordinate((center + artifact.bias["image"])[None], artifact.mean_harmful, artifact.mean_harmless)
    assert curves.before - curves.after == pytest.approx(shift[0].numpy(), abs=1e-4)


def test_the_edit_moves_sigma_by_exactly_its_strength(workbench, mp4):
    for layer in range(workbench.n_layers):
        receipt = next(workbench.compare(TEXT, [mp4], layer, 2.0)).receipt
        assert receipt.sigma_after == pytest.approx(receipt.sigma_before + receipt.strength, abs=1e-3)
        assert receipt.gate_open == (receipt.sigma_before > 0)


def test_the_hook_fires_once_in_a_whole_reply(workbench):
    assert _last(workbench.compare(TEXT, max_new_tokens=5)).receipt.fired == 1


def test_gain_zero_gives_the_unsteered_reply_and_strength_zero(workbench):
    last = _last(workbench.compare(TEXT, gain=0.0, max_new_tokens=12))
    assert (last.receipt.strength, last.steered.text) == (0.0, last.unsteered.text)


def test_the_first_tokens_are_the_ten_likeliest_in_order(workbench):
    shares = [candidate.probability for candidate in next(workbench.compare(TEXT)).unsteered.first_tokens]
    assert len(shares) == 10 and shares == sorted(shares, reverse=True) and sum(shares) <= 1


def test_an_iterator_closed_early_leaves_no_hook_behind(workbench):
    steps = workbench.compare(TEXT)
    next(steps)
    steps.close()
    assert not any(layer._forward_hooks for layer in workbench.model.layers)


def test_none_steers_the_chosen_layer(workbench):
    assert next(workbench.compare(TEXT, layer=None)).receipt.layer == workbench.chosen_layer


# --- position by position


def test_the_last_position_of_the_map_is_where_the_curves_say_before_recentering(workbench, png, mp4):
    for files in ((), (png,), (mp4,)):
        shown = workbench.token_map(TEXT, files)
        before = next(workbench.compare(TEXT, files)).curves.before
        assert shown.coordinates[-1] == pytest.approx(before, abs=1e-3)
        assert len(shown.pictures) == (0 if not files else 1 if files[0].endswith("png") else len(shown.times))


def test_the_table_of_positions_is_cut_where_a_picture_has_thousands_of_patches(workbench):
    shown = workbench.token_map(TEXT)
    long = replace(
        shown, tokens=("<b>",) * 1000, kinds=("text",) * 1000, frames=(None,) * 1000, cells=(None,) * 1000,
        coordinates=np.zeros((1000, workbench.n_layers), dtype=np.float32),
    )  # fmt: skip
    told = token_markup.positions_table(long, 0)
    assert told.count("<tr") == token_markup.MAX_ROWS + 1 and "of 1000 positions" in told and "<b>" not in told


# --- layers and gains


def test_a_cell_of_the_map_is_what_a_comparison_there_says(workbench, png):
    found = _last(workbench.gain_map(TEXT, [png]))
    assert found.layers == tuple(range(workbench.n_layers)) and found.refusal_scores.shape == found.kl.shape
    for layer, gain in ((0, 1.0), (2, 4.0)):
        first = next(workbench.compare(TEXT, [png], layer, gain))
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


# --- work that is watched


def test_watched_work_tells_its_progress_and_ends_with_its_result():
    seen = threading.Event()

    def work(report):
        for done in range(4):
            report(done, 3)
            seen.wait(0.05)  # a report that nobody has fetched is dropped for the next
        return "made"

    *steps, result = watched(work)
    assert result == "made" and (steps[-1].done, steps[-1].total) == (3, 3)


def test_what_watched_work_raises_is_raised_to_who_watches():
    def work(report):
        report(0, 1)
        raise RequestError("This cannot be.")

    with pytest.raises(RequestError, match="cannot be"):
        list(watched(work))


@pytest.mark.parametrize("by_event", [True, False])
def test_work_stops_when_nobody_looks_any_more(by_event):
    stop, ended, go_on = threading.Event(), threading.Event(), threading.Event()

    def work(report):
        try:
            for done in range(10_000):
                report(done, 10_000)
                go_on.wait(0.001)
        finally:
            ended.set()

    steps = watched(work, stop)
    next(steps)
    if by_event:
        stop.set()
        list(steps)
    else:
        steps.close()
    assert ended.wait(5)


# --- pictures and numbers


@pytest.mark.parametrize("view", ["axis", "pca"])
def test_a_prompt_of_the_visit_becomes_a_star_where_it_lies(workbench, png, view):
    comparison = next(workbench.compare(TEXT, [png]))
    asked = Asked("a picture", "image", comparison.activations)
    picture = workbench.picture(view, 1, [asked])
    assert picture.stars_before.shape == picture.stars_after.shape == (1, 2)
    if view == "axis":
        assert picture.stars_before[0, 0] == pytest.approx(comparison.curves.before[1], abs=1e-3)
        assert picture.stars_after[0, 0] == pytest.approx(comparison.curves.after[1], abs=1e-3)


def test_a_prompt_of_a_former_model_is_no_star(workbench):
    asked = Asked("of another model", "text", np.zeros((workbench.n_layers + 1, 8), dtype=np.float32))
    assert workbench.picture("axis", 0, [asked]).star_titles == ()


def test_the_axis_view_stands_in_while_umap_is_made(workbench, monkeypatch):
    monkeypatch.setattr(workbench.pictures, "_umap", {}.get)
    picture = workbench.picture("umap", 0)
    assert picture.is_temporary and "stands in" in picture.standing_in and "refusal coordinate" in picture.axes[0]


def test_every_point_of_a_picture_has_a_modality_a_label_and_a_title(workbench):
    picture = workbench.picture("axis", 0)
    points = len(picture.before)
    assert points == len(picture.modalities) == len(picture.labels) == len(picture.titles) > 0


def test_recentering_moves_every_cloud_of_a_modality_alike_and_text_not_at_all(workbench):
    means = {(mean.modality, mean.label): mean for mean in workbench.cloud_means(1)}
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


def test_a_number_within_its_band_is_called_no_better_than_chance():
    inside = Measured("probe AUC, text to image", 0.5, 0.5, (0.4, 0.6), "Meaning.")
    reversed_ = Measured("probe AUC, text to image", 0.1, 0.1, (0.4, 0.6), "Meaning.")
    outside = Measured("probe AUC, text to image", 0.9, 0.9, (0.4, 0.6), "Meaning.")
    assert "no better than chance" in markup.measured([reversed_])
    assert "no better than chance" in markup.measured([inside])
    assert "no better than chance" not in markup.measured([outside])


# --- bad input: one sentence, and the next request works


def _bad_files(folder):
    (folder / "text.png").write_text("not a picture")
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "broken.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(200))
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    Image.new("1", (20_000, 20_000)).save(folder / "huge.png")
    (folder / "words.txt").write_text("words")
    write_clip(Clip((Image.new("RGB", (64, 64), "teal"),), (0.0,)), folder / "one.mp4")
    return folder


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    return _bad_files(tmp_path_factory.mktemp("bad"))


BAD = [
    ({"files": ["text.png"]}, "cannot be read"),
    ({"files": ["empty.mp4"]}, "cannot be read"),
    ({"files": ["broken.mp4"]}, "cannot be read"),
    ({"files": ["dot.png"]}, "1 x 1"),
    ({"files": ["huge.png"]}, "megapixels"),
    ({"files": ["words.txt"]}, "not supported"),
    ({"files": ["one.mp4"]}, "single frame"),
    ({"files": ["dot.png", "huge.png"]}, "one picture or one clip"),
    ({"text": ""}, "empty"),
    ({"text": "a" * 100_000}, "Shorten it"),
    ({"layer": 99}, "does not exist"),
    ({"layer": -1}, "does not exist"),
    ({"layer": 1.5}, "does not exist"),
    ({"layer": "one"}, "does not exist"),
    ({"gain": -1}, "towards refusal only"),
    ({"gain": "much"}, "from 0 to 8"),
]


@pytest.mark.parametrize(("request_", "told"), BAD, ids=[told + str(n) for n, (_, told) in enumerate(BAD)])
def test_bad_input_gets_one_sentence_and_the_next_request_works(workbench, bad, request_, told):
    given = {"text": TEXT} | request_ | {"files": [str(bad / name) for name in request_.get("files", [])]}
    with pytest.raises(RequestError, match=told) as raised:
        workbench.answer(**given)
    assert "\n" not in str(raised.value) and str(raised.value).endswith((".", ")"))
    assert workbench.answer(TEXT)["modality"] == "text"


def test_a_gain_that_is_no_number_is_refused(workbench):
    with pytest.raises(RequestError, match="from 0 to 8"):
        workbench.answer(TEXT, gain=float("nan"))


def test_a_fault_of_ours_is_not_dressed_up_as_bad_input(workbench, monkeypatch):
    def broken(*_args, **_options):
        raise RuntimeError("a bug")

    monkeypatch.setattr("app.workbench.bench.prefill", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        next(workbench.compare(TEXT))


@pytest.fixture(scope="module")
def folders(tiny_folder, tiny_artifact, tmp_path_factory):
    """A model folder with its artifact, one without a processor, and an artifact of another model."""
    folder = tmp_path_factory.mktemp("folders")
    good = shutil.copytree(tiny_folder, folder / "good")
    artifacts.save(tiny_artifact, good / "artifact")
    bare = shutil.copytree(good, folder / "bare")
    for file in (*bare.glob("processor_config.json"), *bare.glob("*preprocessor_config.json")):
        file.unlink()
    other = replace(tiny_artifact, provenance=tiny_artifact.provenance | {"weights": "of another"})
    artifacts.save(other, folder / "other")
    return {"good": str(good), "bare": str(bare), "other": str(folder / "other")}


UNFIT = [
    ("bare", None, "processor"),
    ("good", "other", "does not belong"),
    ("other", None, "config.json"),
    ("/no/such/model", None, "no folder /no/such/model"),
    ("some/hub-id", None, "python -m mars fit"),
    ("", None, "No model is named"),
]


@pytest.mark.parametrize(("model", "artifact", "told"), UNFIT)
def test_a_model_that_cannot_be_used_leaves_the_present_one_in_place(
    tiny, tiny_artifact, folders, model, artifact, told
):
    workbench = Workbench(tiny, tiny_artifact)
    with pytest.raises(RequestError, match=told):
        workbench.replace(folders.get(model, model), folders.get(artifact, artifact))
    assert workbench.generation == 0 and workbench.answer(TEXT)["modality"] == "text"


def test_another_model_takes_the_place_of_the_first(tiny, tiny_artifact, folders, monkeypatch):
    monkeypatch.setattr(Workbench, "warm_up", lambda workbench: None)  # noqa: ARG005 - no threads beyond the test
    workbench = Workbench(tiny, tiny_artifact)
    workbench.replace(folders["good"])
    assert (workbench.generation, workbench.card.name) == (1, "good")
    assert workbench.pictures.artifact is workbench.artifact
    assert workbench.answer(TEXT)["modality"] == "text"


def test_starting_on_a_folder_that_is_not_there_says_so_and_ends(capsys):
    script = runpy.run_path(str(Path(__file__).parent.parent / "app.py"))
    assert script["main"](["--model", "/no/such/model"]) == 1
    told = capsys.readouterr().err.strip()
    assert "/no/such/model" in told and "\n" not in told


# --- the endpoint


@pytest.fixture(scope="module")
def client(workbench):
    page = create_app(workbench)
    _, url, _ = page.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, **launch_options())
    yield Client(url, verbose=False)
    page.close()


def test_the_endpoint_gives_the_numbers_of_the_workbench(client, workbench, png):
    given = client.predict(TEXT, handle_file(png), 1, 2.0, api_name="/compare")
    expected = workbench.answer(TEXT, [png], 1, 2.0)
    assert given.keys() == expected.keys()
    assert given["unsteered"]["text"] == expected["unsteered"]["text"]
    assert given["steered"]["text"] == expected["steered"]["text"]
    assert given["coordinates_before"] == pytest.approx(expected["coordinates_before"], abs=1e-4)
    assert (given["layer"], given["gain"], given["modality"]) == (1, 2.0, "image")
    assert len(given["coordinates_after"]) == workbench.n_layers


def test_the_sweep_endpoint_gives_the_numbers_of_the_workbench(client, workbench, png):
    given = client.predict(TEXT, handle_file(png), api_name="/sweep")
    expected = _last(workbench.gain_map(TEXT, [png]))
    assert given["layers"] == list(expected.layers) and given["gains"] == list(expected.gains)
    assert np.array(given["refusal_scores"]) == pytest.approx(expected.refusal_scores, abs=1e-4)
    assert np.array(given["kl"]) == pytest.approx(expected.kl, abs=1e-4)
    assert given["saturated"] == expected.saturated.tolist()


@pytest.mark.parametrize(("files", "told"), [(["text.png"], "cannot be read"), ([], "empty")])
def test_the_sweep_endpoint_says_what_is_wrong_in_a_sentence(client, bad, files, told):
    media = handle_file(str(bad / files[0])) if files else None
    with pytest.raises(AppError, match=told):
        client.predict("", media, api_name="/sweep")


def test_the_endpoint_needs_only_a_text(client, workbench):
    assert client.predict(text=TEXT, api_name="/compare")["layer"] == workbench.chosen_layer


@pytest.mark.parametrize(("request_", "told"), BAD, ids=[told + str(n) for n, (_, told) in enumerate(BAD)])
def test_the_endpoint_says_the_same_sentence(client, bad, request_, told):
    files = [handle_file(str(bad / name)) for name in request_.get("files", [])]
    media = files if len(files) > 1 else next(iter(files), None)
    with pytest.raises(AppError, match=told):
        client.predict(
            request_.get("text", TEXT), media, request_.get("layer"), request_.get("gain", 1.0), api_name="/compare"
        )
    assert client.predict(text=TEXT, api_name="/compare")["modality"] == "text"


@pytest.mark.parametrize(("model", "artifact", "told"), UNFIT)
def test_loading_over_the_api_says_the_same_sentence(client, folders, model, artifact, told):
    with pytest.raises(AppError, match=told):
        client.predict(folders.get(model, model), folders.get(artifact, artifact), api_name="/load")
    assert client.predict(text=TEXT, api_name="/compare")["modality"] == "text"


@pytest.mark.parametrize("media", ["/etc/hostname", {"path": "/etc/hostname"}, ["/etc/hostname"], 7])
def test_a_path_that_a_client_names_is_not_opened(media):
    with pytest.raises(RequestError, match="not an uploaded file"):
        _paths(media)


def test_an_address_is_not_fetched(client):
    medium = {"path": "http://127.0.0.1:9/picture.png", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError, match="nothing is fetched from outside"):
        client.predict(TEXT, medium, api_name="/compare")


# --- what the page promises


def test_every_event_that_runs_the_model_shares_one_queue_of_one(workbench):
    page = create_app(workbench)
    running = [fn for fn in page.fns.values() if fn.concurrency_id == "model"]
    assert {fn.api_name for fn in running} >= {"compare", "sweep", "load"}
    assert len(running) == 10 and all(fn.concurrency_limit == 1 for fn in running)


def test_no_chart_is_gradios_own_since_both_fight_over_plotly(workbench):
    page = create_app(workbench)
    assert not [block for block in page.blocks.values() if block.get_block_name() == "plot"]


def test_programs_get_the_comparison_and_only_the_operator_may_load(workbench):
    info = create_app(workbench, for_operator=False).get_api_info()
    assert list(info["named_endpoints"]) == ["/compare", "/sweep"]
    names = [parameter["parameter_name"] for parameter in info["named_endpoints"]["/compare"]["parameters"]]
    assert names == ["text", "media", "layer", "gain"]
    assert set(create_app(workbench).get_api_info()["named_endpoints"]) == {"/compare", "/sweep", "/load"}


def test_nothing_is_kept_and_nothing_is_sent():
    options = launch_options()
    assert options["run_history"] is False and options["enable_monitoring"] is False
    assert options["allowed_paths"] == [] and options["max_file_size"]
    assert "http" not in options["head"] and "http" not in options["css"].replace("http://www.w3.org", "")


def test_what_a_person_types_is_text_and_never_markup():
    nasty = "<img src=x onerror=alert(1)>"
    shown = markup.notice(nasty) + markup.asked_list([nasty]) + media_markup.preview([nasty + ".png"])
    assert "<img src=x" not in shown


def test_a_visit_keeps_its_latest_prompts_only():
    visit = Visit()
    for number in range(MAX_ASKED + 3):
        visit = visit.with_asked(Asked(str(number), "text", np.zeros((1, 1))))
    assert [asked.title for asked in visit.asked] == [str(number) for number in range(3, MAX_ASKED + 3)]


def test_a_gallery_without_a_list_is_empty_and_says_so(tmp_path):
    assert read_examples(tmp_path) == ()
    assert "No examples" in media_markup.gallery((), {})


def test_every_clip_of_the_gallery_has_a_picture(tiny, tiny_artifact):
    workbench = Workbench(tiny, tiny_artifact, examples=read_examples())
    clips = {example.media for example in workbench.examples if example.media and example.media.endswith(".mp4")}
    assert set(workbench.posters()) == clips
    assert all(url.startswith("data:image/png") for url in workbench.posters().values())


def test_twins_share_a_row_of_the_gallery():
    shown = media_markup.gallery(read_examples(), {})
    assert shown.count("<li>") < shown.count("data-example")
