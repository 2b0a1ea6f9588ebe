"""Round trips of configurations and states; damaged files."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.files import read_json, write_json
from core.serialization import config_from_json, config_to_json, differences, load_state, save_state


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    names: tuple[str, ...] = ()
    pair: tuple[int, float] = (1, 2.0)
    kind: Literal["a", "b"] = "a"

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise ValueError("rate must not be negative")


@dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner = Inner()
    place: Path | None = None
    flag: bool = False
    extra: tuple[float, ...] = field(default_factory=tuple)


inners = st.builds(
    Inner,
    rate=st.floats(0, 1e9),
    names=st.lists(st.text()).map(tuple),
    pair=st.tuples(st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    kind=st.sampled_from(["a", "b"]),
)
outers = st.builds(
    Outer,
    count=st.integers(),
    inner=inners,
    place=st.none() | st.just(Path("a b/ü")),
    flag=st.booleans(),
    extra=st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
)


@given(outers)
def test_a_configuration_survives_json(tmp_path_factory: pytest.TempPathFactory, config: Outer) -> None:
    path = tmp_path_factory.mktemp("config") / "config.json"
    write_json(path, config_to_json(config))
    assert config_from_json(Outer, read_json(path)) == config


@given(outers, outers)
def test_differences_are_empty_for_equals_only(one: Outer, other: Outer) -> None:
    assert (differences(config_to_json(one), config_to_json(other)) == {}) == (one == other)


def test_differences_name_the_leaves() -> None:
    old, new = Outer(1), Outer(2, Inner(kind="b"))
    assert differences(config_to_json(old), config_to_json(new)) == {
        "count": (1, 2),
        "inner.kind": ("a", "b"),
    }
    assert differences({"gone": 1}, {"came": {"x": 2}}) == {"gone": (1, None), "came": (None, {"x": 2})}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"count": 1, "bogus": 2}, "unknown key bogus"),
        ({}, "count is missing"),
        ({"count": "1"}, "count: int was expected, got '1'"),
        ({"count": 1, "inner": {"kind": "c"}}, "inner.kind: one of"),
        ({"count": 1, "inner": {"pair": [1]}}, "inner.pair: 2 values were expected, got 1"),
        ({"count": 1, "inner": {"rate": -1.0}}, "rate must not be negative"),
        ({"count": 1, "inner": 3}, "an object was expected"),
        ({"count": 1, "flag": 1}, "flag: bool was expected"),
    ],
)
def test_what_does_not_fit_is_a_sentence(data: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        config_from_json(Outer, data)


def test_a_state_survives(tmp_path: Path) -> None:
    state = {"step": 3, "names": ["a"], "nested": {"x": torch.arange(5.0), "rate": 0.25, "none": None}}
    save_state(tmp_path / "last.pt", state)
    loaded = load_state(tmp_path / "last.pt")
    assert torch.equal(loaded["nested"].pop("x"), state["nested"].pop("x"))
    assert loaded == state


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("harm"),))


def test_a_state_executes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"x": Harmful()}, tmp_path / "last.pt")
    with pytest.raises(UserError, match="is damaged"):
        load_state(tmp_path / "last.pt")
    assert not Path("harm").exists()


@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_a_cut_off_state_is_a_sentence(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "last.pt"
    save_state(path, {"x": torch.zeros(1000)})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep if keep != 0.5 else len(whole) / 2)])
    with pytest.raises(UserError, match=r"last\.pt is damaged"):
        load_state(path)


def test_a_failed_save_keeps_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_state(tmp_path / "last.pt", {"step": 1})

    def full(state: object, file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match="the disk is full"):
        save_state(tmp_path / "last.pt", {"step": 2})
    monkeypatch.undo()
    assert load_state(tmp_path / "last.pt") == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
