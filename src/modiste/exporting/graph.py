"""From a trained model to an ONNX graph: pixels in, scores and features out; normalised inside, batch-norms folded, grey in one channel."""

from __future__ import annotations

import logging
import warnings
from copy import deepcopy
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d

from modiste.exporting.rejecting import Rejecting
from modiste.models.backbones import AlexNet, FirstConv2d
from modiste.models.heads import RBF
from modiste.models.variants import Classifier
from modiste.records.errors import ModisteError, missing_extra
from modiste.training.model import Model

OPSET = 20  # what onnxruntime 1.20 and later know
PIXELS, SCORES, FEATURES, STRANGENESS = "pixels", "scores", "features", "strangeness"


class Exported(nn.Module):
    """A model as it is exported: pixels uint8 (N, S, S, C) -> scores (N, K), features (N, F), and of some the strangeness (N,).

    Weights keep the names of a run's.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, model: Model) -> None:
        super().__init__()
        network = deepcopy(model.network).cpu().float().eval()
        eyes = model.eyes
        mean, std = (255 * torch.tensor(constants, dtype=torch.float64) for constants in (eyes.mean, eyes.std))
        if eyes.pixels.colour != "rgb" and len(set(eyes.mean)) == len(set(eyes.std)) == 1 and folded(network):
            mean, std = mean[:1], std[:1]
        fit_to(network, len(mean), eyes.pixels.side)
        self.backbone, self.head = network.backbone, network.head
        self.register_buffer("pixel_mean", mean.float().view(-1, 1, 1))
        self.register_buffer("pixel_std", std.float().view(-1, 1, 1))

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        pictures = pixels.permute(0, 3, 1, 2).contiguous().float()
        features = self.backbone((pictures - self.pixel_mean) / self.pixel_std)  # (N, C, S, S): one grey channel becomes three, if need be
        if isinstance(self.head, Rejecting):
            scores, strangeness = self.head.both(features)
            return scores, features, strangeness
        return self.head(features), features


def folded(network: Classifier) -> bool:
    """Let the first convolution take one channel for three equal ones, exactly; False where it is no such convolution."""
    for owner in network.modules():
        for name, conv in owner.named_children():
            if isinstance(conv, FirstConv2d):
                setattr(owner, name, of_one_channel(conv))
                return True
    return False


def of_one_channel(conv: FirstConv2d) -> nn.Conv2d:
    """The convolution that gives for one channel what `conv` gives for equal ones."""
    made = nn.Conv2d(1, conv.out_channels, 1, bias=conv.bias is not None)
    made.kernel_size, made.stride, made.padding, made.dilation = conv.kernel_size, conv.stride, conv.padding, conv.dilation
    made.weight = nn.Parameter(conv.weight.detach().sum(1, keepdim=True))
    made.bias = conv.bias
    return made


def fit_to(network: Classifier, channels: int, side: int) -> None:
    """Put what ONNX has no word for into words it has, in place: pooling to 6 x 6 from any size, and the Gaussian kernel."""
    if isinstance(network.head, RBF):
        network.head = Kernel(network.head)
    if isinstance(network.backbone, AlexNet):
        with torch.inference_mode():
            height = network.backbone.features(torch.zeros(1, channels, side, side)).shape[2]
        pool_into(network.backbone, height)


def pool_into(backbone: AlexNet, height: int) -> None:
    """Pool a map of height x height to 6 x 6 without an adaptive pool; where it is small, inside the linear layer behind the pool.

    Pooling is linear in rows and in columns, so the two layers are one: for pictures of 112 px it has a ninth of the weights.
    """
    rows = adaptive_avg_pool1d(torch.eye(height)[None], 6)[0]  # (height, 6): share of each row in each of the six
    backbone.add_module("pool_to_6", Pool(rows) if height > 6 else nn.Identity())
    if height < 6:
        wide = backbone.fc6
        weight = wide.weight.detach().double().view(wide.out_features, -1, 6, 6)
        small = torch.einsum("ocij,hi,wj->ochw", weight, rows.double(), rows.double()).flatten(1).float()
        backbone.fc6 = nn.Linear(small.shape[1], wide.out_features)
        backbone.fc6.weight, backbone.fc6.bias = nn.Parameter(small), wide.bias


class Pool(nn.Module):
    """Adaptive average pooling as two products with the share of each row, and of each column: (B, C, H, H) -> (B, C, 6, 6)."""

    rows: Tensor

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.register_buffer("rows", rows)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows.T @ x @ self.rows


class Kernel(nn.Module):
    """`RBF` with squared distances by the binomial formula: one product instead of S differences a photo."""

    norms: Tensor

    def __init__(self, head: RBF) -> None:
        super().__init__()
        for name, value in head.named_buffers():
            self.register_buffer(name, value)
        self.register_buffer("norms", (head.support.double() ** 2).sum(1).float())

    def forward(self, x: Tensor) -> Tensor:
        mean, scale, support, dual, bias, gamma = self.buffers_of_rbf()
        x = (x - mean) / scale
        squares = (x**2).sum(1, keepdim=True) + self.norms - 2 * x @ support.T
        margins: Tensor = (-gamma * squares.relu()).exp() @ dual.T + bias
        return margins

    def buffers_of_rbf(self) -> list[Tensor]:
        return [self.get_buffer(name) for name in ("mean", "scale", "support", "dual", "bias", "gamma")]


def export_graph(model: Model) -> Any:
    """The model as an ONNX ModelProto: `pixels` -> `scores`, `features`, maybe `strangeness`; the same model gives the same bytes."""
    onnx_modules()
    exported, pixels = Exported(model), model.eyes.pixels
    shape = (2, pixels.side, pixels.side, 3 if pixels.colour == "rgb" else 1)
    with warnings.catch_warnings(), torch.inference_mode(), quiet():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own ways
        program = torch.onnx.export(
            exported.eval(),
            (torch.zeros(shape, dtype=torch.uint8),),
            input_names=[PIXELS],
            output_names=[SCORES, FEATURES, *([STRANGENESS] if isinstance(exported.head, Rejecting) else [])],
            dynamic_shapes=({0: torch.export.Dim("N", min=1)},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ModisteError("torch's exporter gave no graph.")
    return cleaned(program.model_proto)


class quiet:  # noqa: N801  (a context, read as a word)
    """torch.onnx's own loggers hold their tongue while the block runs; what fails still raises."""

    def __enter__(self) -> None:
        self.loggers = {name: logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")}
        self.levels = {name: logger.level for name, logger in self.loggers.items()}
        for logger in self.loggers.values():
            logger.setLevel(logging.ERROR)

    def __exit__(self, *_raised: object) -> None:
        for name, logger in self.loggers.items():
            logger.setLevel(self.levels[name])


def cleaned(graph: Any) -> Any:
    """Without the notes of how it was made, which name files of this machine, and without shapes in between, which onnxruntime infers."""
    for holder in (graph, graph.graph, *graph.graph.node, *graph.graph.input, *graph.graph.output, *graph.graph.initializer):
        del holder.metadata_props[:]
        holder.doc_string = ""
    del graph.graph.value_info[:]
    graph.graph.name = "modiste"
    return graph


def onnx_modules() -> Any:
    """The package `onnx`, once it and torch's companion to it are known to be there."""
    for name in ("onnxscript", "onnx"):
        try:
            found = import_module(name)
        except ModuleNotFoundError as error:
            raise missing_extra(name, "export", "exporting a run") from error
    return found
