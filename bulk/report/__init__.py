"""What came of a run, for programs and for eyes: `report.json` and `report.html`."""

from collections.abc import Sequence
from pathlib import Path

from bulk.jobs import Job
from bulk.report.facts import gather
from bulk.report.page import write_run_page
from bulk.scheduler import Request, Tally
from core.files import write_json

REPORT = "report.json"


def write_reports(root: Path, jobs: Sequence[Job], request: Request, tally: Tally) -> Path:
    """Write both into the folder of the data set; returns the page.

    Args:
        root: the folder.
        jobs: of the command.
        request: what was done to each.
        tally: where the command stands.

    Raises:
        UserError: a state is broken, or a file cannot be written.
    """
    facts = gather(jobs, request, tally)
    write_json(root / REPORT, facts)
    return write_run_page(root, jobs, facts)
