"""The quick form of `make hostile`: every crafted file and a seeded sample of the rest, on the tiny model."""

import av
import httpx
import pytest

from app.guard import Access
from app.serving import serve
from app.ui import create_app
from mars.bundled import EXAMPLES
from tests.families.checkpoints import FAMILIES
from tests.hostile.crafted import crafted
from tests.hostile.inputs import clips, is_one_of, pictures, scene, scenes
from tests.hostile.mutated import mutated
from tests.hostile.texts import texts
from tests.hostile.trial import is_sentence, offer, offer_over_http
from tests.hostile.visitor import API, Visitor

SPOILED = 120
TOKENS = FAMILIES["qwen3_vl"].tokens


@pytest.fixture(scope="module", autouse=True)
def _quiet_decoders():
    av.logging.set_level(None)


def _faults(verdicts):
    return [f"{v.given.kind} {v.given.name[:40]!r}: {v.fault}" for v in verdicts if v.fault]


def test_crafted_files_are_refused_in_a_sentence_or_answered_on_what_they_show(session, tmp_path):
    assert _faults(offer(session, given, tmp_path) for given in crafted(with_slow=False)) == []


def test_spoiled_files_are_refused_in_a_sentence_or_answered_on_what_they_show(session, tmp_path):
    assert _faults(offer(session, mutated(0, number), tmp_path) for number in range(SPOILED)) == []


def test_odd_texts_are_text(session, tmp_path):
    assert _faults(offer(session, given, tmp_path) for given in texts(0, 60, TOKENS)) == []


def test_the_running_page_says_what_the_engine_says(workbench):
    page = create_app(workbench)
    visitor = Visitor(serve(page, workbench))
    sample = [*crafted(with_slow=False)[::6], *texts(0, 60, TOKENS)[::8], *(mutated(1, n) for n in range(8))]
    assert _faults(offer_over_http(visitor, workbench.session, given) for given in sample) == []
    visitor.close()
    page.close()


# --- the judges of these tests, which must be able to fail


def test_what_is_shown_is_told_from_what_is_not():
    assert is_one_of(scene(3), scenes()) and not is_one_of(scene(3), (scene(5),))
    assert not is_one_of(scene(0).rotate(180), scenes()) and not is_one_of(scene(0).resize((8, 8)), scenes())


@pytest.mark.parametrize(
    "said", ["", "no", "Two\nlines of words here.", "It lies at /tmp/gradio/x, and is bad.", "word " * 200]
)
def test_what_is_no_sentence_is_told_from_one(said):
    assert not is_sentence(said) and is_sentence("The picture cannot be read: it is damaged.")


def test_the_same_seed_makes_the_same_inputs():
    assert [mutated(5, number) for number in range(40)] == [mutated(5, number) for number in range(40)]
    assert {mutated(5, n).content for n in range(9)} != {mutated(6, n).content for n in range(9)}
    assert set(pictures()) & set(clips()) == set()


# --- served to strangers


@pytest.fixture(scope="module")
def stranger(workbench):
    page = create_app(workbench, for_operator=False)
    visitor = Visitor(serve(page, workbench, Access(is_public=True)))
    yield visitor
    visitor.close()
    page.close()


def test_a_stranger_can_only_ask(stranger):
    assert set(stranger.http.get(f"{API}/info").json()["named_endpoints"]) == {"/compare", "/sweep"}
    for model in ("assets/pocket-vl", "../pocket-vl", "/etc", "some/hub-id"):
        asked = stranger.http.post(f"{API}/call/load", json={"data": [model, None]})
        assert asked.status_code >= 400
    config = stranger.http.get("/config").text
    assert '"Use another model"' not in config and '"Evaluate"' not in config


@pytest.mark.parametrize(
    "path",
    ["/etc/hostname", "/etc/../etc/hostname", "app.py", "../app.py", "assets/pocket-vl/config.json",
     f"{EXAMPLES}/../pocket-vl/config.json", f"{EXAMPLES}/%2e%2e/pocket-vl/config.json"],
)  # fmt: skip
def test_a_stranger_reads_no_file_but_examples(stranger, path):
    assert stranger.http.get(f"{API}/file={path}").status_code in (403, 404)
    named = {"path": path, "meta": {"_type": "gradio.FileData"}}
    is_answer, told = stranger.call("compare", "what is this?", named, None, 1.0, "")
    assert not is_answer and "root:" not in str(told)


def test_a_page_that_was_uploaded_is_handed_out_as_a_file_that_runs_nothing(stranger):
    kept = stranger.upload("page.html", b"<script>alert(1)</script>")
    told = stranger.http.get(f"{API}/file={kept['path']}")
    assert told.headers["content-disposition"].startswith("attachment")
    assert told.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_behind_a_login_the_page_opens_for_those_who_know_it(workbench):
    page = create_app(workbench, for_operator=False)
    visitor = Visitor(serve(page, workbench, Access(users={"ada": "a long password"})))
    assert visitor.http.get("/").status_code == visitor.http.get(f"{API}/info").status_code == 401
    visitor.http.auth = ("ada", "a long password")
    assert visitor.http.get("/").status_code == 200
    assert visitor.call("compare", "hi", None, None, 1.0, "")[0]
    visitor.close()
    page.close()


def test_prompts_and_media_are_in_no_log(workbench, capfd, monkeypatch, caplog):
    secret = "violet-kangaroo-9"

    def broken(*_given, **_named):
        raise KeyError(secret)

    page = create_app(workbench)
    visitor = Visitor(serve(page, workbench))
    visitor.call("compare", f"what is {secret}?", None, None, 1.0, "")
    visitor.call("compare", secret * 5000, None, None, 1.0, "")
    visitor.call("compare", "hi", visitor.upload(f"{secret}.png", b"no picture"), None, 1.0, "")
    for way, sent in (
        ("upload", {"files": {"files": ("", secret.encode())}}),
        ("call/compare", {"content": f"{{{secret}"}),
    ):
        httpx.post(f"{visitor.http.base_url}{API.lstrip('/')}/{way}", **sent)
    monkeypatch.setattr("app.workbench.session.prefill", broken)
    is_answer, told = visitor.call("compare", secret, None, None, 1.0, "")
    visitor.close()
    page.close()
    written = "".join(capfd.readouterr())
    assert not is_answer and "KeyError" in told and secret not in told
    assert "KeyError" in written + caplog.text and secret not in written + caplog.text
