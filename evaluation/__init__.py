"""Layer 3: how good a run is. Reads what is on the disk; never renders."""
