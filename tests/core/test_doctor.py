"""The doctor names what is missing with the command that fixes it, and needs only the standard library."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from core import doctor


def test_libraries_are_judged_by_their_lower_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"numpy": "2.4.6", "scipy": "1.9.3", "av": "14", "torch": "2.13.0"}
    monkeypatch.setattr(doctor, "installed_version", versions.get)
    requirements = "# comment\ntorch==2.13.0\nnumpy>=1.26\nscipy>=1.11\nav>=14\npycolmap>=3.12\n\n"
    findings = {finding.text.split()[0]: finding for finding in doctor.libraries(requirements)}
    assert {name: finding.state for name, finding in findings.items()} == {
        "numpy": "ok",
        "scipy": "missing",
        "av": "ok",
        "pycolmap": "missing",
    }
    assert "1.9.3" in findings["scipy"].text
    assert findings["pycolmap"].fix == doctor.SETUP


@pytest.mark.parametrize(
    ("version", "release"),
    [("2.13.0+cpu", (2, 13, 0)), ("14", (14,)), ("3.12.0rc1", (3, 12, 0)), ("dev", ())],
)
def test_release(version: str, release: tuple[int, ...]) -> None:
    assert doctor._release(version) == release


def test_here_everything_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main([]) == 0
    report = capsys.readouterr().out
    assert importlib.metadata.version("torch") in report
    assert "core(s)" in report
    assert "missing" not in report


def test_without_a_compiler_the_command_that_installs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    finding = doctor._compiler()
    assert finding.state == "optional"
    assert "install" in finding.fix


def test_a_torch_that_does_not_load_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise OSError(f"lib{name}.so: cannot open shared object file")

    monkeypatch.setattr(doctor.importlib, "import_module", fail)
    assert doctor._torch().state == "missing"
    assert "cannot open" in doctor._torch().text
    assert doctor._kernels().state == "missing"


def test_bare_interpreter_gets_a_report_not_a_traceback(repository: Path) -> None:
    # -S: without site-packages, so no library of requirements.txt can be imported
    report = subprocess.run(
        [sys.executable, "-S", "-m", "core.doctor"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.returncode == 1
    assert report.stderr == ""
    assert report.stdout.count(f"-> {doctor.SETUP}") >= 10


def test_unknown_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        doctor.main(["--nope"])
    assert stop.value.code == 2
    assert "--nope" in capsys.readouterr().err


def test_lpips_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SPLATWORKS_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert doctor._lpips_weights().state == "optional"
    (tmp_path / doctor.LPIPS_FILES[0]).touch()
    assert doctor.LPIPS_FILES[0] not in doctor._lpips_weights().text
    (tmp_path / doctor.LPIPS_FILES[1]).touch()
    assert doctor._lpips_weights().state == "ok"
