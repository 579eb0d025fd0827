"""The gallery's examples, from a folder with examples.json."""

import json
from pathlib import Path

from .results import Example
from .workbench import EXAMPLES


def read_examples(folder: Path = EXAMPLES) -> tuple[Example, ...]:
    """Examples with the paths of their media; none where the folder has no list. Raises ValueError on a bad list."""
    try:
        rows = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    examples = []
    for row in rows:
        media = folder / row["media"] if row.get("media") else None
        if media is not None and not media.is_file():
            raise ValueError(f"The example “{row['title']}” names {row['media']}, which is not in {folder}.")
        examples.append(
            Example(row["title"], row["text"], str(media) if media else None, row["label"], row.get("twin") or "")
        )
    return tuple(examples)
