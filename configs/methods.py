"""The methods of `train.py`: their flags, what runs them, their presets, and which one a source asks for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from configs import das3r_flags, dit, dynamic, predictor, static, street, street_flags, vae
from core import cli
from scene.sources import kind_of_source
from training.dynamic import DynamicConfig
from training.loop import FitResult
from training.static import StaticConfig
from training.street_config import StreetConfig
from training.train_dit import TrainDit, train_dit
from training.train_dynamic import train_dynamic
from training.train_predictor import TrainPredictor, train_predictor
from training.train_static import train_static
from training.train_street import train_street
from training.train_vae import TrainVae, train_vae
from viewer.live.page import GuiConfig, spectator_page

DEFAULT_OUTPUT = Path("output")

_SOURCE_FLAGS = ("-s", "--source-path", "--source_path", "--dir_path", "--dir-path")


@dataclass(frozen=True)
class TrainStatic:
    """Fit Gaussians to photographs with known cameras.

    `--a-b` and `--a_b` mean the same. A method, such as `static` or `dynamic`, may stand before the flags;
    without one the source decides: a capture with cameras is static, a video dynamic, a driving log a street.
    """

    source_path: Annotated[Path, cli.flag("-s")]
    """Capture: a COLMAP model, a transforms.json, or a Blender set."""
    model_path: Annotated[Path | None, cli.flag("-m")] = None
    """Run folder; output/NAME of the source by default."""
    config: StaticConfig = StaticConfig()
    """The method."""
    gui: GuiConfig = GuiConfig()
    """Who looks on."""


@dataclass(frozen=True)
class TrainDynamic:
    """Take the static scene out of a video in which things move.

    `--a-b` and `--a_b` mean the same, and DAS3R's flags are understood where they make sense. A method,
    `static` or `dynamic`, may stand before the flags; without one the source decides.
    """

    source_path: Annotated[Path, cli.flag("-s")]
    """A video, a folder of its frames, or the folder of a prediction, ours or DAS3R's."""
    model_path: Annotated[Path | None, cli.flag("-m")] = None
    """Run folder; output/NAME of the source by default."""
    config: DynamicConfig = DynamicConfig()
    """The method."""
    gui: GuiConfig = GuiConfig()
    """Who looks on."""


@dataclass(frozen=True)
class TrainStreet:
    """Learn a street in 4D from a driving log: what stands still, then what moves, without boxes.

    `--a-b` and `--a_b` mean the same, and flags of S3Gaussian and 4DHash are understood where they make
    sense.
    """

    source_path: Annotated[Path, cli.flag("-s")]
    """A driving log: of PandaSet, of Waymo as waymo_convert writes it, or your own with a street.json."""
    model_path: Annotated[Path | None, cli.flag("-m")] = None
    """Run folder; output/NAME of the source by default."""
    config: StreetConfig = StreetConfig()
    """The method."""
    gui: GuiConfig = GuiConfig()
    """Who looks on."""


class Method(NamedTuple):
    """A method of training.

    Args:
        command: the dataclass of its flags: source_path, model_path, config.
        train: takes these three; and who looks on, if the command says that.
        presets: configurations by name.
        translate: flags of other programs into its own.
        check: refuses a configuration with flags that a source leaves without effect.
        is_visible: whether it learns Gaussians, which can be looked at meanwhile.
    """

    command: type[Any]
    train: Callable[..., FitResult]
    presets: Mapping[str, Any]
    translate: Callable[[Sequence[str]], Sequence[str]] = list
    check: Callable[[Path, Any], None] = lambda *_: None
    is_visible: bool = True


METHODS: Mapping[str, Method] = {
    "static": Method(TrainStatic, train_static, static.PRESETS),
    "dynamic": Method(
        TrainDynamic, train_dynamic, dynamic.PRESETS, das3r_flags.translate, dynamic.check_effect
    ),
    "street": Method(TrainStreet, train_street, street.PRESETS, street_flags.translate),
    "predictor": Method(TrainPredictor, train_predictor, predictor.PRESETS, is_visible=False),
    "vae": Method(TrainVae, train_vae, vae.PRESETS, is_visible=False),
    "dit": Method(TrainDit, train_dit, dit.PRESETS, is_visible=False),
}


def run(words: Sequence[str], prog: str) -> int:
    """Parse a command line and train.

    Args:
        words: after the program's name; the first may be a method.
        prog: the program's name in messages.

    Returns:
        The exit code: 0, or which signal stopped the training, as a shell reports it.

    Raises:
        UserError: the command line, or what it asks for, is wrong.
    """
    name, words = choose_method(words)
    method = METHODS[name]
    presets = {preset: {"config": config} for preset, config in method.presets.items()}
    command = cli.parse(method.command, args=method.translate(words), presets=presets, prog=prog)
    source: Path = command.source_path
    name = source.stem if source.is_file() else source.absolute().name
    model_path = command.model_path or DEFAULT_OUTPUT / name
    method.check(source, command.config)
    if not method.is_visible:
        return _exit_code(method.train(source, model_path, command.config))
    with spectator_page(command.gui, model_path) as spectator:
        return _exit_code(method.train(source, model_path, command.config, spectator))


def _exit_code(result: FitResult) -> int:
    return 0 if result.stopped_by is None else 128 + result.stopped_by


def choose_method(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The method that a command line names, else the one that suits its source; and the words after it.

    Raises:
        UserError: the source is nothing that can be trained on.
    """
    if words and words[0] in METHODS:
        return words[0], words[1:]
    source = _source(words)
    if source is None:
        return "static", words  # whose parser says that the source is missing, or what the flags are
    methods = {"capture": "static", "log": "street"}
    return methods.get(kind_of_source(source), "dynamic"), words


def _source(words: Sequence[str]) -> Path | None:
    """The source that a command line names."""
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in _SOURCE_FLAGS and equals:
            return Path(value)
        if flag in _SOURCE_FLAGS and place + 1 < len(words):
            return Path(words[place + 1])
    return None
