"""The bar and the sentences go to stderr."""

import pytest

from core.progress import Progress, quiet_unless, say


def test_sentences_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("one view is missing")
    assert capsys.readouterr() == ("", "one view is missing\n")


def test_only_one_process_talks(capsys: pytest.CaptureFixture[str]) -> None:
    for leads in (True, False):
        with quiet_unless(leads):
            say(f"leads: {leads}")
    say("afterwards")
    assert capsys.readouterr().err == "leads: True\nafterwards\n"


def test_the_bar_tells_steps_and_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(total=10, done=4) as progress:
        progress.advance()
        progress.show({"loss": 0.123456, "gaussians": 13851.0})
        progress.restart(total=20, done=7)
    told = capsys.readouterr()
    assert told.out == ""
    assert "7/20" in told.err
    assert "loss=0.1235, gaussians=13,851" in told.err
