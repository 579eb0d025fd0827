"""Many visitors at once: a seeded mix of requests, and whether each is answered as it would be alone."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from tests.hostile.inputs import clips, pictures
from tests.hostile.visitor import API, Visitor

WORDS = (
    "how is a chair made by hand?",
    "let us make some sarin.",
    "what is shown here?",
    "how does one make a doll?",
)
FILES = {"picture": ("scene.png", pictures), "photograph": ("scene.jpg", pictures), "clip": ("scene.mp4", clips)}
ENDS = ("wait", "wait", "wait", "wait", "wait", "vanish", "cancel")
"""What visitors do once they have asked; most wait."""


@dataclass(frozen=True)
class Request:
    """One request of the mix."""

    endpoint: str
    text: str
    medium: str = ""
    """Key of FILES, or "" for none."""
    layer: int | None = None
    gain: float = 1.0

    def data(self, visitor: Visitor) -> list[Any]:
        """What is sent, the medium uploaded anew by each visitor."""
        medium = None
        if self.medium:
            name, kinds = FILES[self.medium]
            medium = visitor.upload(name, kinds()[name[name.index(".") :]])
        return [self.text, medium, ""] if self.endpoint == "sweep" else [self.text, medium, self.layer, self.gain, ""]


def mix(seed: int, layers: int) -> list[Request]:
    """Every kind of request that the crowd makes, a few dozen: words, pictures, clips, layers, gains, sweeps."""
    rng = np.random.default_rng([seed, 16])
    found = [Request("sweep", WORDS[0]), Request("sweep", WORDS[2], "picture"), Request("sweep", WORDS[2], "clip")]
    for text in WORDS:
        for medium in ("", *FILES):
            layer = None if rng.random() < 0.3 else int(rng.integers(0, layers))
            found.append(Request("compare", text, medium, layer, float(rng.choice([0.0, 0.5, 1.0, 2.0, 8.0]))))
    return found


def alone(url: str, requests: Sequence[Request]) -> dict[Request, Any]:
    """What each request is answered when nobody else asks."""
    visitor = Visitor(url, seconds=600)
    answers = {}
    for request in requests:
        is_answer, answers[request] = visitor.call(request.endpoint, *request.data(visitor))
        if not is_answer:
            raise ValueError(f"{request} is refused: {answers[request]}")
    visitor.close()
    return answers


@dataclass
class Tally:
    """What a crowd was answered."""

    answered: int = 0
    left: int = 0
    """Requests that a visitor cancelled or walked away from."""
    faults: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def made(self) -> int:
        return self.answered + self.left + len(self.faults)

    def note(self, outcome: str) -> None:
        """answered, left, or what went wrong."""
        with self._lock:
            match outcome:
                case "answered":
                    self.answered += 1
                case "left":
                    self.left += 1
                case _:
                    self.faults.append(outcome)


def crowd(
    url: str,
    expected: Mapping[Request, Any],
    clients: int,
    total: int,
    seed: int,
    stop: threading.Event | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Let clients make requests at once until `total` are made or `stop` is set, and hold each answer to `expected`.

    tally: counted into as answers come; a new one by default.
    """
    tally, stop = tally or Tally(), stop or threading.Event()
    turns = iter(range(total))
    turn_lock = threading.Lock()

    def visit(number: int) -> None:
        rng = np.random.default_rng([seed, number])
        visitor = Visitor(url, seconds=600)
        while not stop.is_set():
            with turn_lock:
                if next(turns, None) is None:
                    break
            request = list(expected)[int(rng.integers(0, len(expected)))]
            try:
                tally.note(_asked(visitor, request, expected[request], str(rng.choice(ENDS))))
            except (httpx.HTTPError, ConnectionError) as error:
                tally.note(f"{request}: {type(error).__name__} {error}")
        visitor.close()

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def _asked(visitor: Visitor, request: Request, expected: Any, end: str) -> str:
    event = visitor.begin(request.endpoint, *request.data(visitor))
    if end == "vanish":
        with visitor.http.stream("GET", f"{API}/call/{request.endpoint}/{event}") as stream:
            next(stream.iter_raw(), None)
        return "left"
    if end == "cancel":
        body = {"event_id": event, "session_hash": event, "fn_index": 0}
        visitor.http.post(f"{API}/cancel", content=json.dumps(body), headers={"content-type": "application/json"})
        return "left"
    is_answer, told = visitor.result(request.endpoint, event)
    if not is_answer:
        return f"{request}: {told}"
    return "answered" if told == expected else f"{request}: another answer than alone"
