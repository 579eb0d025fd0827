"""Replies of Pocket-VL on its test split, for a person to label: python scripts/collect_replies.py OUT.jsonl.

Text, images and videos; harmful, harmless and naming requests; unsteered, and steered at gains that help and that
break it. A reply that came before under the same steering is left out, so that no sentence fills the file.
"""

import json
import sys
from collections import Counter
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


def main() -> int:
    """Write them, and say how many there are of each kind of input."""
    rows = collect()
    Path(sys.argv[1]).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(Counter((row["modality"], row["gain"], row["cut"]) for row in rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
