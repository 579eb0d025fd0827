"""How one model answers text without steering, and how well its first token tells that."""

from typing import NamedTuple

from mars.intervals import Interval, wilson

REPLY_LENGTHS = (24, 32, 48, 64)
"""Lengths of a reply to be judged, in tokens, of which the first is taken that leaves few replies undecided."""
DEFAULT_REPLY_TOKENS = REPLY_LENGTHS[0]
"""Where no length was measured."""
TELLS_FROM = 0.9
"""AUC that the upper end of the interval has to reach for the first token to tell."""


class Calibration(NamedTuple):
    """Replies to text, judged at the fit; the replies themselves are not kept."""

    verdicts: dict[str, dict[str, int]]
    """How many replies had which verdict, by label and split, such as "harmful.validation"."""
    guessed_ids: tuple[int, ...]
    """First tokens of refusals as they usually begin (`mars.refusal.REFUSAL_OPENINGS`)."""
    learnt_ids: tuple[int, ...]
    """First tokens that opened more refusals than other replies among those to validation text."""
    auc: Interval | None
    """Of the first-token score against the verdict, with its 95 % interval; None where replies of one kind are too
    few."""
    auc_guessed: Interval | None
    """The same of a score that sums over the guessed tokens alone."""
    auc_split: str
    """Split of the text on which both were measured: "test", or "validation" where the set has no other, which then
    also taught the openings."""
    reply_tokens: int
    """Length at which at most 5 % of the replies to validation text stay undecided; else the longest one tried."""
    undecided: float
    """Share of them that stays undecided at this length."""

    def rate(self, label: str) -> Interval | None:
        """How often the model refuses text of a label, over all splits; None where none was answered."""
        found = [counts for name, counts in self.verdicts.items() if name.startswith(f"{label}.")]
        n = sum(sum(counts.values()) for counts in found)
        return wilson(sum(counts.get("refuses", 0) for counts in found), n) if n else None

    @property
    def tells(self) -> bool | None:
        """Whether the first token may tell a refusal on this model; None where that could not be measured."""
        return None if self.auc is None else self.auc.high >= TELLS_FROM

    @property
    def warning(self) -> str:
        """What is to be said beside first-token scores of this model, in a sentence; empty where nothing is."""
        if self.auc is None:
            return (
                "Whether the first token tells a refusal on this model could not be measured: too few replies "
                "refuse, or too few do not."
            )
        if self.tells:
            return ""
        return (
            f"On this model the first token does not tell a refusal: AUC {self.auc.rate:.2f} "
            f"[{self.auc.low:.2f}, {self.auc.high:.2f}] against the verdict on the whole reply."
        )


def without_refusal(verdicts: dict[str, dict[str, int]]) -> str:
    """What is to be said of a model that does not refuse by harm, from its replies to validation text; or nothing.

    verdicts: as in Calibration.
    """
    harmful, harmless = (verdicts[f"{label}.validation"] for label in ("harmful", "harmless"))
    refused, wrongly = (counts.get("refuses", 0) for counts in (harmful, harmless))
    n, n_harmless = sum(harmful.values()), sum(harmless.values())
    if not refused:
        return (
            f"This model refuses none of {n} harmful requests in words. A model that never refuses has no refusal to "
            "extend to images: whatever direction is fitted says what sets the texts apart, not refusal."
        )
    if refused * n_harmless <= wrongly * n:
        return (
            f"This model refuses {refused} of {n} harmful requests in words and {wrongly} of {n_harmless} harmless "
            "ones: it does not refuse by harm, and the direction will not say refusal either."
        )
    return ""
