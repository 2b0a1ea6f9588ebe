"""Where captures come from: made by `data.synthetic`, or downloaded; see README.md."""
