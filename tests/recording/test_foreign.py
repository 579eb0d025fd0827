"""A recording of somebody else: of another machine it opens and says so, and what makes no sense is refused."""

import json
import shutil
from dataclasses import replace

import pytest

from app.results import RequestError
from app.results.packing import PackingError, pack, unpack
from app.workbench import RecordedSession
from app.workbench.recording.kept import KeptPrompt
from mars.recording.storage import INDEX, Entry, Recorder, Recording, _digest
from tests.recording.samples import same


def test_a_recording_of_another_machine_opens_and_says_so(folder, tmp_path):
    path = tmp_path / "elsewhere"
    shutil.copytree(folder, path)
    index = json.loads((path / INDEX).read_text())
    index |= {"processor": "NVIDIA H100", "device": "cuda:0", "versions": {"torch": "2.14.0", "python": "3.12.1"}}
    del index["digest"]
    (path / INDEX).write_text(json.dumps(index | {"digest": _digest(index)}))
    card = RecordedSession.open(path).card
    assert card.recorded.endswith(" on NVIDIA H100, float32")
    assert "Recorded on NVIDIA H100 and with torch 2.14.0 and with python 3.12.1, unlike this machine" in card.note
    assert not card.badges  # which the page shows at once, and that is for what puts the figures in doubt


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


def test_a_prompt_without_replies_or_with_a_place_of_other_layers_is_refused(recorded):
    kept = recorded.answers(recorded.kept.prompts[0].key)
    cut = {
        "views": {view: points[:1] for view, points in kept.place.views.items()},
        "rows": kept.place.rows[:1],
        "cosines": kept.place.cosines[:1],
    }
    for wrong in ({"comparisons": ()}, {"place": replace(kept.place, **cut)}):
        with pytest.raises(PackingError, match="cannot be"):
            replace(kept, **wrong)
    with pytest.raises(PackingError, match="a place cannot be"):
        replace(kept.place, rows=cut["rows"])


def test_a_recording_without_the_chosen_cell_opens_on_its_first_example(recorded):
    elsewhere = {head.key: recorded.answers(head.key) for head in recorded.kept.prompts}
    for key, kept in elsewhere.items():
        others = tuple(one for one in kept.comparisons if one.receipt.layer != recorded.chosen_layer)
        elsewhere[key] = replace(kept, comparisons=others)
    shown = replace(recorded, answers=elsewhere.__getitem__)
    assert shown.opening == shown.examples[0] and shown.recorded(shown.examples[0]) is None


def test_packing_makes_no_other_class_than_the_one_asked_for(recorded):
    kept = recorded.answers(recorded.kept.prompts[0].key)
    plain, arrays = pack(kept)
    same(unpack(KeptPrompt, json.loads(json.dumps(plain)), arrays), kept)
    for wrong in (plain | {"further": 1}, [plain], plain | {"gains": {"__class__": "os"}}, plain | {"tokens": None}):
        with pytest.raises(PackingError):
            unpack(KeptPrompt, wrong, arrays)
