"""The linear head: every token fills its own patch."""

import torch

from dynamic_predictor.network.linear_head import CHANNELS, LinearHead

WIDTH, PATCH, ROWS, COLUMNS = 6, 4, 2, 3


@torch.no_grad()
def test_a_token_fills_its_patch_channel_by_channel_and_row_by_row() -> None:
    head = LinearHead(WIDTH, PATCH).double()
    tokens = torch.randn(2, ROWS * COLUMNS, WIDTH, dtype=torch.float64)
    maps = head([torch.zeros(2, ROWS * COLUMNS, 1, dtype=torch.float64), tokens], ROWS, COLUMNS)
    assert maps.shape == (2, CHANNELS, ROWS * PATCH, COLUMNS * PATCH)
    for row in range(ROWS):
        for column in range(COLUMNS):
            raw = tokens[:, row * COLUMNS + column] @ head.proj.weight.T + head.proj.bias
            patch = maps[..., row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
            torch.testing.assert_close(patch, raw.view(2, CHANNELS, PATCH, PATCH))


@torch.no_grad()
def test_sixteen_bits_come_back_as_thirty_two() -> None:
    head = LinearHead(WIDTH, PATCH).to(torch.bfloat16)
    assert head([torch.randn(1, ROWS * COLUMNS, WIDTH)], ROWS, COLUMNS).dtype == torch.float32
