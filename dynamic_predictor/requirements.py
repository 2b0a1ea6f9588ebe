"""What a prediction takes beside the frames: weights and memory, looked at before anything is written."""

from pathlib import Path

from core import memory
from core.errors import UserError
from core.weights import find_weights
from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.network.preprocess import PATCH, working_size
from dynamic_predictor.pairs import clip_pairs

_FLOWS = 10  # a frame, which classical.remembered keeps
_FLOW_BYTES = 4  # of a pixel: two 16-bit numbers
# Measured with 12 and 24 frames of 256x144 and 512x288; the forecast is within 11 % of each.
_MAP_BYTES = 60  # of a pixel of a frame: its image, and what is found of its motion and depth
_WORKING_BYTES = 1000  # of a pixel of the frame that is looked at


def check_effect(config: PredictorConfig) -> None:
    """That nothing is set which the chosen predictor does not look at.

    Raises:
        UserError: a setting would change nothing.
    """
    usual, leave = PredictorConfig(), "leave it out"
    if config.predictor == "classical":
        names, leave = (
            ("pretrained", "scene_graph_type", "alignment"),
            "leave it out, or choose das3r, monst3r or dust3r",
        )
        why = "--predictor classical asks no network"
        if config.user_masks is not None:
            names, why = (*names, "rounds"), f"{why}, and --user-masks are not looked for"
    else:
        names, why = ("rounds",), f"--predictor {config.predictor} looks once"
    for name in names:
        value = getattr(config, name)
        if value != getattr(usual, name):
            told = f"--{name.replace('_', '-')} {value}" if name != "alignment" else "a flag of the alignment"
            raise UserError(f"{told} would change nothing, as {why}; {leave}")


def weight_files(config: PredictorConfig) -> list[Path]:
    """The weight files that a prediction reads; none where it asks no network.

    Raises:
        UserError: those of the network are not there, or a file is named that nobody would read.
    """
    check_effect(config)
    paths: list[Path] = []
    if config.predictor != "classical":
        # Networks are large, and those who do without them do not load their code.
        from dynamic_predictor.network.checkpoints import network_weights  # noqa: PLC0415

        path = config.pretrained or network_weights(config.predictor)
        paths += [path / "model.safetensors", path / "config.json"] if path.is_dir() else [path]
    if config.flow != "dis":
        from dynamic_predictor.flow.network_flow import PUBLISHED  # noqa: PLC0415

        name = Path(PUBLISHED[config.flow].file)
        found = (find_weights(file) for file in (name.name, f"{name.stem}.safetensors"))
        paths += [path for path in found if path is not None][:1]
    return [path for path in paths if path.is_file()]


def check_requirements(config: PredictorConfig, count: int, width: int, height: int) -> None:
    """That frames can be looked at, by networks that are what they should be.

    Args:
        config: how they will be.
        count: of the frames.
        width: of the frames, in pixels.
        height: likewise.

    Raises:
        UserError: the frames or the working size are too small, a graph of pairs does not connect them, or a
            weight file is missing, damaged, or of another network.
    """
    if min(width, height) < PATCH:
        raise UserError(
            f"frames of {width}x{height} pixels are too small to be looked at; at least {PATCH} both ways "
            "were expected, so choose a larger --frame-long-side or another video"
        )
    working_size(width, height, config.long_side)
    if config.predictor != "classical":
        from dynamic_predictor.network.checkpoints import load_network, network_weights  # noqa: PLC0415

        clip_pairs(config.scene_graph_type, count)
        load_network(config.pretrained or network_weights(config.predictor))
    if config.flow != "dis":
        from dynamic_predictor.flow import make_flow  # noqa: PLC0415

        make_flow(config.flow)


def memory_notes(config: PredictorConfig, count: int, width: int, height: int) -> tuple[str, ...]:
    """How much memory a prediction without a network will take, as a sentence; networks say it themselves.

    Args:
        config: how frames will be predicted.
        count: of the frames.
        width: of the frames, in pixels.
        height: likewise.
    """
    if config.predictor != "classical":
        return ()
    needed = classical_bytes(count, *working_size(width, height, config.long_side).working)
    free = memory.available_bytes()
    told = f"expected peak memory of the prediction {memory.readable(needed)}"
    if free is None:
        return (told,)
    told = f"{told}, {memory.readable(free)} are free"
    if needed <= free:
        return (told,)
    return (f"warning: {told}; --max-frames and --long-side make it smaller",)


def classical_bytes(count: int, width: int, height: int) -> int:
    """What a prediction without a network takes of memory at its peak, roughly.

    Args:
        count: of the frames.
        width: of the working images, in pixels.
        height: likewise.
    """
    a_pixel = count * (_FLOWS * _FLOW_BYTES + _MAP_BYTES) + _WORKING_BYTES
    return memory.BASE_BYTES + width * height * a_pixel
