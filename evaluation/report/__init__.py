"""The report of a run: one page that needs no network; only videos are files beside it."""

from evaluation.report.page import write_report
from evaluation.report.street_page import write_street_report

__all__ = ["write_report", "write_street_report"]
