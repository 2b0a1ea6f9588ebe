"""`python -m generation.sample --vae WEIGHTS --dit WEIGHTS -o OUT`: new scenes from two checkpoints alone."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core import cli
from core.devices import best_device
from core.files import make_folder
from core.progress import Progress, say
from generation.diffusion import SamplingConfig
from generation.dit.checkpoints import load_dit
from generation.precision import Precision
from generation.scene_artist import Drawn, SceneArtist
from generation.scene_sampler import SceneSampler
from generation.vae.checkpoints import load_vae
from generation.wishes import Wishes
from scene.occupancy.files import write_legacy, write_occupancy


@dataclass(frozen=True)
class SampleCommand:
    """Draw new scenes: OUT/00000.npz and so on, which `python -m scene.occupancy.look` and the viewer show.

    A sample depends on the seed, its number and what is asked of it, not on how many there are.
    """

    vae: Path
    """Weights of the autoencoder: ours, or a published .ckpt."""
    dit: Path
    """Weights of the transformer that was trained on its latents."""
    output: Annotated[Path, cli.flag("-o")]
    """Folder of the scenes."""
    num_samples: Annotated[int, cli.flag("-n")] = 16
    """Scenes."""
    seed: int = 0
    """Of all scenes; not negative."""
    batch_size: int = 8
    """Scenes drawn together."""
    wishes: Wishes = Wishes()
    """What is asked of the scenes."""
    sampling: SamplingConfig = SamplingConfig()
    """How they are drawn."""
    precision: Precision = "float32"
    """What layers compute in."""
    legacy: bool = False
    """Also write raw volumes as DynamicCity does: OUT/NUMBER/FRAME.npy, which are no NumPy files."""

    def __post_init__(self) -> None:
        if self.num_samples < 1 or self.batch_size < 1 or self.seed < 0:
            raise ValueError(
                f"num_samples {self.num_samples}, batch_size {self.batch_size}, seed {self.seed}: numbers "
                "from 1, 1 and 0 on were expected"
            )


def sample_scenes(command: SampleCommand) -> None:
    """Draw scenes and write them; those that are there already are drawn anew.

    Raises:
        UserError: weights or conditions cannot be read or do not go together, or a file cannot be written.
    """
    device = best_device()
    vae = load_vae(command.vae)
    dit = load_dit(command.dit, vae.fingerprint)
    vae.network.to(device)
    dit.model.to(device)
    artist = SceneArtist(
        SceneSampler(vae, dit, command.sampling, command.precision), command.wishes, command.seed
    )
    count = artist.count(command.num_samples)
    make_folder(command.output)
    with Progress(-(-count // command.batch_size) * command.wishes.clips, label="clips drawn") as bar:
        for first in range(0, count, command.batch_size):
            numbers = range(first, min(first + command.batch_size, count))
            for drawn in artist.draw(numbers, bar.advance):
                _write(command, drawn)
    say(f"{count} scenes are in {command.output}")


def _write(command: SampleCommand, drawn: Drawn) -> None:
    facts = {
        **drawn.facts,
        "seed": command.seed,
        "number": drawn.number,
        "sampler": command.sampling.sampler,
        "steps": command.sampling.steps,
        "guidance": command.sampling.guidance,
        "vae": command.vae.name,
        "dit": command.dit.name,
    }
    write_occupancy(command.output / f"{drawn.number:05d}.npz", drawn.scene, facts)
    if command.legacy:
        write_legacy(command.output / f"{drawn.number:05d}", drawn.scene)


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(sample_scenes, SampleCommand, args=args, prog="python -m generation.sample")


if __name__ == "__main__":
    sys.exit(main())
