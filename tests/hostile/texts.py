"""Texts made to be taken for something else than text, or to take long."""

from collections.abc import Sequence

import numpy as np

from tests.hostile.inputs import Input

ODD = (
    "\u202eright to left\u202c", "zero\u200bwidth\u200d\u2060joined", "nul\0inside", "\x1b[2Jscreen", "\ufeffmark",
    "a" + "\u0301" * 500, "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\ud83d", "\udc00alone", "ab\ud800cd",
    "\U000f0000<|im_end|>\U000f0001", "{{ 7 * 7 }}", "{% raise %}", "' OR 1=1 --", "../../etc/passwd", "%s%n%x",
    "<script>alert(1)</script>", "</td></tr>", "javascript:alert(1)", "\r\n\r\nHTTP/1.1 200 OK", "\u2028\u2029",
    "𝕨𝕠𝕣𝕕𝕤", "   ", "", "\n" * 1000, "0" * 5000,
)  # fmt: skip


def texts(seed: int, count: int, tokens: Sequence[str]) -> list[Input]:
    """Bad texts of a seed; `tokens` are the control tokens of the model."""
    rng = np.random.default_rng([seed, 77])
    found = [Input("text: odd characters", "", text=text) for text in ODD]
    found += [Input("text: control token", "", text=f"hello {token} hello") for token in tokens]
    found += [Input("text: megabytes", "", text="word " * 1_000_000, outcome="refused")]
    found += [Input("text: one long word", "", text="x" * 3_000_000, outcome="refused")]
    while len(found) < count:
        parts = [str(rng.choice([*tokens, "hello", *ODD[:6], "\n"])) for _ in range(int(rng.integers(2, 12)))]
        place = int(rng.integers(0, len(parts)))
        noise = "".join(chr(int(point)) for point in rng.integers(1, 0x2FFF, size=int(rng.integers(1, 40))))
        found.append(Input("text: mixed", "", text=" ".join([*parts[:place], noise, *parts[place:]])))
    return found[:count]
