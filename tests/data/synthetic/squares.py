"""Market squares, each made once: checking thousands of parts against their annotations takes a while."""

from functools import lru_cache

from data.synthetic.market_square import market_square
from data.synthetic.world import World


@lru_cache(maxsize=8)
def square(seed: int, *, traffic: bool = False) -> World:
    return market_square(seed, traffic=traffic).world
