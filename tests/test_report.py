"""The report says what the results say, opens offline, and runs nothing that came with them."""

import base64
import hashlib
import json
import os
import re
from html.parser import HTMLParser

import pytest

from app.figures.palette import DARK_FOR_LIGHT
from app.report import ReportError, main, render, write
from mars.evaluation.metrics import summarize
from mars.evaluation.outcomes import Outcome

RATES = {"unsteered": (0.1, 0.0), "addition": (1.0, 0.8), "mars": (0.9, 0.1)}
HOSTILE = "</title></script><script>alert(1)</script><img src=http://x onerror=alert(1)>\"'&"


def _row(strategy: str, modality: str, label: str, rate: float, n: int = 10, **more) -> dict:
    return {"strategy": strategy, "modality": modality, "label": label, "group": "main", "refusals": round(rate * n),
            "n": n, "rate": rate, "low": max(rate - 0.1, 0), "high": min(rate + 0.1, 1), "broken_rate": 0.0,
            "undecided_rate": 0.0} | more  # fmt: skip


def _of_an_older_version(results: dict) -> dict:
    """The same as they were written before there were verdicts."""
    former = {"strategy", "modality", "label", "group", "refusals", "n", "rate", "low", "high", "exact", "kl"}
    return results | {
        part: [{name: row[name] for name in row if name in former} for row in results.get(part, [])]
        for part in ("rows", "utility")
    }


def _results(**more) -> dict:
    rows = [
        _row(name, modality, label, rates[label == "harmless"])
        for name, rates in RATES.items()
        for modality in ("text", "image")
        for label in ("harmful", "harmless")
    ]
    return {"rows": rows, "settings": {"model": "tiny", "layer": 3}, "versions": {"torch": "2.13"},
            "hashes": {"contrast": "abc"}, **more}  # fmt: skip


def _case(text: str = "how do i fly a kite", reply: str = "Hold the string.", **more) -> dict:
    return {"text": text, "modality": "text", "label": "harmless", "group": "main",
            "replies": {"mars": {"reply": reply, "verdict": "complies", "reason": "“hold” tells what to do",
                                 "cut": False, "refused": False, "strength": 1.5}}, **more}  # fmt: skip


class _Page(HTMLParser):
    """Elements, attributes and texts of a page, scripts by their content."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.scripts: list[tuple[dict, str]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_data(self, data):
        if self.cdata_elem == "script":
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


# The page


def test_the_table_gives_share_count_and_interval():
    page = _Page(render(_results()))
    assert "90.0 % 9 of 10 80.0 to 100.0" in page.text


def test_the_headline_has_counts_and_intervals_and_says_where_they_do_not_tell_two_rates_apart():
    assert (
        "Images: MARS refuses 90.0 % of harmful requests (9 of 10, 80.0 to 100.0), unsteered 10.0 % (1 of 10, 0.0 to "
        "20.0); 10.0 % of harmless ones (1 of 10, 0.0 to 20.0), unsteered 0.0 % (0 of 10, 0.0 to 10.0; the intervals "
        "overlap)."
    ) in _Page(render(_results())).text


def test_every_strategy_says_what_it_is_where_the_results_do():
    told = {"mars": "Steers.", "addition": "Adds & moves."}
    page = _Page(render(_results(strategies=told)))
    assert "addition Adds & moves." in page.text and "mars Steers." in page.text
    assert ">The strategies<" not in render(_results())


def test_every_strategy_stands_in_the_table_also_one_that_beats_mars():
    heads = [text for text in _Page(render(_results())).texts if text in RATES]
    assert set(heads) == set(RATES)


def test_tables_name_their_rows_and_columns_for_screen_readers():
    page = _Page(render(_results()))
    scopes = [attributes["scope"] for tag, attributes in page.elements if tag == "th"]
    assert set(scopes) == {"row", "col", "colgroup"} and scopes.count("row") == len(RATES)


def test_groups_get_tables_of_their_own_and_charts_show_the_main_one():
    results = _results()
    results["rows"] += [_row("mars", "image", "harmful", 0.7, group="held_out_things")]
    page = _Page(render(results))
    assert "Things that never occurred in a request" in page.text and "Shown: main requests." in page.text


def test_questions_settings_versions_and_hashes_are_shown():
    utility = [
        {"strategy": "mars", "modality": "image", "exact": 19, "n": 20, "low": 0.76, "high": 0.99, "kl": 0.0123,
         "broken_rate": 0.05, "undecided_rate": 0.0}
    ]  # fmt: skip
    text = _Page(render(_results(utility=utility))).text
    for part in ("95.0 % 19 of 20 76.0 to 99.0 broken 5.0 % KL 0.0123 nats", "layer 3", "torch 2.13", "contrast abc"):
        assert part in text


def test_cases_open_with_every_reply_its_verdict_and_what_decided_it():
    def reply(verdict, text="Hold it.", **more):
        return {"reply": text, "verdict": verdict, "refused": verdict == "refuses", "strength": 0.0} | more

    case = _case(
        replies={
            "unsteered": reply("complies", reason="“hold” tells what to do", cut=True),
            "addition": reply("broken", "the the the the", reason="“the” comes 4 times at once"),
            "mars": reply("refuses", "I cannot.", strength=2.5, cut=True),
        }
    )
    page = _Page(render(_results(cases=[case])))
    assert (
        "unsteered complies cut Hold it. “hold” tells what to do "
        "addition broken the the the the “the” comes 4 times at once "
        "mars refuses strength 2.5, cut I cannot."
    ) in page.text
    details = [attributes for tag, attributes in page.elements if tag == "details"]
    assert details == [{"data-modality": "text", "data-label": "harmless", "data-differs": None}]
    assert [attributes.get("class") for tag, attributes in page.elements if tag == "b"][-3:] == [
        None, "broken", "refuses",
    ]  # fmt: skip


@pytest.mark.parametrize(("other", "differs"), [("complies", False), ("deflects", True), ("undecided", True)])
def test_verdicts_differ_where_their_kinds_do(other, differs):
    replies = {
        name: {"reply": "", "verdict": kind, "refused": False} for name, kind in (("a", "complies"), ("b", other))
    }
    page = _Page(render(_results(cases=[_case(replies=replies)])))
    (case,) = (attributes for tag, attributes in page.elements if tag == "details")
    assert ("data-differs" in case) == differs


def test_broken_and_undecided_replies_stand_beside_refusals_and_the_kl_beside_false_refusals():
    results = _results()
    results["rows"][-2] |= {"broken_rate": 0.3, "undecided_rate": 0.02}
    results["rows"][-1] |= {"broken_rate": 0.04, "kl": 0.00123}
    text = _Page(render(results)).text
    assert "90.0 % 9 of 10 80.0 to 100.0 broken 30.0 % undecided 2.0 %" in text
    assert "10.0 % 1 of 10 0.0 to 20.0 broken 4.0 % KL 0.00123 nats" in text
    assert "<b>broken 30.0 %</b>" in render(results) and "<b>broken 4.0 %</b>" not in render(results)
    assert "broken 0.0 %" not in text and "undecided –" not in text


def test_what_has_to_be_known_beside_the_rates_is_said_at_the_top():
    told = "Under addition, up to 12% of the replies to a kind of input are broken: <b>not safe</b>."
    head = _Page(render(_results(notes=[told]))).text.split("Refusal against false refusal")[0]
    assert head.endswith(f"{told} ")
    assert 'class="note"' not in render(_results())


def test_results_of_an_older_version_are_shown_with_dashes_for_verdicts():
    utility = [{"strategy": "mars", "modality": "image", "exact": 19, "n": 20, "low": 0.76, "high": 0.99}]
    replies = {"unsteered": {"reply": "Hold it.", "refused": False, "strength": 0.0},
               "mars": {"reply": "I cannot.", "refused": True, "strength": 2.5}}  # fmt: skip
    results = _of_an_older_version(_results(utility=utility, cases=[_case(replies=replies)]))
    page = render(results)
    text = _Page(page).text
    assert "90.0 % 9 of 10 80.0 to 100.0 broken – undecided –" in text
    assert "95.0 % 19 of 20 76.0 to 99.0 broken – undecided –" in text
    assert "unsteered does not refuse Hold it. mars refuses strength 2.5 I cannot." in text
    assert "data-differs" in page and "breaks the model" not in text
    assert json.dumps("replies broken: harmful –, harmless –")[1:-1] in page


def test_without_cases_there_is_no_part_for_them():
    assert '<h2 id="part-6">' not in render(_results()) and ">Cases<" not in render(_results())


def test_a_set_without_harmless_requests_gets_tables_but_no_chart():
    page = render({"rows": [_row("mars", "image", "harmful", 0.9)]})
    assert "No chart" in page and "90.0 %" in page and "Plotly.newPlot=" not in page
    assert len(page) < 60_000


def test_a_mean_over_draws_shows_its_lowest_and_highest_draw():
    drawn = _row("random", "image", "harmful", 0.13, refusals=2.6, n=20, band=[0.05, 0.2], draws=10)
    assert "13.0 % 2.6 of 20 3.0 to 23.0 draws 5.0 to 20.0" in _Page(render({"rows": [drawn]})).text


def test_a_strategy_that_the_model_cannot_carry_out_is_named_with_the_reason():
    absent = [{"strategy": "self_check", "reason": "the model does not answer yes or no."}]
    text = _Page(render(_results(not_applicable=absent))).text
    assert "self_check is not applicable: the model does not answer yes or no." in text


def test_cases_that_could_not_be_answered_are_counted_with_the_first_error():
    failures = {"n": 3, "cases": [{"case": 7, "error": "The clip has no frame & no <name>."}]}
    text = _Page(render(_results(failures=failures))).text
    assert "3 cases could not be answered and are in no rate; the first is case 7: The clip has no frame & no" in text
    assert "could not be answered" not in _Page(render(_results(failures={"n": 0, "cases": []}))).text


def test_what_the_engine_sums_up_can_be_shown():
    told = {"draw": 0, "group": "main", "reply": "I cannot.", "reason": "", "cut": False, "refusal_score": 1.5,
            "strength": 2.25, "kl": 0.125}  # fmt: skip
    outcomes = [
        Outcome(case=case, strategy=name, modality="image", label=label,
                verdict="refuses" if label == "harmful" else "broken",
                exact=True if case == 2 else None, **told)
        for name in ("unsteered", "mars")
        for case, label in enumerate(("harmful", "harmless", "harmless"))
    ]  # fmt: skip
    text = _Page(render(summarize(outcomes))).text
    assert "Images: MARS refuses 100.0 % of harmful requests (1 of 1, 20.7 to 100.0)" in text
    assert "100.0 % strength 2.25 score 1.5" in text
    assert "0.0 % 0 of 1 0.0 to 79.3 broken 100.0 % KL 0.125 nats" in text
    assert "100.0 % 1 of 1 20.7 to 100.0 broken 100.0 % KL 0.125 nats" in text
    assert "has open marks with a cross" in text


# Nothing that came with the results runs


def _hostile_results() -> dict:
    results = _results(
        cases=[_case(HOSTILE, HOSTILE, group=HOSTILE, expected=HOSTILE, modality=HOSTILE)],
        settings={"model": HOSTILE, HOSTILE: [HOSTILE]},
        versions={HOSTILE: HOSTILE},
        utility=[{"strategy": HOSTILE, "modality": "image", "exact": 1, "n": 2}],
    )
    results["cases"][0]["replies"][HOSTILE] = {"reply": HOSTILE, "verdict": HOSTILE, "reason": HOSTILE, "strength": 1}
    results["notes"], results["strategies"] = [HOSTILE], {HOSTILE: HOSTILE}
    results["rows"] += [
        _row(HOSTILE, "image", label, 0.3, group=group)
        for label in ("harmful", "harmless")
        for group in ("main", HOSTILE)
    ]
    return results


def test_hostile_texts_become_text_and_nothing_else():
    page, plain = _Page(render(_hostile_results())), _Page(render(_results(cases=[_case()])))
    assert len(page.scripts) == len(plain.scripts) == 3
    assert "img" not in {tag for tag, _ in page.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.text.count(" ".join(HOSTILE.split())) >= 15


def test_the_page_allows_exactly_the_scripts_it_brings():
    page = _Page(render(_hostile_results()))
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    running = [content for attributes, content in page.scripts if attributes.get("type") != "application/json"]
    digests = [base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() for content in running]
    assert policy.startswith("default-src 'none';")
    assert re.findall(r"'sha256-([^']+)'", policy) == digests and len(digests) == 2
    assert "unsafe-inline" not in policy.split("script-src")[1]


def test_the_page_fetches_nothing():
    page = _Page(render(_hostile_results()))
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed")
        assert not {"src", "href", "srcset", "poster"} & set(attributes)


def test_charts_travel_as_data_that_cannot_end_their_element():
    page = _Page(render(_hostile_results()))
    data = json.loads(next(content for attributes, content in page.scripts if attributes))
    assert len(data["figures"]) == 2 and data["darkForLight"] == DARK_FOR_LIGHT
    assert data["figures"][1]["layout"]["meta"]["description"].startswith("Refusal against false refusal, image")


# Files


def test_the_command_writes_the_file(tmp_path):
    (tmp_path / "results.json").write_text(json.dumps(_results()), encoding="utf-8")
    assert main([str(tmp_path / "results.json"), "--html", str(tmp_path / "new" / "report.html")]) == 0
    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_write_that_fails_leaves_the_old_report_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError):
        write("new", path)
    assert path.read_text(encoding="utf-8") == "old" and os.listdir(tmp_path) == ["report.html"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "cannot be read"),
        ("[]", "There are no rows to show."),
        ('{"rows": [{"strategy": "mars"}]}', "Row 1 of the results: “modality” is missing."),
        (json.dumps({"rows": [_row("mars", "smell", "harmful", 0.5)]}), "“modality” is “smell”"),
        (
            json.dumps({"rows": [_row("mars", "text", "harmful", 0.5) | {"rate": "half"}]}),
            "“rate” is of the wrong kind",
        ),
        (json.dumps({"rows": [_row("mars", "text", "harmful", 0.5, n=0)]}), "“n” is 0"),
        (json.dumps(_results(cases=[{"text": "hi"}])), "Entry 1 of “cases” in the results: “modality” is missing."),
    ],
)
def test_what_is_wrong_with_results_is_said_in_one_sentence(tmp_path, capsys, content, sentence):
    (tmp_path / "results.json").write_text(content, encoding="utf-8")
    assert main([str(tmp_path / "results.json"), "--html", str(tmp_path / "report.html")]) == 1
    assert sentence in capsys.readouterr().err and not (tmp_path / "report.html").exists()


def test_unknown_kinds_of_results_raise_before_anything_is_drawn():
    with pytest.raises(ReportError):
        render({"rows": "many"})
