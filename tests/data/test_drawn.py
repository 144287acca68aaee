"""The drawn catalogue: the same for the same seed, uneven like the paper's, and worth learning from."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from modiste.data.describe import data_hash
from modiste.data.layouts.readers import read
from modiste.data.opening.images import to_pixels
from modiste.data.opening.stores import read_photo
from modiste.data.samples.drawn import COLOURS, draw
from modiste.data.samples.garments import GARMENTS
from modiste.data.samples.pen import Pen
from modiste.data.taxonomy import read_taxonomy
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES


def test_the_seed_decides_every_pixel_and_the_label_file(tmp_path):
    one, two, other = (draw(tmp_path / name, 48, 32, seed) for name, seed in (("1", 5), ("2", 5), ("3", 6)))
    assert data_hash(one) == data_hash(two) != data_hash(other)
    assert (one.root / "labels.csv").read_bytes() == (two.root / "labels.csv").read_bytes()


def test_it_reads_back_with_the_paper_s_classes_and_mix(tmp_path):
    catalogue = draw(tmp_path / "shop", 200, 32)
    assert read(tmp_path / "shop") == catalogue
    assert catalogue.classes == PAPER_CLASSES
    assert catalogue.split("train").counts() == [24, 90, 15, 21]
    assert catalogue.split("test").counts() == [8, 19, 15, 8]


@pytest.mark.parametrize("photos", [32, 33, 50, 97])
def test_every_class_is_in_both_splits_however_few_photos(tmp_path, photos):
    catalogue = draw(tmp_path / "shop", photos, 16)
    assert len(catalogue) == photos
    assert len(catalogue.split("test")) == photos // 4
    assert min(*catalogue.split("train").counts(), *catalogue.split("test").counts()) >= 1


def test_views_of_a_product_share_class_and_split(tmp_path):
    catalogue = draw(tmp_path / "shop", 120, 16)
    seen = {photo.product: (photo.label, photo.split, photo.details["article_type"], photo.details["colour"]) for photo in catalogue.photos}
    assert len(seen) < len(catalogue)
    for photo in catalogue.photos:
        assert seen[photo.product] == (photo.label, photo.split, photo.details["article_type"], photo.details["colour"])


def test_pictures_are_as_large_as_asked_and_show_something(tmp_path):
    catalogue = draw(str(tmp_path / "shop"), 32, 48)
    for photo in catalogue.photos:
        data = read_photo(catalogue.root, photo.path)
        assert Image.open(io.BytesIO(data)).size == (48, 48)
        assert to_pixels(data, 48, "rgb", "squash", photo.path).std() > 1


@pytest.mark.parametrize("name", GARMENTS)
def test_every_garment_draws_something_of_its_cloth_and_is_in_the_taxonomy(name):
    for kind, garment in GARMENTS[name].items():
        for seed in range(5):
            pen = Pen(96, COLOURS["red"], COLOURS["navy"])
            garment(pen, np.random.default_rng(seed))
            share = (np.asarray(pen.image)[..., 3] > 0).mean()
            assert 0.06 < share < 0.8, kind
            assert np.asarray(pen.is_cloth).any() or kind == "Sunglasses"
        assert read_taxonomy(None).suggest(kind) == name


def test_it_can_be_learnt_but_not_by_colour_alone(tmp_path):
    """The nearest training photo beats always saying Clothing on small grey pictures; the mean colour does not help."""
    catalogue = draw(tmp_path / "shop", 400, 32)

    def nearest_neighbour(pixels: np.ndarray) -> float:
        truth = np.array([-1 if photo.label is None else photo.label for photo in catalogue.photos])
        train = np.array([photo.split == "train" for photo in catalogue.photos])
        apart = ((pixels[~train][:, None] - pixels[train][None]) ** 2).sum(-1)
        called = truth[train][apart.argmin(1)]
        return float(np.mean([(called[truth[~train] == code] == code).mean() for code in range(4)]))

    loaded = [to_pixels(read_photo(catalogue.root, photo.path), 32, "rgb", "squash", photo.path) for photo in catalogue.photos]
    pictures = np.stack(loaded).astype(float)
    grey = pictures.mean(-1).reshape(len(pictures), -1)
    assert nearest_neighbour(grey - grey.mean(1, keepdims=True)) > 0.4
    assert nearest_neighbour(pictures.mean((1, 2))) < 0.4


def test_too_few_photos_are_refused(tmp_path):
    with pytest.raises(ModisteError, match="32 photos or more"):
        draw(tmp_path / "shop", 8)
