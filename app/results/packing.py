"""Results as what a file can hold: JSON values, and the arrays in them by name; and back, by their types alone.

A packed value names its arrays: where one stood there is {"array": name}. So a result that was kept is the object
that a model in memory would have answered with, and no other class is made than the one that is asked for.
"""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
ARRAY = "array"


class PackingError(ValueError):
    """What was packed is not of the type that is asked for."""


def pack(value: Any, name: str = "") -> tuple[Any, dict[str, NDArray]]:
    """JSON values of a result, and its arrays by name. name: what those of its arrays begin with."""
    arrays: dict[str, NDArray] = {}

    def plain(one: Any, at: str) -> Any:
        if isinstance(one, np.ndarray):
            arrays[at] = np.ascontiguousarray(one)
            return {ARRAY: at}
        if is_dataclass(one):
            return {field.name: plain(getattr(one, field.name), _under(at, field.name)) for field in fields(one)}
        if isinstance(one, Mapping):
            return {str(key): plain(entry, _under(at, key)) for key, entry in one.items()}
        if isinstance(one, list | tuple):
            return [plain(entry, _under(at, number)) for number, entry in enumerate(one)]
        return one.item() if isinstance(one, np.generic) else one

    return plain(value, name), arrays


def unpack(kind: type[T] | Any, plain: Any, arrays: Mapping[str, NDArray]) -> T:
    """The result of a type that was packed so. Raises PackingError where it is not one."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is np.ndarray or origin is np.ndarray:
        name = plain.get(ARRAY) if isinstance(plain, dict) else None
        if name not in arrays:
            raise PackingError(f"there is no array {name}")
        return arrays[name]
    if origin in (Union, types.UnionType):
        if plain is None and type(None) in parts:
            return None
        (kind,) = (part for part in parts if part is not type(None))
        return unpack(kind, plain, arrays)
    if origin is Literal:
        return _checked(plain, plain in parts, kind)
    if origin is tuple:
        _checked(plain, isinstance(plain, list), kind)
        kinds = [parts[0]] * len(plain) if parts[-1] is ... else parts
        _checked(plain, len(kinds) == len(plain), kind)
        return tuple(unpack(part, one, arrays) for part, one in zip(kinds, plain, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        _checked(plain, isinstance(plain, dict), kind)
        return {_key(parts[0], key): unpack(parts[1], one, arrays) for key, one in plain.items()}
    if is_dataclass(kind):
        known = _hints(kind)
        _checked(plain, isinstance(plain, dict) and _required(kind) <= plain.keys() <= known.keys(), kind)
        return kind(**{name: unpack(known[name], one, arrays) for name, one in plain.items()})
    if kind is Any:
        return plain
    if kind is float and isinstance(plain, int) and not isinstance(plain, bool):
        return float(plain)
    return _checked(plain, type(plain) is kind, kind)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _required(kind: type) -> set[str]:
    """Fields without a default; one that has it may be missing, as where it is newer than what was packed."""
    return {field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING}


def _key(kind: Any, key: str) -> Any:
    return int(key) if kind is int else key


def _under(name: str, part: Any) -> str:
    return f"{name}.{part}" if name else str(part)


def _checked(value: Any, holds: bool, kind: Any) -> Any:
    if not holds:
        raise PackingError(f"{str(value)[:40]!r} is not {getattr(kind, '__name__', kind)}")
    return value
