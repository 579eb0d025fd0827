"""Files that are written whole or not at all, even if the process is killed meanwhile."""

import os
import secrets
from pathlib import Path
from typing import Any


def atomic_write(path: str | Path, content: Any) -> None:
    """Write bytes to a hidden file in the same folder, then rename it to `path`; until then `path` stays as it was.

    Several processes may write to one path: the last rename wins. A kill leaves `path` as it was, and at most the
    hidden file, whose name ends with ".part". Raises OSError where there is no room or no permission, and then leaves
    nothing behind.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
