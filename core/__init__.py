"""Layer 1: geometry, images, losses, files. Knows tensors and arrays, not scenes."""

import os

# Before torch is loaded: after each of its parallel loops GNU OpenMP lets its threads spin for milliseconds,
# on the very cores that our kernels are about to use: a step of the rasterizer on two cores then takes twice
# as long. Threads that sleep at once cost networks, which are a thousand short loops, a quarter of their
# speed. These spin for some ten microseconds, which neither feels.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
