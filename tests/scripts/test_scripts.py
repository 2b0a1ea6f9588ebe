"""Shell scripts: they parse, and the ones that need something say what."""

import os
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


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("davis.sh", "JPEGImages/480p/dog is missing; `python -m data.download_davis` fetches"),
        (
            "sintel.sh",
            "training lacks final/dog or dynamic_label_perfect/dog; `python -m data.download_sintel`",
        ),
    ],
)
def test_benchmarks_without_data_say_how_to_get_it(tmp_path: Path, script: str, expected: str) -> None:
    result = run(ROOT / "scripts" / script, tmp_path / "no data ü", "dog", "--iterations=10")
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {tmp_path}/no data ü")
    assert expected in result.stderr


def run_davis(folder: Path, sequences: list[str], python: str) -> "subprocess.CompletedProcess[str]":
    """davis.sh with a shell function in place of Python, which writes down first how it is called."""
    for sequence in sequences:
        (folder / "DAVIS" / "JPEGImages" / "480p" / sequence).mkdir(parents=True)
    project = folder / "project"
    (project / "scripts").mkdir(parents=True)
    (project / "scripts" / "davis.sh").write_bytes((ROOT / "scripts" / "davis.sh").read_bytes())
    (project / "scripts" / "setup.sh").write_text("true\n")
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "activate").write_text(
        f'python() {{\n    echo "$*" >> "$CALLS"\n    case "$*" in {python} esac\n}}\n'
    )
    places = {"CALLS": str(folder / "calls"), "OUT": str(folder / "out"), "VIRTUAL_ENV": ""}
    return subprocess.run(
        ["bash", project / "scripts" / "davis.sh", folder / "DAVIS", *sequences, "--seed=3"],
        capture_output=True, text=True, check=False, env={**os.environ, **places},
    )  # fmt: skip


def test_davis_skips_what_is_done_and_tells_what_fails(tmp_path: Path) -> None:
    failing = 'train.py*owl*) return 2 ;; *"davis $OUT/cat --gt-masks"*) return 2 ;;'
    result = run_davis(tmp_path, ["dog", "cat", "owl"], failing)
    calls, out = tmp_path / "calls", tmp_path / "out"
    lines = calls.read_text().splitlines()
    assert result.returncode == 1
    assert result.stderr == "warning: owl failed\n"
    assert [line.split()[0] for line in lines] == [
        "train.py", "-m",  # dog: its scores are there
        "train.py", "-m", "render.py", "metrics.py",
        "train.py",
        "-m",
    ]  # fmt: skip
    assert lines[0].endswith("--hold-out das3r --iterations 4000 --seed=3")
    truth = f"--gt-masks {tmp_path}/DAVIS/Annotations/480p"
    assert lines[-1] == f"-m evaluation.benchmark davis {out}/dog {out}/cat {truth}"


def test_an_interrupted_benchmark_goes_no_further(tmp_path: Path) -> None:
    result = run_davis(tmp_path, ["dog", "cat"], "train.py*) kill -TERM $$; return 143 ;;")
    assert result.returncode == 130
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def run_waymo(folder: Path, words: list[str], python: str) -> "subprocess.CompletedProcess[str]":
    """waymo.sh with a shell function in place of Python, which writes down first how it is called."""
    project = folder / "project ü"
    (project / "scripts").mkdir(parents=True)
    (project / "scripts" / "waymo.sh").write_bytes((ROOT / "scripts" / "waymo.sh").read_bytes())
    (project / "scripts" / "setup.sh").write_text("true\n")
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "activate").write_text(
        f'python() {{\n    echo "$*" >> "$CALLS"\n    case "$*" in {python} esac\n}}\n'
    )
    (folder / "raw").mkdir()
    places = {"CALLS": str(folder / "calls"), "OUT": str(folder / "out"), "VIRTUAL_ENV": ""}
    return subprocess.run(
        ["bash", project / "scripts" / "waymo.sh", *words, "--seed=3"],
        capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, **places},
    )  # fmt: skip


def test_waymo_skips_what_is_done_and_tells_what_fails(tmp_path: Path) -> None:
    (tmp_path / "split.txt").write_text(
        "# scene_id, seg_name\n16,-,0,-1,dynamic\n 8, -, 80, 100,x\n102,-,10,-1,x\n"
    )
    (tmp_path / "out" / "processed" / "training").mkdir(parents=True)
    answers = '*"convert"*|train.py*"/008 "*|*"street_table $OUT/008"|*"street_table $OUT/102") return 2 ;;'
    result = run_waymo(tmp_path, ["raw", "split.txt", "--list=list.txt"], answers)
    lines, out = (tmp_path / "calls").read_text().splitlines(), tmp_path / "out"
    assert (result.returncode, result.stderr) == (1, "warning: scene 008 failed\n")
    convert = f"-m scene.datasets.waymo_convert --data-root {tmp_path}/raw --target-dir {out}/processed"
    assert lines[0] == f"{convert} --list={tmp_path}/list.txt --split-file {tmp_path}/split.txt"
    assert [line.split()[0] for line in lines[1:]] == ["-m", "-m", "train.py", "-m", "train.py", "-m"]
    assert lines[3].startswith(f"train.py street -s {out}/processed/training/008 -m {out}/008 ")
    assert lines[3].endswith("front_left front front_right --long-side 960 --stride 10 --seed=3")
    # 50 frames from the split's first, but not beyond its last.
    clips = [line[line.index("--start") :].split(" --rig")[0] for line in (lines[3], lines[5])]
    assert clips == ["--start-frame 80 --end-frame 100", "--start-frame 10 --end-frame 59"]
    assert lines[-1] == f"-m evaluation.street_table {out}/016 {out}/102"


def test_waymo_takes_scenes_by_number_and_stops_where_nothing_is_converted(tmp_path: Path) -> None:
    result = run_waymo(tmp_path, ["raw", "22", "8"], '*"convert"*) return 2 ;;')
    (line,) = (tmp_path / "calls").read_text().splitlines()
    assert result.returncode == 2
    assert line.endswith("--scene-ids 22 8")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["none"], "error: none is missing; `python -m data.download_waymo` fetches segments"),
        (["raw", "none.txt"], "error: none.txt is missing; a split such as"),
    ],
)
def test_waymo_without_data_says_what_is_missing(tmp_path: Path, words: list[str], expected: str) -> None:
    result = run_waymo(tmp_path, words, "*) ;;")
    assert result.returncode == 2
    assert result.stderr.startswith(expected)


def run_carlasc(
    folder: Path, *words: str, python: str = "*) ;;", **variables: str
) -> "subprocess.CompletedProcess[str]":
    """carlasc.sh with shell functions in place of Python and torchrun, which write down their words."""
    project = folder / "project ü"
    (project / "scripts").mkdir(parents=True)
    (project / "scripts" / "carlasc.sh").write_bytes((ROOT / "scripts" / "carlasc.sh").read_bytes())
    (project / "scripts" / "setup.sh").write_text("true\n")
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "activate").write_text(
        f'python() {{\n    echo "$*" >> "$CALLS"\n    case "$*" in {python} esac\n}}\n'
        'torchrun() {\n    echo "torchrun $*" >> "$CALLS"\n}\n'
    )
    places = {"CALLS": str(folder / "calls"), "VIRTUAL_ENV": "", "GPUS": "1", **variables}
    return subprocess.run(
        ["bash", project / "scripts" / "carlasc.sh", *words],
        capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, **places},
    )  # fmt: skip


def trained_dit(folder: Path) -> Path:
    """Weights of two moments; returns the later one's."""
    network = folder / "out" / "dit" / "network"
    network.mkdir(parents=True)
    for step in (900, 1000):
        (network / f"iteration_{step}.safetensors").touch()
    return network / "iteration_1000.safetensors"


def test_carlasc_goes_from_towns_to_videos(tmp_path: Path) -> None:
    dit, out = trained_dit(tmp_path), tmp_path / "out"
    result = run_carlasc(tmp_path, "towns", "out", "--synthetic")
    assert (result.returncode, result.stderr) == (0, "")
    sizes = "--grid 48 48 8 --scenes 48 --test-scenes 8 --frames 120"
    best = f"{out}/vae/network/best.safetensors"
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"-m data.synthetic town --out {tmp_path}/towns {sizes}",
        f"train.py vae -s {tmp_path}/towns -m {out}/vae --preset tiny",
        f"-m generation.encode --vae {best} -s {tmp_path}/towns -o {out}/latents",
        f"train.py dit -s {out}/latents -m {out}/dit --preset tiny",
        f"-m generation.sample --vae {best} --dit {dit} -o {out}/samples --command cycle",
        f"-m scene.occupancy.look {out}/samples -o {out}/look",
    ]


def test_carlasc_shares_the_work_among_gpus_and_makes_no_towns_where_data_are(tmp_path: Path) -> None:
    trained_dit(tmp_path)
    (tmp_path / "carlasc" / "Cartesian").mkdir(parents=True)
    assert run_carlasc(tmp_path, "carlasc", "out", GPUS="8").returncode == 0
    lines = (tmp_path / "calls").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [*["torchrun"] * 3, "-m", "-m"]
    assert lines[0].startswith("torchrun --nproc-per-node 8 train.py vae")
    assert lines[0].endswith("--preset carlasc")
    assert lines[1].startswith("torchrun --nproc-per-node 8 -m generation.encode")
    assert "--command" not in lines[3]


def test_carlasc_stops_at_what_fails(tmp_path: Path) -> None:
    (tmp_path / "towns").mkdir()
    result = run_carlasc(tmp_path, "towns", "out", "--synthetic", python="*encode*) return 2 ;;")
    assert result.returncode == 2
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [line.split()[1] for line in calls] == ["vae", "generation.encode"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "error: usage: bash scripts/carlasc.sh DATA OUT"),
        (["a", "b", "c"], "error: usage: bash scripts/carlasc.sh DATA OUT"),
        (["a", "b", "--tiny"], "error: --tiny is unknown; --synthetic is the only flag"),
        (["none", "out"], "none/Cartesian is missing; `python -m data.download_carlasc`"),
    ],
)
def test_carlasc_says_what_is_wrong(tmp_path: Path, words: list[str], expected: str) -> None:
    result = run_carlasc(tmp_path, *words)
    assert result.returncode == 2
    assert expected in result.stderr
    assert not (tmp_path / "out").exists()


def test_carlasc_tells_how_it_is_used(tmp_path: Path) -> None:
    result = run_carlasc(tmp_path, "--help")
    assert result.returncode == 0
    assert "bash scripts/carlasc.sh DATA OUT [--synthetic]" in result.stdout
