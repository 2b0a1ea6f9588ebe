"""Tests lie where their subject lies: tests/<package>/test_<module>.py, and no module goes without."""

from pathlib import Path

from tests.architecture.source_tree import PACKAGES, ROOT, files

# Tests of several modules together, and of what has no module of its own.
TOGETHER = {"architecture", "docs", "scripts", "smoke", "splat_kernels", "golden"}

# Modules that say what something is and do nothing.
NOTHING_TO_TEST = {"core/errors.py"}


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


def test_every_module_has_its_test() -> None:
    """A module is tested under its own name, or with the folder it belongs to."""
    untested = []
    for path in files(".py", under=PACKAGES):
        module = path.relative_to(ROOT)
        if path.name.startswith("__") or str(module) in NOTHING_TO_TEST:
            continue
        tests = ROOT / "tests" / module.parent
        own = any(is_about(test.stem.removeprefix("test_"), path.stem) for test in tests.glob("test_*.py"))
        with_folder = len(module.parts) > 2 and any(
            is_about(test.stem.removeprefix("test_"), module.parent.name)
            for test in [*tests.glob("test_*.py"), *tests.parent.glob("test_*.py")]
        )
        if not (own or with_folder):
            untested.append(str(module))
    assert untested == []
