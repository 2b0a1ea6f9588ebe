"""Procedural towns with traffic, as voxels around a vehicle that drives through them."""
