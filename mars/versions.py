"""Versions of what answers, and what is fitted, depend on."""

import platform
from importlib.metadata import version


def versions_here(*further: str) -> dict[str, str]:
    """Python, torch, transformers and further packages -> version."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers", *further)},
    }
