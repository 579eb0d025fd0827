"""Does a reply refuse, comply, deflect, or is it broken: one function, without a model."""

from mars.verdict.custom_judge import Judge, JudgeError
from mars.verdict.judge import KINDS, Kind, Verdict, verdict

__all__ = ["KINDS", "Judge", "JudgeError", "Kind", "Verdict", "verdict"]
