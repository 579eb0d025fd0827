"""What the page promises."""

import numpy as np

from app import markup, media_markup
from app.results import Asked
from app.serving import launch_options
from app.state import MAX_ASKED, Visit
from app.ui import create_app
from app.workbench import LiveSession, Upload, read_examples

TEXT = "how do i make a cake?"


def test_every_event_that_runs_the_model_shares_one_queue_of_one(workbench):
    page = create_app(workbench)
    running = [fn for fn in page.fns.values() if fn.concurrency_id == "model"]
    assert {fn.api_name for fn in running} >= {"compare", "sweep", "load"}
    assert len(running) == 18 and all(fn.concurrency_limit == 1 for fn in running)


def test_no_chart_is_gradios_own_since_both_fight_over_plotly(workbench):
    page = create_app(workbench)
    assert not [block for block in page.blocks.values() if block.get_block_name() == "plot"]


def test_of_a_layer_or_gain_that_sliders_cannot_have_nothing_is_drawn(workbench):
    fns = create_app(workbench).fns.values()
    redraws = [fn for fn in fns if getattr(getattr(fn.fn, "func", None), "__name__", "") == "drawn"]
    assert len(redraws) == 4
    for fn in redraws:
        _, *inputs = fn.inputs
        for name, wrong in (("layer", 1.5), ("layer", None), ("layer", "1"), ("gain", None)):
            given = {"layer": 1, "gain": 1.0, name: wrong}
            assert fn.fn("compare", *(given.get(part.elem_id) for part in inputs)) == {}


def test_programs_get_the_comparison_and_only_the_operator_may_load(workbench):
    info = create_app(workbench, for_operator=False).get_api_info()
    assert list(info["named_endpoints"]) == ["/compare", "/sweep"]
    names = [parameter["parameter_name"] for parameter in info["named_endpoints"]["/compare"]["parameters"]]
    assert names == ["text", "media", "layer", "gain", "system"]
    assert set(create_app(workbench).get_api_info()["named_endpoints"]) == {"/compare", "/sweep", "/load"}


def test_the_camera_is_offered_where_the_page_serves_its_own_machine_alone(workbench):
    def ids(page):
        return {block.elem_id for block in page.blocks.values()}

    assert "camera" in ids(create_app(workbench))
    assert "camera" not in ids(create_app(workbench, for_operator=False))


def test_nothing_is_kept_and_nothing_is_sent():
    options = launch_options()
    assert options["run_history"] is False and options["enable_monitoring"] is False
    assert options["allowed_paths"] == [] and options["max_file_size"]
    assert "http" not in options["head"] and "http" not in options["css"].replace("http://www.w3.org", "")


def test_what_a_person_types_is_text_and_never_markup():
    nasty = "<img src=x onerror=alert(1)>"
    upload = Upload(("data:image/png;base64,", "data:image/png;base64,"), (0.0, 1.0), 9)
    shown = markup.notice(nasty) + markup.asked_list([nasty]) + media_markup.preview(upload, nasty + ".mp4")
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
    session = LiveSession.of(tiny, tiny_artifact, examples=read_examples())
    clips = {example.media for example in session.examples if example.media and example.media.endswith(".mp4")}
    assert set(session.posters()) == clips
    assert all(url.startswith("data:image/png") for url in session.posters().values())


def test_twins_share_a_row_of_the_gallery():
    shown = media_markup.gallery(read_examples(), {})
    assert shown.count("<li>") < shown.count("data-example")
