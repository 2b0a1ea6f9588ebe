"""Six planes that stand for a volume of space and time."""

AXES = ("t", "x", "y", "z")
"""In the order of a sequence's dimensions."""

PLANES = ("xy", "xz", "yz", "tx", "ty", "tz")
"""Names of the planes, after the axes along height and width. The order that files and checkpoints have."""

SPATIAL, TEMPORAL = PLANES[:3], PLANES[3:]
"""The planes without time, and those with it."""
