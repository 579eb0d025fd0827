"""Contrast sets: harmful and harmless requests that the direction is made of."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mars.types import MODALITIES, Label

Split = Literal["train", "validation", "test"]
LEAST: dict[Split, int] = {"train": 2, "validation": 2, "test": 2 * len(MODALITIES)}
"""Fewest requests of each label in a split; those of "test" are shared out among the modalities."""
NOT_HELD_OUT = (
    "The contrast set has no split “test”: clouds, probes and their AUC, unless made of other inputs, come from the "
    "validation requests, which also chose the layer, so they are not held out from that choice."
)


class ContrastError(ValueError):
    """A contrast set that cannot be used; the message names the line and what it should hold."""


@dataclass(frozen=True)
class Request:
    """One request in words."""

    text: str
    label: Label
    split: Split
    """"train" makes the direction, "validation" chooses the layer, "test" makes clouds, probes and AUC."""
    category: str = ""


@dataclass(frozen=True)
class ContrastSet:
    """Harmful and harmless requests in three splits that share none; "test" may be left out."""

    requests: tuple[Request, ...]

    def __post_init__(self) -> None:
        for split, least in LEAST.items():
            for label in get_args(Label):
                if len(self.texts(label, split)) < least and (split != "test" or self.has_test):
                    raise ContrastError(
                        f"The contrast set has fewer than {least} {label} requests in the split “{split}”. Add "
                        f"some{', or leave that split out' if split == 'test' else ''}; 128 to train, 32 to validate "
                        "and 96 to test, of each label, is a good size."
                    )
        first: dict[str, Split] = {}
        for request in self.requests:
            if (split := first.setdefault(request.text, request.split)) != request.split:
                raise ContrastError(
                    f"The request “{request.text}” is in two splits, “{split}” and “{request.split}”; keep it in one."
                )

    @property
    def has_test(self) -> bool:
        """Whether there are requests that neither make the direction nor choose the layer."""
        return any(request.split == "test" for request in self.requests)

    @property
    def evaluation_split(self) -> Split:
        """The split that clouds, probes and AUC come from: "validation" in a set without "test"."""
        return "test" if self.has_test else "validation"

    def texts(self, label: Label, split: Split) -> list[str]:
        """Requests of one class and split, in order."""
        return [r.text for r in self.requests if r.label == label and r.split == split]

    @property
    def hash(self) -> str:
        """SHA-256 of labels, splits and texts in order."""
        lines = "\n".join(f"{r.label}\t{r.split}\t{r.text}" for r in self.requests)
        return hashlib.sha256(lines.encode()).hexdigest()


def read_contrast(path: str | Path) -> ContrastSet:
    """Read JSON lines {"text", "label": harmful | harmless, "split": train | validation | test, "category"?}.

    The split "test" may be left out; what is then not held out, `NOT_HELD_OUT` says.
    A first line with "source" and "licence" describes the set and is skipped. Raises ContrastError.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not U+2028, which JSON need not escape
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
            *others, last = allowed
            raise ContrastError(
                f"Line {number} of {name}: “{key}” is {row.get(key)!r}; it must be {', '.join(others)} or {last}."
            )
    return Request(row["text"], row["label"], row["split"], str(row.get("category", "")))


def write_contrast(contrast: ContrastSet, path: str | Path, source: str, licence: str) -> None:
    """Write a contrast set as `read_contrast` reads it."""
    rows: list[dict] = [{"source": source, "licence": licence}]
    rows += [vars(request) for request in contrast.requests]
    Path(path).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
