"""fastai's Learner as it comes, on torchvision's network: its own loaders, transforms in its own batches, and its own Adam."""

from __future__ import annotations

import clock
import fastai
from fastai.callback.core import Callback
from fastai.data.transforms import Normalize
from fastai.learner import Learner
from fastai.metrics import accuracy
from fastai.vision.augment import Resize, ResizeMethod
from fastai.vision.core import PILImage, imagenet_stats
from fastai.vision.data import ImageDataLoaders
from fasttransform import Transform
from photos import network


class Grey3(Transform):
    """Grey in three equal channels."""

    def encodes(self, photo: PILImage) -> PILImage:
        return PILImage.create(photo.convert("L").convert("RGB"))


class Clock(Callback):
    """fastai's optimiser is not torch's, so the clock hears of its steps from here."""

    def after_step(self) -> None:
        clock.tick()


def main() -> None:
    asked = clock.options(__doc__).parse_args()
    loaders = ImageDataLoaders.from_folder(
        asked.photos,
        train="train",
        valid="test",
        bs=asked.batch,
        num_workers=asked.workers,
        item_tfms=[Grey3(), Resize(asked.side, method=ResizeMethod.Squish)],
        batch_tfms=[Normalize.from_stats(*imagenet_stats)],
        device="cpu",
    )
    learner = Learner(loaders, network(asked.network, loaders.c), metrics=accuracy, path=asked.scratch, cbs=[Clock()])
    learner.fit(1, asked.lr)
    clock.leave(asked.answer, ["fastai"], precision="fp32", fastai=fastai.__version__)


if __name__ == "__main__":
    main()
