"""Runs of one capture side by side, as one page that needs no network."""
