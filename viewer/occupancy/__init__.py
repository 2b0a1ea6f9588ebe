"""Scenes of occupancy on a page: meshes in the browser, the same for everyone who looks."""
