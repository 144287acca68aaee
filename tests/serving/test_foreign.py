import json
import sys

import numpy as np
import pytest
from onnx import helper, numpy_helper
from PIL import Image

import modiste
from modiste import cli
from modiste.data import batches
from modiste.records.errors import Damaged, ModisteError, UsageError
from modiste.records.labels import Classes
from modiste.records.recipe import Pixels
from modiste.serving import foreign as rules
from modiste.serving.foreign import names_in

PIXELS = np.random.default_rng(0).integers(0, 256, (21, 32, 32, 3), np.uint8)
NAMES, COLOUR = ["Shoes", "Clothing", "Bags"], Pixels(side=32, colour="rgb", normalise="imagenet")
WEIGHTS = np.array([[4, -2, 1], [-3, 5, 0.5], [1, 1, -6]])


def softmax(scores):
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def scores_of(pixels, mean, std):
    return (pixels.astype(np.float64).mean((1, 2)) / 255 - mean) / std @ WEIGHTS


@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize(
    "shape", [("n", 3, 32, 32), ("n", 3, "h", "w"), ("n", "c", "h", "w"), (1, 3, 32, 32), (6, 3, 32, 32), (50, 3, 32, 32)]
)
def test_scores_and_probabilities_are_told_apart_whatever_the_size_of_a_batch(foreign, saved, shape, shares):
    network = modiste.load(saved(foreign(shape, softmax=shares)), classes=NAMES, pixels=COLOUR)
    answers = network.score(PIXELS)
    scores = scores_of(PIXELS, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    np.testing.assert_allclose(answers.probabilities, softmax(scores), atol=1e-4)
    np.testing.assert_allclose(answers.scores, np.log(softmax(scores)) if shares else scores, atol=1e-3)
    assert answers.features.shape == (21, 0)
    assert answers.strangeness is None
    assert network.id.startswith("other-")


def test_scores_that_happen_to_add_up_to_one_are_no_probabilities(foreign, saved):
    """Rows of these weights add up to 0, and a third is added to each score; but some are below 0."""
    model = foreign(weights=np.array([[3, -3, 0], [0, 3, -3], [-3, 0, 3]]))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(1 / 3), "third"))
    model.graph.node.append(helper.make_node("Add", ["output", "third"], ["shifted"]))
    model.graph.output[0].name = "shifted"
    answers = modiste.load(saved(model), classes=NAMES, pixels=COLOUR).score(PIXELS)
    np.testing.assert_allclose(answers.scores.sum(1), 1, atol=1e-4)
    np.testing.assert_allclose(answers.probabilities, softmax(answers.scores), atol=1e-5)


@pytest.mark.parametrize(
    ("pixels", "said", "mean", "std"),
    [
        (Pixels(side=32, colour="rgb", normalise="none"), {}, [0, 0, 0], [1, 1, 1]),
        (Pixels(side=32, colour="rgb", normalise="half"), {}, [0.5] * 3, [0.5] * 3),
        ({"colour": "rgb", "fit": "squash", "normalise": "half"}, {}, [0.5] * 3, [0.5] * 3),
        ({"colour": "rgb", "fit": "squash"}, {"mean": [0.1, 0.2, 0.3], "std": [1, 2, 3]}, [0.1, 0.2, 0.3], [1, 2, 3]),
        (Pixels(side=32, colour="rgb", normalise="data"), {"mean": [0.1, 0.2, 0.3], "std": [1, 2, 3]}, [0.1, 0.2, 0.3], [1, 2, 3]),
        (Pixels(side=32, colour="rgb"), {"mean": [0.5] * 3, "std": [0.5] * 3}, [0.5] * 3, [0.5] * 3),
    ],
)
def test_pixels_are_normalised_as_is_said(foreign, saved, pixels, said, mean, std):
    answers = modiste.load(saved(foreign()), classes=NAMES, pixels=pixels, **said).score(PIXELS)
    np.testing.assert_allclose(answers.scores, scores_of(PIXELS, mean, std), atol=1e-3)


def test_grey_comes_in_as_many_channels_as_the_network_takes(foreign, saved):
    grey = PIXELS[..., :1]
    three = modiste.load(saved(foreign()), classes=NAMES, pixels=Pixels(side=32, colour="grey3", normalise="none")).score(grey)
    np.testing.assert_allclose(three.scores, scores_of(np.repeat(grey, 3, 3), [0] * 3, [1] * 3), atol=1e-3)
    one = modiste.load(
        saved(foreign(("n", 1, 32, 32), weights=WEIGHTS[:1])), classes=NAMES, pixels=Pixels(side=32, colour="grey1", normalise="none")
    ).score(grey)
    np.testing.assert_allclose(one.scores, grey.mean((1, 2)) / 255 @ WEIGHTS[:1], atol=1e-3)


def test_only_what_the_file_does_not_say_has_to_be_said(foreign, saved):
    """A fixed side and a single channel are the file's own; where it takes any side, that is to be given too."""
    fixed = modiste.load(saved(foreign(("n", 1, 32, 32), weights=WEIGHTS[:1])), classes=NAMES, pixels={"fit": "crop", "normalise": "none"})
    assert (fixed.pixels.side, fixed.pixels.colour, fixed.pixels.fit) == (32, "grey1", "crop")
    said = {"colour": "rgb", "fit": "crop", "normalise": "half"}
    with pytest.raises(UsageError, match=r"give --set pixels\.side=224 \("):
        modiste.load(saved(foreign(("n", 3, "h", "w"))), classes=NAMES, pixels=said)
    with pytest.raises(UsageError, match=r"Pixels\(side=64, colour='rgb', fit='crop', normalise='imagenet'\)"):  # can be pasted
        modiste.load(saved(foreign(("n", 3, "h", "w"))), classes=NAMES, pixels={"side": "64"})
    assert modiste.load(saved(foreign(("n", 3, "h", "w"))), classes=NAMES, pixels={"side": "64", **said}).pixels.side == 64


def test_answers_are_kept_apart_by_how_photos_are_shown(foreign, saved, tiny):
    path = saved(foreign())
    ways = [{"pixels": COLOUR}, *({"pixels": COLOUR, "mean": [mean] * 3, "std": [1] * 3} for mean in (0, 1))]
    assert len({modiste.load(path, classes=NAMES, **way).identity for way in ways}) == 3
    assert modiste.load(tiny()).shown == ""  # a bundle's run knows


def test_imagenets_constants_are_those_of_training():
    assert (rules.IMAGENET_MEAN, rules.IMAGENET_STD) == (batches.IMAGENET_MEAN, batches.IMAGENET_STD)


def test_photos_are_labelled_and_confidence_alone_decides(foreign, saved):
    network = modiste.load(saved(foreign()), classes=NAMES, pixels=COLOUR)
    red = np.zeros((40, 50, 3), np.uint8)
    red[..., 0] = 255
    decided = [network.label(red, precision=precision)[0] for precision in (0.5, 0.95)]
    assert [(one.label, one.decision) for one in decided] == [("Shoes", "auto"), ("Shoes", "review")]
    assert 0.5 < decided[0].confidence < 0.95
    assert network.card.evidence is None


@pytest.mark.parametrize("key", ["names", "classes", "labels"])
@pytest.mark.parametrize(
    "text", ["{0: 'Shoes', 1: 'Clothing', 2: 'Bags'}", '{"2": "Bags", "0": "Shoes", "1": "Clothing"}', "Shoes,Clothing, Bags"]
)
def test_classes_are_read_where_exporters_write_them(foreign, saved, key, text):
    path = saved(foreign(), **{key: text})
    assert modiste.load(path, pixels=COLOUR).classes.names == ("Shoes", "Clothing", "Bags")
    for said in (["a", "b", "c"], "a, b,c", Classes(("a", "b", "c"))):
        assert modiste.load(path, classes=said, pixels=COLOUR).classes.names == ("a", "b", "c")


@pytest.mark.parametrize(
    "text",
    ["", "7", "{0: 'a', 2: 'b'}", "[1, 2]", "{'a': 'b'}", "__import__('os')", "[" * 5000, "{0: 'a'", "None", "{[]: 1}", "{'²': 'a'}"],
)
def test_what_is_no_list_of_names_gives_none(text):
    assert names_in(text) == ()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"pixels": COLOUR}, "names no classes"),
        (
            {"classes": NAMES},
            r"colour, pixels.fit, pixels.normalise\. .*modiste\.Pixels\(side=32, colour='rgb', fit='crop', normalise='imagenet'\)",
        ),
        ({"classes": NAMES, "pixels": {"side": 32}}, "give --set pixels.colour=rgb --set pixels.fit=crop --set pixels.normalise=imagenet "),
        (
            {"classes": NAMES, "pixels": {"colour": "rgb", "normalise": "half"}},
            r"not given is pixels\.fit\. .*give --set pixels\.fit=crop \(",
        ),
        ({"classes": NAMES, "pixels": {"sid": "32"}}, "Did you mean 'side'"),
        ({"classes": NAMES, "pixels": {"fit": "crob"}}, "Did you mean 'crop'"),
        ({"classes": NAMES, "pixels": Pixels(side=32, colour="rgb")}, "normalise = 'auto' goes by how it was trained.*imagenet, half"),
        ({"classes": ["a", "b"], "pixels": COLOUR}, "2 classes are named"),
        ({"classes": NAMES, "pixels": Pixels(side=64, colour="rgb")}, "pictures of 32 px a side"),
        ({"classes": NAMES, "pixels": Pixels(side=32, colour="grey1")}, "takes 3 channels.*rgb or grey3"),
        ({"classes": NAMES, "pixels": Pixels(side=32, colour="rgb", normalise="data")}, "give mean and std"),
        ({"classes": NAMES, "pixels": COLOUR, "mean": [0, 0, 0]}, "belong together"),
        ({"classes": NAMES, "pixels": {"colour": "rgb", "fit": "crop", "mean": "0.5"}}, "belong together"),
        ({"classes": NAMES, "pixels": COLOUR, "mean": [0], "std": [1]}, "3 numbers each"),
        ({"classes": NAMES, "pixels": COLOUR, "mean": [0, 0, 0], "std": [1, 1, 0]}, "above 0"),
        ({"classes": NAMES, "pixels": COLOUR, "mean": [0, 0, float("nan")], "std": [1, 1, 1]}, "3 numbers each"),
    ],
)
def test_what_is_lacking_or_does_not_fit_is_said(foreign, saved, said, words):
    with pytest.raises(UsageError, match=words):
        modiste.load(saved(foreign()), **said)


def test_constants_may_be_said_with_the_pixels(foreign, saved):
    path, said = saved(foreign()), {"colour": "rgb", "fit": "crop", "mean": "0.4,0.5,0.6", "std": "0.25"}
    own = modiste.load(path, classes=NAMES, pixels=said)
    given = modiste.load(path, classes=NAMES, pixels={"colour": "rgb", "fit": "crop"}, mean=[0.4, 0.5, 0.6], std=[0.25] * 3)
    noise = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    assert (own.score(noise).scores == given.score(noise).scores).all()
    assert "mean 0.4 0.5 0.6 and std 0.25 0.25 0.25" in own.shown


@pytest.mark.parametrize("shape", [("n", 32, 32, 3), ("n", 4, 32, 32), ("n", 3, 32, 64)])
def test_other_inputs_are_refused(foreign, saved, shape):
    with pytest.raises(ModisteError, match="does not take"):
        modiste.load(saved(foreign(shape, weights=np.ones((shape[1], 3)))), classes=NAMES, pixels=COLOUR)


def test_operators_that_nobody_has_are_refused_in_words(custom, saved):
    with pytest.raises(ModisteError, match="modiste loads none from elsewhere"):
        modiste.load(saved(custom), classes=NAMES, pixels=COLOUR)


def test_an_onnx_of_the_future_is_called_that(foreign, saved):
    model = foreign()
    model.opset_import[0].version = 99
    with pytest.raises(ModisteError, match="newer ONNX"):
        modiste.load(saved(model), classes=NAMES, pixels=COLOUR)


@pytest.mark.parametrize("data", [b"", b"hello world", bytes(1000), b"\x89PNG\r\n\x1a\n" * 9])
def test_what_is_no_network_is_refused(tmp_path, data):
    (tmp_path / "odd.onnx").write_bytes(data)
    with pytest.raises(ModisteError, match=r"odd\.onnx is no network"):
        modiste.load(tmp_path / "odd.onnx", classes=NAMES, pixels=COLOUR)


def test_openvinos_file_is_told_apart_from_a_broken_network(tmp_path):
    (tmp_path / "shop.xml").write_text("<net/>")
    with pytest.raises(UsageError, match=r"OpenVINO's.*Give an \.onnx"):
        modiste.load(tmp_path / "shop.xml")


def test_a_network_bent_at_random_loads_or_is_refused_in_words_and_nothing_is_printed(foreign, saved, capfd):
    """Names that are no text, shapes that do not fit, cut fields: 150 times; and some still load, so that not all is refused."""
    rng, path, loaded, words = np.random.default_rng(2), saved(foreign()), 0, []
    whole = path.read_bytes()
    for _ in range(150):
        bent = bytearray(whole)
        bent[rng.integers(len(bent))] = rng.integers(256)
        path.write_bytes(bent)
        try:
            modiste.load(path, classes=NAMES, pixels=COLOUR, threads=1).score(PIXELS[:2])
        except ModisteError as refused:
            words.append(str(refused))
        else:
            loaded += 1
    assert all("other" in one for one in words)  # the file's name, or the network's
    assert 10 < loaded < 140
    assert capfd.readouterr() == ("", "")


def test_a_name_that_is_no_text_is_refused(foreign, saved):
    path = saved(foreign())
    path.write_bytes(path.read_bytes().replace(b"images", b"\xff\xfe\xfd\xfc\xfb\xfa"))
    with pytest.raises(ModisteError, match=r"other\.onnx"):
        modiste.load(path, classes=NAMES, pixels=COLOUR)


def test_a_bundle_that_lost_its_seal_is_not_taken_for_anothers_file(foreign, saved):
    with pytest.raises(Damaged, match="not as it was written"):
        modiste.load(saved(foreign(), modiste="{}"), classes=NAMES, pixels=COLOUR)


SAID = ["--classes", ",".join(NAMES), "--set", "pixels.colour=rgb", "--set", "pixels.fit=crop", "--set", "pixels.normalise=half"]


@pytest.fixture
def typed(foreign, saved, tmp_path, monkeypatch, capsys):
    """Exit code, output and errors of a command, where another's network and a folder with a red photo stand."""
    saved(foreign())
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 60), (255, 0, 0)).save(tmp_path / "photos" / "1.png")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["modiste", *arguments])
        try:
            cli.main()
        except SystemExit as ended:
            return ended.code, *capsys.readouterr()
        return 0, *capsys.readouterr()

    return run


def test_photos_are_labelled_as_was_said_and_how_they_are_shown_is_told(typed, tmp_path):
    code, out, err = typed("label", "photos", "--model", "other.onnx", *SAID, "--json")
    assert (code, json.loads(out)["notes"][0].startswith("other is shown photos as 32 x 32 px in colour, cropped")) == (0, True), err
    table = (tmp_path / "labels.csv").read_text().splitlines()
    row = dict(zip(table[0].split(","), table[1].split(","), strict=True))
    wanted = softmax(scores_of(np.full((1, 32, 32, 3), [255, 0, 0]), [0.5] * 3, [0.5] * 3))[0]
    assert [float(row[f"p_{name}"]) for name in NAMES] == pytest.approx(wanted, abs=1e-4)
    for command in (["label", "photos/1.png"], ["label", "photos"], ["label", "photos", "--dry-run"]):
        assert "normalised by mean 0.5 0.5 0.5 and std 0.5 0.5 0.5" in typed(*command, "--model", "other.onnx", *SAID)[1]


def test_models_are_measured_as_was_said_also_in_processes_of_their_own(typed):
    code, out, err = typed("benchmark", "other.onnx", *SAID, "--rounds", "1")
    assert (code, "fit crop, normalise half" in out) == (0, True), err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["label", "photos", *SAID[2:]], "--classes Shoes,Bags"),
        (["label", "photos", *SAID[:2]], "give --set pixels.colour=rgb --set pixels.fit=crop --set pixels.normalise=imagenet"),
        (["label", "photos", *SAID[:2], "--set", "pixels.side=32"], "not given is pixels.colour, pixels.fit, pixels.normalise"),
        (["label", "photos", *SAID, "--set", "lr=0.1"], "--set lr=0.1: a network that is there already is not trained"),
        (["label", "photos", *SAID[:-1], "pixels.normalise=auto"], "Give imagenet, half"),
        (["serve", *SAID[:2], "--set", "pixels.side=32"], "not given is pixels.colour"),
        (["serve", *SAID, "--set", "lr=0.1"], "--set lr=0.1"),
        (["search", "--in", "photos"], "no bundle, and gives no features"),
    ],
)
def test_what_would_be_guessed_is_asked_for_in_words_that_can_be_typed(arguments, words, typed, tmp_path):
    code, out, err = typed(*arguments, "--model", "other.onnx")
    assert (code, out, words in err) == (2, "", True), err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.onnx", "photos"]


def test_the_server_says_how_photos_are_shown(typed, monkeypatch):
    pytest.importorskip("uvicorn", reason="an extra")
    from modiste.web import server

    monkeypatch.setattr(server, "serve", lambda _labeller, _asked, heard: heard("http://127.0.0.1:8000"))
    code, out, err = typed("serve", "--model", "other.onnx", *SAID)
    assert (code, out.startswith("other is shown photos as 32 x 32 px in colour")) == (0, True), err
