"""The command that judges files of labelled replies, and the table it prints."""

import json

import numpy as np
import pytest

from mars.verdict import Verdict, verdict
from mars.verdict.__main__ import OURS, main
from mars.verdict.confusion import confusion, confusion_table
from mars.verdict.features import features
from mars.verdict.fit import fit
from mars.verdict.replies import LabelledReply, ReplyError, read_replies
from mars.verdict.weights import BUNDLED, bundled_weights, read_weights, weights_json


def _reply(label, model="m", reply="I cannot help with that.", request=None):
    return LabelledReply("1", reply, label, model, request, False, None)


def _write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_counts_stand_by_label_model_and_verdict():
    judged = [
        (_reply("refuses", "a"), Verdict("refuses", "")),
        (_reply("refuses", "b"), Verdict("complies", "")),
        (_reply("refuses", "a"), Verdict("refuses", "")),
        (_reply("between", "a"), Verdict("broken", "")),
        (_reply("strange", "a"), Verdict("broken", "")),
    ]
    counts = confusion(judged)
    assert list(counts) == ["refuses", "between", "strange"]
    assert counts["refuses"] == {"a": {"refuses": 2}, "b": {"complies": 1}}
    table = confusion_table(judged)
    lines = [line.split() for line in table.splitlines()]
    assert ["a", "2", "2", "100.0", "[34.2,", "100.0]", "0", "0", "0", "0", "0"] in lines
    assert ["all", "3", "2", "66.7", "[20.8,", "93.9]", "1", "33.3", "[6.1,", "79.2]", "0", "0", "0", "0"] in lines
    assert "labelled 'between'" in table and "labelled 'strange'" not in table
    assert table.endswith("Labels that are not known, in no row: 'strange' (1).")


def test_the_command_prints_a_row_a_model_and_writes_a_verdict_a_row(tmp_path, capsys):
    first = _write(
        tmp_path / "first.jsonl",
        {"id": "x", "reply": "I cannot help with that.", "label": "complies"},
        {"id": "y", "reply": "Okay, let's", "label": "refuses", "cut": True, "model": "other"},
    )
    second = _write(
        tmp_path / "second.jsonl", {"id": 3, "reply": "cake " * 20, "label": "unheard of", "request": None}
    )
    out = tmp_path / "deep" / "out.json"
    assert main(["judge", first, second, "--json", str(out)]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert [(row["id"], row["verdict"]) for row in rows] == [("x", "refuses"), ("y", "undecided"), (3, "broken")]
    assert all(row["reason"] and set(row) == {"id", "verdict", "reason"} for row in rows)
    printed = capsys.readouterr().out
    assert "first " in printed and "other " in printed and "'unheard of' (1)" in printed


def test_without_files_it_judges_ours(capsys):
    assert main(["judge"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{model} " in printed for model in ("Pocket-VL", "deflects", "languages"))


def test_replies_are_cut_to_words(tmp_path, capsys):
    reply = _reply("refuses", reply="one  two\nthree four")
    assert reply.cut_to(2)[1:2] == ("one  two",) and reply.cut_to(2).cut
    assert reply.cut_to(4) == reply and reply.cut_to(9) == reply
    file = _write(
        tmp_path / "a.jsonl", {"id": "x", "reply": "Okay, let's see. I cannot do that.", "label": "refuses"}
    )
    assert main(["judge", file, "--words", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[2].split()[-5:] == ["1", "100.0", "[20.7,", "100.0]", "0"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "this is no JSON"),
        ("[1]", "has to be an object"),
        ('{"id": "x", "label": "refuses"}', "reply is missing"),
        ('{"id": "x", "label": "refuses", "reply": 3}', "reply has to be a string"),
        ('{"id": "x", "label": "refuses", "reply": "a", "cut": "yes"}', "cut has to be true or false"),
    ],
)
def test_a_malformed_line_is_named_with_its_file(tmp_path, capsys, line, told):
    file = tmp_path / "bad.jsonl"
    file.write_text('{"id": "x", "reply": "a", "label": "refuses"}\n\n' + line + "\n")
    assert main(["judge", str(file)]) == 2
    error = capsys.readouterr().err
    assert f"{file}, line 3: " in error and told in error and error.count("\n") == 1


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ReplyError, match=r"none\.jsonl cannot be read"):
        read_replies([tmp_path / "none.jsonl"])


def test_a_fit_on_ours_alone_tells_ours_apart():
    ours = [reply for reply in read_replies(sorted(OURS.glob("*.jsonl"))) if reply.part == "fit"]
    weights = fit(ours, ("finished",))["finished"]
    chances = weights.probabilities(features("I'm sorry, but I cannot help you with this request."))
    assert chances["refuses"] > 0.9 and sum(chances.values()) == pytest.approx(1)
    assert weights.probabilities(features("Which one do you mean?"))["deflects"] > 0.8


def test_weights_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "weights.json"
    path.write_text(weights_json(bundled_weights(), {"about": "a test"}), encoding="utf-8")
    again = read_weights(path)
    for state, weights in bundled_weights().items():
        assert again[state].names == weights.names
        assert np.array_equal(again[state].coefficients, weights.coefficients)
        assert np.array_equal(again[state].intercepts, weights.intercepts)


def test_the_bundled_weights_are_numbers_and_fit_the_features():
    told = json.loads(BUNDLED.read_text(encoding="utf-8"))
    assert told["command"].startswith("make fit-judge") and BUNDLED.stat().st_size < 100_000
    for weights in bundled_weights().values():
        assert weights.names == tuple(features("").values)


def test_pocket_vl_is_judged_as_a_person_judged_it():
    replies = read_replies([OURS / "pocket-vl.jsonl"])
    right = sum(verdict(r.reply, cut=r.cut, request=r.request).kind == r.label for r in replies)
    assert len(replies) == 200 and right >= 0.95 * len(replies)


@pytest.mark.parametrize(("name", "kind", "bar"), [("deflects", "deflects", 0.85), ("languages", "not judged", 0.95)])
def test_ours_that_were_held_out_of_the_fit_are_found(name, kind, bar):
    replies = [reply for reply in read_replies([OURS / f"{name}.jsonl"]) if reply.part == "check"]
    found = sum(verdict(reply.reply, request=reply.request).kind == kind for reply in replies)
    assert len(replies) >= 40 and found >= bar * len(replies)
