"""Networks behind the interface of flow: sizes, weight files, errors."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from core.errors import UserError
from dynamic_predictor.flow.network_flow import PUBLISHED, NetworkFlow, fill, load_flow
from dynamic_predictor.flow.raft import ResidualBlock


class Recorder(nn.Module):
    """Keeps what it is given; its flow at a pixel is the pixel's position in the padded image."""

    def forward(self, source: Tensor, target: Tensor, refinements: int, initial: Tensor | None) -> Tensor:
        self.given = source, target, refinements, initial
        height, width = source.shape[2:]
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        return torch.stack([columns, rows]).float()[None]


@pytest.mark.parametrize(
    ("height", "width", "padded"), [(70, 101, (72, 104)), (64, 128, (64, 128)), (9, 1, (64, 64))]
)
def test_any_size_is_padded_on_all_sides_and_cut_out_again(
    height: int, width: int, padded: tuple[int, int]
) -> None:
    recorder = Recorder()
    frames = torch.randint(0, 256, (2, height, width, 3), dtype=torch.uint8)
    flow = NetworkFlow(recorder, 5, torch.device("cpu"))(
        frames[0], frames[1], torch.full((height, width, 2), 4.0)
    )
    source, target, refinements, initial = recorder.given
    top, left = (padded[0] - height) // 2, (padded[1] - width) // 2
    assert source.shape == target.shape == (1, 3, *padded)
    assert refinements == 5
    assert flow.shape == (height, width, 2)
    assert flow[0, 0].tolist() == [left, top]
    torch.testing.assert_close(
        (source[0, :, top : top + height, left : left + width].permute(1, 2, 0) + 1) * 127.5,
        frames[0].float(),
    )
    torch.testing.assert_close(source[0, :, 0, 0], frames[0, 0, 0] / 127.5 - 1)
    assert initial is not None
    torch.testing.assert_close(initial, torch.full((1, 2, padded[0] // 8, padded[1] // 8), 0.5))


def test_it_computes_where_it_was_told_to_and_answers_where_the_frames_are() -> None:
    recorder = Recorder()
    frames = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
    flow = NetworkFlow(recorder, 5, torch.device("meta"))(frames[0], frames[1], torch.zeros(64, 64, 2))
    source, target, _, initial = recorder.given
    assert initial is not None
    assert {source.device.type, target.device.type, initial.device.type} == {"meta"}
    assert flow.device == frames.device


def small() -> ResidualBlock:
    return ResidualBlock(2, 3, nn.BatchNorm2d, stride=2)


def random_state(network: nn.Module) -> dict[str, Tensor]:
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    return network.state_dict()


@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_are_copied_whole(prefix: str) -> None:
    weights, network = random_state(small()), small()
    fill(network, {prefix + name: value for name, value in weights.items()})
    for name, value in network.state_dict().items():
        assert torch.equal(value, weights[name])


def test_one_of_two_names_of_a_tensor_is_enough() -> None:
    weights, network = random_state(small()), small()
    fill(network, {name: value for name, value in weights.items() if "norm3" not in name})
    assert torch.equal(network.state_dict()["norm3.weight"], weights["norm3.weight"])


def test_what_does_not_fit_is_refused() -> None:
    weights = small().state_dict()
    without = {name: value for name, value in weights.items() if not name.startswith("conv2")}
    with pytest.raises(ValueError, match=r"missing: \['conv2.weight', 'conv2.bias'\]"):
        fill(small(), without)
    with pytest.raises(ValueError, match=r"without a place: .'other'"):
        fill(small(), {**weights, "other": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="size mismatch"):
        fill(small(), {**weights, "conv2.bias": torch.zeros(7)})
    with pytest.raises(ValueError, match="state dict"):
        fill(small(), [1, 2])


@pytest.fixture
def weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which weights are looked for."""
    monkeypatch.setenv("SPLATWORKS_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", ["raft", "sea-raft"])
def test_a_missing_file_names_the_command_and_the_licence(name: str, weights_folder: Path) -> None:
    with pytest.raises(UserError, match=rf"python -m data.download_weights {name}.*BSD-3") as caught:
        load_flow(name)
    assert PUBLISHED[name].file in str(caught.value)
    assert str(weights_folder) in str(caught.value)


def test_a_published_file_is_found_and_loaded(weights_folder: Path) -> None:
    weights = PUBLISHED["raft"].network().state_dict()
    torch.save(
        {f"module.{name}": value for name, value in weights.items()}, weights_folder / "raft-sintel.pth"
    )
    flow = load_flow("raft", refinements=1)
    frame = torch.randint(0, 256, (64, 64, 3), dtype=torch.uint8)
    assert flow(frame, frame).shape == (64, 64, 2)


def test_safetensors_with_one_name_a_tensor_are_loaded(weights_folder: Path) -> None:
    weights = PUBLISHED["raft"].network().state_dict()
    kept = {name: value for name, value in weights.items() if "downsample.1" not in name}
    save_file(kept, weights_folder / "raft-sintel.safetensors")
    assert isinstance(load_flow("raft"), NetworkFlow)


@pytest.mark.parametrize("content", [b"", b"not a weight file", b"\x80\x02]q\x00."])
def test_a_damaged_file_is_one_sentence(content: bytes, weights_folder: Path) -> None:
    (weights_folder / "raft-sintel.pth").write_bytes(content)
    with pytest.raises(UserError, match="does not hold the weights of raft; remove it and run"):
        load_flow("raft")
