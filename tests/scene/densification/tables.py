"""Small sets of Gaussians with an optimiser, for tests of densification."""

import torch

from core.optimizers import RowAdam


def make_optimizer(count: int, *, scale: float = 0.1, opacity: float = 0.5, seed: int = 0) -> RowAdam:
    """`count` Gaussians on a line, equal but for their colours and rotations, with moments that are not
    zero."""
    random = torch.Generator().manual_seed(seed)
    means = torch.zeros(count, 3)
    means[:, 0] = torch.arange(count)
    parameters = {
        "means": means,
        "quats": torch.randn(count, 4, generator=random),
        "log_scales": torch.full((count, 3), scale).log(),
        "logit_opacities": torch.full((count,), opacity).logit(),
        "sh": torch.randn(count, 4, 3, generator=random),
    }
    optimizer = RowAdam(
        {name: table.requires_grad_() for name, table in parameters.items()}, splits={"sh": 3}
    )
    for moments in (optimizer.exp_avg, optimizer.exp_avg_sq):
        for table in moments.values():
            table.fill_(1)
    return optimizer


def tagged(optimizer: RowAdam) -> None:
    """Write each row's number into its parameters, a hundred times it into its first moments, and so on."""
    with torch.no_grad():
        for name, table in optimizer.parameters.items():
            rows = torch.arange(len(table)).float().view(-1, *[1] * (table.dim() - 1)).expand(table.shape)
            table.copy_(rows)
            optimizer.exp_avg[name].copy_(100 * rows)
            optimizer.exp_avg_sq[name].copy_(10_000 * rows)
