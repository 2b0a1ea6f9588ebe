"""The C ABI of the library, loaded with ctypes; the structs mirror csrc/args.h field by field."""

import ctypes
import os
from ctypes import POINTER, Structure, c_double, c_float, c_int32, c_int64, c_void_p
from pathlib import Path

import torch
from torch import Tensor

ALLOCATE = ctypes.CFUNCTYPE(c_void_p, c_int32, c_int64)


def _struct(name: str, *fields: tuple[object, str]) -> type[Structure]:
    """A ctypes struct from (type, "names separated by blanks") rows."""
    flat = [(field, kind) for kind, names in fields for field in names.split()]
    return type(name, (Structure,), {"_fields_": flat})


ProjectArgs = _struct(
    "ProjectArgs",
    (c_int64, "n"),
    (c_void_p, "means quats scales opacities sh viewmat intrinsics"),
    (c_int32, "sh_stride sh_degree width height"),
    (c_float, "near_plane far_plane low_pass"),
    (c_int32, "antialiased raw threads"),
    (c_void_p, "means2d records"),
)
ProjectBackwardArgs = _struct(
    "ProjectBackwardArgs",
    (ProjectArgs, "forward"),
    (c_void_p, "grad_means2d grad_records"),
    (c_void_p, "grad_means grad_quats grad_scales grad_opacities grad_sh grad_viewmat"),
)
RasterizeArgs = _struct(
    "RasterizeArgs",
    (c_int64, "n"),
    (c_void_p, "records extras background"),
    (c_int32, "n_extras width height threads"),
    (ALLOCATE, "allocate"),
    (c_void_p, "image alpha extra_image"),
    (c_int64, "pairs evaluations"),
)
RasterizeBackwardArgs = _struct(
    "RasterizeBackwardArgs",
    (c_int64, "n"),
    (c_void_p, "visible_state pair_state extras"),
    (c_void_p, "image extra_image alpha grad_image grad_alpha grad_extra_image"),
    (c_int32, "n_extras width height threads"),
    (c_void_p, "grad_means2d grad_records grad_extras abs_gradients"),
)
StatisticsArgs = _struct(
    "StatisticsArgs",
    (c_int64, "n"),
    (c_void_p, "visible_state pair_state"),
    (c_int32, "width height threads"),
    (c_void_p, "transmittance_sum pixel_count weight_sum"),
)
PhotometricArgs = _struct(
    "PhotometricArgs",
    (c_int32, "width height threads"),
    (c_void_p, "image target moments weights"),
    (c_float, "lambda_dssim"),
    (c_void_p, "gradient"),
    (c_double, "loss"),
)
MomentsArgs = _struct("MomentsArgs", (c_int32, "width height threads"), (c_void_p, "target moments"))
AdamArgs = _struct(
    "AdamArgs",
    (c_int64, "n"),
    (c_int32, "columns active_columns split threads"),
    (c_void_p, "param grad exp_avg exp_avg_sq visible rows"),
    (c_float, "lr_first lr_rest beta1 beta2 eps correction1 correction2"),
)
HashGridArgs = _struct(
    "HashGridArgs",
    (c_int64, "n"),
    (c_void_p, "x tables resolutions offsets"),
    (c_int32, "dims levels features threads"),
    (c_void_p, "out"),
)
HashGridBackwardArgs = _struct(
    "HashGridBackwardArgs",
    (HashGridArgs, "forward"),
    (c_void_p, "grad_out grad_x grad_tables"),
    (c_void_p, "touched starts rows values"),
)
HashGridTouchedArgs = _struct("HashGridTouchedArgs", (HashGridArgs, "grid"), (c_void_p, "touched counts"))

_FUNCTIONS = {
    "project_forward": ProjectArgs,
    "project_backward": ProjectBackwardArgs,
    "rasterize_forward": RasterizeArgs,
    "rasterize_backward": RasterizeBackwardArgs,
    "gaussian_statistics": StatisticsArgs,
    "photometric": PhotometricArgs,
    "ssim_moments": MomentsArgs,
    "adam_step": AdamArgs,
    "hash_grid_forward": HashGridArgs,
    "hash_grid_backward": HashGridBackwardArgs,
    "hash_grid_touched": HashGridTouchedArgs,
}


def _load() -> ctypes.CDLL:
    built = sorted(Path(__file__).parent.glob("libsplat_kernels.*"))
    if not built:
        raise ImportError("splat_kernels has no compiled library: run pip install ./submodules/splat_kernels")
    library = ctypes.CDLL(str(built[0]))
    library.splat_level.restype = ctypes.c_char_p
    library.splat_set_level.argtypes = [ctypes.c_char_p]
    for name, struct in _FUNCTIONS.items():
        getattr(library, f"splat_{name}").argtypes = [POINTER(struct)]
    return library


library = _load()


def level() -> str:
    """The instruction level in use: "avx512", "avx2" or "scalar"."""
    return library.splat_level().decode()


def set_level(name: str) -> None:
    """Uses another instruction level from now on, in all threads.

    Args:
        name: "avx512", "avx2" or "scalar".

    Raises:
        ValueError: this processor, or this build, does not have it.
    """
    if not library.splat_set_level(name.encode()):
        raise ValueError(
            f"instruction level {name!r} is not to be had on this processor with this build; "
            f"{level()!r} is in use, 'scalar' always is"
        )


if os.environ.get("SPLAT_KERNELS_LEVEL"):
    set_level(os.environ["SPLAT_KERNELS_LEVEL"])


def pointer(tensor: Tensor | None) -> int | None:
    """Address of a contiguous CPU tensor's data."""
    return None if tensor is None else tensor.data_ptr()


def checked(name: str, tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
    """The tensor, contiguous, after a look at its device, type and shape.

    Args:
        name: of the argument, for the message.
        tensor: what came.
        shape: what it must have.
        dtype: what it must hold.

    Raises:
        ValueError: one of them is wrong.
    """
    if tensor.device.type != "cpu" or tensor.dtype != dtype or tuple(tensor.shape) != shape:
        raise ValueError(
            f"{name}: a {dtype} CPU tensor of shape {list(shape)} was expected, "
            f"got {tensor.dtype} on {tensor.device} of shape {list(tensor.shape)}"
        )
    return tensor.contiguous()


def require_memory(ok: int, what: str) -> None:
    """Raises MemoryError unless a kernel said that it had room."""
    if not ok:
        raise MemoryError(
            f"{what}: out of memory, or more than 2^31 (tile, Gaussian) pairs: "
            "use fewer Gaussians or a smaller image"
        )


def register_autograd(name: str, function: type[torch.autograd.Function]) -> None:
    """Makes a torch.autograd.Function the derivative of the op `splat_kernels::name`.

    `torch.library.register_autograd` does the same at several times the overhead a call, which a training
    step on a small scene would feel. The function's forward calls the op again within `below_autograd()`.
    """
    torch.library.impl(f"splat_kernels::{name}", "Autograd")(function.apply)


below_autograd = torch._C._AutoDispatchBelowAutograd
