"""`python -m data.synthetic {static,video,street,town,dl3dv} --out FOLDER`: captures with ground truth."""

import sys
from collections.abc import Sequence

from core import cli
from data.synthetic.static import StaticCapture, make_static
from data.synthetic.video import VideoCapture, make_video

_USAGE = """\
usage: python -m data.synthetic KIND --out FOLDER [OPTIONS]

  static   a capture of a place where nothing moves: images, COLMAP model, transforms.json, depth
  video    people and traffic before a moving camera, in the layouts of DAVIS and of Sintel
  street   a drive along a street with three cameras and a lidar, in the layouts of Waymo
  town     drives through towns as voxels with classes, in the layout of CarlaSC
  dl3dv    a root of many small scenes in the layout of DL3DV, some of them broken if you like

The folder may also stand behind KIND, without --out.
python -m data.synthetic KIND --help tells the options."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if args is None else args)
    kind = words[0] if words else ""
    if words[1:] and not words[1].startswith("-"):
        words.insert(1, "--out")
    prog = f"python -m data.synthetic {kind}"
    if kind == "static":
        return cli.run(make_static, StaticCapture, args=words[1:], prog=prog)
    if kind == "video":
        return cli.run(make_video, VideoCapture, args=words[1:], prog=prog)
    if kind in ("street", "town", "dl3dv"):
        return _run_larger(kind, words[1:], prog)
    if kind in ("-h", "--help"):
        print(_USAGE)
        return 0
    asked = f"{kind} was asked for" if kind else "no kind was named"
    print(
        f"error: {asked}; static, video, street, town or dl3dv was expected, see python -m data.synthetic "
        "--help",
        file=sys.stderr,
    )
    return cli.EXIT_USER_ERROR


def _run_larger(kind: str, words: Sequence[str], prog: str) -> int:
    """Kinds with many files; loaded when asked for, as worker processes load this module again."""
    if kind == "street":
        from data.synthetic.street.capture import StreetCapture, make_drive  # noqa: PLC0415

        return cli.run(make_drive, StreetCapture, args=words, prog=prog)
    if kind == "town":
        from data.synthetic.town.capture import TownCapture, make_towns  # noqa: PLC0415

        return cli.run(make_towns, TownCapture, args=words, prog=prog)
    from data.synthetic.dl3dv import DL3DVRoot, make_dl3dv  # noqa: PLC0415

    return cli.run(make_dl3dv, DL3DVRoot, args=words, prog=prog)


if __name__ == "__main__":
    sys.exit(main())
