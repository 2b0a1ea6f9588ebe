"""Layer 5: many scenes, from a folder of captures to a data set that was checked."""
