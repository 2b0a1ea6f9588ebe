"""Pairs of images to points, confidences and moving things: DUSt3R's family of networks."""
