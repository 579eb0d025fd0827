"""A recorded session is the live one: every view of it is what a replay of the same prompts gives, in float32."""

import json
import pickle
import shutil
from dataclasses import asdict, fields, is_dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from app import answers, icon_vl
from app.backend import Plan, Session
from app.compared import main as compare_command
from app.compared import render as render_both
from app.report import render
from app.results import Asked, RequestError, Verdict
from app.results.packing import PackingError, pack, unpack
from app.tabs import comparing
from app.workbench import LiveSession, RecordedSession, Workbench, usual_recordings
from app.workbench.recording import making
from app.workbench.recording.command import parser
from app.workbench.recording.comparing import compared
from app.workbench.recording.kept import KeptPrompt
from app.workbench.recording.lines import lines_of
from app.workbench.recording.making import Answerer, record, record_on
from mars.bundled import MODELS, shipped_recording
from mars.intervals import wilson
from mars.model.loading import load_model
from mars.recording.plan import Settings, Shape, estimate, layer_seconds_of, passes
from mars.recording.storage import INDEX, Entry, Recorder, Recording, _digest
from tests.test_backend import _members, _parameters

SETTINGS = Settings(layers=(3,), gains=(1.0, 2.0), harmful_tokens=8, verdicts=True, hidden_states=True)
TITLES = ("Rifle in words", "Rifle in a picture", "Rifle in a clip", "Bicycle in a picture")
POINTS = 6
"""Of each cloud, so that a test takes seconds."""


@pytest.fixture(scope="module")
def live():
    """Pocket-VL with a few points of its clouds, and four examples of its gallery."""
    whole = LiveSession.to_load("pocket-vl").load()
    starts = np.cumsum([0, *(len(cloud.titles) for cloud in whole.artifact.clouds)])
    rows = np.concatenate([np.arange(start, start + POINTS) for start in starts[:-1]])
    clouds = tuple(
        cloud._replace(
            values=cloud.values[:POINTS], titles=cloud.titles[:POINTS], thumbnails=cloud.thumbnails[:POINTS]
        )
        for cloud in whole.artifact.clouds
    )
    artifact = replace(whole.artifact, clouds=clouds, umap=whole.artifact.umap[:, :, rows])
    examples = tuple(one for one in whole.examples if one.title in TITLES)
    return LiveSession.of(
        whole.model, artifact, source="pocket-vl", artifact_folder="pocket-vl", examples=examples,
        aggregates=whole.aggregates,
    )  # fmt: skip


@pytest.fixture(scope="module")
def lines(live):
    """The clip's medium is not kept; all others are."""
    return [replace(line, keeps_medium=line.title != "Rifle in a clip") for line in lines_of(live.examples)]


@pytest.fixture(scope="module")
def folder(live, lines, tmp_path_factory):
    path = tmp_path_factory.mktemp("recorded") / "pocket"
    record(path, live, lines, SETTINGS, results=RESULTS)
    return path


RESULTS = {
    "rows": [
        {"group": "main", "strategy": strategy, "modality": "text", "label": "harmful", "n": 4, "refusals": count,
         "rate": count / 4, "low": 0.1, "high": 0.9}
        for strategy, count in (("unsteered", 1), ("mars", 3))
    ],
    "settings": {"model": "pocket-vl"},
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded(folder):
    return RecordedSession.open(folder)


def same(kept, now, but=()):
    """Texts and whole numbers exactly, other numbers to 1e-3; fields named in `but` are left out."""
    if is_dataclass(kept):
        assert type(kept) is type(now)
        for field in fields(kept):
            if field.name not in but:
                same(getattr(kept, field.name), getattr(now, field.name), but)
    elif isinstance(kept, np.ndarray):
        np.testing.assert_allclose(kept, now, atol=1e-3, rtol=1e-3)
    elif isinstance(kept, dict):
        assert kept.keys() == now.keys()
        for name in kept:
            same(kept[name], now[name], but)
    elif isinstance(kept, tuple):
        assert len(kept) == len(now)
        for one, other in zip(kept, now, strict=True):
            same(one, other, but)
    elif isinstance(kept, float):
        assert kept == pytest.approx(float(now), abs=1e-3, rel=1e-3, nan_ok=True)
    else:
        assert kept == now


def files_of(example):
    return [example.media] if example.media else []


@pytest.mark.parametrize("title", TITLES)
def test_every_answer_to_a_prompt_is_that_of_a_replay(live, recorded, title):
    then = next(one for one in recorded.examples if one.title == title)
    now = next(one for one in live.examples if one.title == title)
    length = 8 if now.label == "harmful" else 48
    for layer, gain in SETTINGS.at(live.chosen_layer, live.n_layers).cells:
        (kept,) = recorded.compare(then.text, files_of(then), layer, gain)
        *_, replayed = live.compare(now.text, files_of(now), layer, gain, length)
        same(kept, replayed, but=("activations",))
        if now.label == "harmful":
            assert kept.steered.cut_after in (None, 8)  # marked where the recording ended it
    shown = ("pictures",) if title == "Rifle in a clip" else ()  # whose medium is not kept
    same(recorded.token_map(then.text, files_of(then)), live.token_map(now.text, files_of(now)), but=shown)
    same([*recorded.gain_map(then.text, files_of(then))][-1], [*live.gain_map(now.text, files_of(now))][-1])
    (verdicts,) = recorded.verdict_map(then.text, files_of(then))
    replayed = Answerer(live, SETTINGS)._verdicts(next(one for one in lines_of([now])), files_of(now))
    same(verdicts, replayed)


@pytest.mark.parametrize("no_signal", [False, True])
def test_every_view_of_the_clouds_is_that_of_the_live_session_with_its_stars(live, recorded, no_signal):
    asked_then, asked_now = [], []
    for then in recorded.examples:
        now = next(one for one in live.examples if one.title == then.title)
        (kept,), (first, *_) = recorded.compare(then.text, files_of(then)), live.compare(now.text, files_of(now))
        for asked, one in ((asked_then, kept), (asked_now, first)):
            asked.append(Asked(then.title, one.curves.modality, one.activations, one.thumbnail))
    for layer in (0, live.chosen_layer):
        for view in making.VIEWS:
            replayed = making._finished(
                lambda view=view, layer=layer: live.picture(view, layer, asked_now, no_signal)
            )
            same(recorded.picture(view, layer, asked_then, no_signal), replayed)
        same(recorded.cloud_means(layer, no_signal), live.cloud_means(layer, no_signal))
        same(recorded.cloud_points(layer, no_signal), live.cloud_points(layer, no_signal))
        same(recorded.measured(layer, no_signal), live.measured(layer, no_signal))
        for then, now in zip(asked_then, asked_now, strict=True):
            same(recorded.nearest_points(then, layer, no_signal), live.nearest_points(now, layer, no_signal))


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


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda one: one.compare("where can I get a rifle?"), "nearest that was is “Rifle in words”: choose"),
        (
            lambda one: one.compare("where can i get a rifle?", layer=2),
            "at gain 1 .* nearest is layer 3 at gain 1",
        ),
        (
            lambda one: one.compare("where can i get a rifle?", gain=8.0),
            "gain 8 .* at gain 2: set it above, or load",
        ),
        (
            lambda one: one.compare("where can i get a rifle?", system="you are a kite"),
            "with this system message was not",
        ),
        (lambda one: iter([one.token_map("what is this?")]), "no model is loaded"),
        (lambda one: one.compare("where can i get a rifle?", layer=99), "Layer 99 does not exist"),
        (lambda one: one.compare("where can i get a rifle?", gain=-1), "towards refusal only"),
        (lambda one: iter([one.archive()]), "not in this recording"),
        (lambda one: iter([one.picture("3d", 0)]), "There is no view"),
    ],
)
def test_what_was_not_recorded_is_said_with_what_is_near(recorded, ask, said):
    with pytest.raises(RequestError, match=said):
        next(ask(recorded))


def test_a_visit_opens_on_an_example_with_its_twins_and_star(recorded):
    visit = comparing.opened(recorded)
    assert visit.request.text == recorded.opening.text and recorded.opening.label == "harmful"
    twins = {one.title for one in recorded.examples if one.twin == "rifle"} - {recorded.opening.title}
    assert {one.example.title for one in visit.beside if not one.is_benign} == twins and len(twins) == 2
    assert len(recorded.picture("axis", 0, visit.asked).star_titles) == 1
    assert recorded.picture("axis", 0, [replace(visit.asked[0], generation=7)]).star_titles == ()


def test_a_recording_is_shown_in_place_of_a_model_and_cannot_be_evaluated(recorded, folder):
    bench = Workbench(recorded, (str(folder),))
    taken = bench.replace(str(folder))
    assert taken.generation == 1 and bench.session is taken and taken.card.recorded
    with pytest.raises(RequestError, match=r"no model is loaded. To ask pocket-vl itself: python app.py --model"):
        [*bench.evaluate(Plan(["mars"], per_cell=1))]


class Stop(Exception):
    pass


def test_a_stop_loses_nothing_and_doubles_nothing(live, lines, folder, tmp_path, monkeypatch):
    path, asked = tmp_path / "stopped", []

    def stopping(step, done, total):  # noqa: ARG001
        if (step, done) == ("prompts", 2):
            raise Stop

    with pytest.raises(Stop):
        record(path, live, lines, SETTINGS, progress=stopping)
    with pytest.raises(RequestError, match="not finished"):
        RecordedSession.open(path)
    ask = Answerer.__call__
    monkeypatch.setattr(Answerer, "__call__", lambda self, line: (asked.append(line.title), ask(self, line))[1])
    monkeypatch.setattr(making, "kept_clouds", lambda *_: pytest.fail("they were there already"))
    resumed = record(path, live, lines, SETTINGS, results=RESULTS)
    assert asked == [line.title for line in lines[2:]]
    whole = Recording.open(folder)
    assert resumed.names == whole.names
    for name in whole.names:
        then, now = whole.entry(name), resumed.entry(name)
        if name.startswith("prompts/"):
            for one in (then, now):
                del one.plain["seconds"], one.plain["processor_seconds"]
        assert then.plain == now.plain
        for array in then.arrays:
            np.testing.assert_array_equal(then.arrays[array], now.arrays[array])


def test_a_recording_of_another_machine_opens_and_says_so(folder, tmp_path):
    path = tmp_path / "elsewhere"
    shutil.copytree(folder, path)
    index = json.loads((path / INDEX).read_text())
    index |= {"processor": "NVIDIA H100", "device": "cuda:0", "versions": {"torch": "2.14.0", "python": "3.12.1"}}
    del index["digest"]
    (path / INDEX).write_text(json.dumps(index | {"digest": _digest(index)}))
    card = RecordedSession.open(path).card
    assert card.recorded.endswith(" on NVIDIA H100, float32")
    assert (
        "Recorded on NVIDIA H100 and with torch 2.14.0 and with python 3.12.1, unlike this machine" in card.badges[-1]
    )


def test_an_entry_of_the_wrong_kind_is_named(folder, tmp_path):
    path = tmp_path / "odd"
    shutil.copytree(folder, path)
    found = Recording.open(path)
    recorder = Recorder(path, replace(found.header, cost={}))
    broken = found.entry("session").plain | {"n_layers": "eight"}
    recorder.keep("session", Entry(broken, found.entry("session").arrays))
    recorder.finish(found.names, [name for name in found.files if name.startswith("media/")], {})
    with pytest.raises(RequestError, match=r"incomplete: session .*'eight' is not int"):
        RecordedSession.open(path)


@pytest.mark.parametrize(
    ("entry", "part", "value"),
    [
        ("clouds", "thumbnails", ['" onerror="alert(1)']),
        ("clouds", "titles", ["one"]),
        ("session", "chosen_layer", 99),
        ("session", "bands", {}),
    ],
)
def test_what_a_stranger_put_into_a_recording_is_refused_where_it_makes_no_sense(
    folder, tmp_path, entry, part, value
):
    path = tmp_path / "odd"
    shutil.copytree(folder, path)
    found = Recording.open(path)
    recorder = Recorder(path, replace(found.header, cost={}))
    plain = found.entry(entry).plain
    thumbnails = value + plain["thumbnails"][1:] if part == "thumbnails" else value
    recorder.keep(entry, Entry(plain | {part: thumbnails}, found.entry(entry).arrays))
    recorder.finish(found.names, [name for name in found.files if name.startswith("media/")], {})
    with pytest.raises(RequestError, match=f"incomplete: {entry} .*cannot be"):
        RecordedSession.open(path)


def test_packing_makes_no_other_class_than_the_one_asked_for(recorded):
    kept = recorded.answers(recorded.kept.prompts[0].key)
    plain, arrays = pack(kept)
    same(unpack(KeptPrompt, json.loads(json.dumps(plain)), arrays), kept)
    for wrong in (plain | {"further": 1}, [plain], plain | {"gains": {"__class__": "os"}}, plain | {"tokens": None}):
        with pytest.raises(PackingError):
            unpack(KeptPrompt, wrong, arrays)


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


def test_a_plan_counts_what_is_recorded(live, lines, folder):
    shape, settings = Shape.of(live.artifact), SETTINGS.at(live.chosen_layer, live.n_layers)
    assert passes(lines[0], settings, shape) == 4 * (1 + 8) + 3 + 2 + (live.n_layers + 1) * 8
    found = estimate(lines, settings, shape, 8 * 10**9, 1e9, 0.001)
    assert found.seconds == pytest.approx(found.passes * (live.n_layers * 0.001 + 8))
    assert found.memory == 10**10
    size = Recording.open(folder).size
    assert size / 2 < found.size < 2 * size
    cost = Recording.open(folder).header.cost
    assert (
        layer_seconds_of(Recording.open(folder).header)
        == cost["processor_seconds"] / cost["passes"] / live.n_layers
        > 0
    )


def test_the_command_names_what_is_wrong_before_anything_is_loaded(tmp_path, capsys, monkeypatch):
    from app.workbench.recording import command

    monkeypatch.setattr(command, "load_of", lambda options: lambda: pytest.fail("it was loaded"))  # noqa: ARG005
    for given, said in (
        ([], "--out is missing"),
        (["--out", str(tmp_path), "--layers", "99"], "Layer 99 does not exist"),
        (["--out", str(tmp_path), "--layers", "some"], "numbers from 0, or the word all"),
        (["--out", str(tmp_path), "--gains", "-1"], "gain"),
        (["--out", str(tmp_path), "--prompts", str(tmp_path / "no.jsonl")], "no file"),
    ):
        assert command.main(given) == 1
        assert said in capsys.readouterr().err
    assert parser().parse_args(["--out", "x"]).gains == (1.0,)
    assert command.main(["--plan", "--bandwidth", "100"]) == 0
    told = capsys.readouterr().out
    assert "20 prompts" in told and "at 100 GB/s" in told and "MB" in told


def test_two_recordings_are_laid_side_by_side_and_those_that_differ_come_first(recorded):
    (first, _), pairs = compared((recorded, recorded))
    assert len(pairs) == len(TITLES) and not any(pair.differs for pair in pairs)
    for key, n in first.counts.items():
        refused = [pair.comparisons[0].steered.refused for pair in pairs if (pair.label, pair.modality) == key]
        assert n == len(refused) and first.rates[key][1] == wilson(sum(refused), n)
    assert first.depths[0] == 0 and first.depths[-1] == 1 and len(first.depths) == recorded.n_layers
    harmless = [pair.comparisons[0].curves.after for pair in pairs if pair.label == "harmless"]
    np.testing.assert_allclose(first.curves["harmless"][1], np.mean(harmless, axis=0))
    kept = {head.key: recorded.answers(head.key) for head in recorded.kept.prompts}
    changed = recorded.kept.prompts[-1].key
    at = kept[changed].at(recorded.chosen_layer, 1.0)
    other = replace(at, steered=replace(at.steered, verdict=Verdict("broken", "it repeats")))
    kept[changed] = replace(kept[changed], comparisons=(other,))
    sides, pairs = compared((recorded, replace(recorded, answers=kept.__getitem__)))
    assert [pair.differs for pair in pairs] == [True, False, False, False] and pairs[0].title == recorded.examples[
        -1
    ].title
    shown = render_both((recorded, replace(recorded, answers=kept.__getitem__)))
    assert "1 of 4 prompts have other verdicts" in shown and "relative depth" in shown and "<details open>" in shown
    assert sides[0].effect.keys() == {"harmful", "harmless"}
    with pytest.raises(RequestError, match="no prompt in common"):
        compared((recorded, replace(recorded, kept=replace(recorded.kept, prompts=()))))


def test_the_command_compares_and_says_what_is_no_recording(folder, tmp_path, capsys):
    assert compare_command([str(folder), str(folder), "--html", str(tmp_path / "both.html")]) == 0
    assert "pocket-vl (2), harmful" in (tmp_path / "both.html").read_text()
    assert compare_command([str(folder), str(tmp_path), "--html", str(tmp_path / "both.html")]) == 1
    assert "There is no recording in" in capsys.readouterr().err


class InProcess:
    """A cluster whose workers are here: what travels is pickled, as a real one does."""

    def once(self, work):
        return _sent(_sent(work)())

    def execute(self, items, prepare, make):
        worker = _sent(make)()
        for number in reversed(range(len(items))):
            yield number, _sent(worker(prepare(_sent(items[number]))))


def _sent(value):
    return pickle.loads(pickle.dumps(value))


def test_workers_of_a_cluster_record_the_same(lines, tmp_path):
    artifact = MODELS["pocket-vl"] / "artifact"
    given = (partial(load_model, str(MODELS["pocket-vl"])), tmp_path / "there", "pocket-vl", artifact)
    found = record_on(InProcess(), *given, lines[:2], Settings())
    session = RecordedSession.open(tmp_path / "there")
    assert [head.key for head in session.kept.prompts] == [line.key for line in lines[:2]]
    (kept,) = session.compare(lines[0].text)
    *_, now = LiveSession.to_load("pocket-vl").load().compare(lines[0].text)
    assert kept.steered == now.steered and found.header.source == "pocket-vl"


@pytest.mark.parametrize("name", _members(Session))
def test_a_recorded_session_has_every_member_of_the_protocol_with_the_same_parameters(recorded, name):
    stated = _members(Session)[name]
    if callable(stated):
        assert _parameters(getattr(recorded, name)) == _parameters(stated)
    else:
        assert hasattr(recorded, name)


def test_where_nothing_is_fetched_the_page_opens_on_icon_vls_recording_and_offers_pocket_vl_live(
    recorded, live, folder, tmp_path, monkeypatch
):
    monkeypatch.setattr("app.workbench.icon_vl.shipped_recording", lambda name: folder)  # noqa: ARG005
    for usual, expected in (("pocket-vl", (str(folder),)), ("icon-vl", ())):
        monkeypatch.setattr("app.workbench.icon_vl.usual_model", lambda usual=usual: usual)
        assert usual_recordings() == expected
    monkeypatch.setattr("app.workbench.icon_vl.shipped_recording", lambda name: tmp_path)  # noqa: ARG005
    monkeypatch.setattr("app.workbench.icon_vl.usual_model", lambda: "pocket-vl")
    assert usual_recordings() == ()
    panels = icon_vl.Panels(*icon_vl.Panels._fields)
    for session, is_offered in ((recorded, True), (live, False)):
        shown = icon_vl._shown(Workbench(session), panels, None)
        assert shown["live"]["visible"] is is_offered and shown["row"]["visible"] is is_offered
