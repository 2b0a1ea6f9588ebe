"""The network: an encoder that looks at one image, a decoder that looks at two, dense heads that read both.

One class for DUSt3R and MonST3R (points and confidences) and DAS3R (and what moves). Module names are those
of the published weight files.

Source: S. Wang et al., DUSt3R (CVPR 2024), section 3; J. Zhang et al., MonST3R (ICLR 2025); K. Xu et al.,
DAS3R (2024).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dynamic_predictor.network.blocks import (
    DecoderBlock,
    EncoderBlock,
    LayerNorm,
    Linear,
    PatchEmbedding,
)
from dynamic_predictor.network.dpt import DptConfig, DptHead, mask_head, point_head
from dynamic_predictor.network.linear_head import LinearHead
from dynamic_predictor.network.postprocess import DepthMode, RangeRule, points
from dynamic_predictor.network.rope import Rotary, patch_positions, rotary

HeadName = Literal["dpt", "linear"]
MaskSides = Literal["both", "first", "none"]


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network; the defaults are those of all published weights."""

    encoder_width: int = 1024
    """Channels of an encoder token."""
    encoder_depth: int = 24
    """Encoder blocks."""
    encoder_heads: int = 16
    """Attention heads of the encoder."""
    decoder_width: int = 768
    """Channels of a decoder token."""
    decoder_depth: int = 12
    """Decoder blocks for each of the two images."""
    decoder_heads: int = 12
    """Attention heads of the decoder."""
    mlp_ratio: int = 4
    """Hidden width of an MLP over the width of a token."""
    patch: int = 16
    """Side of a patch in pixels."""
    head: HeadName = "dpt"
    """dpt, or linear as in DUSt3R's first weights."""
    dynamic_heads: bool = True
    """Whether there are heads that say what moves."""
    dpt: DptConfig = field(default_factory=DptConfig)
    """Widths of the dense heads."""
    depth_mode: DepthMode = "exp"
    """From the norm of a raw point to its distance."""
    confidence: RangeRule = field(default_factory=RangeRule)
    """From the raw confidence to one of at least 1."""
    dynamic: RangeRule = field(default_factory=lambda: RangeRule("sigmoid", 0.0, 1.0))
    """From the raw logit to a probability."""

    @property
    def dpt_layers(self) -> tuple[int, int, int, int]:
        """Which of the decoder's outputs the dense heads read; 0 are the encoder's tokens."""
        depth = self.decoder_depth
        return 0, depth // 2, depth * 3 // 4, depth


@dataclass(frozen=True)
class EncodedImages:
    """What the encoder, and the parts of the heads that need no second image, made of images of one size.

    Args:
        tokens: of the patches, row by row.
        rows: of patches.
        columns: of patches.
        laterals: by head, its finest map; empty where it has not been computed yet.
    """

    tokens: Float[Tensor, "B T C"]
    rows: int
    columns: int
    laterals: dict[str, Float[Tensor, "B F h w"]] = field(default_factory=dict)


@dataclass(frozen=True)
class PairPrediction:
    """What the network says of B pairs of images; both images' points are in the first one's camera.

    Args:
        pts3d_1: points of the first image's pixels.
        conf_1: their confidences, at least 1.
        dynamic_1: probabilities that they move; None if the network has no such heads or was not asked.
        pts3d_2: points of the second image's pixels, in the first one's camera.
        conf_2: as `conf_1`.
        dynamic_2: as `dynamic_1`.
    """

    pts3d_1: Float[Tensor, "B H1 W1 3"]
    conf_1: Float[Tensor, "B H1 W1"]
    dynamic_1: Float[Tensor, "B H1 W1"] | None
    pts3d_2: Float[Tensor, "B H2 W2 3"]
    conf_2: Float[Tensor, "B H2 W2"]
    dynamic_2: Float[Tensor, "B H2 W2"] | None

    def pair(self, index: int) -> "PairPrediction":
        """One of the pairs, as a batch of one."""
        return self._map(lambda tensor: tensor[index : index + 1])

    def to(self, target: torch.dtype | torch.device) -> "PairPrediction":
        """In another dtype, clamped to what it can hold, or on another device."""
        if isinstance(target, torch.device):
            return self._map(lambda tensor: tensor.to(target))
        limit = torch.finfo(target).max
        return self._map(lambda tensor: tensor.clamp(-limit, limit).to(target))

    def _map(self, change: Callable[[Tensor], Tensor]) -> "PairPrediction":
        return PairPrediction(
            change(self.pts3d_1),
            change(self.conf_1),
            None if self.dynamic_1 is None else change(self.dynamic_1),
            change(self.pts3d_2),
            change(self.conf_2),
            None if self.dynamic_2 is None else change(self.dynamic_2),
        )


class Network(nn.Module):
    """Points, confidences and moving things of pairs of images.

    Images are [-1, 1] in RGB; their sides are multiples of the patch, and the two images may differ in size.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width, depth, heads = config.decoder_width, config.decoder_depth, config.decoder_heads
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))  # in every weight file, of use to none
        self.patch_embed = PatchEmbedding(config.encoder_width, config.patch)
        self.enc_blocks = nn.ModuleList(
            EncoderBlock(config.encoder_width, config.encoder_heads, config.mlp_ratio)
            for _ in range(config.encoder_depth)
        )
        self.enc_norm = LayerNorm(config.encoder_width)
        self.decoder_embed = Linear(config.encoder_width, width)
        self.dec_blocks = nn.ModuleList(DecoderBlock(width, heads, config.mlp_ratio) for _ in range(depth))
        self.dec_blocks2 = nn.ModuleList(DecoderBlock(width, heads, config.mlp_ratio) for _ in range(depth))
        self.dec_norm = LayerNorm(width)
        self.downstream_head1 = self._point_head()
        self.downstream_head2 = self._point_head()
        if config.dynamic_heads:
            self.downstream_head_dynamic_mask1 = self._dense_head(mask_head(config.dpt))
            self.downstream_head_dynamic_mask2 = self._dense_head(mask_head(config.dpt))

    def _point_head(self) -> DptHead | LinearHead:
        if self.config.head == "linear":
            return LinearHead(self.config.decoder_width, self.config.patch)
        return self._dense_head(point_head(self.config.dpt))

    def _dense_head(self, head: nn.Sequential) -> DptHead:
        width = self.config.decoder_width
        return DptHead(
            (self.config.encoder_width, width, width, width), self.config.dpt, self.config.dpt_layers, head
        )

    def encode(self, images: Float[Tensor, "B 3 H W"]) -> EncodedImages:
        """Each image by itself.

        Raises:
            ValueError: a side is no multiple of the patch.
        """
        height, width = images.shape[-2:]
        patch = self.config.patch
        if height % patch or width % patch:
            raise ValueError(f"an image of {width}x{height} pixels: sides must be multiples of {patch}")
        rows, columns = height // patch, width // patch
        tokens = self.patch_embed(images)
        places = _places(rows, columns, self.config.encoder_width // self.config.encoder_heads, tokens)
        for block in self.enc_blocks:
            tokens = block(tokens, places)
        return EncodedImages(self.enc_norm(tokens), rows, columns)

    def decode(
        self, first: EncodedImages, second: EncodedImages
    ) -> tuple[list[Float[Tensor, "B T1 _"]], list[Float[Tensor, "B T2 _"]]]:
        """Tokens of both images at every layer, in the light of each other.

        Returns:
            For each image: the encoder's tokens, then the output of each layer, the last one normalised.
        """
        head_dim = self.config.decoder_width // self.config.decoder_heads
        places_1 = _places(first.rows, first.columns, head_dim, first.tokens)
        places_2 = _places(second.rows, second.columns, head_dim, second.tokens)
        levels_1, levels_2 = [first.tokens], [second.tokens]
        x1, x2 = (
            _at_least_float32(self.decoder_embed(first.tokens)),
            _at_least_float32(self.decoder_embed(second.tokens)),
        )
        for block_1, block_2 in zip(self.dec_blocks, self.dec_blocks2, strict=True):
            x1, x2 = block_1(x1, x2, places_1, places_2), block_2(x2, x1, places_2, places_1)
            levels_1.append(x1)
            levels_2.append(x2)
        levels_1[-1], levels_2[-1] = self.dec_norm(levels_1[-1]), self.dec_norm(levels_2[-1])
        return levels_1, levels_2

    def with_laterals(self, images: EncodedImages, heads: tuple[str, ...]) -> EncodedImages:
        """The same, with the finest maps of the named heads, for images that take part in many pairs."""
        laterals = {
            name: self._head(name).finest(images.tokens, images.rows, images.columns) for name in heads
        }
        return EncodedImages(images.tokens, images.rows, images.columns, laterals)

    def dense_heads(self, dynamic: MaskSides = "both") -> tuple[str, ...]:
        """Names of the heads of dense maps that `decode_pairs` will call."""
        names = ("downstream_head1", "downstream_head2") if self.config.head == "dpt" else ()
        return names + self._mask_heads(dynamic)

    def decode_pairs(
        self, first: EncodedImages, second: EncodedImages, dynamic: MaskSides = "both"
    ) -> PairPrediction:
        """Points, confidences and moving things of B pairs: image b of `first` with image b of `second`.

        Args:
            first: the images in whose cameras the points are.
            second: their partners.
            dynamic: of which image moving things are asked for. Nothing is, if the network has no such heads.
        """
        levels_1, levels_2 = self.decode(first, second)
        masks = self._mask_heads(dynamic)
        pts3d_1, conf_1 = self._points(self._read("downstream_head1", levels_1, first))
        pts3d_2, conf_2 = self._points(self._read("downstream_head2", levels_2, second))
        dynamic_1 = self._dynamic(self._read(masks[0], levels_1, first)) if masks else None
        dynamic_2 = self._dynamic(self._read(masks[1], levels_2, second)) if len(masks) > 1 else None
        return PairPrediction(pts3d_1, conf_1, dynamic_1, pts3d_2, conf_2, dynamic_2)

    def forward(
        self, first: Float[Tensor, "B 3 H1 W1"], second: Float[Tensor, "B 3 H2 W2"]
    ) -> PairPrediction:
        """From images; `encode` and `decode_pairs` serve better where an image has several partners."""
        return self.decode_pairs(self.encode(first), self.encode(second))

    def _head(self, name: str) -> DptHead:
        head = getattr(self, name)
        if not isinstance(head, DptHead):
            raise TypeError(f"{name} is a {type(head).__name__}, which has no maps")
        return head

    def _mask_heads(self, dynamic: MaskSides) -> tuple[str, ...]:
        sides = {"both": 2, "first": 1, "none": 0}[dynamic] if self.config.dynamic_heads else 0
        return ("downstream_head_dynamic_mask1", "downstream_head_dynamic_mask2")[:sides]

    def _read(
        self, name: str, levels: list[Float[Tensor, "B T _"]], images: EncodedImages
    ) -> Float[Tensor, "B D H W"]:
        head = getattr(self, name)
        if isinstance(head, LinearHead):
            return head(levels, images.rows, images.columns)
        return head(levels, images.rows, images.columns, images.laterals.get(name))

    def _points(
        self, raw: Float[Tensor, "B 4 H W"]
    ) -> tuple[Float[Tensor, "B H W 3"], Float[Tensor, "B H W"]]:
        return points(raw[:, :3], self.config.depth_mode), self.config.confidence.apply(raw[:, 3])

    def _dynamic(self, raw: Float[Tensor, "B 1 H W"]) -> Float[Tensor, "B H W"]:
        return self.config.dynamic.apply(raw[:, 0])


def _places(rows: int, columns: int, head_dim: int, like: Tensor) -> Rotary:
    dtype = torch.promote_types(like.dtype, torch.float32)
    return rotary(patch_positions(rows, columns, like.device), head_dim, dtype)


def _at_least_float32(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return x.to(torch.promote_types(x.dtype, torch.float32))
