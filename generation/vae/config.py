"""What a HexPlane VAE looks like."""

from dataclasses import dataclass

from generation.rollout import AXES, PLANES, LatentSize

_LEAST = {
    **dict.fromkeys(("num_classes", "frames", "latent_channels", "query_channels", "transformer_depth"), 1),
    **dict.fromkeys(("heads", "mlp_channels", "hidden_low", "hidden_high"), 1),
    "pe_freq": 0,
}
"""Numbers that a field may not go below."""


@dataclass(frozen=True)
class HexplaneVaeConfig:
    """Sizes of the network; the defaults are those published for CarlaSC."""

    num_classes: int = 12
    """Classes of voxels, free space among them."""
    frames: int = 16
    """Frames of a sequence (T); shorter ones pass too, if `hex_down_t` divides them."""
    spatial_size: tuple[int, int, int] = (128, 128, 8)
    """Voxels of a frame (X, Y, Z); smaller ones pass too."""
    latent_channels: int = 16
    """Of each plane, and of the encoder."""
    query_channels: int = 64
    """Of each plane inside the decoder."""
    down: tuple[int, int, int] = (1, 1, 1)
    """Halvings of x, y, z in the frame encoders, undone by the voxel decoder."""
    hex_down_t: int = 1
    """Further halvings of time, in the planes that have time."""
    hex_down: tuple[int, int, int] = (0, 0, 0)
    """Further halvings of x, y, z in the planes."""
    separate_t_encoder: bool = True
    """A frame encoder of its own for the planes that have time."""
    one_hot_time: bool = True
    """That encoder is told which frame it sees. The norm after a halving takes this away again: the published
    network has these channels, but unless `down` is (0, 0, 0) they change nothing."""
    separate_t_reducer: bool = True
    """Take time out first, and the spatial planes from what is left; otherwise each from the whole volume."""
    transformer_depth: int = 2
    """Layers of a reducer."""
    heads: int = 2
    """Of a reducer's attention."""
    mlp_channels: int = 32
    """Hidden channels of a reducer's layers."""
    dropout: float = 0.1
    """Inside the reducers, in training."""
    hadamard: bool = True
    """Multiply the six planes; otherwise add them."""
    pe_freq: int = 3
    """Octaves of the positional encoding at full resolution."""
    hidden_low: int = 128
    """Channels of the voxel decoder at the planes' resolution."""
    hidden_high: int = 32
    """Channels of the voxel decoder at full resolution."""

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name}: at least {least} was expected, got {getattr(self, name)}")
        if min(self.spatial_size) < 1 or min(*self.down, *self.hex_down, self.hex_down_t) < 0:
            raise ValueError(
                f"spatial_size {self.spatial_size}, down {self.down}, hex_down {self.hex_down}, hex_down_t "
                f"{self.hex_down_t}: sizes from 1 and halvings from 0 on were expected"
            )
        if self.latent_channels % self.heads:
            raise ValueError(f"heads: {self.heads} do not divide {self.latent_channels} latent_channels")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: a share from 0 to below 1 was expected, got {self.dropout}")
        sizes = (self.frames, *self.spatial_size)
        halvings = (self.hex_down_t, *(a + b for a, b in zip(self.down, self.hex_down, strict=True)))
        for axis, size, halved in zip(AXES, sizes, halvings, strict=True):
            if size % 2**halved:
                raise ValueError(f"{size} along {axis} cannot be halved {halved} times")

    @property
    def volume(self) -> dict[str, int]:
        """Length of each axis where the reducers see it."""
        x, y, z = (size >> halvings for size, halvings in zip(self.spatial_size, self.down, strict=True))
        return {"t": self.frames, "x": x, "y": y, "z": z}

    @property
    def latent_size(self) -> tuple[int, int, int, int]:
        """Length of t, x, y, z in the planes, of a whole sequence."""
        volume = self.volume
        t, x, y, z = (volume[axis] >> self.plane_halvings(axis) for axis in AXES)
        return t, x, y, z

    def plane_halvings(self, axis: str) -> int:
        """How often an axis is halved between the reducers and the planes."""
        return {"t": self.hex_down_t, **dict(zip("xyz", self.hex_down, strict=True))}[axis]

    def plane_sizes(self) -> dict[str, tuple[int, int]]:
        """Height and width of each plane, of a whole sequence."""
        size = LatentSize(*self.latent_size)
        return {plane: size.plane_shape(plane) for plane in PLANES}
