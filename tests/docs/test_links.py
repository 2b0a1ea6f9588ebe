"""Documents point at files that exist, and at headings that those have."""

import re
from collections import Counter
from functools import cache
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


@cache
def anchors(document: Path) -> set[str]:
    """What GitHub calls the headings of a document; a second one of the same name ends in -1."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found: list[str] = []
    times: Counter[str] = Counter()
    for heading in re.findall(r"^#{1,6} +(.*?)[ #]*$", text, flags=re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found.append(f"{name}-{times[name]}" if times[name] else name)
        times[name] += 1
    return set(found)


def test_anchors_are_githubs(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    text = "# A `run`, in 4D!\n## Über [us](b.md)\n```\n# no heading\n```\n## Twice\n### Twice\n"
    document.write_text(text, encoding="utf-8")
    assert anchors(document) == {"a-run-in-4d", "über-us", "twice", "twice-1"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_to_headings(document: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    broken = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text):
        file = ROOT / document.parent / target if target else ROOT / document
        if "://" not in target and file.suffix == ".md" and file.is_file() and anchor not in anchors(file):
            broken.append(f"{target}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_source_files_that_are_named(document: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    if document.name == "from-the-seeds.md":  # the first column names other systems' files
        text = "\n".join(line.rpartition(" | ")[2] for line in text.splitlines() if line.startswith("|"))
    named = set(re.findall(r"`([\w/]+\.(?:py|h|cpp|sh|toml))`", text))
    present = [f"/{path.relative_to(ROOT).as_posix()}" for path in files(".py", ".h", ".cpp", ".sh", ".toml")]
    assert {name for name in named if not any(path.endswith(f"/{name}") for path in present)} == set()
