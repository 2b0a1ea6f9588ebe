"""Which engine a command asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bulk.engines import Engine
from bulk.engines.devices import reserved
from bulk.engines.local import LocalEngine
from bulk.engines.on_ray import RayEngine
from bulk.engines.on_slurm import SlurmEngine, SlurmOptions
from bulk.states import HOME

_SLURM_WORKERS = 64


@dataclass(frozen=True)
class EngineOptions:
    """Where the work is done."""

    engine: Literal["local", "ray", "slurm"] = "local"
    """Processes of this machine, tasks of a Ray cluster, or jobs of Slurm."""
    max_workers: int | None = None
    """Jobs at a time; by default one for each idle GPU, else for each two cores; slurm: 64. More than there
    are idle GPUs share the cores without one."""
    excluded_gpus: tuple[int, ...] = ()
    """GPUs of this machine to leave alone, as nvidia-smi numbers them; only for local. So are those that
    CUDA_VISIBLE_DEVICES leaves out."""
    jobs_per_gpu: int = 1
    """Jobs that share a GPU; for local and ray."""
    ray_address: str | None = None
    """Of a Ray cluster: auto, HOST:PORT or ray://HOST:PORT; one on this machine by default."""
    gpus_per_job: int = 0
    """GPUs that a job asks Ray or Slurm for; with several `jobs_per_gpu` Ray counts each as a part of one."""
    cpus_per_job: int = 2
    """Cores that a job asks Ray or Slurm for."""
    slurm: SlurmOptions = SlurmOptions()
    """Of Slurm alone."""

    def __post_init__(self) -> None:
        if self.max_workers is not None and self.max_workers < 1:
            raise ValueError(f"max_workers: at least 1 was expected, got {self.max_workers}")
        if self.jobs_per_gpu < 1 or self.gpus_per_job < 0 or self.cpus_per_job < 1:
            raise ValueError(
                "jobs_per_gpu and cpus_per_job: at least 1 was expected, of gpus_per_job at least 0"
            )


@contextmanager
def open_engine(options: EngineOptions, root: Path) -> Iterator[Engine]:
    """The engine, with what it holds for as long as the block lasts.

    Args:
        options: which.
        root: the folder of the data set.

    Raises:
        UserError: it cannot be had: no cluster answers, a package is missing.
    """
    if options.engine == "ray":
        gpus = options.gpus_per_job / options.jobs_per_gpu
        yield RayEngine(options.ray_address, options.max_workers, gpus, float(options.cpus_per_job))
    elif options.engine == "slurm":
        workers = options.max_workers or _SLURM_WORKERS
        folder = root / HOME / "slurm"
        yield SlurmEngine(folder, workers, options.gpus_per_job, options.cpus_per_job, options.slurm)
    else:
        with reserved(options.max_workers, options.excluded_gpus, options.jobs_per_gpu) as devices:
            yield LocalEngine(devices)
