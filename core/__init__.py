"""Layer 1: geometry, images, losses, files. Knows tensors and arrays, not scenes."""

import os

# Before torch is loaded: after each of its parallel loops GNU OpenMP lets its threads spin for milliseconds,
# on the very cores that our kernels are about to use. A training step on two cores then takes twice as long.
os.environ.setdefault("GOMP_SPINCOUNT", "0")
