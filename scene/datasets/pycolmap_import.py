"""The one place that imports pycolmap: loaded before numpy and cv2 it aborts at a later cv2.imwrite."""

import numpy  # noqa: F401  must be loaded before pycolmap
import cv2  # noqa: F401  must be loaded before pycolmap
import pycolmap

pycolmap.logging.minloglevel = 3  # its complaints become exceptions, which say the same with a path

__all__ = ["pycolmap"]
