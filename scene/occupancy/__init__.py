"""Voxels with a class each, over time: what readers give, what is learned, generated and looked at."""
