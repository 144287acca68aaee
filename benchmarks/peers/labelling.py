"""One way to label a folder of photos, run as a program of its own: labelling.py WAY --photos FOLDER --weights FILE --answer FILE.

Needs torch and what its way names, nothing of modiste. All have the same ResNet-18 with four classes and give the class of every photo.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

SIDE, MEAN, STD = 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLASSES = 4
WORKERS = 2


def network(weights: Path) -> Any:
    """torchvision's ResNet-18 with the weights that all have."""
    import torch
    from torchvision.models import resnet18

    made = resnet18(weights=None, num_classes=CLASSES)
    made.load_state_dict(torch.load(weights, weights_only=True))
    return made.eval()


def naive(paths: list[Path], weights: Path) -> list[int]:
    """As most would write it: PIL, torchvision's transforms, one photo at a time, fp32."""
    import torch
    from PIL import Image
    from torchvision import transforms

    steps = transforms.Compose([transforms.Resize((SIDE, SIDE)), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    model = network(weights)
    with torch.no_grad():
        return [int(model(steps(Image.open(path).convert("RGB"))[None]).argmax(1)) for path in paths]


def best_torch(paths: list[Path], weights: Path) -> list[int]:
    """torch at its best here: bf16, batch-norm folded, channels last, photos decoded scaled in worker processes."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    class Photos(Dataset):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, place: int) -> torch.Tensor:
            import numpy as np
            from PIL import Image

            picture = Image.open(paths[place])
            picture.draft("RGB", (2 * SIDE, 2 * SIDE))
            return torch.from_numpy(np.array(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)))

    mean, std = (255 * torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    model = folded(network(weights)).to(memory_format=torch.channels_last, dtype=torch.bfloat16)
    called: list[int] = []
    with torch.inference_mode():
        for pixels in DataLoader(Photos(), 32, num_workers=WORKERS):
            pictures = ((pixels.permute(0, 3, 1, 2).float() - mean) / std).to(dtype=torch.bfloat16, memory_format=torch.channels_last)
            called += model(pictures).argmax(1).tolist()
    return called


def folded(model: Any) -> Any:
    """Each batch-norm inside the convolution before it."""
    from torch.fx.experimental.optimization import fuse

    return fuse(model, inplace=True)


def timm_inference(paths: list[Path], weights: Path) -> list[int]:
    """As timm's inference.py runs with its own flags: its model, loader and transforms, batches of 256, two workers, fp32."""
    import timm
    import torch
    from timm.data import create_dataset, create_loader

    model = timm.create_model("resnet18", pretrained=False, num_classes=CLASSES)
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()
    data = create_dataset(name="", root=str(paths[0].parent))
    asked = {"interpolation": "bilinear", "mean": MEAN, "std": STD, "crop_pct": 1.0, "crop_mode": "squash"}
    loader = create_loader(
        data, (3, SIDE, SIDE), batch_size=256, use_prefetcher=False, num_workers=WORKERS, device=torch.device("cpu"), **asked
    )
    called: dict[str, int] = {}
    names = data.filenames(basename=True)
    with torch.inference_mode():
        outputs = torch.cat([model(pictures).softmax(-1) for pictures, _ in loader])
    called = dict(zip(names, outputs.argmax(1).tolist(), strict=True))
    return [called[path.name] for path in paths]


def pipeline(paths: list[Path], weights: Path, **asked: int) -> list[int]:
    """Hugging Face's pipeline for classifying images, one photo at a time where nothing is asked for."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessor
    from transformers import pipeline as made

    config = ResNetConfig(embedding_size=64, hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic", num_labels=CLASSES)
    model = ResNetForImageClassification(config)
    model.load_state_dict({renamed(name): value for name, value in torch.load(weights, weights_only=True).items()})
    eyes = ViTImageProcessor(size={"height": SIDE, "width": SIDE}, resample=2, image_mean=list(MEAN), image_std=list(STD))
    answers = made("image-classification", model=model.eval(), image_processor=eyes, device="cpu")([*map(str, paths)], top_k=1, **asked)
    return [int(answer[0]["label"].removeprefix("LABEL_")) for answer in answers]


def pipeline_in_batches(paths: list[Path], weights: Path) -> list[int]:
    """The same in batches of 16, photos decoded by two workers."""
    return pipeline(paths, weights, batch_size=16, num_workers=WORKERS)


def renamed(name: str) -> str:
    """transformers' name of a weight of torchvision's ResNet-18.

    >>> renamed("layer2.0.downsample.1.bias")
    'resnet.encoder.stages.1.layers.0.shortcut.normalization.bias'
    """
    kinds = {"conv": "convolution", "bn": "normalization"}
    first, *rest = name.split(".")
    if first == "fc":
        return f"classifier.1.{rest[0]}"
    if not first.startswith("layer"):
        return f"resnet.embedder.embedder.{kinds[first[:-1]]}.{rest[0]}"
    stage, block, part = int(first[-1]) - 1, rest[0], rest[1]
    if part == "downsample":
        inside = f"shortcut.{('convolution', 'normalization')[int(rest[2])]}"
    else:
        inside = f"layer.{int(part[-1]) - 1}.{kinds[part[:-1]]}"
    return f"resnet.encoder.stages.{stage}.layers.{block}.{inside}.{rest[-1]}"


def ultralytics(paths: list[Path], weights: Path) -> list[int]:
    """Ultralytics' own predictor, with its defaults, given torchvision's ResNet-18."""
    import torch
    from ultralytics.models.yolo.classify import ClassificationPredictor

    class Normalised(torch.nn.Module):
        """Its transforms neither subtract a mean nor divide by a deviation."""

        def __init__(self) -> None:
            super().__init__()
            self.inner, self.names = network(weights), {code: f"class {code}" for code in range(CLASSES)}
            self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
            self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return self.inner((pictures - self.mean) / self.std)

    predictor = ClassificationPredictor(overrides={"imgsz": SIDE, "device": "cpu", "verbose": False, "save": False, "mode": "predict"})
    predictor.setup_model(Normalised(), verbose=False)
    found = {Path(result.path).name: int(result.probs.top1) for result in results(predictor, paths)}
    return [found[path.name] for path in paths]


def results(predictor: Any, paths: list[Path]) -> Iterator[Any]:
    yield from predictor(source=str(paths[0].parent), stream=True)


WAYS: dict[str, tuple[Callable[[list[Path], Path], list[int]], tuple[str, ...]]] = {  # name -> how, and the packages it stands for
    "naive": (naive, ("torch", "torchvision", "pillow")),
    "best-torch": (best_torch, ("torch", "pillow")),
    "timm": (timm_inference, ("timm", "torch")),
    "pipeline": (pipeline, ("transformers", "torch")),
    "pipeline-batches": (pipeline_in_batches, ("transformers", "torch")),
    "ultralytics": (ultralytics, ("ultralytics", "torch")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--photos", type=Path, required=True, help="a folder of JPEGs")
    parser.add_argument("--weights", type=Path, required=True, help="torchvision's ResNet-18 with four classes, a state dict")
    parser.add_argument("--answer", type=Path, required=True, help="the JSON file to leave")
    asked = parser.parse_args()
    way, packages = WAYS[asked.way]
    paths = sorted(asked.photos.glob("*.jpg"))
    called = way(paths, asked.weights)
    versions = {name: metadata.version(name) for name in packages}
    said = {
        "called": dict(zip([path.name for path in paths], called, strict=True)),
        "versions": versions,
        "python": platform.python_version(),
    }
    asked.answer.write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    main()
