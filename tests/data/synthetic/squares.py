"""Market squares, each made once: checking thousands of parts against their annotations takes a while."""

from functools import lru_cache

from data.synthetic.market_square import market_square
from data.synthetic.traffic import busy_square
from data.synthetic.world import World


@lru_cache(maxsize=8)
def square(seed: int, *, traffic: bool = False) -> World:
    return (busy_square(seed) if traffic else market_square(seed)).world
