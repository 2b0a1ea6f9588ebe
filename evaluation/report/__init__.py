"""The report of a run: one page that needs no network and no other file."""

from evaluation.report.page import write_report

__all__ = ["write_report"]
