"""Layer 6: presets by name, each a few lines over the defaults."""
