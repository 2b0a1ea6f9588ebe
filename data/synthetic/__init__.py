"""A procedural, ray-traced world that writes captures with exact ground truth.

World axes: x east, y north, z up; metres and seconds. Cameras are OpenCV: x right, y down, z forward, pixel
centres at +0.5. A world is a table of convex parts (boxes, tapered boxes, cylinders, ellipsoids) that hang on
bodies, and a body's pose is a function of time; so depth, flow and masks follow from the same numbers as the
picture.
"""
