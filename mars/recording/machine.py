"""What computes here: a recording notes it, since last digits depend on it."""

import platform
import resource
import sys
from pathlib import Path

import torch


def processor_of(device: torch.device | None = None) -> str:
    """The name of the GPU that a device is, else of the CPU as far as the machine tells."""
    if device is not None and device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        told = ""
    names = [line.split(":", 1)[1].strip() for line in told.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def peak_bytes() -> int:
    """Largest memory of this process so far, with that of the GPU that it used."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return peak + (torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0)
