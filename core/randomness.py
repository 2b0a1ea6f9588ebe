"""Random numbers as a function of (seed, purpose, counter): a resumed run draws what another draws."""

import zlib

import numpy as np
import torch

from core.errors import UserError


def generator(seed: int, purpose: str, counter: int = 0) -> torch.Generator:
    """A CPU generator whose stream is independent of every other (seed, purpose, counter).

    Args:
        seed: the run's seed, not negative.
        purpose: what the numbers are for, such as "order" or "split".
        counter: usually the step or the epoch, not negative.

    Raises:
        UserError: the seed is negative.
    """
    if seed < 0:
        raise UserError(f"the seed is {seed}; a number from 0 on was expected")
    words = np.random.SeedSequence((seed, zlib.crc32(purpose.encode()), counter)).generate_state(2, np.uint32)
    # torch takes a signed 64-bit seed; 63 bits keep it positive.
    return torch.Generator().manual_seed((int(words[0]) << 32 | int(words[1])) & (2**63 - 1))
