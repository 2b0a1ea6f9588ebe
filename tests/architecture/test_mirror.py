"""Tests lie where their subject lies: tests/<package>/test_<module>.py, and no module goes without."""

from pathlib import Path

from tests.architecture.source_tree import PACKAGES, ROOT, files

# Tests of several modules together, and of what has no module of its own.
TOGETHER = {"architecture", "docs", "scripts", "smoke", "splat_kernels", "golden"}

# Modules that say what something is and do nothing.
NOTHING_TO_TEST = {
    "core/errors.py", "scene/capture.py", "scene/drive.py", "scene/prediction.py",
    "dynamic_predictor/config.py",
}  # fmt: skip


def subjects(folder: Path) -> set[str]:
    """Names that a test file of tests/<folder> may carry."""
    inside = {path.stem for path in (ROOT / folder).iterdir() if path.suffix == ".py" or path.is_dir()}
    return inside | {folder.name}


def is_about(test: str, subject: str) -> bool:
    return test == subject or test.startswith(f"{subject}_")


def test_every_test_has_its_subject() -> None:
    strays = []
    for path in files(".py", under=("tests",)):
        folder = path.parent.relative_to(ROOT / "tests")
        if not path.name.startswith("test_") or folder.parts[:1] == () or folder.parts[0] in TOGETHER:
            continue
        name = path.stem.removeprefix("test_")
        known = (ROOT / folder).is_dir() and any(is_about(name, subject) for subject in subjects(folder))
        if not known:
            strays.append(str(path.relative_to(ROOT)))
    assert strays == []


def covers(tests: Path, folder: Path, subject: str) -> bool:
    """Whether a file of `tests` is about `subject`, not about a module whose name begins alike."""
    names = {path.stem.removeprefix("test_") for path in tests.glob("test_*.py")}
    others = {path.stem for path in folder.iterdir()} - {subject}
    return any(
        is_about(name, subject)
        and not any(is_about(name, other) for other in others if len(other) > len(subject))
        for name in names
    )


def test_every_module_has_its_test() -> None:
    """A module is tested under its own name, or with the folder it belongs to."""
    untested = []
    for path in files(".py", under=PACKAGES):
        module = path.relative_to(ROOT)
        if path.name.startswith("__") or str(module) in NOTHING_TO_TEST:
            continue
        tests, folder = ROOT / "tests" / module.parent, path.parent
        with_folder = len(module.parts) > 2 and (
            covers(tests, folder, folder.name) or covers(tests.parent, folder.parent, folder.name)
        )
        if not (with_folder or covers(tests, folder, path.stem)):
            untested.append(str(module))
    assert untested == []
