"""What a view may show: nothing, a Gaussian that is no number; and what is refused rather than ignored."""

import subprocess
import sys

import pytest
import splat_kernels
import torch

NOTHING_IN_VIEW = """
import torch, splat_kernels as k
for count in (0, 5):
    behind = torch.randn(count, 3) * 0.1 - torch.tensor([0.0, 0.0, 9.0])
    others = torch.randn(count, 4), torch.zeros(count, 3), torch.zeros(count), torch.zeros(count, 16, 3)
    tables = [table.requires_grad_() for table in (behind, *others)]
    means2d, records = k.project_to_records(*tables, torch.eye(4), torch.eye(3), 8, 8, sh_degree=3, raw=True)
    image, alpha, _ = k.rasterize_records(means2d, records, 8, 8)
    (image.sum() + alpha.sum()).backward()
    assert all(table.grad.abs().sum() == 0 for table in tables)
    assert all(len(sums) == count for sums in k.gaussian_statistics(records.detach(), 8, 8))
"""


def arguments(count: int = 6, coefficients: int = 16) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(count, 3, generator=generator) * 0.3 + torch.tensor([0.0, 0.0, 4.0])
    quats = torch.randn(count, 4, generator=generator)
    sh = torch.randn(count, coefficients, 3, generator=generator) * 0.1
    return [means, quats, torch.full((count, 3), -1.5), torch.zeros(count), sh]


def test_a_first_view_may_show_nothing() -> None:
    """In a process of its own: later calls find memory that earlier ones have left."""
    subprocess.run([sys.executable, "-c", NOTHING_IN_VIEW], check=True)


def test_a_gaussian_that_is_no_number_leaves_the_others_gradients_alone() -> None:
    K = torch.tensor([[20.0, 0, 16], [0, 20, 12], [0, 0, 1]])

    def gradients(tables: list[torch.Tensor]) -> list[torch.Tensor]:
        leaves = [table.clone().requires_grad_() for table in (*tables, torch.eye(4))]
        outputs = splat_kernels.project_to_records(*leaves, K, 32, 24, sh_degree=3, raw=True)
        image, _, _ = splat_kernels.rasterize_records(*outputs, 32, 24)
        image.square().sum().backward()
        return [leaf.grad for leaf in leaves if leaf.grad is not None]

    clean = arguments()
    broken = [table.clone() for table in clean]
    broken[0][2] = torch.nan
    faint = [table.clone() for table in clean]
    faint[3][2] = -20.0  # the same Gaussian, invisible
    for here, there in zip(gradients(broken), gradients(faint), strict=True):
        assert torch.isfinite(here).all()
        torch.testing.assert_close(here, there)


@pytest.mark.parametrize("coefficients", [9, 25])
def test_coefficients_that_do_not_fit_the_degree_are_refused(coefficients: int) -> None:
    with pytest.raises(ValueError, match="<= K <= 16"):
        splat_kernels.project_to_records(
            *arguments(coefficients=coefficients), torch.eye(4), torch.eye(3), 8, 8, sh_degree=3
        )


def test_skew_is_refused() -> None:
    K = torch.tensor([[20.0, 0.5, 16], [0, 20, 12], [0, 0, 1]])
    with pytest.raises(ValueError, match="skew"):
        splat_kernels.project_to_records(*arguments(), torch.eye(4), K, 8, 8, sh_degree=3)
