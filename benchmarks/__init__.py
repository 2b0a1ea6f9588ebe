"""What things cost, measured: run from the checkout as `python -m benchmarks.bench_rasterizer`."""

import core  # noqa: F401  # before torch: it sets how torch's threads wait
