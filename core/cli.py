"""How every command line of the project parses and fails: frozen dataclass in, exit code out.

    @dataclass(frozen=True)
    class RenderCommand:
        '''Render a trained run.'''

        model: Annotated[Path, flag("-m", "--model-path")]
        '''The run folder.'''

    def main(args: Sequence[str] | None = None) -> int:
        return cli.run(render, RenderCommand, args=args)

Fields of nested dataclasses become flags without a prefix (`--images`, not `--capture.images`); hyphens and
underscores in flags are the same; `--preset NAME` chooses defaults before the other flags apply.
"""

import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import tyro

from core.errors import UserError
from core.files import explain

ConfigT = TypeVar("ConfigT")
Presets = Mapping[str, Mapping[str, object]]
"""For each preset's name, the fields of the command that differ from their defaults."""

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 128 + 2  # what a shell reports for SIGINT
EXIT_BROKEN_PIPE = 128 + 13  # what a shell reports for SIGPIPE

# Whatever library was writing: a full or read-only disk is the user's to mend.
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def flag(*aliases: str, name: str | None = None) -> Any:
    """Further spellings of a field's flag, for `Annotated[...]`.

    Args:
        aliases: whole flags, such as `"-s"` or `"--source-path"`.
        name: what the flag is called when the field's own name does not suit, without hyphens in front.
    """
    return tyro.conf.arg(aliases=aliases or None, name=name)


def run(
    function: Callable[[ConfigT], object],
    config_type: type[ConfigT],
    *,
    args: Sequence[str] | None = None,
    presets: Presets | None = None,
    description: str | None = None,
    prog: str | None = None,
) -> int:
    """Parse the command line and call `function` with it.

    Args:
        function: takes the parsed command; an integer it returns is the exit code.
        config_type: the command, a dataclass whose fields carry docstrings.
        args: the words after the program's name; those of the process by default.
        presets: see `parse`.
        description: first lines of `--help`; the dataclass's docstring by default.
        prog: the program's name in messages; the script's file name by default.

    Returns:
        As `exit_code`.
    """

    def parsed() -> object:
        return function(parse(config_type, args=args, presets=presets, description=description, prog=prog))

    return exit_code(parsed)


def exit_code(command: Callable[[], object]) -> int:
    """Run a command and turn what goes wrong into an exit code.

    Args:
        command: takes nothing; an integer it returns is the exit code.

    Returns:
        0; 2 after a mistake the user can mend, told in one sentence on stderr; 130 after Ctrl-C; 141 when the
        reader of stdout went away. Anything else is a defect of ours and raises.
    """
    try:
        result = command()
        sys.stdout.flush()
    except UserError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more at exit; without a place to go that would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        return _fail(str(explain(error, Path(error.filename or "the output"))))
    return result if isinstance(result, int) else 0


def parse(
    config_type: type[ConfigT],
    *,
    args: Sequence[str] | None = None,
    presets: Presets | None = None,
    description: str | None = None,
    prog: str | None = None,
) -> ConfigT:
    """The command that `args` describe. `--help` prints to stdout and exits with 0.

    Args:
        config_type: the command, a dataclass.
        args: the words after the program's name; those of the process by default.
        presets: for each name that `--preset` takes, the fields that differ from their defaults.
        description: first lines of `--help`; the dataclass's docstring by default.
        prog: the program's name in messages; the script's file name by default.

    Raises:
        UserError: a flag or value is unknown, or one that is required is missing.
    """
    words = list(sys.argv[1:] if args is None else args)
    prog = Path(sys.argv[0]).name if prog is None else prog
    description = (config_type.__doc__ or "").strip() if description is None else description
    overrides: Mapping[str, object] = {}
    if presets:
        overrides, words = _take_preset(words, presets)
        names = ", ".join(presets)
        description += f"\n\nPresets, chosen by --preset NAME before the other flags apply: {names}."
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                config_type,
                args=words,
                default=_with_defaults(config_type, overrides),
                description=description,
                prog=prog,
                config=(tyro.conf.OmitArgPrefixes,),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UserError(f"{_sentence(complaint.getvalue())}; see {prog} --help") from None


def _fail(message: str) -> int:
    print("error: " + " ".join(message.splitlines()), file=sys.stderr)
    return EXIT_USER_ERROR


def _take_preset(words: list[str], presets: Presets) -> tuple[Mapping[str, object], list[str]]:
    """The fields that the last `--preset` in `words` sets, and the words without it."""
    overrides: Mapping[str, object] = {}
    rest: list[str] = []
    remaining = iter(words)
    for word in remaining:
        if word == "--preset" or word.startswith("--preset="):
            chosen = word.partition("=")[2] or next(remaining, "")
            if chosen not in presets:
                names = ", ".join(presets)
                raise UserError(f"--preset {chosen or 'without a name'}: one of {names} was expected")
            overrides = presets[chosen]
        else:
            rest.append(word)
    return overrides, rest


def _with_defaults(config_type: type[ConfigT], overrides: Mapping[str, object]) -> ConfigT:
    """An instance that serves tyro as the defaults: required fields hold a mark that keeps them required."""
    # Not through __init__: a check in __post_init__ is not meant for the mark.
    instance = object.__new__(config_type)
    unknown = set(overrides)
    for field in fields(config_type):  # pyright: ignore[reportArgumentType]
        unknown.discard(field.name)
        if field.name in overrides:
            value = overrides[field.name]
        elif field.default is not MISSING:
            value = field.default
        elif field.default_factory is not MISSING:
            value = field.default_factory()
        else:
            value = tyro.MISSING
        object.__setattr__(instance, field.name, value)
    if unknown:
        raise ValueError(f"a preset sets {sorted(unknown)}, which {config_type.__name__} does not have")
    return instance


def _sentence(box: str) -> str:
    """What tyro's box says, without its frame and title, the help of the arguments and the footer."""
    sections: list[list[str]] = [[]]
    for line in box.splitlines():
        text = re.sub(r"^(│ |  )", "", line).rstrip(" │")
        if re.fullmatch(r"[╭╰].*|\s*[─-]{4,}", text):  # the frame, or a rule where the terminal has no frames
            sections.append([])
        elif len(text) - len(text.lstrip()) <= 4:  # deeper lines are help of the arguments named above them
            sections[-1].append(text.strip())
    told = [" ".join(section).strip() for section in sections[1:] if section]
    if not told:
        return "this command line cannot be read"
    meant = next((section for section in told if section.startswith("Perhaps you meant:")), None)
    return told[0].rstrip(".") + (f" ({meant[0].lower()}{meant[1:]})" if meant else "")
