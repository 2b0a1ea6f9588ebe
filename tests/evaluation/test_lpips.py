"""LPIPS with random weights in the published layout, against the definition written out another way."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from core.errors import UserError
from core.weights import BACKBONE_FILES, FETCH_COMMAND, LINEAR_FILES, NetworkName
from evaluation.image_metrics import score
from evaluation.lpips import load_lpips
from tests.evaluation.conftest import ALEX_KERNELS, random_weights

NAMES: list[NetworkName] = ["vgg", "alex"]


def write_weights(folder: Path, name: NetworkName) -> tuple[dict, dict]:
    linear, backbone = random_weights(name)
    # The authors' files are older than torch's zip format.
    torch.save(linear, folder / LINEAR_FILES[name], _use_new_zipfile_serialization=False)
    torch.save(backbone, folder / BACKBONE_FILES[name])
    return linear, backbone


def by_definition(name: NetworkName, pair: list[torch.Tensor], linear: dict, backbone: dict) -> float:
    """The sum over layers, written from the tables of the two networks; inputs are what the network gets."""
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    if name == "vgg":
        plan = [[0, 2], ["pool", 5, 7], ["pool", 10, 12, 14], ["pool", 17, 19, 21], ["pool", 24, 26, 28]]
    else:
        plan = [[0], ["pool", 3], ["pool", 6], [8], [10]]
    x = [((image - shift) / scale).permute(2, 0, 1)[None] for image in pair]
    total = 0.0
    for stage, steps in enumerate(plan):
        for step in steps:
            if step == "pool":
                x = [F.max_pool2d(y, 2 if name == "vgg" else 3, 2) for y in x]
                continue
            side = 3 if name == "vgg" else ALEX_KERNELS[step]
            stride, padding = (4, 2) if side == 11 else (1, side // 2)
            weight, bias = backbone[f"features.{step}.weight"], backbone[f"features.{step}.bias"]
            x = [F.conv2d(y, weight, bias, stride, padding).relu() for y in x]
        ours, truth = (F.normalize(y, dim=1) for y in x)
        per_pixel = F.conv2d((ours - truth) ** 2, linear[f"lin{stage}.model.1.weight"])
        total += float(per_pixel.mean())
    return total


def pair(height: int = 37, width: int = 50) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return list(torch.rand(2, height, width, 3, generator=generator))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("like_inria", [True, False])
def test_lpips_is_its_definition(weight_folder: Path, name: NetworkName, like_inria: bool) -> None:
    linear, backbone = write_weights(weight_folder, name)
    metric = load_lpips(name, like_inria)
    assert metric is not None
    image, target = pair()
    fed = [image, target] if like_inria else [2 * image - 1, 2 * target - 1]
    assert metric(image, target) == pytest.approx(by_definition(name, fed, linear, backbone), rel=1e-4)
    assert metric(image, target) == pytest.approx(metric(target, image), rel=1e-5)
    assert metric(image, image) == 0


@pytest.mark.parametrize("name", NAMES)
def test_smallest_side_is_the_smallest_that_works(weight_folder: Path, name: NetworkName) -> None:
    write_weights(weight_folder, name)
    metric = load_lpips(name)
    assert metric is not None
    side = metric.smallest_side
    assert metric(*pair(side, side)) > 0
    with pytest.raises(RuntimeError):
        metric(*pair(side - 1, side))
    small = torch.zeros(side - 1, side, 3, dtype=torch.uint8)
    assert score(small, small, metric).lpips is None
    large = torch.zeros(side, side, 3, dtype=torch.uint8)
    assert score(large, large, metric).lpips == 0


def test_without_both_files_there_is_no_metric(weight_folder: Path) -> None:
    assert load_lpips("vgg") is None
    write_weights(weight_folder, "vgg")
    (weight_folder / LINEAR_FILES["vgg"]).unlink()
    assert load_lpips("vgg") is None


def test_files_in_torch_hub_s_folder_are_found(weight_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (weight_folder / "no hub" / "hub" / "checkpoints").mkdir(parents=True)
    write_weights(weight_folder / "no hub" / "hub" / "checkpoints", "alex")
    monkeypatch.delenv("SPLATWORKS_WEIGHTS")
    assert load_lpips("alex") is not None


class Trap:
    """Runs code when a careless reader unpickles it."""

    def __reduce__(self) -> tuple:
        return (exec, ("raise SystemExit('code of the file was run')",))


@pytest.mark.parametrize(
    "content",
    [{}, {"lin0.model.1.weight": torch.zeros(1, 3, 1, 1)}, [1, 2], {"lin0.model.1.weight": Trap()}, None],
)
def test_files_that_hold_something_else_are_told(weight_folder: Path, content: object) -> None:
    write_weights(weight_folder, "alex")
    path = weight_folder / LINEAR_FILES["alex"]
    if content is None:
        path.write_bytes(path.read_bytes()[:100])
    else:
        torch.save(content, path)
    with pytest.raises(UserError, match=rf"alex\.pth.*{FETCH_COMMAND}"):
        load_lpips("alex")


def test_the_distance_has_a_derivative_even_where_nothing_is_seen(weight_folder: Path) -> None:
    """Against central differences; and of black images, all of whose features may be zero."""
    write_weights(weight_folder, "alex")
    metric = load_lpips("alex", like_inria=False)
    assert metric is not None
    metric = metric.double()
    image, target = (each.double() for each in pair())
    image.requires_grad_()
    metric.distance(image, target).backward()
    direction = torch.randn(image.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ahead, behind = (metric.distance(image + s * direction, target) for s in (1e-5, -1e-5))
    assert image.grad is not None
    assert (image.grad * direction).sum() == pytest.approx(float(ahead - behind) / 2e-5, rel=1e-3)
    for layer in metric.features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.constant_(layer.bias, -1e3)
    image.grad = None
    metric.distance(image, target).backward()
    assert image.grad.isfinite().all()
