"""Configurations as JSON, and training states as files that hold tensors and plain values only."""

import dataclasses
import pickle
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import Any, TypeVar

import torch

from core.errors import UserError
from core.files import atomic_write, explain

ConfigT = TypeVar("ConfigT")


def config_to_json(config: Any) -> dict[str, Any]:
    """A dataclass as nested dictionaries of JSON values; tuples become lists, paths text."""
    return {field.name: _value_to_json(getattr(config, field.name)) for field in dataclasses.fields(config)}


def _value_to_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return config_to_json(value)
    if isinstance(value, (tuple, list)):
        return [_value_to_json(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def config_from_json(config_type: type[ConfigT], data: Any, where: str = "") -> ConfigT:
    """The dataclass that `config_to_json` turned into `data`. Fields absent from `data` take their defaults.

    Args:
        config_type: the dataclass; nested dataclasses, tuples, paths, optional and literal fields are
            understood.
        data: nested dictionaries, as read from a file.
        where: dotted prefix for messages.

    Raises:
        UserError: a key is unknown, one without a default is missing, or a value has another type.
    """
    whole = where.rstrip(".: ") or "the configuration"
    if not isinstance(data, Mapping):
        raise UserError(f"{whole}: an object was expected, got {data!r}")
    hints = typing.get_type_hints(config_type)
    known = {field.name: field for field in dataclasses.fields(config_type)}  # pyright: ignore[reportArgumentType]
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise UserError(f"unknown key {where}{unknown[0]}; known ones are {', '.join(sorted(known))}")
    missing = [
        name
        for name, field in known.items()
        if name not in data and field.default is MISSING and field.default_factory is MISSING
    ]
    if missing:
        raise UserError(f"the key {where}{missing[0]} is missing")
    values = {name: _value_from_json(hints[name], value, where + name) for name, value in data.items()}
    try:
        return config_type(**values)
    except ValueError as error:
        raise UserError(f"{whole}: {error}") from error


def _value_from_json(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        options = typing.get_args(hint)
        if value is None and type(None) in options:
            return None
        return _value_from_json(next(each for each in options if each is not type(None)), value, where)
    if origin is tuple and isinstance(value, (list, tuple)):
        return _tuple_from_json(typing.get_args(hint), value, where)
    if dataclasses.is_dataclass(hint):
        return config_from_json(typing.cast("type[Any]", hint), value, f"{where}.")
    return _leaf_from_json(hint, value, where)


def _tuple_from_json(hints: tuple[Any, ...], values: Sequence[Any], where: str) -> tuple[Any, ...]:
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(values)
    if len(hints) != len(values):
        raise UserError(f"{where}: {len(hints)} values were expected, got {len(values)}")
    return tuple(_value_from_json(hint, value, where) for hint, value in zip(hints, values, strict=True))


def _leaf_from_json(hint: Any, value: Any, where: str) -> Any:
    if typing.get_origin(hint) is typing.Literal:
        if value not in typing.get_args(hint):
            raise UserError(f"{where}: one of {typing.get_args(hint)} was expected, got {value!r}")
        return value
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise UserError(f"{where}: {getattr(hint, '__name__', hint)} was expected, got {value!r}")
    return value


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Where two nested dictionaries differ, by dotted key, as (old, new); None where one lacks the key."""
    found: dict[str, tuple[Any, Any]] = {}
    for key in {**old, **new}:
        left, right = old.get(key), new.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found.update(differences(left, right, f"{prefix}{key}."))
        elif left != right:
            found[f"{prefix}{key}"] = (left, right)
    return found


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors, numbers, strings, lists and dictionaries of them; whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    # Through a file object of ours: given a path, torch reports a full disk as an internal failure without a
    # cause.
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        torch.save(dict(state), file)


def load_state(path: Path) -> dict[str, Any]:
    """What `save_state` wrote, on the CPU. Nothing in the file is executed.

    Raises:
        UserError: the file cannot be read, or is no such state.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise explain(error, path, "read") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{path} is damaged ({first_line}); remove it to start this run anew") from error
