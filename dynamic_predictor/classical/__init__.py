"""The predictor that needs no weights: structure from motion, flow, and what the two disagree about."""
