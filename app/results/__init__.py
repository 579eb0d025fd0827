"""What a session hands to the page: plain numbers and words, no model, no tensor, no gradio.

Layers are numbered from 0; arrays are float32 and say their axes.
"""

from .asking import Example, ModelCard, Progress, Request, RequestError
from .clouds import Asked, CloudMean, CloudPoints, Measured, NearestPoints, OwnPoints, Picture
from .maps import GainMap, Mapped, Pin, VerdictMap
from .replies import Aggregate, Beside, Comparison, Curves, Likely, Receipt, Reply, Verdict
from .scores import Effect, Recommendation, Scores
from .tokens import TokenMap

__all__ = [
    "Aggregate",
    "Asked",
    "Beside",
    "CloudMean",
    "CloudPoints",
    "Comparison",
    "Curves",
    "Effect",
    "Example",
    "GainMap",
    "Likely",
    "Mapped",
    "Measured",
    "ModelCard",
    "NearestPoints",
    "OwnPoints",
    "Picture",
    "Pin",
    "Progress",
    "Receipt",
    "Recommendation",
    "Reply",
    "Request",
    "RequestError",
    "Scores",
    "TokenMap",
    "Verdict",
    "VerdictMap",
]
