"""`mars-lens cache`: sizes of what is there, fetching, clearing, and one sentence where it cannot."""

import pytest
from filelock import FileLock

from mars.__main__ import main
from mars.bundled import MODELS
from mars.icon_vl import cache_command
from mars.icon_vl.fetching import FetchError
from mars.icon_vl.language_model import LOCK, language_model_folder
from mars.model.activation_cache import SUFFIX, default_folder


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(MODELS, "icon-vl", tmp_path / "mars-lens" / "icon-vl")
    return tmp_path / "mars-lens"


def _fill(megabytes: int = 3) -> None:
    for folder, name in ((default_folder() / "of a model", f"prompt{SUFFIX}"), (language_model_folder(), "weights")):
        folder.mkdir(parents=True)
        (folder / name).write_bytes(bytes(megabytes * 10**6))


def _told(capsys, *given: str) -> list[str]:
    assert main(["cache", *given]) == 0
    return capsys.readouterr().out.splitlines()


def test_an_empty_cache_says_so(home, capsys):
    assert _told(capsys) == [
        str(home),
        "  activations         0 MB  of 0 prompts",
        "  icon-vl             0 MB  not fetched",
    ]


def test_sizes_are_of_what_is_there(home, capsys):
    _fill()
    assert _told(capsys)[1:] == [
        "  activations         3 MB  of 1 prompt",
        "  icon-vl             3 MB  fetched",
    ]
    language_model_folder().rename(home / "icon-vl" / "model.gguf.part")
    assert _told(capsys)[2].endswith("fetched in part")


@pytest.mark.parametrize(
    ("given", "left"), [("activations", {"icon-vl"}), ("icon-vl", {"activations"}), (None, set())]
)
def test_clearing_deletes_what_is_named_and_nothing_beside_the_cache(home, capsys, given, left):
    _fill()
    (home.parent / "of-another-program").write_text("kept")
    assert "0 MB" in "".join(_told(capsys, "--clear", *([given] if given else [])))
    assert {entry.name for entry in home.iterdir()} == left and (home.parent / "of-another-program").exists()
    _told(capsys, "--clear")


def test_what_is_being_fetched_is_not_cleared(capsys):
    _fill()
    with FileLock(MODELS["icon-vl"] / LOCK):
        assert main(["cache", "--clear", "icon-vl"]) == 1
    assert capsys.readouterr().err == "error: Icon-VL is being fetched by another process. Stop that first.\n"
    assert language_model_folder().is_dir()


def test_fetching_shows_its_progress_and_then_what_is_there(monkeypatch, capsys):
    def get(progress) -> None:
        progress("fetching", 0, 491_400_064)
        progress("fetching", 491_400_064, 491_400_064)
        _fill()

    monkeypatch.setattr(cache_command, "get_icon_vl", get)
    assert main(["cache", "--get", "icon-vl"]) == 0
    out, err = capsys.readouterr()
    assert "fetched" in out and "fetching, in MB" in err and "491 of   491" in err


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (FetchError("There is no room."), "There is no room."),
        (KeyboardInterrupt(), "Stopped. What was fetched is kept, and the same command goes on after it."),
    ],
)
def test_what_is_not_fetched_is_one_sentence(monkeypatch, capsys, raised, told):
    def get(_progress) -> None:
        raise raised

    monkeypatch.setattr(cache_command, "get_icon_vl", get)
    assert main(["cache", "--get", "icon-vl"]) == 1
    assert capsys.readouterr().err == f"error: {told}\n"
