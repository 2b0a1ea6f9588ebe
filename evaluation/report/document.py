"""What all reports share: the page around their sections, and the section on reproduction."""

import html
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from core import environment
from core.errors import UserError
from core.files import read_json, write_text
from core.run_folder import RunFolder
from evaluation.report.markup import section, table

_PARTS = Path(__file__).parent


@dataclass(frozen=True)
class Origin:
    """Where a run comes from.

    Args:
        config: its config.json; empty for a run of the original 3DGS code.
        environment: names and values.
        recorded: whether `environment` is that of the training, not that of this moment.
    """

    config: Mapping[str, Any]
    environment: Mapping[str, str]
    recorded: bool

    @classmethod
    def of(cls, folder: RunFolder) -> "Origin":
        """That of a run.

        Raises:
            UserError: a file is broken.
        """
        recorded = folder.path / environment.FILE
        return cls(
            read_object(folder.config), read_object(recorded) or environment.describe(), recorded.exists()
        )

    @property
    def source(self) -> str | None:
        """The capture's folder, or the video."""
        return self.config.get("video", self.config.get("source_path"))


def read_object(path: Path) -> dict[str, Any]:
    """What a JSON file holds, empty if there is none.

    Raises:
        UserError: it holds no object.
    """
    value = read_json(path) if path.exists() else {}
    if not isinstance(value, dict):
        raise UserError(f"{path}: an object was expected; restore or remove the file")
    return value


def write_page(folder: RunFolder, lead: str, figures: Mapping[str, str], sections: Sequence[str]) -> Path:
    """Write `report.html` from page.html, style.css, script.js and what is given.

    Args:
        folder: of the run.
        lead: what was done, as HTML.
        figures: the numbers at the top, as HTML; by name.
        sections: as HTML; empty ones are left out.

    Returns:
        The page.

    Raises:
        UserError: the page cannot be written.
    """
    name = folder.path.resolve().name
    write_text(folder.report, page_text(name, lead, figures, sections, script=_part("script.js")))
    return folder.report


def page_text(
    title: str,
    lead: str,
    figures: Mapping[str, str],
    sections: Sequence[str],
    *,
    style: str = "",
    script: str = "",
) -> str:
    """A whole page that needs nothing else, in the style of all reports.

    Args:
        title: as text.
        lead: what was done, as HTML.
        figures: the numbers at the top, as HTML; by name.
        sections: as HTML; empty ones are left out.
        style: rules beside those of style.css.
        script: what runs once the page is there.
    """
    return Template(_part("page.html")).substitute(
        title=html.escape(title),
        lead=lead,
        figures="".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures.items()),
        sections="\n".join(each for each in sections if each),
        style=_part("style.css") + style,
        script=script,
    )


def reproduction(path: Path, origin: Origin) -> str:
    """The section on how to make a run again.

    Args:
        path: the run's folder.
        origin: of the run.
    """
    run = shlex.quote(str(path))
    train = origin.environment.get("command") if origin.recorded else None
    if train is None:
        train = f"python train.py -s {shlex.quote(origin.source or 'SOURCE')} -m {run}"
    commands = html.escape(f"{train}\npython render.py -m {run}\npython metrics.py -m {run}")
    note = "On the machine and with the versions below." if origin.recorded else (
        "With the configuration below. Versions and machine are those that wrote this page."
    )  # fmt: skip
    rows = {
        html.escape(name): [html.escape(str(value))]
        for name, value in origin.environment.items()
        if name != "command"
    }
    config = html.escape(json.dumps(origin.config, indent=2, ensure_ascii=False))
    details = (
        f"<details><summary>Configuration</summary><pre>{config}</pre></details>" if origin.config else ""
    )
    return section("How to reproduce", note, f"<pre>{commands}</pre>{table((), rows)}{details}")


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")
