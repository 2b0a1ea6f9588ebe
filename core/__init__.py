"""Layer 1: geometry, images, losses, files. Knows tensors and arrays, not scenes."""
