"""Results of each method as subjects of a page."""
