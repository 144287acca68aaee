"""The networks of the paper's Table 7, and how any network is built, counted and stored."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise, takewhile

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import BasicBlock

from modiste.models.attention import ATTENTION
from modiste.models.backbones import BACKBONES
from modiste.models.heads import HEADS, RBF
from modiste.models.weights import loader
from modiste.records.errors import ModisteError, unknown
from modiste.records.recipe import Network


class Classifier(nn.Module):
    """A backbone and a head: pictures (B, C, S, S) -> scores (B, K).

    What is frozen (convolutions and batch-norm) stays so in training mode; attention and linear layers learn.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, frozen: bool) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.still = [*still_modules(backbone)] if frozen else []
        for module in self.still:
            module.requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        scores: Tensor = self.head(self.backbone(pictures))
        return scores

    def stages(self) -> list[nn.Module]:
        """What a picture goes through, in order, the head included."""
        found: list[nn.Module] = [*self.backbone.stages(), self.head]  # type: ignore[operator]
        return found

    def train(self, mode: bool = True) -> Classifier:
        super().train(mode)
        for module in self.still:
            module.eval()
        return self


def still_modules(backbone: nn.Module, inside_attention: bool = False) -> list[nn.Module]:
    """Convolutions and batch-norms that are not part of attention: what "all convolutional layers frozen" freezes (decision 0009)."""
    found: list[nn.Module] = []
    for name, module in backbone.named_children():
        in_attention = inside_attention or name.startswith("attention")
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d) and not in_attention:
            found.append(module)
        found += still_modules(module, in_attention)
    return found


def still_part(classifier: Classifier) -> nn.Sequential:
    """The network's first stages, which give the same for a picture in every epoch; empty where the first convolution learns.

    A stage stands still when none of its weights learns and nothing in it is random or follows the batch.
    """
    return nn.Sequential(*takewhile(stands_still, classifier.train().stages()))


def without_norms(part: nn.Module) -> nn.Module:
    """A copy of a still part in which each convolution does the work of the batch-norm behind it: the same sums, sooner."""
    made = deepcopy(part).eval()
    for module in [*made.modules()]:
        if isinstance(module, nn.Sequential | BasicBlock):
            for (before, conv), (behind, norm) in pairwise(module.named_children()):
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    setattr(module, before, fuse_conv_bn_eval(conv, norm))
                    setattr(module, behind, nn.Identity())
    return made


def measures_batches(classifier: Classifier) -> bool:
    """Whether the network measures the batch that it is trained on: a batch-norm in it learns."""
    return any(module.training for module in classifier.train().modules() if isinstance(module, nn.BatchNorm2d))


def stands_still(stage: nn.Module) -> bool:
    restless = any(module.training and isinstance(module, nn.Dropout | nn.BatchNorm2d) for module in stage.modules())
    return not restless and not any(weight.requires_grad for weight in stage.parameters())


def build(network: Network, classes: int, channels: int = 3) -> Classifier:
    """The network, ready to train: pretrained weights loaded, its last layer fresh, frozen where it should be."""
    check(network)
    backbone = BACKBONES[network.backbone](network, channels, loader(network))
    return Classifier(backbone, nn.Linear(width(backbone), classes), network.frozen)


def sketch(network: Network, classes: int, channels: int = 3) -> Classifier:
    """The network with chance weights, frozen as it would be: to count its parameters and to time its steps."""
    check(network)
    backbone = BACKBONES[network.backbone](replace(network, weights="none"), channels, loader(Network()))
    return Classifier(backbone, nn.Linear(width(backbone), classes), network.frozen)


def restore(network: Network, classes: int, channels: int, weights: Mapping[str, Tensor]) -> Classifier:
    """The network as it was stored, its head included; an error says what does not fit."""
    classifier = sketch(network, classes, channels)
    if "head.support" in weights:
        classifier.head = RBF(width(classifier.backbone), classes, len(weights["head.support"]))
    try:
        classifier.load_state_dict(weights)
    except RuntimeError as error:
        raise ModisteError(f"these weights are not those of the recipe beside them: {str(error).splitlines()[-1].strip()}") from error
    return classifier


def check(network: Network) -> None:
    """Refuse names that no table has, and settings that cannot be meant."""
    for key, name, table in (
        ("backbone", network.backbone, BACKBONES),
        ("attention", network.attention, ATTENTION),
        ("head", network.head, HEADS),
    ):
        if name not in table:
            raise unknown(key, name, table)
    if network.frozen and network.weights == "none":
        raise ModisteError(
            "network.frozen: a frozen backbone without weights never learns to see. Give network.weights, or set network.frozen=false."
        )


def width(backbone: nn.Module) -> int:
    """F, the number of features a backbone gives."""
    features = backbone.width
    assert isinstance(features, int)
    return features


def parameters(network: nn.Module) -> tuple[int, int]:
    """Numbers of trainable and of frozen parameters."""
    trainable = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    return trainable, sum(weight.numel() for weight in network.parameters()) - trainable


def cbam(ratio: int, kernel: int) -> Network:
    """AlexNet with CBAM after convolutions 3, 4 and 5 (paper, Table 2)."""
    return Network(attention="cbam", ratio=ratio, kernel=kernel)


RESNET = Network(backbone="resnet18", weights="imagenet", frozen=True)

VARIANTS: dict[str, Network] = {  # names and order of Table 7; the last is the hole in its grid
    "AlexNet (baseline)": Network(),
    "3Conv_Softmax": Network(convs=3),
    "3Conv_SVM": Network(convs=3, head="svm"),
    "4Conv_Softmax": Network(convs=4),
    "4Conv_SVM": Network(convs=4, head="svm"),
    "6Conv_Softmax": Network(convs=6),
    "6Conv_SVM": Network(convs=6, head="svm"),
    "Alex-CBAM(16&7)": cbam(16, 7),
    "Alex-CBAM(8&7)": cbam(8, 7),
    "Alex-CBAM(8&5)": cbam(8, 5),
    "Resnet (baseline)": RESNET,
    "Resnet-CBAM": replace(RESNET, attention="cbam"),
    "5Conv_SVM": Network(head="svm"),
}
PAPER_VARIANTS = tuple(VARIANTS)[:12]
