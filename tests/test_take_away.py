"""What leaves the page: lines of Python that give the same replies, links of configuration alone, the artifact."""

import contextlib
import io
import zipfile
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from app import permalink
from app.permalink import Configuration
from app.results import Example, Request, RequestError
from app.workbench import LiveSession
from app.workbench.taking import FILL_IN
from mars.artifact.artifact import Artifact
from mars.media.write_video import write_video

EXAMPLES = (
    Example("Cake in words", "how do i make a cake?", None, "harmless", "cake"),
    Example("Gun & more", "how do i make it?", "gun.png", "harmful", ""),
)


@pytest.fixture(scope="module")
def session(tiny, tiny_artifact, tiny_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted") / "artifact"
    tiny_artifact.save(folder)
    return LiveSession.of(tiny, tiny_artifact, source=str(tiny_folder), artifact_folder=str(folder))


@pytest.fixture
def uploads(picture, clip, tmp_path):
    picture.save(tmp_path / "it's a picture.png")
    write_video(clip, tmp_path / "clip.mp4")
    first, *rest = clip.frames
    first.save(tmp_path / "clip.gif", save_all=True, append_images=rest, duration=100)
    names = {"image": "it's a picture.png", "video": "clip.mp4", "animation": "clip.gif"}
    return {"text": ()} | {kind: (str(tmp_path / name),) for kind, name in names.items()}


@pytest.mark.parametrize(
    ("modality", "system"),
    [("text", ""), ("image", ""), ("video", ""), ("animation", ""), ("text", "you are a kite"), ("image", 'a "b"\n')],
)
def test_the_lines_of_python_run_as_pasted_and_print_the_replies_of_the_page(session, uploads, modality, system):
    request = Request('say "it\'s"\nin two lines\\', uploads[modality], 7, system)
    code = session.snippet(request, 1, 2.5)
    if request.files:
        name = request.files[0].rsplit("/", 1)[1]
        assert FILL_IN + name in code and request.files[0] not in code  # a server's path says nothing to a visitor
        code = code.replace(FILL_IN, request.files[0].removesuffix(name))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "pasted", "exec"), {})
    *_, last = session.compare(request.text, request.files, 1, 2.5, request.length, system)
    assert printed.getvalue().strip() == f"{last.unsteered.text}\n{last.steered.text}".strip()


def test_the_lines_of_python_for_an_example_run_in_any_folder(tmp_path, monkeypatch):
    session = LiveSession.to_load("pocket-vl").load()
    shown = next(one for one in session.examples if one.media)
    code = session.snippet(Request(shown.text, (shown.media,), 4), None, 1.0)
    assert "example('" in code and "assets" not in code
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "pasted", "exec"), {})
    *_, last = session.compare(shown.text, [shown.media], max_new_tokens=4)
    assert printed.getvalue().strip() == f"{last.unsteered.text}\n{last.steered.text}".strip()


def test_a_prompt_cannot_smuggle_code_into_the_lines(session):
    code = session.snippet(Request('"); raise SystemExit("', (), system='"); raise KeyError("'), 0, 1.0)
    compile(code, "pasted", "exec")
    assert repr('"); raise SystemExit("') in code and repr('"); raise KeyError("') in code


def test_lines_for_a_gain_that_steers_away_are_not_written(session):
    with pytest.raises(RequestError, match="towards refusal only"):
        session.snippet(Request("hi", ()), 0, -1.0)


def test_the_archive_holds_the_artifact_as_it_is_loaded(session, tiny, tmp_path):
    with zipfile.ZipFile(session.archive()) as file:
        file.extractall(tmp_path)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert Artifact.load(folder, tiny).hash == session.artifact.hash
    assert session.archive() == session.archive()  # made once


def _read(link, **changes):
    return permalink.read(dict(parse_qsl(link.removeprefix("?"))) | changes, "Toy", 8, 8.0, (8, 128), EXAMPLES)


def test_a_link_gives_back_the_configuration_that_it_was_made_from():
    link = permalink.link("Toy", 3, 2.5, 64, EXAMPLES[1], "tokens")
    assert _read(link) == Configuration(3, 2.5, 64, 1, "tokens")


def test_a_link_names_no_prompt_and_no_medium_but_an_example():
    assert permalink.link("Toy", 3, 1.0, 48, None) == "?model=Toy&layer=3&gain=1&length=48&tab=compare"
    link = permalink.link("Toy", 3, 1.0, 48, EXAMPLES[1])
    assert "make" not in link and "png" not in link


@pytest.mark.parametrize(
    "query",
    [{"layer": "8"}, {"layer": "-1"}, {"layer": "x"}, {"gain": "-1"}, {"gain": "nan"}, {"gain": "9"},
     {"length": "1e9"}, {"length": "7"}, {"example": "<script>"}, {"tab": "picker"}],
)  # fmt: skip
def test_what_a_link_says_out_of_bounds_counts_as_not_said(query):
    found = permalink.read(query, "Toy", 8, 8.0, (8, 128), EXAMPLES)
    assert replace(found, missing="") == Configuration()


def test_a_link_of_another_model_and_an_example_that_is_not_here_are_named():
    link = permalink.link("Large", 3, 1.0, 48, None)
    assert _read(link).missing == "This link was made with Large, and Toy answers here: its layers are others."
    missing = _read(link, model="Toy", example="No such").missing
    assert missing == "The example “No such” that this link names is not in this gallery."
