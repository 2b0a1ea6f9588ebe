"""Synthetic captures, made by the command line as coarsely as will do."""

from pathlib import Path

from data.synthetic.__main__ import main

COARSE = ["--width", "64", "--height", "36", "--samples", "1"]
COARSE += ["--texture-px", "32", "--shadow-px", "128", "--sun-directions", "1", "--voxel-m", "0.5"]
NAME = "market-square"


def make(kind: str, out: Path, *flags: str) -> Path:
    frames = {"static": "3", "video": "2"}[kind]
    assert main([kind, "--out", str(out), "--frames", frames, *COARSE, *flags]) == 0
    return out
