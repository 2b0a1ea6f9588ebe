"""Cameras, moving things and depth of an unposed video."""
