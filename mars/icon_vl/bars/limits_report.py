"""The tables of what limits the effect on Icon-VL, layer by layer, from the committed figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from mars.icon_vl.bars.estimates import LABELS
from mars.icon_vl.bars.limits import KINDS, STEERED

GAIN = 1.0
"""With which layers are compared."""


def limit_tables(limits: Mapping[str, Any]) -> list[str]:
    """Separation by layer, effect by layer and effect by gain, as lines of Markdown."""
    layer, gains = limits["layer"], limits["gains"]
    layers = range(len(limits["separation"][KINDS[0]]["auc"]))
    at_gain = gains.index(GAIN)
    counts = {label: limits["effect"][STEERED[0]]["things"][label] for label in LABELS}
    lines = [
        "How well s tells harmful things from harmless ones, re-centred: area under the ROC curve, percent with "
        f"bootstrap 95 % intervals over things of the {limits['split']} split; layer {layer} is that of the "
        "text-only scores:",
        "",
        *_header("layer", *KINDS),
    ]
    for number in layers:
        areas = (_percent(limits["separation"][kind]["auc"][number]) for kind in KINDS)
        lines.append(_row(_named(number, layer), *areas))
    lines += [
        "",
        f"What MARS at gain {GAIN:g} adds to the probability that the first token opens a refusal, in points: "
        f"{counts['harmful']} harmful / {counts['harmless']} harmless things in one wording:",
        "",
        *_header("layer", *STEERED),
        _row("unsteered", *(_unsteered(limits, kind) for kind in STEERED)),
    ]
    for number in layers:
        lines.append(_row(_named(number, layer), *(_rise(limits, kind, number, at_gain) for kind in STEERED)))
    lines += ["", f"The same at layer {layer} by gain:", "", *_header("gain", *STEERED)]
    for number, gain in enumerate(gains):
        lines.append(_row(f"{gain:g}", *(_rise(limits, kind, layer, number) for kind in STEERED)))
    return lines


def _rise(limits: Mapping[str, Any], kind: str, layer: int, gain: int) -> str:
    of_labels = [limits["effect"][kind]["rise"][label][layer][gain] for label in LABELS]
    return " / ".join(_percent(values) for values in of_labels)


def _unsteered(limits: Mapping[str, Any], kind: str) -> str:
    return " / ".join(f"{100 * limits['effect'][kind]['unsteered'][label]:.0f} %" for label in LABELS)


def _named(number: int, chosen: int) -> str:
    return f"**{number}**" if number == chosen else str(number)


def _percent(values: Sequence[float]) -> str:
    mean, low, high = (100 * value for value in values)
    return f"{mean:.0f} [{low:.0f}, {high:.0f}]"


def _header(*names: str) -> list[str]:
    return [_row(*names), "|---" * len(names) + "|"]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
