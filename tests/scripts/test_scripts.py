"""Shell scripts: they parse, and the ones that need something say what."""

import subprocess
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT, files

SCRIPTS = [path.relative_to(ROOT) for path in files(".sh", under=("scripts",))]


@pytest.mark.parametrize("script", [*SCRIPTS, Path(".ci/run")], ids=str)
def test_syntax(script: Path) -> None:
    subprocess.run(["bash", "-n", ROOT / script], check=True)


def run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["bash", *words], capture_output=True, text=True, check=False)


def test_mipnerf360_without_arguments() -> None:
    result = run(ROOT / "scripts" / "mipnerf360.sh")
    assert result.returncode == 2
    assert "usage" in result.stderr


def test_mipnerf360_without_data_says_where_to_get_it(tmp_path: Path) -> None:
    data = tmp_path / "mip nerf ü"
    result = run(ROOT / "scripts" / "mipnerf360.sh", data, tmp_path / "out")
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {data}/bicycle/sparse is missing")
    assert "https://" in result.stderr
    assert not (tmp_path / "out").exists()


def test_setup_without_a_usable_python_says_so(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname"):
        (tools / tool).symlink_to(
            Path("/bin") / tool if (Path("/bin") / tool).exists() else f"/usr/bin/{tool}"
        )
    copy = tmp_path / "project" / "scripts" / "setup.sh"
    copy.parent.mkdir(parents=True)
    copy.write_bytes((ROOT / "scripts" / "setup.sh").read_bytes())
    result = subprocess.run(
        ["bash", copy], capture_output=True, text=True, check=False, env={"PATH": str(tools)}
    )
    assert result.returncode == 2
    assert result.stderr == (
        "error: no Python 3.10 or newer on PATH; install one "
        "(Debian, Ubuntu: sudo apt install python3 python3-venv)\n"
    )
    assert not (tmp_path / "project" / ".venv").exists()
