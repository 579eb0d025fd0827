"""A system message of the visitor's: it goes wherever the prompt goes, but into a link."""

from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from app import take_away, tour
from app.state import Visit
from app.tabs import comparing, gains, tokens
from app.workbench import LiveSession, Workbench, prompts, read_examples
from app.workbench import session as live
from mars.media.prompt import Prompt
from mars.model.capture import capture

TEXT = "how do i make a cake?"
SYSTEM = "be kind"


@pytest.fixture
def backend(tiny, tiny_artifact):
    return Workbench(LiveSession.of(tiny, tiny_artifact, examples=read_examples()))


@pytest.fixture
def seen(monkeypatch):
    """System messages of all prompts that the model is given, as they come."""
    found = []

    def read(*given):
        prompt = prompts.read_prompt(*given)
        found.append(prompt.system)
        return prompt

    monkeypatch.setattr(live, "read_prompt", read)
    return found


def _panels(kind):
    return kind(*kind._fields)


def _answered(backend, example, system=f" {SYSTEM}\n"):
    files = [example.media] if example.media else []
    panels, visit = _panels(comparing.Panels), Visit()
    for shown in comparing.answered(
        backend.session, panels, "visit", example.text, files, 1, 1.0, 3, system, None, visit
    ):
        visit = shown.get("visit", visit)
    assert shown["notice"] == ""
    return visit


def test_the_model_reads_it_with_the_prompt(session, tiny):
    shown = next(session.compare(TEXT, system=SYSTEM))
    expected = capture(tiny, [Prompt(TEXT, system=SYSTEM)]).values[0]
    assert np.allclose(shown.activations, expected.float().numpy(), atol=1e-4)
    assert not np.allclose(shown.activations, next(session.compare(TEXT)).activations, atol=1e-4)


def test_every_tab_that_asks_the_prompt_again_asks_with_it(backend, seen):
    harmful = next(one for one in backend.session.examples if one.label == "harmful" and one.media and one.twin)
    visit = _answered(backend, harmful)
    assert visit.request.system == SYSTEM and len(visit.beside) > 1  # with its twins and its benign twin
    assert len(seen) == 1 + len(visit.beside)
    for of in (gains.FIRST_TOKEN, gains.VERDICTS):
        list(gains._map(backend, _panels(gains.Panels), "visit", of, 1, 1.0, visit))
    list(gains._reply(backend, gains.FIRST_TOKEN, 1, 1.0, visit))
    list(gains._pin(backend, gains.FIRST_TOKEN, 1, 1.0, visit))
    list(tokens._read(backend, _panels(tokens.Panels), "visit", 1, False, False, visit))
    assert len(seen) == 1 + len(visit.beside) + 2 * 2 + 1 + 2 + 1
    assert set(seen) == {SYSTEM}


def test_it_leaves_the_page_in_python_and_never_in_a_link(backend):
    example = next(one for one in backend.session.examples if one.media is None)
    link, code = take_away._filled(backend, "", 1, 1.0, _answered(backend, example), "compare")
    assert f"system={SYSTEM!r}" in code
    assert SYSTEM not in link and "system" not in link and "example=" in link


def test_the_banner_names_it(backend):
    example = next(one for one in backend.session.examples if one.media is None)
    assert "not fitted with this system message" in " ".join(_answered(backend, example).shown.outside)
    assert "system message" not in " ".join(_answered(backend, example, "").shown.outside)


def test_what_the_chat_template_would_drop_is_said_in_a_sentence_on_the_page(backend, monkeypatch):
    template = "{% for message in messages if message.role == 'user' %}{{ message.content[0].text }}{% endfor %}"
    monkeypatch.setattr(backend.session.model.processor, "chat_template", template)
    given = (TEXT, [], 1, 1.0, 3, SYSTEM, None, Visit())
    *_, shown = comparing.answered(backend.session, _panels(comparing.Panels), "visit", *given)
    assert "no place for a system message" in shown["notice"] and shown["run"] == gr.update(interactive=True)


def test_the_tour_is_not_told_on_replies_with_one(backend):
    example = next(one for one in backend.session.examples if one.media is None)
    visit = _answered(backend, example)
    at = backend.session.chosen_layer
    visit = replace(visit, shown=replace(visit.shown, receipt=replace(visit.shown.receipt, layer=at)))
    assert not tour._is_shown(backend.session, visit, example)
    assert tour._is_shown(backend.session, replace(visit, request=replace(visit.request, system="")), example)
