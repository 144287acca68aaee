"""Lightning's Trainer as it comes, on the naive loop's photos, network and optimiser."""

from __future__ import annotations

import clock
import lightning
import torch
from photos import folder, loader, network
from torch import Tensor
from torch.nn import functional


class Classifier(lightning.LightningModule):
    def __init__(self, name: str, classes: int, lr: float) -> None:
        super().__init__()
        self.network, self.lr = network(name, classes), lr

    def training_step(self, batch: tuple[Tensor, Tensor], _number: int) -> Tensor:
        pictures, labels = batch
        loss = functional.cross_entropy(self.network(pictures), labels)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), self.lr)


def main() -> None:
    asked = clock.options(__doc__).parse_args()
    clock.start()
    photos = folder(asked.photos / "train", asked.side)
    trainer = lightning.Trainer(accelerator="cpu", max_epochs=1, default_root_dir=asked.scratch)
    trainer.fit(Classifier(asked.network, len(photos.classes), asked.lr), loader(photos, asked.batch, asked.workers))
    clock.leave(asked.answer, ["lightning"], precision="fp32")


if __name__ == "__main__":
    main()
