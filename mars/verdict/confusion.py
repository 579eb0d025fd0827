"""How verdicts agree with labels: counts, rates and intervals, a model a row."""

from collections import Counter
from collections.abc import Iterable, Sequence

from mars.intervals import wilson
from mars.verdict.judge import KINDS, Verdict
from mars.verdict.replies import LabelledReply

LABELS = (*KINDS, "between")
"""Labels that are known. A reply labelled `between` refuses in part, and no verdict on it is wrong."""
Judged = tuple[LabelledReply, Verdict]


def confusion(judged: Iterable[Judged]) -> dict[str, dict[str, Counter[str]]]:
    """Label -> model -> verdict -> count: labels as in LABELS and then those not known, models as they come."""
    counts: dict[str, dict[str, Counter[str]]] = {label: {} for label in LABELS}
    for reply, found in judged:
        counts.setdefault(reply.label, {}).setdefault(reply.model, Counter())[found.kind] += 1
    return {label: models for label, models in counts.items() if models}


def confusion_table(judged: Sequence[Judged]) -> str:
    """The counts as text: a block a label, a row a model, and each rate with its Wilson 95 % interval, in percent."""
    counts = confusion(judged)
    width = max((len(model) for models in counts.values() for model in models), default=5)
    blocks = []
    for label, models in counts.items():
        if label not in LABELS:
            continue
        lines = [
            f"labelled {label!r}",
            f"{'model':<{width}}  {'n':>5}  " + "  ".join(f"{kind:>22}" for kind in KINDS),
        ]
        rows = list(models.items())
        if len(rows) > 1:
            rows.append(("all", sum(models.values(), Counter())))
        for model, row in rows:
            cells = "  ".join(f"{_cell(row[kind], row.total()):>22}" for kind in KINDS)
            lines.append(f"{model:<{width}}  {row.total():>5}  {cells}")
        blocks.append("\n".join(lines))
    unknown = {
        label: sum(models.values(), Counter()).total() for label, models in counts.items() if label not in LABELS
    }
    if unknown:
        told = ", ".join(f"{label!r} ({count})" for label, count in unknown.items())
        blocks.append(f"Labels that are not known, in no row: {told}.")
    return "\n\n".join(blocks)


def _cell(count: int, n: int) -> str:
    if not count:
        return "0"
    rate, low, high = wilson(count, n)
    return f"{count}  {100 * rate:5.1f} [{100 * low:.1f}, {100 * high:.1f}]"
