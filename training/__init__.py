"""Layer 4: methods as tasks, and the one loop that trains them."""
