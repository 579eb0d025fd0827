"""What one visit to the page remembers: nothing else does, and it is gone when the page is closed."""

from dataclasses import dataclass, replace

from .neighbours import Neighbours
from .results import Asked, Beside, Comparison, Mapped, Pin, Request, TokenMap, VerdictMap

MAX_ASKED = 12
"""Stars kept; older ones leave."""
MAX_PINS = 2


@dataclass(frozen=True)
class Selection:
    """Points of the clouds that box or lasso selected."""

    rows: tuple[int, ...] = ()
    of: str = ""
    """Name of the clouds; in others nothing is selected."""


@dataclass(frozen=True)
class Visit:
    """The prompts of one browser session, newest last."""

    asked: tuple[Asked, ...] = ()
    shown: Comparison | None = None
    """The comparison on the page, to redraw it at another layer without running the model."""
    neighbours: Neighbours | None = None
    """Twins and benign twin of what is shown, once it has been answered."""
    beside: tuple[Beside, ...] = ()
    """Those of them that have been answered."""
    request: Request | None = None
    """What is shown as it was asked."""
    was_asked: bool = False
    """Whether it was asked in this visit; the example that a page opens on was not."""
    positions: TokenMap | None = None
    """What is shown position by position, once it has been read so."""
    gain_map: Mapped | None = None
    """Layers and gains for what is shown, once they have been mapped by the first token."""
    verdict_map: Mapped | None = None
    """The same by verdicts."""
    pins: tuple[Pin, ...] = ()
    """Cells of these maps whose replies are kept, the newest last."""

    def with_comparison(self, comparison: Comparison, request: Request) -> "Visit":
        return replace(
            self, shown=comparison, request=request, was_asked=True, neighbours=None, beside=(), positions=None,
            gain_map=None, verdict_map=None, pins=(),
        )  # fmt: skip

    def unasked(self) -> "Visit":
        """The same, with what is shown as what a page opens on."""
        return replace(self, was_asked=False)

    def with_map(self, found: Mapped) -> "Visit":
        if isinstance(found.own, VerdictMap):
            return replace(self, verdict_map=found)
        return replace(self, gain_map=found)

    def with_pin(self, pin: Pin) -> "Visit":
        """A cell is pinned once; of more than MAX_PINS the oldest leaves."""
        others = tuple(one for one in self.pins if one.cell != pin.cell)
        return replace(self, pins=(*others, pin)[-MAX_PINS:])

    def with_neighbours(self, neighbours: Neighbours) -> "Visit":
        return replace(self, neighbours=neighbours)

    def with_positions(self, positions: TokenMap) -> "Visit":
        return replace(self, positions=positions)

    def with_beside(self, beside: Beside) -> "Visit":
        return replace(self, beside=(*self.beside, beside))

    def with_asked(self, asked: Asked) -> "Visit":
        return replace(self, asked=(*self.asked, asked)[-MAX_ASKED:])
