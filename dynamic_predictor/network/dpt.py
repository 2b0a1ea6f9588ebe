"""Dense prediction heads: tokens of four layers become maps, which are fused from coarse to fine.

Attribute names, camel case among them, are the published weights' names.

Source: R. Ranftl et al., Vision Transformers for Dense Prediction (ICCV 2021), sections 3 and A; S. Wang et
al., DUSt3R (CVPR 2024), for the point head; K. Xu et al., DAS3R (2024), for the mask head.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dynamic_predictor.network.enlarged_conv import EnlargedConv

POINT_CHANNELS = 4
"""x, y, z and confidence."""
_DROPOUT = 0.1


@dataclass(frozen=True)
class DptConfig:
    """Widths of a dense prediction head."""

    level_widths: tuple[int, int, int, int] = (96, 192, 384, 768)
    """Channels of the maps at 1/4, 1/8, 1/16 and 1/32 of the image."""
    features: int = 256
    """Channels of the fused maps."""
    last_width: int = 128
    """Channels of the last hidden map of the point head."""


class Conv2d(nn.Conv2d):
    """In the dtype of its weights."""

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The convolution, plus the bias."""
        return super().forward(input.to(self.weight.dtype))


class Pointwise(Conv2d):
    """A 1 x 1 convolution, as a matrix product over the pixels: their channels lie one after another."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__(width_in, width_out, 1)

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """The convolution, plus the bias."""
        pixels = input.movedim(1, -1).to(self.weight.dtype)
        return F.linear(pixels, self.weight.flatten(1), self.bias).movedim(-1, 1)


class ConvTranspose2d(nn.ConvTranspose2d):
    """In the dtype of its weights."""

    def forward(
        self, input: Float[Tensor, "B C H W"], output_size: list[int] | None = None
    ) -> Float[Tensor, "B D h w"]:
        """The transposed convolution, plus the bias."""
        return super().forward(input.to(self.weight.dtype), output_size)


class Double(nn.Module):
    """Twice the size: bilinear, corners onto corners."""

    def forward(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H2 W2"]:
        """The enlarged maps."""
        return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=True)


class ResidualUnit(nn.Module):
    """Two 3 x 3 convolutions beside the identity, each after a ReLU."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(features, features, 3, padding=1)
        self.conv2 = Conv2d(features, features, 3, padding=1)

    def forward(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """The maps, refined."""
        return maps + self.conv2(F.relu_(self.conv1(F.relu(maps))))


class FusionBlock(nn.Module):
    """The map of the coarser level and a lateral one, made one and enlarged.

    `resConfUnit1` refines the lateral map and is called from outside, since that needs no coarser level; the
    coarsest block has one in the weight files and no use for it.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.enlarge: nn.Module = Double()
        self.out_conv: nn.Module = Conv2d(features, features, 1)
        self.resConfUnit1 = ResidualUnit(features)
        self.resConfUnit2 = ResidualUnit(features)

    def forward(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H2 W2"]:
        """The sum of both maps, refined and enlarged.

        The 1 x 1 convolution comes before the enlargement: the two commute, since each enlarged pixel is a
        weighted mean, and there are four times fewer pixels.
        """
        return self.enlarge(self.out_conv(self.resConfUnit2(maps)))


class Scratch(nn.Module):
    """The maps brought to one width, and their fusion.

    `layer_rn.k` and `layer{k + 1}_rn` are one module under two names, as in the weight files.
    """

    def __init__(self, config: DptConfig) -> None:
        super().__init__()
        layers = [Conv2d(width, config.features, 3, padding=1, bias=False) for width in config.level_widths]
        self.layer1_rn, self.layer2_rn, self.layer3_rn, self.layer4_rn = layers
        self.layer_rn = nn.ModuleList(layers)
        self.refinenet1 = FusionBlock(config.features)
        self.refinenet2 = FusionBlock(config.features)
        self.refinenet3 = FusionBlock(config.features)
        self.refinenet4 = FusionBlock(config.features)


class Dpt(nn.Module):
    """The trunk that all dense heads share in kind (not in weights), with a head on top.

    Args:
        token_widths: channels of the tokens of the four layers.
        config: widths of the maps.
        head: from the fused maps at half the image's size to channels at its full size.
    """

    def __init__(
        self, token_widths: tuple[int, int, int, int], config: DptConfig, head: nn.Sequential
    ) -> None:
        super().__init__()
        narrow = [Conv2d(token_widths[k], config.level_widths[k], 1) for k in range(4)]
        widths = config.level_widths
        self.act_postprocess = nn.ModuleList(
            [
                nn.Sequential(narrow[0], ConvTranspose2d(widths[0], widths[0], 4, stride=4)),
                nn.Sequential(narrow[1], ConvTranspose2d(widths[1], widths[1], 2, stride=2)),
                nn.Sequential(narrow[2]),
                nn.Sequential(narrow[3], Conv2d(widths[3], widths[3], 3, stride=2, padding=1)),
            ]
        )
        self.scratch = Scratch(config)
        self.head = head

    def enlarge_last(self) -> None:
        """For inference: let the 3 x 3 convolutions of enlarged maps look at the maps before that.

        The 1 x 1 convolution before the first of them becomes a part of it.
        """
        fusion = self.scratch.refinenet1
        if not isinstance(fusion.out_conv, Conv2d):
            return  # that was done before
        before: Conv2d | None = fusion.out_conv
        layers: list[nn.Module] = []
        for run in _runs_between_enlargements(self.head):
            match run:
                case [Conv2d() as conv, *after]:
                    layers.append(EnlargedConv(conv, before, after))
                case _:
                    layers += [Double(), *run]
            before = None
        self.head = nn.Sequential(*layers)
        fusion.out_conv, fusion.enlarge = nn.Identity(), nn.Identity()

    def lateral(
        self, level: int, tokens: Float[Tensor, "B T _"], rows: int, columns: int
    ) -> Float[Tensor, "B C h w"]:
        """The map of one level, before it meets the others.

        Args:
            level: 0 (finest, 1/4 of the image) to 3 (coarsest, 1/32).
            tokens: of the layer that the level reads.
            rows: of patches.
            columns: of patches.
        """
        # Tokens lie channel after channel, which is what channels_last means for maps.
        maps = tokens.transpose(1, 2).unflatten(2, (rows, columns))
        maps = self.scratch.layer_rn[level](self.act_postprocess[level](maps))
        if level == 3:
            return maps
        return (self.scratch.refinenet1, self.scratch.refinenet2, self.scratch.refinenet3)[
            level
        ].resConfUnit1(maps)

    def forward(
        self,
        tokens: Sequence[Float[Tensor, "B T _"]],
        rows: int,
        columns: int,
        finest: Float[Tensor, "B C h w"] | None = None,
    ) -> Float[Tensor, "B D H W"]:
        """Channels of every pixel.

        Args:
            tokens: of the four layers.
            rows: of patches.
            columns: of patches.
            finest: `lateral(0, ...)` where it is at hand already: it depends on one image alone.
        """
        coarse, middle, fine = (self.lateral(k, tokens[k], rows, columns) for k in (3, 2, 1))
        if finest is None:
            finest = self.lateral(0, tokens[0], rows, columns)
        fused = self.scratch.refinenet4(coarse)[:, :, :rows, :columns]  # an odd number was rounded up
        fused = self.scratch.refinenet3(middle + fused)
        fused = self.scratch.refinenet2(fine + fused)
        return self.head(self.scratch.refinenet1(finest + fused))


def _runs_between_enlargements(layers: Iterable[nn.Module]) -> list[list[nn.Module]]:
    runs: list[list[nn.Module]] = [[]]
    for layer in layers:
        if isinstance(layer, Double):
            runs.append([])
        else:
            runs[-1].append(layer)
    return runs


def point_head(config: DptConfig) -> nn.Sequential:
    """Raw points and confidence."""
    half = config.features // 2
    return nn.Sequential(
        Conv2d(config.features, half, 3, padding=1),
        Double(),
        Conv2d(half, config.last_width, 3, padding=1),
        nn.ReLU(inplace=True),
        Pointwise(config.last_width, POINT_CHANNELS),
    )


def mask_head(config: DptConfig) -> nn.Sequential:
    """The logit of a pixel's being dynamic."""
    return nn.Sequential(
        Conv2d(config.features, config.features, 3, padding=1, bias=False),
        nn.Identity(),
        nn.ReLU(inplace=True),
        nn.Dropout(_DROPOUT),
        Pointwise(config.features, 1),
        Double(),
    )


class DptHead(nn.Module):
    """A dense head as the weight files name it.

    Args:
        token_widths: channels of the tokens of the four layers.
        config: widths of the maps.
        layers: which of the decoder's outputs it reads, finest map first; 0 are the encoder's tokens.
        head: from fused maps to channels.
    """

    def __init__(
        self,
        token_widths: tuple[int, int, int, int],
        config: DptConfig,
        layers: tuple[int, int, int, int],
        head: nn.Sequential,
    ) -> None:
        super().__init__()
        self.layers = layers
        self.dpt = Dpt(token_widths, config, head)

    def finest(self, tokens: Float[Tensor, "B T C"], rows: int, columns: int) -> Float[Tensor, "B F h w"]:
        """What the head makes of an image's encoder tokens alone; see `Dpt.forward`."""
        return self.dpt.lateral(0, tokens, rows, columns)

    def forward(
        self,
        levels: Sequence[Float[Tensor, "B T _"]],
        rows: int,
        columns: int,
        finest: Float[Tensor, "B F h w"] | None = None,
    ) -> Float[Tensor, "B D H W"]:
        """Channels of every pixel, in at least float32."""
        raw = self.dpt([levels[layer] for layer in self.layers], rows, columns, finest)
        return raw.to(torch.promote_types(raw.dtype, torch.float32))
