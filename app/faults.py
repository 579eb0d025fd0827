"""What a log holds of a fault of ours: its kind and where it happened, never its words, which may quote a prompt."""

import logging
import traceback


def log_fault(what: str, error: BaseException) -> None:
    """Write the kind of an error and the lines of code that it went through."""
    frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
    logging.getLogger(__name__).error("%s: %s\n%s", what, type(error).__name__, frames.rstrip())
