"""Segments of the Waymo Open Dataset, read and written without TensorFlow."""
