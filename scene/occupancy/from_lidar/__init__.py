"""Occupancy from labelled lidar with tracked boxes: `python -m scene.occupancy.from_lidar SOURCE OUTPUT`.

What stands still is gathered over all frames, what moves travels in its box, and rays say what is free.
Source of the recipe: X. Tian et al., "Occ3D: A Large-Scale 3D Occupancy Prediction Benchmark for Autonomous
Driving", NeurIPS 2023, section 3; without its reconstruction of meshes and refinement by images.
"""
