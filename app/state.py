"""What one visit to the page remembers: nothing else does, and it is gone when the page is closed."""

from dataclasses import dataclass, replace

from app.results import Asked, Comparison

MAX_ASKED = 12
"""Stars kept; older ones leave."""


@dataclass(frozen=True)
class Visit:
    """The prompts of one browser session, newest last."""

    asked: tuple[Asked, ...] = ()
    shown: Comparison | None = None
    """The comparison on the page, to redraw it at another layer without running the model."""

    def with_comparison(self, comparison: Comparison) -> "Visit":
        return replace(self, shown=comparison)

    def with_asked(self, asked: Asked) -> "Visit":
        return replace(self, asked=(*self.asked, asked)[-MAX_ASKED:])
