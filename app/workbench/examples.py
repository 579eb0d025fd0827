"""The gallery's examples, from a folder with examples.json: the model's own where it has one."""

import json
from pathlib import Path

from mars.bundled import EXAMPLES, model_source

from ..results import Example

LIST = "examples.json"


def examples_of(source: str | Path) -> tuple[Example, ...]:
    """The gallery of a model: that of its folder, or else the bundled one. Raises ValueError on a bad list."""
    folder = Path(model_source(source))
    return read_examples(folder if (folder / LIST).is_file() else EXAMPLES)


def read_examples(folder: Path = EXAMPLES) -> tuple[Example, ...]:
    """Examples with the paths of their media; none where the folder has no list. Raises ValueError on a bad list."""
    try:
        rows = json.loads((folder / LIST).read_text(encoding="utf-8"))
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
