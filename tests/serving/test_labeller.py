import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

import modiste
from modiste.data.opening import threads as threads_of
from modiste.data.opening.images import FITS, picture_to_pixels, to_pixels
from modiste.data.opening.refusals import PhotoRefused
from modiste.records.errors import Damaged, ModisteError, UsageError
from modiste.records.labels import Classes
from modiste.records.recipe import COLOURS, Pixels
from modiste.serving import labeller, photos
from modiste.serving.bundle import Card, Evidence, write_bundle
from modiste.serving.graphs import fields_of, has_external

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (21, 32, 32, 3), np.uint8)


def picture(width=70, height=50, channels=3):
    return np.random.default_rng(width * height).integers(0, 256, (height, width, channels), np.uint8)


def png(made, kind="PNG", **options):
    data = io.BytesIO()
    (made if isinstance(made, Image.Image) else Image.fromarray(made)).save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize("count", [0, 1, 2, 21])
def test_answers_are_what_numpy_says_of_the_pixels(tiny, numpy_says, count):
    answers = modiste.load(tiny()).score(PIXELS[:count])
    assert len(answers) == count
    for name, expected in numpy_says(PIXELS[:count]).items():
        np.testing.assert_allclose(getattr(answers, name), expected, atol=1e-5)
        assert getattr(answers, name).dtype == np.float32
    assert (answers.called == answers.probabilities.argmax(1)).all()


def test_a_network_that_tells_no_strangeness_gives_none(tiny):
    network = modiste.load(tiny(strange=False))
    assert network.score(PIXELS).strangeness is None
    assert network.label(picture())[0].strangeness is None


def test_a_network_that_is_to_reject_strange_photos_must_tell_which_are(tiny):
    with pytest.raises(ModisteError, match="does not tell which are strange"):
        modiste.load(tiny(strange=False, reject_above=1.0)).label(picture())


def test_a_labeller_carries_what_its_bundle_says(tiny):
    network = modiste.load(str(tiny(name="shop.onnx")), threads=1)
    assert isinstance(network, modiste.Labeller)
    assert network.classes.names == ("Shoes", "Clothing", "Bags")
    assert network.pixels == Pixels(side=32, colour="rgb")
    assert network.card.temperature == 2
    assert network.id.startswith("tiny-")
    assert len(network.id) == len("tiny-") + 12


@pytest.mark.parametrize("wrong", [PIXELS.astype(np.float32), PIXELS[..., :1], PIXELS[:, :16], PIXELS[0]])
def test_pixels_of_another_shape_or_kind_are_refused(tiny, wrong):
    with pytest.raises(UsageError, match=r"uint8 \(N, 32, 32, 3\)"):
        modiste.load(tiny()).score(wrong)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_an_error_and_never_a_label(tiny, broken):
    weights = np.full((3, 3), broken)
    with pytest.raises(ModisteError, match="no numbers"):
        modiste.load(tiny(weights=weights)).label(picture())


def test_a_graph_with_another_number_of_classes_than_its_card_is_refused(tiny):
    with pytest.raises(ModisteError, match=r"\(21, 4\) for 3 classes"):
        modiste.load(tiny(weights=np.ones((3, 4)))).score(PIXELS)


# photos of any kind


def test_one_photo_is_the_same_as_file_bytes_picture_and_array(tiny, tmp_path, numpy_says):
    made = picture()
    (tmp_path / "1.png").write_bytes(png(made))
    with Image.open(tmp_path / "1.png") as unread:
        kinds = [tmp_path / "1.png", str(tmp_path / "1.png"), png(made), bytearray(png(made)), memoryview(png(made)), unread, made]
        labels = modiste.load(tiny()).label(kinds)
    pixels = to_pixels(png(made), 32, "rgb", "squash", "1.png")
    expected = numpy_says(pixels[None])["probabilities"][0]
    for label in labels:
        np.testing.assert_allclose(list(label.probabilities.values()), expected, atol=1e-5)
    assert [label.path for label in labels] == [str(tmp_path / "1.png")] * 2 + [None] * 5
    assert labels[0].label == max(labels[0].probabilities, key=labels[0].probabilities.get)
    assert labels[0].confidence == max(labels[0].probabilities.values())


MODES = {
    "colour": Image.fromarray(picture()),
    "grey": Image.fromarray(picture(channels=1)[..., 0]),
    "alpha": Image.fromarray(picture(channels=4)),
    "grey and alpha": Image.fromarray(picture(channels=4)).convert("LA"),
    "palette": Image.fromarray(picture()).convert("P"),
    "black and white": Image.fromarray(picture()).convert("1"),
    "16 bits": Image.fromarray(picture(channels=1)[..., 0].astype(np.uint16) * 257),
    "large": Image.fromarray(picture(700, 500)),
    "large, with alpha": Image.fromarray(picture(700, 500, 4)),
    "one pixel": Image.fromarray(picture(1, 1)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("fit", FITS)
def test_a_picture_gives_the_pixels_of_a_file_that_holds_it(mode, colour, fit):
    expected = to_pixels(png(MODES[mode]), 32, colour, fit, "file")
    np.testing.assert_array_equal(picture_to_pixels(MODES[mode], 32, colour, fit, "picture"), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_once(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = png(picture(), exif=exif)
    expected = to_pixels(data, 32, "rgb", "letterbox", "file")
    with Image.open(io.BytesIO(data)) as opened:
        np.testing.assert_array_equal(picture_to_pixels(opened, 32, "rgb", "letterbox", "picture"), expected)
        assert opened.size == (70, 50)  # the caller's picture stays as it was


@pytest.mark.parametrize("shape", [(50, 70), (50, 70, 1), (50, 70, 3), (50, 70, 4)])
def test_an_array_gives_the_pixels_of_a_file_that_holds_it(shape):
    array = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    held = array[..., 0] if shape[2:] == (1,) else array
    made = photos.pixels_of(array, Pixels(side=32, colour="rgb"), "photo 0")
    np.testing.assert_array_equal(made, to_pixels(png(held), 32, "rgb", "squash", "file"))
    turned = photos.pixels_of(np.asfortranarray(array)[::-1], Pixels(side=32, colour="rgb"), "photo 0")
    np.testing.assert_array_equal(turned, to_pixels(png(np.ascontiguousarray(held[::-1])), 32, "rgb", "squash", "file"))


def test_a_stack_of_photos_is_many(tiny):
    network, stack = modiste.load(tiny()), np.stack([picture(40, 40), picture(40, 40)[::-1], 255 - picture(40, 40)])
    assert network.label(stack) == network.label(list(stack))
    assert len(network.label(stack)) == 3
    assert len(network.label(stack[0])) == 1
    assert network.label([]) == []


def test_every_photo_has_one_label_in_order_whatever_it_is(tiny, tmp_path):
    """Good ones stand between all that can be wrong, so that each place shows."""
    whole = png(picture(), "JPEG")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    odd = {
        "missing": tmp_path / "nothing.jpg",
        "empty": b"",
        "not_an_image": b"Image_Name,Label",
        "format_not_allowed": b"%PDF-1.7",
        "truncated": whole[: len(whole) // 2],
        "not_a_regular_file": tmp_path / "folder.jpg",
        "unreadable": tmp_path / "loop",
        "bad_size": np.zeros((0, 5, 3), np.uint8),
        "too_many_pixels": np.zeros((8000, 7000), np.uint8),
        "corrupt": png(picture())[:60] + b"\0" + png(picture())[61:],
    }
    given = [photo for pair in zip(odd.values(), [whole] * len(odd), strict=True) for photo in pair]
    labels = modiste.load(tiny()).label(given)
    assert [label.reason for label in labels[::2]] == list(odd)
    for label in labels[::2]:
        assert (label.label, label.confidence, label.probabilities, label.decision) == (None, None, {}, "reject")
    assert [label.label for label in labels[1::2]] == [labels[1].label] * len(odd) != [None] * len(odd)


def test_a_picture_whose_file_is_cut_is_refused_and_the_others_are_not(tiny):
    with Image.open(io.BytesIO(png(picture(), "JPEG")[:900])) as cut:
        labels = modiste.load(tiny()).label([cut, picture()])
    assert [label.reason for label in labels] == ["corrupt", "unsure"]


def test_a_photo_may_stand_in_an_archive_or_behind_a_link(tiny, tmp_path):
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr("a/1.png", png(picture()))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "real.png").write_bytes(png(picture()))
    (tmp_path / "link.png").symlink_to(tmp_path / "elsewhere" / "real.png")
    network = modiste.load(tiny())
    (expected,) = network.label(picture())
    for path in ("shop.zip/a/1.png", "link.png"):
        (label,) = network.label(tmp_path / path)
        assert label.probabilities == expected.probabilities


def test_one_picture_given_many_times_is_read_once_for_all(tiny):
    with Image.open(io.BytesIO(png(picture(700, 500), "JPEG"))) as unread:
        labels = modiste.load(tiny()).label([unread] * 40)
    assert len({label.confidence for label in labels}) == 1
    assert labels[0].label is not None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([picture(), picture().astype(np.float32)], r"photo 1 is an array of float32 \(50, 70, 3\)"),
        ([np.zeros((4, 5, 2), np.uint8)], r"\(4, 5, 2\)"),
        (np.zeros((4, 5, 6, 7, 8), np.uint8), r"\(4, 5, 6, 7, 8\)"),
        ([picture(), 7], "photo 1 is a int"),
        ([[picture()]], "photo 0 is a list"),
        (7, "int is no photo"),
        ({"1.jpg": picture()}, "dict is no photo"),
        (io.BytesIO(png(picture())), "BytesIO is an open file, not a photo"),
        ([io.BytesIO(png(picture()))], "photo 0 is a BytesIO"),
    ],
)
def test_what_is_no_photo_is_the_callers_mistake(tiny, wrong, words):
    with pytest.raises(UsageError, match=words):
        modiste.load(tiny()).label(wrong)


@pytest.mark.parametrize("threads", [1, 3])
def test_photos_are_taken_only_a_little_ahead(threads):
    """A million photos from a generator take the memory of a few."""
    given = []

    def many():
        for number in range(400):
            given.append(number)
            yield number

    for done, made in enumerate(threads_of.in_threads(lambda number: 2 * number, many(), threads)):
        assert made == 2 * done
        assert len(given) <= done + threads_of.AHEAD * threads + 1
    assert done == 399


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_an_answer_depends_on_no_other_photo_and_on_no_number_of_threads(tiny, threads):
    """To the last bit."""
    alone, beside = modiste.load(tiny(), threads=1), modiste.load(tiny(), threads=threads)
    together = beside.score(PIXELS)
    for row in range(len(PIXELS)):
        one = alone.score(PIXELS[row : row + 1])
        assert one.probabilities.tobytes() == together.probabilities[row].tobytes()
        assert one.features.tobytes() == together.features[row].tobytes()
        assert one.strangeness.tobytes() == together.strangeness[row].tobytes()
    assert beside.label(list(PIXELS)) == [label for row in PIXELS for label in alone.label(row)]


# decisions


def sure_of(tiny, **card):
    evidence = Evidence((0,) * 300 + (1,) * 300, (True,) * 600, (0.6,) * 600, (0.5,) * 600)
    return modiste.load(tiny(evidence=evidence, **card))


def test_labels_carry_the_decision_for_the_precision_asked_for(tiny):
    red, green = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40, 3), np.uint8)
    red[..., 0], green[..., 1] = 250, 250
    dark, blue = np.zeros_like(red), np.zeros_like(red)
    blue[..., 2] = 250
    network = sure_of(tiny, reject_above=0.99)
    white = np.full_like(red, 255)
    labels = network.label([red, green, dark, white])
    assert [label.label for label in labels[:2]] == ["Shoes", "Clothing"]
    assert [label.decision for label in labels] == ["auto", "auto", "review", "reject"]
    assert [label.reason for label in labels] == ["", "", "unsure", "strange"]
    assert [label.decision for label in network.label([red, green], precision=0.999)] == ["review", "review"]
    assert {label.reason for label in network.label([red, green], precision=0.999)} == {"too_little_evidence"}


def test_without_evidence_the_confidence_decides(tiny):
    red = np.zeros((40, 40, 3), np.uint8)
    red[..., 0] = 250
    network = modiste.load(tiny())
    (label,) = network.label(red, precision=0.5)
    assert label.decision == "auto"
    (careful,) = network.label(red, precision=float(np.nextafter(label.confidence, 1)))
    assert (careful.decision, careful.reason) == ("review", "unsure")


# opening networks


def test_the_network_that_comes_with_modiste_is_taken_where_none_is_named(tiny, monkeypatch, tmp_path):
    monkeypatch.setattr(labeller, "BUNDLED", str(tiny()))
    assert modiste.load().id.startswith("tiny-")
    with pytest.raises(UsageError, match="leave out"):
        modiste.load(classes=["a", "b"])
    monkeypatch.setattr(labeller, "BUNDLED", str(tmp_path / "none.onnx"))
    with pytest.raises(ModisteError, match="without a network of its own"):
        modiste.load()


def test_thresholds_are_found_once_a_precision_however_many_photos_come_one_by_one(tiny, monkeypatch):
    network, found, real = modiste.load(tiny()), [], labeller.thresholds
    monkeypatch.setattr(labeller, "thresholds", lambda card, precision: found.append(precision) or real(card, precision))
    photo = np.zeros((8, 8, 3), np.uint8)
    for precision in (0.9, 0.9, np.float64(0.9), 0.8, 0.9):
        assert network.label(photo, precision=precision)[0].label
        assert network.thresholds(precision) == real(network.card, float(precision))
    assert found == [0.9, 0.8]
    for precision in (1.0, "0.9", [0.9]):
        with pytest.raises(UsageError, match="precision"):
            network.label(photo, precision=precision)


def test_a_run_is_told_how_it_becomes_a_bundle(tmp_path):
    with pytest.raises(ModisteError, match=f"modiste export {tmp_path}"):
        modiste.load(tmp_path)


def test_a_file_that_is_not_there_is_said_to_be(tmp_path):
    with pytest.raises(ModisteError, match=r"none\.onnx cannot be read"):
        modiste.load(tmp_path / "none.onnx")


@pytest.mark.parametrize("place", [0, 5, 20, 50, 300, 700, -1])
def test_a_damaged_bundle_is_refused_also_by_those_who_say_classes_and_pixels(tiny, place):
    path = tiny()
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModisteError, match=r"tiny\.onnx"):
        modiste.load(path)
    with pytest.raises(ModisteError, match=r"tiny\.onnx"):
        modiste.load(path, classes=["a", "b", "c"], pixels=Pixels(side=32, colour="rgb", normalise="imagenet"))


def test_a_bundle_with_one_changed_bit_is_called_damaged(tiny):
    path = tiny()
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(Damaged):
        modiste.load(path)


@pytest.mark.parametrize("said", [{"classes": ["a", "b", "c"]}, {"pixels": Pixels()}, {"mean": [0, 0, 0], "std": [1, 1, 1]}])
def test_what_a_bundle_knows_is_not_said_again(tiny, said):
    with pytest.raises(UsageError, match="leave out"):
        modiste.load(tiny(), **said)


def test_a_bundle_whose_graph_lacks_an_output_is_refused(foreign, tmp_path):
    write_bundle(tmp_path / "odd.onnx", foreign().SerializeToString(), Card("odd", Classes(("a", "b", "c")), Pixels(side=32)))
    with pytest.raises(ModisteError, match="lacks features, pixels, probabilities, scores"):
        modiste.load(tmp_path / "odd.onnx")


def test_no_threads_are_too_few(tiny):
    with pytest.raises(UsageError, match="1 or more"):
        modiste.load(tiny(), threads=0)


@pytest.mark.parametrize("place", ["weights", "node", "branch", "function"])
def test_weights_in_another_file_are_refused_wherever_they_are_named(elsewhere, saved, place):
    path = saved(elsewhere(place))
    (path.parent / "weights.bin").write_bytes(bytes(12))
    with pytest.raises(ModisteError, match="opens none but the one it is given"):
        modiste.load(path, classes=["a", "b", "c"], pixels=Pixels(side=32, colour="rgb", normalise="imagenet"))


def test_the_word_location_alone_refuses_nothing(foreign, saved):
    model = foreign()
    model.graph.node[0].name, model.graph.doc_string = "/location/Mean", "location"
    path = saved(model, location="weights.bin")
    assert b"location" in path.read_bytes()
    assert not has_external("model", memoryview(path.read_bytes()))
    assert len(modiste.load(path, classes=["a", "b", "c"], pixels=Pixels(side=32, colour="rgb", normalise="imagenet")).classes) == 3


@pytest.mark.parametrize("cut", [1, 2, 5, 7, 20, 39, 60])
def test_a_cut_message_is_no_message(foreign, cut):
    data = foreign().SerializeToString()
    with pytest.raises(ValueError, match="ends in the middle"):
        list(fields_of(memoryview(data)[:-cut]))


def test_nothing_heavy_is_imported_to_label_a_photo(tiny, tmp_path):
    (tmp_path / "1.jpg").write_bytes(png(picture(), "JPEG"))
    code = f"""
import sys, modiste
(label,) = modiste.load({str(tiny())!r}).label({str(tmp_path / "1.jpg")!r})
heavy = {{"torch", "torchvision", "pyarrow", "scipy", "sklearn", "matplotlib", "pandas", "onnx", "rich", "cyclopts"}} & sys.modules.keys()
print(bool(label.label), sorted(heavy))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True, text=True)
    assert done.stdout == "True []\n"


def test_refused_pictures_say_which_and_why():
    with pytest.raises(PhotoRefused, match="picture: too_many_pixels"):
        picture_to_pixels(Image.new("1", (8000, 7000)), 32, "rgb", "squash", "picture")
