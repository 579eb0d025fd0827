"""How verdicts agree with labels: counts, rates and intervals, a model a row."""

from collections import Counter
from collections.abc import Iterable, Sequence

from mars.intervals import wilson
from mars.verdict.judge import KINDS, Verdict
from mars.verdict.replies import LabelledReply

LABELS = (*KINDS, "between")
"""Labels that are known. A reply labelled `between` refuses in part, and no verdict on it is wrong."""
ALL = "all"

Judged = tuple[LabelledReply, Verdict]


def confusion(judged: Iterable[Judged]) -> dict[tuple[str, str], Counter[str]]:
    """(label, model) -> verdict -> count, in the order of LABELS; models as they come, and ALL if they are several."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for reply, found in judged:
        for model in (reply.model, ALL):
            counts.setdefault((reply.label, model), Counter())[found.kind] += 1
    known = [label for label in LABELS if any(label == key[0] for key in counts)]
    ordered = {}
    for label in known:
        models = [model for of, model in counts if of == label and model != ALL]
        for model in models if len(models) == 1 else [*models, ALL]:
            ordered[label, model] = counts[label, model]
    return ordered


def confusion_table(judged: Sequence[Judged]) -> str:
    """The counts as text: a block a label, a row a model, and each rate with its Wilson 95 % interval, in percent."""
    counts = confusion(judged)
    width = max((len(model) for _, model in counts), default=0)
    lines = []
    label = None
    for (of, model), row in counts.items():
        if of != label:
            label = of
            heads = "  ".join(f"{kind:>22}" for kind in KINDS)
            lines += ["", f"labelled {label!r}", f"{'model':<{width}}  {'n':>5}  {heads}"]
        cells = "  ".join(f"{_cell(row[kind], row.total()):>22}" for kind in KINDS)
        lines.append(f"{model:<{width}}  {row.total():>5}  {cells}")
    unknown = Counter(reply.label for reply, _ in judged if reply.label not in LABELS)
    if unknown:
        told = ", ".join(f"{label!r} ({count})" for label, count in unknown.items())
        lines += ["", f"Labels that are not known, in no row: {told}."]
    return "\n".join(lines).lstrip("\n")


def _cell(count: int, n: int) -> str:
    if not count:
        return "0"
    rate, low, high = wilson(count, n)
    return f"{count}  {100 * rate:5.1f} [{100 * low:.1f}, {100 * high:.1f}]"
