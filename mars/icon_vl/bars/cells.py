"""What was measured, as counts by thing: no reply is kept with them."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from mars.atomic_file import atomic_write


class Cell(NamedTuple):
    """Of one kind of input, under one strategy, how often something holds."""

    kind: str
    label: str
    strategy: str
    what: str
    """What is counted: "named", "refused", and of ordinary questions "turned into a refusal", "keeps its verdict" and
    "identical", each beside the unsteered reply."""
    things: dict[str, list[int]]
    """Thing -> how often, and of how many."""
    wordings: dict[str, list[int]]
    """The same by wording; empty of captions and ordinary questions."""
    verdicts: dict[str, int]
    median_kl: float
    """Median of KL(unsteered || this) at the first token, in nats."""


def write_results(path: Path, results: dict[str, Any]) -> None:
    """Write results, a line a cell."""
    head = json.dumps({name: value for name, value in results.items() if name != "cells"}, indent=1)
    lines = ",\n".join(json.dumps(cell) for cell in results["cells"])
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, f'{head.removesuffix("}").rstrip()},\n "cells": [\n{lines}\n]}}\n'.encode())
