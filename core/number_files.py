"""Text files of numbers, a row a line, such as trajectories."""

from pathlib import Path

from core.errors import UserError
from core.files import explain


def numbers_of_lines(path: Path, columns: int) -> list[list[float]]:
    """The numbers in a text file, a row a line; lines that are empty or begin with # are left out.

    Raises:
        UserError: the file cannot be read, or a line has another number of columns.
    """
    rows: list[list[float]] = []
    for place, line in enumerate(_text(path).splitlines(), start=1):
        words = line.replace(",", " ").split()
        if not words or words[0].startswith("#"):
            continue
        try:
            rows.append([float(word) for word in words])
        except ValueError as error:
            raise UserError(f"{path}, line {place}: numbers were expected ({error})") from error
        if len(rows[-1]) != columns:
            raise UserError(f"{path}, line {place}: {columns} numbers were expected, got {len(rows[-1])}")
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise explain(error, path, "read") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text ({error}); restore the file") from error
