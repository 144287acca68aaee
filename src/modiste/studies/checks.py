"""What is refused before a study trains: claims of other classes, a carving of nothing, judging by other photos, unfit or lost weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modiste.models.variants import build
from modiste.records.catalogue import Catalogue
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES
from modiste.records.progress import Progress, Tell
from modiste.records.run import Run, run_folder
from modiste.studies.claimed import PAPER_CLAIMS
from modiste.studies.definitions import Study
from modiste.training.fit import Splits, refuse_carving, without_second_stage


def check_claims(study: Study, catalogue: Catalogue) -> None:
    """Refuse claims about classes that these photos do not have; the paper's own are left unanswered on other classes."""
    if set(catalogue.classes.names) == set(PAPER_CLASSES.names) or study.claims is not PAPER_CLAIMS:
        for claim in study.claims:
            claim.check(catalogue.classes.names)


def check_carving(study: Study, catalogue: Catalogue) -> None:
    """Refuse a share to carve for validation where the catalogue has such a split of its own, before the first network is trained."""
    for recipe in study.recipes.values():
        refuse_carving(recipe, catalogue, study.given)


def check_judged_alike(study: Study, splits: Sequence[Splits]) -> None:
    """Refuse variants that would be judged on other photos than each other, before they are trained: no table could hold them."""
    judged = {tuple(photo.path for photo in (one.test or one.validation or one.train).photos) for one in splits}
    if len(judged) > 1 and "pilot" not in study.tables:
        raise ModisteError(
            f"study '{study.name}': its variants set different photos aside for validation, and without a split 'test' they would be "
            "judged on these. Give the catalogue a test split, or all variants the same validation and split_seed."
        )


def check_pilot(study: Study, splits: Sequence[Splits]) -> None:
    """Refuse a pilot that would choose by its test photos: its table speaks of validation."""
    if "pilot" in study.tables and any(one.validation is None for one in splits):
        raise ModisteError(f"study '{study.name}': the table 'pilot' chooses on validation, and there is none. Set validation=0.15.")


def check_weights(study: Study, catalogue: Catalogue, runs: Path, data_hash: str, tell: Tell) -> None:
    """Get pretrained weights and see that they fit before the first network is trained, not hours later."""
    for name, recipe in study.planned():
        if recipe.network.weights != "none" and not Run(run_folder(runs, recipe, data_hash)).finished:
            tell(Progress("getting weights", 0, 1, "files", name))
            build(recipe.network, len(catalogue.classes), recipe.pixels.channels)


def check_trunks(study: Study, runs: Path, data_hash: str) -> None:
    """Refuse an SVM that is yet to be fitted on a finished network whose weights are gone, before the first network is trained."""
    for name, recipe in study.planned():
        trunk = without_second_stage(recipe)
        if trunk == recipe or Run(run_folder(runs, recipe, data_hash)).finished:
            continue
        below = Run(run_folder(runs, trunk, data_hash))
        if below.finished and not below.weights.is_file():
            raise ModisteError(
                f"{below.weights} is missing, and {name}, seed {recipe.seed}, is fitted on that network. "
                "Copy the file back, or move the folder away: the network is then trained again."
            )
