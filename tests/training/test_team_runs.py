"""One folder for several processes: the first writes into it, the others only read."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from core.distributed import Team
from core.errors import UserError
from core.files import read_json
from core.run_folder import RunFolder
from core.serialization import load_state
from tests.training.counting import Counting
from tests.training.teams import run_pair
from training.loop import LoopConfig
from training.task import Evaluation
from training.team_runs import fit_as_team, told

ALONE = Team(0, 1, torch.device("cpu"))
MEMBER = Team(1, 2, torch.device("cpu"))
IDENTITY = {"method": "counting", "config": {"seed": 0}}
LOOP = LoopConfig(test_iterations=(2,), save_iterations=(3,), checkpoint_seconds=0.0)


def fitted(folder: Path, task: Counting, team: Team = ALONE, **changes: Any) -> list[tuple[str, Path, int]]:
    """What was asked to be saved and told of, into which folder."""
    asked: list[tuple[str, Path, int]] = []
    result = fit_as_team(
        task,
        RunFolder(folder),
        {**IDENTITY, **changes},
        LOOP,
        team,
        save=lambda own, step: asked.append(("save", own.path, step)),
        on_evaluation=lambda own, step, _: asked.append(("score", own.path, step)),
    )
    assert result.iterations == 4
    return asked


def test_a_run_is_started_scored_and_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = fitted(tmp_path / "run", Counting(4))
    expected = [("score", 2), ("save", 3), ("save", 4), ("score", 4)]
    assert asked == [(what, tmp_path / "run", step) for what, step in expected]
    assert read_json(tmp_path / "run" / "config.json") == IDENTITY
    heard = capsys.readouterr().err
    assert "before the training: psnr 11" in heard
    assert "after 4 steps: psnr 13" in heard


def test_a_finished_run_is_only_scored_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fitted(tmp_path / "run", Counting(4))
    capsys.readouterr()
    again = Counting(4)
    fitted(tmp_path / "run", again)
    assert again.seen == [10, 20, 30, 40]  # from the checkpoint
    assert "before the training" not in capsys.readouterr().err


def test_another_run_is_left_alone(tmp_path: Path) -> None:
    fitted(tmp_path / "run", Counting(4))
    before = (tmp_path / "run" / "config.json").read_bytes()
    with pytest.raises(UserError, match="seed is 0 there and 1 now"):
        fitted(tmp_path / "run", Counting(4), config={"seed": 1})
    assert (tmp_path / "run" / "config.json").read_bytes() == before


def test_other_members_go_on_from_the_checkpoint_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Team, "wait", lambda _: None)
    monkeypatch.setattr(Team, "largest", lambda _, number: number)
    folder = tmp_path / "run"
    fitted(folder, Counting(4))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    member = Counting(4)
    asked = fitted(folder, member, MEMBER)
    assert member.seen == load_state(RunFolder(folder).checkpoint)["task"]["seen"]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert all(own != folder and not own.exists() for _, own, _ in asked)


def test_members_of_a_new_run_leave_its_folder_to_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Team, "wait", lambda _: None)
    monkeypatch.setattr(Team, "largest", lambda _, number: number)
    fitted(tmp_path / "run", Counting(4), MEMBER)
    assert not (tmp_path / "run").exists()


def test_scores_in_one_line() -> None:
    assert told(Evaluation({"miou": 12.34567, "loss": 0.5})) == "miou 12.35, loss 0.5"
    assert told(Evaluation({})) == "nothing to score"


_SIGNALLED = """
import os, signal, sys
from pathlib import Path
from core.distributed import joined
from core.run_folder import RunFolder
from tests.training.counting import Counting
from training.loop import LoopConfig
from training.team_runs import fit_as_team


class Signalled(Counting):
    def step(self, step, batch, stepper):
        report = super().step(step, batch, stepper)
        if step == 3 and team.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return report


with joined() as team:
    config = LoopConfig(test_iterations=(), save_iterations=(), checkpoint_seconds=1000.0)
    folder, identity = RunFolder(Path(sys.argv[1])), {"method": "counting"}
    result = fit_as_team(Signalled(50), folder, identity, config, team, save=lambda *_: None)
print(f"left after {result.iterations} by {result.stopped_by!r}", file=sys.stderr)
"""


def test_a_signal_to_one_member_stops_all_after_the_same_step(tmp_path: Path) -> None:
    told = run_pair(_SIGNALLED, tmp_path / "run")
    for heard in told:
        assert f"left after 3 by {signal.SIGTERM!r}" in heard
    assert load_state(RunFolder(tmp_path / "run").checkpoint)["loop"]["step"] == 3
