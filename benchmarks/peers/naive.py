"""The loop as most would write it: PIL, torchvision's transforms, a DataLoader, fp32, Adam."""

from __future__ import annotations

from pathlib import Path

import clock
import torch
from photos import IMAGENET_MEAN, IMAGENET_STD, folder, loader, network
from torch import nn
from torch.nn import functional


def train(model: nn.Module, batches: torch.utils.data.DataLoader, optimiser: torch.optim.Optimizer) -> float:
    """One epoch; its mean loss."""
    model.train()
    total = 0.0
    for pictures, labels in batches:
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(pictures), labels)
        loss.backward()
        optimiser.step()
        total += loss.item() * len(labels)
    return total / len(batches.dataset)


@torch.no_grad()
def called(model: nn.Module, place: Path, side: int, mean: list[float], std: list[float]) -> dict[str, object]:
    """What the model says of the photos of a split: class names, truth and calls."""
    model.eval()
    photos = folder(place, side, mean, std)
    calls = [model(pictures).argmax(1) for pictures, _ in torch.utils.data.DataLoader(photos, 64)]
    return {"classes": photos.classes, "truth": photos.targets, "called": torch.cat(calls).tolist()}


def freeze(model: nn.Module) -> None:
    """All but the last layer stays as it is, batch-norm's running means included."""
    for weight in model.parameters():
        weight.requires_grad_(False)
    model.fc.requires_grad_(True)
    model.eval()
    model.train = lambda mode=True: model  # noqa: ARG005  (a frozen network is never put in training mode)


def main() -> None:
    parser = clock.options(__doc__)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weighted", action="store_true", help="draw photos by inverse class frequency")
    parser.add_argument("--frozen", action="store_true", help="train the last layer of ResNet-18 alone")
    parser.add_argument("--mean", type=float, nargs=3, default=IMAGENET_MEAN)
    parser.add_argument("--std", type=float, nargs=3, default=IMAGENET_STD)
    parser.add_argument("--predict", action="store_true", help="say at the end what the photos of test are")
    asked = parser.parse_args()
    clock.start()
    torch.manual_seed(asked.seed)
    photos = folder(asked.photos / "train", asked.side, asked.mean, asked.std)
    model = network(asked.network, len(photos.classes))
    if asked.frozen:
        freeze(model)
    optimiser = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], asked.lr)
    batches = loader(photos, asked.batch, asked.workers, asked.weighted)
    losses = [train(model, batches, optimiser) for _ in range(asked.epochs)]
    said = called(model, asked.photos / "test", asked.side, asked.mean, asked.std) if asked.predict else None
    clock.leave(asked.answer, precision="fp32", losses=losses, said=said)


if __name__ == "__main__":
    main()
