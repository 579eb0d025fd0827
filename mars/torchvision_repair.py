"""Lets torchvision import beside a torch that lacks its compiled operators.

torchvision 0.28 registers fake kernels for `nms` at import. With a CPU-only torch its compiled library is not
loaded, the operator's schema is missing and the import fails; transformers' processors then fail too.
Declaring the two schemas first is enough: nothing here ever calls them.
"""

import sys
from functools import cache

import torch

_MISSING_OPERATOR = "torchvision::nms does not exist"
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@cache
def repair() -> torch.library.Library | None:
    """Import torchvision, declaring its missing schemas where the plain import fails for want of them.

    Returns the library that holds the schemas (the cache keeps it alive), or None where none was needed.
    Call before the first import of a processor or a vision-language class from transformers.
    """
    try:
        import torchvision

        return None
    except RuntimeError as error:
        if _MISSING_OPERATOR not in str(error):
            raise
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        library.define(schema)
    _forget_half_imported()
    import torchvision  # noqa: F401

    return library


def _forget_half_imported() -> None:
    """Drop what the failed import left behind, so that the second import starts clean."""
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
