"""Painters of surface textures: each draws one tile of a surface from a random generator."""
