"""When and on what a recording was made, and in what that differs from this machine."""

from mars.recording.machine import processor_of
from mars.recording.storage import Header
from mars.versions import versions_here


def recorded_on(header: Header) -> str:
    """When and on what it was recorded, in a few words."""
    return f"{header.date[:10]} on {header.processor}, {header.dtype}"


def differing(header: Header) -> str:
    """In what the machine that recorded differs from this one, in a sentence; empty where in nothing."""
    told = [f"on {header.processor}"] if header.processor != processor_of() else []
    told += [
        f"with {name} {then}" for name, then in header.versions.items() if versions_here().get(name, then) != then
    ]
    if not told:
        return ""
    return f"Recorded {' and '.join(told)}, unlike this machine: here the model may differ in the last digits."
