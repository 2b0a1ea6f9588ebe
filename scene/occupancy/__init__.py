"""Voxels with a class each, over time: what readers give, what is learned and generated, what is looked at."""
