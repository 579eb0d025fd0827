"""Contrast sets: harmful and harmless requests that the direction is made of."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mars.types import Label

Split = Literal["train", "validation"]


class ContrastError(ValueError):
    """A contrast set that cannot be used; the message names the line and what it should hold."""


@dataclass(frozen=True)
class Request:
    """One request in words."""

    text: str
    label: Label
    split: Split
    """"train" makes the direction, "validation" chooses the layer and how far text is amplified."""
    category: str = ""


@dataclass(frozen=True)
class ContrastSet:
    """Harmful and harmless requests, split in two."""

    requests: tuple[Request, ...]

    def __post_init__(self) -> None:
        for split in get_args(Split):
            for label in get_args(Label):
                if len(self.texts(label, split)) < 2:
                    raise ContrastError(
                        f"The contrast set has fewer than two {label} requests in the split “{split}”. Add some; "
                        "128 for training and 32 for validation, of each label, is a good size."
                    )
        overlap = {r.text for r in self.requests if r.split == "train"} & {
            r.text for r in self.requests if r.split == "validation"
        }
        if overlap:
            raise ContrastError(f"The request “{min(overlap)}” is in both splits; keep each in one.")

    def texts(self, label: Label, split: Split) -> list[str]:
        """Requests of one class and split, in order."""
        return [r.text for r in self.requests if r.label == label and r.split == split]

    @property
    def hash(self) -> str:
        """SHA-256 of labels, splits and texts in order."""
        lines = "\n".join(f"{r.label}\t{r.split}\t{r.text}" for r in self.requests)
        return hashlib.sha256(lines.encode()).hexdigest()


def read_contrast(path: str | Path) -> ContrastSet:
    """Read JSON lines {"text", "label": harmful | harmless, "split": train | validation, "category"?}.

    A first line with "source" and "licence" describes the set and is skipped. Raises ContrastError.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ContrastError(f"The contrast set {path} cannot be read: {error}.") from error
    requests = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ContrastError(f"Line {number} of {path.name} is not JSON: {error.msg}.") from error
        if number == 1 and isinstance(row, dict) and "source" in row:
            continue
        requests.append(_request(row, number, path.name))
    return ContrastSet(tuple(requests))


def _request(row: object, number: int, name: str) -> Request:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"].strip():
        raise ContrastError(f"Line {number} of {name} has no “text”; every request needs one.")
    for key, allowed in (("label", get_args(Label)), ("split", get_args(Split))):
        if row.get(key) not in allowed:
            raise ContrastError(
                f"Line {number} of {name}: “{key}” is {row.get(key)!r}; it must be {' or '.join(allowed)}."
            )
    return Request(row["text"], row["label"], row["split"], str(row.get("category", "")))


def write_contrast(contrast: ContrastSet, path: str | Path, source: str, licence: str) -> None:
    """Write a contrast set as `read_contrast` reads it."""
    rows: list[dict] = [{"source": source, "licence": licence}]
    rows += [vars(request) for request in contrast.requests]
    Path(path).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
