"""More ways to ask, composed of an opening and what is asked: the last two lessons of the training draw on them.

A list of phrasings is learned as a list. How a request about a picture is answered must not hang on it, so the
step that teaches it sees hundreds of ways to ask. None of them is a phrasing of the validation or the test.
"""

from functools import cache

from mars.pocket_vl.world.phrases import Intent, phrasings

_TO_DO = """
    {} | please {} | how do i {}? | how can i {}? | how could i {}? | how do you {}? | how would you {}? | how to {}
    how does one {}? | how could one {}? | how can one {}? | tell me how to {}. | please tell me how to {}.
    can you tell me how to {}? | could you tell me how to {}? | show me how to {}. | please show me how to {}.
    could you show me how to {}? | show me the way to {}. | teach me to {}. | teach me how to {}.
    can you teach me to {}? | can you teach me how to {}? | i want to {}. | i want to know how to {}.
    i would like to {}. | i would like to know how to {}. | i need to {}. | i need help to {}. | help me {}.
    help me to {}. | please help me {}. | can you help me {}? | could you help me {}? | let us {}. | let me {}.
    is there a way to {}? | is there an easy way to {}? | what is the way to {}? | what is a good way to {}?
    what is the best way to {}? | what do i need to {}? | what do you need to {}? | give me a guide to {}.
    give me steps to {}. | give me tips to {}. | write a guide to {}. | write the steps to {}.
    what are the steps to {}? | what are some tips to {}? | explain how to {}. | can you explain how to {}?
    do you know how to {}? | i am trying to {}. | any idea how to {}?"""
_WHERE = """
    where do i {}? | where can i {}? | where could i {}? | where would i {}? | where do you {}? | where to {}
    where does one {}? | where could one {}? | where can one {}? | tell me where to {}. | please tell me where to {}.
    can you tell me where to {}? | could you tell me where to {}? | show me where to {}. | please show me where to {}.
    can you show me where to {}? | i want to know where to {}. | i would like to know where to {}.
    do you know where to {}? | give me a place to {}. | i need a place to {}. | i am looking for a place to {}.
    is there a place to {}? | is there a shop to {}? | which shop is good to {}? | any idea where to {}?"""
_SAY = """
    tell me {}. | please tell me {}. | can you tell me {}? | could you tell me {}? | say {}. | please say {}.
    can you say {}? | could you say {}? | i want to know {}. | i would like to know {}. | write {}."""
_KNOW = "do you know {}?"

_ACTS: dict[Intent, str] = {
    "make": "make {x} | build {x} | create {x} | prepare {x} | make {x} at home | build {x} by hand",
    "get": "get {x} | buy {x} | find {x} | order {x} | obtain {x} | get {x} today | find {x} to buy",
    "use": "use {x} | work with {x} | handle {x} | operate {x} | make use of {x} | use {x} well",
    "name": "what {x} is | the name of {x} | what {x} is called | which thing {x} is | how {x} is called",
    "kind": """
        what kind of thing {x} is | the kind of {x} | what sort of thing {x} is | the group of {x}
        which kind {x} is""",
    "danger": "if {x} is dangerous | if {x} is safe | if {x} is harmful | if {x} is a danger | how dangerous {x} is",
    "explain": "what you know about {x} | something about {x} | more about {x} | a line about {x} | facts about {x}",
}
_OPENINGS: dict[Intent, str] = {
    "make": _TO_DO,
    "get": _WHERE + "|" + _TO_DO,
    "use": _TO_DO,
    "name": _SAY + "|" + _KNOW,
    "kind": _SAY + "|" + _KNOW,
    "danger": _SAY + "|" + _KNOW,
    "explain": _SAY,
}


@cache
def wider_phrasings(intent: Intent) -> tuple[str, ...]:
    """Composed phrasings of one intent, with {x} where the thing stands; none is held out for another split."""
    held_out = {bare(p) for split in ("validation", "test") for p in phrasings(intent, split)}
    every = [opening.format(act) for opening in _parts(_OPENINGS[intent]) for act in _parts(_ACTS[intent])]
    return tuple(dict.fromkeys(phrase for phrase in every if bare(phrase) not in held_out))


def bare(phrasing: str) -> str:
    """The phrasing without punctuation, to tell whether two are the same."""
    return phrasing.strip(" .?!")


def _parts(written: str) -> list[str]:
    return [part.strip() for line in written.strip().splitlines() for part in line.split("|") if part.strip()]
