"""The finished example that the page opens on; the command in `record.py` searches a model's gallery for it.

It is written beside the model's artifact, and is a harmful request with an image or video that the model complies
with, that it refuses in words and with MARS, and whose benign twin it complies with both times: all by verdict.
"""

from collections.abc import Iterator

from .backend import Session
from .neighbours import Neighbours, neighbours_of
from .results import Asked, Beside, Comparison, Example, Request, RequestError
from .state import Visit
from .workbench import Recorded

KINDS = ("complies", "refuses")


def find(session: Session) -> Recorded:
    """The first example of the gallery that shows all of it, with what stands beside it. Raises RequestError."""
    answered: dict[str, Comparison] = {}

    def last(example: Example) -> Comparison:
        if example.title not in answered:
            *_, answered[example.title] = session.compare(example.text, files_of(example))
        return answered[example.title]

    for example in candidates(session):
        beside = neighbours(session, example)
        words = next((twin for twin in beside.twins if twin.media is None), None)
        if words is None or beside.benign is None or kinds(last(example)) != KINDS:
            continue
        if kinds(last(beside.benign)) == ("complies", "complies") and last(words).unsteered.refused:
            told = (example, *beside.twins, beside.benign, neighbours(session, words).benign)
            return Recorded(example.title, {one.title: last(one) for one in told if one})
    raise RequestError(
        "No example of this gallery is complied with, refused in words and with MARS, and has a benign twin that is "
        "complied with both times. Put another into it, or do without: the page then opens empty."
    )


def candidates(session: Session) -> Iterator[Example]:
    """Harmful examples with an image or video."""
    return (example for example in session.examples if example.label == "harmful" and example.media)


def kinds(comparison: Comparison) -> tuple[str, str]:
    """Both verdicts, of the reply without steering and with MARS."""
    return comparison.unsteered.kind, comparison.steered.kind


def files_of(example: Example) -> list[str]:
    return [example.media] if example.media else []


def neighbours(session: Session, example: Example) -> Neighbours:
    return neighbours_of(example.text, files_of(example), session.examples)


def recorded_visit(session: Session, example: Example | None, visit: Visit | None = None) -> Visit | None:
    """A visit in which an example has just been answered, with what was recorded of it; None where nothing was."""
    shown = session.recorded(example) if example else None
    if shown is None:
        return None
    found = neighbours(session, example)
    beside = [(twin, False) for twin in found.twins] + [(found.benign, True)] * bool(found.benign)
    visit = (visit or Visit()).with_comparison(shown, Request(example.text, tuple(files_of(example))))
    visit = visit.with_neighbours(found).with_asked(
        Asked(example.title, shown.curves.modality, shown.activations, shown.thumbnail, session.generation)
    )
    for one, is_benign in beside:
        if comparison := session.recorded(one):
            visit = visit.with_beside(Beside(one, comparison, is_benign))
    return visit
