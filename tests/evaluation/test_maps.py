"""Numbers of maps: masks that find what was painted, shares against area, ranks that agree with scipy, pages that run nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from modiste.evaluation.explained import (
    Checked,
    Gate,
    Looks,
    faithfulness_table,
    gates_table,
    product_table,
    product_words,
    ranks_words,
    sanity_table,
    summary,
    verdict,
)
from modiste.evaluation.figures.heat import DEEP, as_jpeg, as_png, colour, edge, overlay
from modiste.evaluation.figures.looking import cascade_curves, exchange_curves
from modiste.evaluation.figures.results import svg
from modiste.evaluation.maps import Mean, another, area_under, mean_of, product_mask, rank_correlation, ratio_of, share_on, sure
from modiste.evaluation.pages.explained_page import Card, Row, Tile, explained_page
from modiste.evaluation.showing import choices, losses, probabilities
from modiste.records.errors import ModisteError
from modiste.records.predictions import Predictions

RNG = np.random.default_rng(0)


def studio(*boxes: tuple[int, int, int, int], ground: int = 250, ink: int = 60) -> np.ndarray:
    picture = np.clip(ground + RNG.integers(-4, 5, (64, 64, 1)), 0, 255).astype(np.uint8)
    for top, left, bottom, right in boxes:
        picture[top:bottom, left:right] = ink
    return picture


@pytest.mark.parametrize("ground, ink", [(250, 60), (20, 200), (128, 90)])
def test_the_mask_is_the_painted_product_whatever_the_ground(ground, ink):
    mask = product_mask(studio((10, 20, 50, 40), ground=ground, ink=ink))
    assert mask.sum() == 40 * 20
    assert mask[10:50, 20:40].all()
    assert sure(mask)


def test_holes_are_filled_both_shoes_are_kept_and_crumbs_are_not():
    ring = studio((10, 10, 50, 30))
    ring[20:40, 15:25] = 250
    assert product_mask(ring).sum() == 40 * 20
    pair = product_mask(studio((10, 5, 50, 25), (10, 35, 50, 55), (60, 60, 62, 62)))
    assert pair.sum() == 2 * 40 * 20
    assert not pair[60:, 60:].any()


def test_nothing_and_everything_are_not_taken_for_a_product():
    assert not sure(product_mask(studio()))
    assert not sure(product_mask(np.pad(np.full((98, 98, 1), 90, np.uint8), ((1, 1), (1, 1), (0, 0)), constant_values=250)))


def test_a_map_that_is_the_same_everywhere_lies_on_the_product_as_much_as_its_area():
    masks = np.stack([product_mask(studio((0, 0, 32, 64))), product_mask(studio((10, 10, 30, 30)))])
    even = np.ones((2, 64, 64))
    np.testing.assert_allclose(share_on(even, masks), masks.mean((1, 2)))
    np.testing.assert_allclose(share_on(masks.astype(float), masks), 1)
    assert np.isnan(share_on(0 * even, masks)).all()


def test_rank_correlations_agree_with_scipy_ties_included():
    ours, theirs = RNG.integers(0, 6, (5, 8, 8)).astype(float), RNG.integers(0, 6, (5, 8, 8)).astype(float)
    expected = [stats.spearmanr(one.ravel(), other.ravel()).statistic for one, other in zip(ours, theirs, strict=True)]
    np.testing.assert_allclose(rank_correlation(ours, theirs), expected)
    np.testing.assert_allclose(rank_correlation(ours, ours**3), 1)
    assert (rank_correlation(ours, 0 * theirs) == 0).all(), "a map of nothing ranks nothing"
    assert np.isnan(rank_correlation(0 * ours + 0.5, theirs)).all(), "and nothing can be like it"


def test_areas_agree_with_trapezoids_and_intervals_with_scipys_bootstrap():
    curves = RNG.random((4, 9))
    np.testing.assert_allclose(area_under(curves), np.trapezoid(curves, dx=1 / 8, axis=1))
    values = RNG.exponential(size=80)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", rng=1, n_resamples=4000).confidence_interval
    ours = mean_of(np.append(values, np.nan), rounds=4000)
    np.testing.assert_allclose((ours.low, ours.high), theirs, atol=0.02)
    assert ours.photos == 80
    assert ratio_of(2 * values, values).low == pytest.approx(2)


def test_another_photos_map_is_never_a_photos_own():
    maps = np.arange(5.0)[:, None, None] * np.ones((5, 2, 2))
    for count in (2, 3, 5):
        found = another(maps[:count])
        assert (found != maps[:count]).all()
        assert sorted(found[:, 0, 0]) == sorted(maps[:count, 0, 0])


def test_verdicts_follow_the_interval():
    assert [verdict(Mean(0, low, high, 9)) for low, high in ((0.1, 0.3), (0.6, 0.8), (0.4, 0.6))] == [
        "passes",
        "fails",
        "neither passes nor fails",
    ]


def measured(good: bool) -> Checked:
    low, high = np.full((30, 5), 0.2) + RNG.random((30, 5)) / 20, np.full((30, 5), 0.8) + RNG.random((30, 5)) / 20
    middle = np.full((30, 5), 0.5) + RNG.random((30, 5)) / 20
    gone, come = (low, high) if good else (high, low)
    alike = {"head": np.full(30, 0.7), "conv1": np.full(30, 0.1 if good else 0.9) + RNG.random(30) / 50}
    return Checked(
        {"grad_cam": gone, "chance": middle, "centre": middle},
        {"grad_cam": come, "chance": middle, "centre": middle},
        {"grad_cam": "chance"},
        {"grad_cam": alike},
        {"grad_cam": RNG.random(30)},
    )


LOOKS = Looks(
    ("a", "b", "c", "d"),
    ("Hats", "Hats", "<Bags>", "Hats"),
    ("Hats", "Hats", "Hats", "Hats"),
    np.array([1.0, 1.0, 0.0, 1.0]),
    np.array([0.2, 0.4, 0.3, np.nan]),
    {"grad_cam": np.array([0.6, 0.2, 0.3, np.nan])},
    {"grad_cam": np.array([0.3, 0.3, 0.3, np.nan])},
)
GATES = {"attention3": Gate(*(np.linspace(0.1, 0.2, 4) for _ in range(6)))}


def test_a_good_map_is_called_better_and_a_bad_one_worse():
    assert ranks_words("grad_cam", measured(True)).count("better (") == 2
    assert ranks_words("grad_cam", measured(False)).count("worse (") == 2


def test_the_summary_counts_the_photos_drawn_whose_product_is_known():
    said = summary(LOOKS, measured(True), GATES)
    assert said[0].startswith("Grad-CAM looks at the product in 1 of 2 photos: it puts 1.33 times")
    assert said[0].endswith("another photo gets 1.00 times: it cannot be told from what comes of products standing in the middle.")
    assert "passes the randomisation check" in said[2]
    assert "1 of 1 CBAM modules pass" in said[3]
    assert "fails the randomisation check" in summary(LOOKS, measured(False), {})[2]


def test_a_map_that_is_the_same_everywhere_passes_no_check():
    """A network whose last stage is 1 x 1 gives such maps, and so does one of which nothing speaks for the class."""
    nothing = np.full(12, np.nan)
    checked = measured(True)
    checked = replace(checked, cascade={"grad_cam": dict.fromkeys(checked.cascade["grad_cam"], nothing)}, neighbours={"grad_cam": nothing})
    even = {"attention4": replace(GATES["attention3"], shuffled=nothing[:4])}
    said = summary(LOOKS, checked, GATES | even)
    assert "cannot be put to the randomisation check" in said[2]
    assert "1 of 1 CBAM modules pass" in said[3]
    assert "1 module cannot be checked: the gate is the same at all places." in said[3]
    assert "nan" not in " ".join([*summary(LOOKS, checked, even), sanity_table(checked).markdown(), gates_table(even).markdown()])
    assert svg(cascade_curves(checked))


def test_a_map_follows_the_product_when_another_photos_map_does_not():
    shares, area = RNG.uniform(0.6, 0.7, 30), np.full(30, 0.3)
    names = ("Hats",) * 30
    looks = Looks(names, names, names, np.ones(30), area, {"occlusion": shares}, {"occlusion": shares - 0.2})
    assert product_words("occlusion", looks).endswith("it follows the product.")
    behind = replace(looks, swapped={"occlusion": shares + 0.2})
    assert product_words("occlusion", behind).endswith("no more than what comes of products standing in the middle.")
    assert product_words("occlusion", replace(looks, area=np.full(30, np.nan))) == ""


def test_tables_have_a_row_a_map_a_layer_a_module():
    checked = measured(True)
    assert [row[0] for row in faithfulness_table(checked.deletion, checked.chances, insertion=False).rows] == [
        "Grad-CAM",
        "chance",
        "middle first",
    ]
    assert [row[0] for row in sanity_table(checked).rows] == ["down to head", "down to conv1", "nothing: another photo's map"]
    assert [row[0] for row in gates_table(GATES).rows] == ["attention3"]
    wrong = {row[0]: row for row in product_table(LOOKS).rows}["Grad-CAM, called wrongly"]
    assert wrong[1] == 1
    without = product_table(replace(LOOKS, called=LOOKS.truth)).markdown()
    assert "called wrongly |      0 |" in without
    assert "nan" not in without


def test_an_overlay_is_orange_where_the_map_is_high_and_the_photo_in_grey_where_it_is_0():
    photo = RNG.integers(0, 256, (40, 30, 3)).astype(np.uint8)
    heat = np.zeros((4, 3))
    assert np.abs(overlay(photo, heat).astype(float) - photo.mean(2, keepdims=True)).max() <= 0.5
    heat[:2] = 1
    made = overlay(np.full((40, 30, 3), 255, np.uint8), heat)
    assert np.abs(made[5, 15] - colour(DEEP)).max() < 0.16 * 255
    assert (made[-2] == 255).all()
    assert as_jpeg(made)[:2] == b"\xff\xd8"
    assert as_png(heat)[:4] == b"\x89PNG"


def test_an_edge_is_one_pixel_wide_and_never_along_the_pictures_own():
    inside = np.zeros((9, 9), bool)
    inside[2:7, 2:7] = True
    assert edge(inside).sum() == 16
    assert not edge(np.ones((9, 9), bool)).any()


SCORES = Predictions(
    ("Hats", "Bags", "Shoes"),
    tuple(f"{number}.jpg" for number in range(60)),
    RNG.integers(0, 3, 60),
    RNG.normal(size=(60, 3)) * 3,
)


def test_losses_and_probabilities_agree_with_scipy():
    from scipy.special import log_softmax, softmax

    np.testing.assert_allclose(losses(SCORES), -log_softmax(SCORES.scores, axis=1)[np.arange(60), SCORES.truth])
    np.testing.assert_allclose(probabilities(SCORES), softmax(SCORES.scores, axis=1))


def test_each_heading_shows_what_it_says():
    shown = choices(SCORES, 3, None, np.random.default_rng(0))
    assert list(shown) == ["Mistakes", "Highest losses", "Sure and right", "Drawn at random"]
    for choice in shown["Mistakes"]:
        truth, called = choice.heading.split(" called ")
        assert {(SCORES.classes[SCORES.truth[row]], SCORES.classes[SCORES.called[row]]) for row in choice.rows} == {(truth, called)}
    counts = [int(choice.words.split()[0]) for choice in shown["Mistakes"]]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == int((SCORES.truth != SCORES.called).sum())
    assert [losses(SCORES)[row] for row in shown["Highest losses"][0].rows] == sorted(losses(SCORES), reverse=True)[:6]
    for choice in shown["Sure and right"]:
        assert {SCORES.classes[SCORES.called[row]] for row in choice.rows} == {choice.heading}
    assert list(choices(SCORES, 3, "mistake", np.random.default_rng(0))) == ["Mistakes", "Highest losses"]
    assert list(choices(SCORES, 3, "class", np.random.default_rng(0))) == ["Sure and right", "Drawn at random"]
    with pytest.raises(ModisteError, match="Did you mean 'mistake'"):
        choices(SCORES, 3, "mistakes", np.random.default_rng(0))


def test_the_page_takes_names_for_text_runs_nothing_and_asks_no_network():
    jpeg = as_jpeg(np.zeros((8, 8, 3), np.uint8))
    cards = (Card("<img src=x>.jpg", "<Bags>", "Hats", 0.987, (Tile("photo", jpeg), Tile("Grad-CAM for Hats", jpeg, "9 % on product"))),)
    checked = measured(True)
    figures = {"curves": svg(exchange_curves(checked)), "shuffled": svg(cascade_curves(checked))}
    tables = [product_table(LOOKS)]
    html = explained_page(
        "Where <it> looks", "?", ["It <does>."], tables, figures, {"Mistakes": [Row("<Bags> called Hats", cards)]}, {"Seed": "0"}
    )
    assert "<script" not in html
    assert 'http-equiv="Content-Security-Policy"\n content="default-src \'none\'' in html
    assert not re.search(r"""(?:src|href)=["'](?!#|data:image/jpeg;base64,)""", html)
    for escaped in ("&lt;Bags&gt; called Hats", "&lt;img src=x&gt;.jpg", "It &lt;does&gt;.", "Where &lt;it&gt; looks"):
        assert escaped in html
    assert "<img src=x>" not in html
    assert html.count("<img ") == 2
