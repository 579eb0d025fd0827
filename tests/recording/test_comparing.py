"""Two recordings side by side."""

from dataclasses import replace

import numpy as np
import pytest

from app.compared import main as compare_command
from app.compared import render as render_both
from app.results import RequestError, Verdict
from app.workbench.recording.comparing import compared
from mars.intervals import wilson
from tests.recording.samples import TITLES


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
