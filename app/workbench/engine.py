"""The engine's own command line."""


def command(arguments: list[str]) -> int:
    """What `python -m mars` does with these arguments: its exit status."""
    from mars.__main__ import main

    return main(arguments, prog="mars-lens")
