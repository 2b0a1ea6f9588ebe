"""Pieces of HTML that every part of the page is made of."""

from collections.abc import Mapping, Sequence

MISSING = "–"


def section(title: str, note: str, body: str) -> str:
    """A section with its heading; empty without a body."""
    return f'<section><h2>{title}</h2><p class="note">{note}</p>{body}</section>' if body else ""


def number(value: float | None, digits: int) -> str:
    """A number, or a dash for what is not known."""
    return MISSING if value is None else f"{value:.{digits}f}"


def table(columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """A table.

    Args:
        columns: over the cells; none for a table without a heading.
        rows: cells by what stands before them; HTML.
    """
    cells = "".join(f"<th>{name}</th>" for name in columns)
    head = f"<tr><th></th>{cells}</tr>" if columns else ""
    body = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for name, row in rows.items()
    )
    return f"<table>{head}{body}</table>"


def duration(seconds: float) -> str:
    """A time for people: 8.1 s, 3 min 5 s, 2 h 10 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
