"""Files that are there whole or not at all, whenever the process that writes them is killed."""

import os
from pathlib import Path


def atomic_write(path: str | Path, content: bytes) -> None:
    """Write a file beside its place and put it there in one step; what was there before stays until then.

    Raises OSError where there is no room or no right to write, and then leaves nothing behind.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
