"""The network that sees one frame at a time."""

import pytest
import torch
from torch import nn

from generation.vae import frame_encoder
from generation.vae.frame_encoder import FrameEncoder, ReplicateConv3d, Residual, frames_at_a_time, pad
from tests.generation.golden import fill
from tests.generation.vae.plain_form import FrameCnn


def test_the_border_is_continued() -> None:
    features = torch.arange(24.0).view(1, 1, 2, 3, 4)
    padded = pad(features)
    assert padded.shape == (1, 1, 4, 5, 6)
    assert torch.equal(padded[..., 1:-1, 1:-1, 1:-1], features)
    assert torch.equal(padded[..., 0, :, :], padded[..., 1, :, :])
    assert torch.equal(padded[..., :, -1, :], padded[..., :, -2, :])
    assert float(padded[0, 0, -1, -1, 0]) == float(features[0, 0, -1, -1, 0])


def test_convolutions_equal_torchs() -> None:
    ours = ReplicateConv3d(2, 3).double()
    torchs = nn.Conv3d(2, 3, 3, padding=1, padding_mode="replicate").double()
    torchs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(x), torchs(x))


def test_residuals_add_what_went_in() -> None:
    x = torch.randn(1, 2, 3, 4, 5)
    assert torch.equal(Residual(nn.Identity(), nn.Identity())(x), 2 * x)


@pytest.mark.parametrize("frames", [0, 5])
@pytest.mark.parametrize("down", [(0, 0, 0), (1, 1, 1), (2, 1, 0)])
def test_equals_the_plain_form(frames: int, down: tuple[int, int, int]) -> None:
    """Where the plain form is given channels that are one for the frame's number, ours is told the number."""
    ours, plain = FrameEncoder(4, frames, down).double(), FrameCnn(4 + frames, 4, down).double()
    fill(ours)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(3, 4, 8, 4, 4, dtype=torch.float64)
    times = [4, 0, 2]
    one_hot = torch.eye(frames, dtype=torch.float64)[times] if frames else x.new_zeros(3, 0)
    told = torch.cat((x, one_hot[:, :, None, None, None].expand(-1, -1, 8, 4, 4)), 1)
    torch.testing.assert_close(ours(pad(x), times), plain(told), rtol=1e-9, atol=1e-9)


@torch.no_grad()
@pytest.mark.parametrize(
    ("frames", "down", "matters"), [(0, (0, 0, 0), False), (5, (0, 0, 0), True), (5, (1, 1, 1), False)]
)
def test_a_frames_number_matters_where_it_is_told_and_no_norm_follows(
    frames: int, down: tuple[int, int, int], matters: bool
) -> None:
    x = pad(torch.randn(1, 4, 4, 4, 4, dtype=torch.float64))
    network = FrameEncoder(4, frames, down).double()
    difference = float((network(x, [1]) - network(x, [3])).abs().max())
    assert (difference > 1e-3) if matters else (difference < 1e-9)


def test_chunks_are_whole_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_encoder, "CHUNK_VOXELS", 100)
    assert [frames_at_a_time(size) for size in ((5, 5, 2), (3, 11, 1), (50, 50, 2))] == [2, 3, 1]
