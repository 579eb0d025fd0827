"""What programs and agents get: the page's own results as plain JSON values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .backend import Session
from .results import Reply


def compare(
    session: Session,
    text: str,
    files: Sequence[str | Path] = (),
    layer: Any = None,
    gain: Any = 1.0,
    system: str = "",
) -> dict[str, Any]:
    """Both whole replies with their curves and the edit. Raises RequestError."""
    *_, last = session.compare(text, files, layer, gain, system=system)
    return {
        "unsteered": _reply(last.unsteered),
        "steered": _reply(last.steered),
        "layer": last.receipt.layer,
        "gain": last.receipt.gain,
        "chosen_by": list(session.scores().chosen_by(last.receipt.layer, last.receipt.gain)),
        "warning": last.warning,
        "outside": list(last.outside),
        "coordinates_before": [round(float(s), 6) for s in last.curves.before],
        "coordinates_after": [round(float(s), 6) for s in last.curves.after],
        "sigma": last.receipt.sigma_before,
        "strength": last.receipt.strength,
        "gate_open": last.receipt.gate_open,
        "modality": last.curves.modality,
    }


def sweep(session: Session, text: str, files: Sequence[str | Path] = (), system: str = "") -> dict[str, Any]:
    """The layer x gain map, with the keys of `mars-lens sweep --json` and a warning. Raises RequestError."""
    *_, found = session.gain_map(text, files, system)
    return {
        "layers": list(found.layers),
        "gains": list(found.gains),
        "refusal_scores": found.refusal_scores.tolist(),
        "kl": found.kl.tolist(),
        "saturated": found.saturated.tolist(),
        "unsteered_score": found.unsteered_score,
        "warning": found.warning,
    }


def _reply(reply: Reply) -> dict[str, Any]:
    return {
        "text": reply.text,
        "refused": reply.refused,
        "verdict": reply.kind,
        "reason": reply.verdict.reason,
        "cut": reply.cut_after is not None,
        "refusal_score": reply.refusal_score,
    }
