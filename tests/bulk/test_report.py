"""What came of a run, as numbers and as a page."""

from pathlib import Path
from typing import Any

import pytest

from bulk.jobs import Job
from bulk.leases import Holder, Lease
from bulk.orders import Outcome
from bulk.report import write_reports
from bulk.scheduler import Request, Tally
from bulk.states import JobState
from bulk.worker import work_on
from core.files import read_json, write_json
from tests.browser import CHROMIUM, open_browser
from tests.bulk.orders import OPTIONS, STAGES, job, order
from tests.bulk.scenes import write_root

REQUEST = Request(STAGES, OPTIONS, "digest")


def done(psnr: float | None, level: int = 0) -> dict[str, Any]:
    metrics = {"result": {} if psnr is None else {"psnr": psnr}, "seconds": 2.0}
    stages = {"train": {"seconds": 10.0}, "render": {"seconds": 1.0}, "metrics": metrics}
    return {"request": "digest", "level": level, "stages": stages}


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """One that was really done, two that say so, one in quarantine, one failed, one at work, one pending."""
    captures = write_root(tmp_path / "captures", ("real",))
    out = tmp_path / "out"
    jobs = [
        job(captures, out, name) for name in ("real", "good", "unmeasured", "bad", "failed", "busy", "left")
    ]
    states = [JobState.of(each) for each in jobs]
    assert work_on(order(jobs[0])).ending == "done"
    write_json(states[1].done_file, done(99.0, level=1))
    write_json(states[2].done_file, done(None))
    for each in jobs[1:3]:
        each.folder.mkdir()
    states[3].add_failure(Outcome("input", "check", "no <sparse>"), 0)
    states[3].put_into_quarantine(states[3].failures()[0])
    states[4].add_failure(Outcome("error", "train", "nan"), 0)
    assert Lease.take(states[5].lease, Holder.here("core 1"), 60.0) is not None
    return jobs


def test_a_report_tells_all_states(jobs: list[Job], tmp_path: Path) -> None:
    root = jobs[0].root
    tally = Tally(7, done=3, failed=1, seconds=[2.0, 4.0])
    page = write_reports(root, jobs, REQUEST, tally).read_text(encoding="utf-8")
    report = read_json(root / "report.json")
    assert report["counts"] == {"total": 7, "done": 3, "degraded": 1, "failed": 2, "left": 2, "at_work": 1}
    assert [each["job"] for each in report["jobs"]] == ["1K/real_0.5", "1K/good_0.5", "1K/unmeasured_0.5"]
    failures = {each["job"]: each["state"] for each in report["failures"]}
    assert failures == {"1K/bad_0.5": "quarantined", "1K/failed_0.5": "failed"}
    assert report["throughput"]["seconds_per_job"] == 3.0
    assert report["stage_seconds"]["metrics"] > 0
    assert "no &lt;sparse&gt;" in page
    assert page.count("data:image/webp") == 1
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.index("1K/real_0.5") < page.index("1K/good_0.5")


def test_a_picture_that_is_broken_is_told_and_no_end(jobs: list[Job]) -> None:
    renders = next((jobs[0].folder / "test").glob("ours_*/renders"))
    for picture in renders.iterdir():
        picture.write_bytes(b"no image")
    page = write_reports(jobs[0].root, jobs, REQUEST, Tally(7)).read_text(encoding="utf-8")
    assert "does not decode" in page


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_shows_the_page(jobs: list[Job], tmp_path: Path) -> None:
    report = write_reports(jobs[0].root, jobs, REQUEST, Tally(7))
    with open_browser(tmp_path / "profile") as page:
        page.open(report)
        assert page.evaluate("document.querySelectorAll('rect').length") > 0
        assert page.problems == []
