"""Weight files: what is in them is read, and nothing in them is run."""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.errors import UserError
from generation.checkpoints import (
    fill,
    fingerprint,
    named_tensors,
    read_conf,
    read_published,
    read_weights,
    write_weights,
)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))


class Harmful:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("false",)


@pytest.mark.parametrize("number", [np.float64(1.5), np.float32(1.5), np.float64(np.nan)])
def test_numbers_of_numpy_do_not_hinder(tmp_path: Path, number: Any) -> None:
    torch.save({"best_miou": number, "weights": {"a": torch.ones(2)}}, tmp_path / "last.ckpt")
    read = read_published(tmp_path / "last.ckpt")
    assert torch.equal(read["weights"]["a"], torch.ones(2))


def test_numbers_of_numpys_first_version_do_not_hinder(tmp_path: Path) -> None:
    """They name the module `numpy.core`, which newer ones call `numpy._core`."""
    torch.save({"best_miou": np.float64(1.5), "a": torch.ones(2)}, tmp_path / "new.ckpt")
    old = tmp_path / "old.ckpt"
    with zipfile.ZipFile(tmp_path / "new.ckpt") as given, zipfile.ZipFile(old, "w") as written:
        for name in given.namelist():
            content = given.read(name)
            if name.endswith("data.pkl"):
                assert b"numpy._core.multiarray" in content
                content = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
            written.writestr(name, content)
    assert torch.equal(read_published(old)["a"], torch.ones(2))


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_run(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"ema": Harmful()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        UserError, match=r"last\.ckpt is damaged, or holds more than tensors and plain values"
    ):
        read_published(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_files_that_were_cut_off(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"a": torch.arange(300.0), "b": [1, "text"]}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for length in (*range(0, 64), *range(64, len(whole) - 1, 37)):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="is damaged"):
            read_published(path)


@pytest.mark.parametrize("content", [b"text", b"\x80\x02.", b"PK\x03\x04 and no more", b"\x80\x02}q\x00."])
def test_other_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged|is no checkpoint"):
        read_published(tmp_path / "last.ckpt")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for name in ("none.ckpt", "none.safetensors"):
        read = read_published if name.endswith("ckpt") else read_weights
        with pytest.raises(UserError, match=f"cannot read .*{name}: it does not exist"):
            read(tmp_path / name)
        (tmp_path / name).mkdir()
        with pytest.raises(UserError, match=f"cannot read .*{name}"):
            read(tmp_path / name)


def test_a_list_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save([torch.ones(2)], tmp_path / "last.ckpt")
    with pytest.raises(UserError, match="it holds no named parts"):
        read_published(tmp_path / "last.ckpt")


def test_wrapped_names_lose_their_prefix() -> None:
    weights = {"module.a.weight": torch.ones(1), "b.module.weight": torch.zeros(1)}
    assert set(named_tensors(weights, Path("x.ckpt"))) == {"a.weight", "b.module.weight"}


@pytest.mark.parametrize("weights", [None, 3, [torch.ones(1)], {"a": 3}, {3: torch.ones(1)}])
def test_weights_that_are_none(weights: Any) -> None:
    with pytest.raises(UserError, match=r"x\.ckpt is no checkpoint of a network"):
        named_tensors(weights, Path("x.ckpt"))


def test_conf_is_flat_and_the_first_value_counts(tmp_path: Path) -> None:
    (tmp_path / "conf.yaml").write_text("a: {b: 1, c: {d: [2, 3]}}\nb: 4\n5: six\ne:\n", encoding="utf-8")
    assert read_conf(tmp_path / "last.ckpt") == {"b": 1, "d": [2, 3], "5": "six", "e": None}


def test_without_conf_nothing_is_known(tmp_path: Path) -> None:
    assert read_conf(tmp_path / "last.ckpt") == {}
    (tmp_path / "conf.yaml").write_text("- a list\n- of lines\n")
    assert read_conf(tmp_path / "last.ckpt") == {}


@pytest.mark.parametrize(
    "content", [b"a: [", b"\xff\xfe\x00", b"a: !!python/object/apply:os.system ['false']", b"a: \x00"]
)
def test_confs_that_are_no_yaml(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "conf.yaml").write_bytes(content)
    with pytest.raises(UserError, match=r"conf\.yaml is not YAML"):
        read_conf(tmp_path / "last.ckpt")


def test_weights_and_facts_come_back(tmp_path: Path) -> None:
    written, facts = network(), {"kind": "x", "list": [1, 2.5, None], "text": "\u00e4"}
    write_weights(tmp_path / "a" / "x.safetensors", written, facts)
    tensors, told = read_weights(tmp_path / "a" / "x.safetensors")
    assert told == facts
    assert tensors.keys() == written.state_dict().keys()
    assert all(torch.equal(value, tensors[name]) for name, value in written.state_dict().items())
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.safetensors"]


def test_weights_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        write_weights(tmp_path / "file" / "x.safetensors", network(), {})


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        (None, "does not say which network it belongs to"),
        ({"format": "pt"}, "does not say which network it belongs to"),
        ({"splatworks": "{"}, r"x\.safetensors is damaged"),
        ({"splatworks": "[1]"}, r"x\.safetensors is damaged \(its facts are no JSON object\)"),
    ],
)
def test_weights_that_are_not_ours(tmp_path: Path, metadata: dict[str, str] | None, sentence: str) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "x.safetensors", metadata)
    with pytest.raises(UserError, match=sentence):
        read_weights(tmp_path / "x.safetensors")


def test_all_weights_are_filled_in() -> None:
    with torch.device("meta"):
        empty = network()
    given = {name: value.double() for name, value in network().state_dict().items()}
    fill(empty, given, Path("x"), "a network")
    for name, value in empty.state_dict().items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, given[name].float())
    assert all(parameter.requires_grad for parameter in empty.parameters())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"0.weight": torch.zeros(3, 3)}, r"0\.weight is \[3, 3\] where \[3, 2\] was expected"),
        ({"2.weight": torch.zeros(())}, r"2\.weight is \[\] where absent was expected"),
        ({"0.bias": None}, r"0\.bias is absent where \[3\] was expected"),
    ],
)
def test_other_weights_are_refused(changes: dict[str, Any], sentence: str) -> None:
    model = network()
    before = fingerprint(model)
    given = {name: value + 1 for name, value in model.state_dict().items()} | changes
    with pytest.raises(UserError, match=f"x.ckpt does not hold a network of sizes: {sentence}"):
        fill(model, {k: v for k, v in given.items() if v is not None}, Path("x.ckpt"), "a network of sizes")
    assert fingerprint(model) == before


def test_fingerprints_stand_for_weights() -> None:
    first, second = network(), network()
    assert fingerprint(first) == fingerprint(second)
    assert len(fingerprint(first)) == 16
    with torch.no_grad():
        second[0].weight[2, 1] += 1e-6  # pyright: ignore[reportIndexIssue]
    assert fingerprint(first) != fingerprint(second)
    assert fingerprint(first) != fingerprint(nn.Sequential(first))
