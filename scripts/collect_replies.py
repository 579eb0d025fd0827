"""Replies for a person to label: 200 of Pocket-VL's on its test split, or of those that an evaluation has stored.

    python -m scripts.collect_replies OUT.jsonl
    python -m scripts.collect_replies OUT.jsonl --stored runs/icon/bars/*.jsonl   # after make icon-eval

Text, images and videos; harmful, harmless and naming requests; unsteered, and steered at gains that help and that
break it. A reply that came before under the same steering is left out, so that no sentence fills the file.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mars import Artifact, load_model
from mars.pocket_vl.splits import test_cases

GAINS = (0.0, 1.0, 3.0, 8.0)
LENGTHS = (48, 8)
"""New tokens allowed; the second cuts most replies."""
SIZE = 200


def collect(size: int = SIZE) -> list[dict]:
    """Rows of id, reply, request, modality, gain and cut, without a label."""
    lens = load_model("pocket-vl")
    artifact = Artifact.load("pocket-vl", lens)
    cases = test_cases(40)
    rows, seen = [], set()
    for number in np.random.default_rng(0).permutation(len(cases)):
        case = cases[number]
        gain, length = GAINS[len(rows) % len(GAINS)], LENGTHS[len(rows) % 10 == 9]
        steering = artifact.mars(gain=gain) if gain else None
        reply = lens.generate(case.prompt, steering=steering, max_new_tokens=length)
        if (reply.text, gain) in seen:
            continue
        seen.add((reply.text, gain))
        rows.append(
            {
                "id": f"pocket-{len(rows)}",
                "model": "Pocket-VL",
                "request": case.prompt.text,
                "modality": case.prompt.modality,
                "gain": gain,
                "cut": not reply.is_complete,
                "reply": reply.text,
            }
        )
        if len(rows) == size:
            return rows
    raise RuntimeError(f"Only {len(rows)} replies differ; {size} are wanted.")


def collect_stored(paths: Sequence[Path], size: int = SIZE) -> list[dict]:
    """The same of replies that an evaluation has stored, drawn by lot, no reply twice; requests are not stored."""
    found: dict[str, dict] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            for told in json.loads(line).get("outcomes", ()):
                found.setdefault(
                    told["reply"], {"cut": told["cut"], "reply": told["reply"], "found": told["verdict"]}
                )
    rows = [found[reply] for reply in sorted(found)]
    if len(rows) < size:
        raise RuntimeError(f"Only {len(rows)} replies differ; {size} are wanted.")
    drawn = np.random.default_rng(0).choice(len(rows), size, replace=False)
    return [{"id": f"stored-{number}"} | rows[which] for number, which in enumerate(drawn)]


def main() -> None:
    """Write them, and say how many there are of each kind of input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--stored", type=Path, nargs="+", metavar="FILE", help="of an evaluation's replies")
    options = parser.parse_args()
    rows = collect_stored(options.stored) if options.stored else collect()
    options.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(Counter(tuple(value for name, value in row.items() if name in ("modality", "gain", "cut")) for row in rows))


if __name__ == "__main__":
    main()
