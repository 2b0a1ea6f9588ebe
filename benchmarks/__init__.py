"""What things cost, measured: run from the checkout as `python -m benchmarks.bench_rasterizer`."""
