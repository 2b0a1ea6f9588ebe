"""Documents point at files that exist."""

import re
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT, files

DOCUMENTS = [path.relative_to(ROOT) for path in files(".md", under=("docs",))]
DOCUMENTS += [path.relative_to(ROOT) for path in ROOT.glob("*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_relative_links(document: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    broken = [
        target for target in targets if "://" not in target and not (ROOT / document.parent / target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_source_files_that_are_named(document: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+\.(?:py|h|cpp|sh|toml))`", text))
    if document.name == "from-the-seeds.md":  # names other systems' files
        named = {name for name in named if name.startswith("scripts/")}
    present = [f"/{path.relative_to(ROOT).as_posix()}" for path in files(".py", ".h", ".cpp", ".sh", ".toml")]
    assert {name for name in named if not any(path.endswith(f"/{name}") for path in present)} == set()
