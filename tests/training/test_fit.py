"""A run from end to end: found when it is there, equal when it is made again, honest about what it measured."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import accuracy_score, f1_score
from torchvision.models import resnet18

from modiste.data.batches import sampling_weights
from modiste.data.decoded import decode
from modiste.models.heads import HEADS
from modiste.records.catalogue import Catalogue
from modiste.records.disk import digest
from modiste.records.errors import MachineError, ModisteError, TrainingDiverged, UsageError
from modiste.records.recipe import COLOURS, PRESETS, SAMPLING, Network, Recipe
from modiste.training import fit as room
from modiste.training import loop
from modiste.training.fit import Manner, balance_of, check_before_work, divided, fit, refuse_carving
from modiste.training.losses import LOSSES, masses
from modiste.training.model import open_model, predict, whole_on
from modiste.training.team import Team

SECOND_STAGES = [name for name, stage in HEADS.items() if stage]
CPU = torch.device("cpu")


def weights_of(run):
    return (run.folder / "weights.safetensors").read_bytes()


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def done(short, drawn, tmp_path_factory):
    return fit(short, drawn, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def sound(short, drawn, tmp_path_factory):
    """Validation carved from train, the best epoch kept, patience: a lr at which epochs differ."""
    recipe = replace(short, validation=0.25, select="best", patience=3, epochs=9, lr=1e-2)
    return fit(recipe, drawn, tmp_path_factory.mktemp("runs"))


def test_a_finished_run_is_found_and_not_made_again(done, short, drawn):
    before, told = times(done.folder), []
    again = fit(short, drawn, done.folder.parent, Manner(tell=told.append))
    assert again == done
    assert times(done.folder) == before
    assert not [event for event in told if event.stage == "training"]


def test_a_run_leaves_what_it_promises_and_no_scaffolding(done):
    names = {path.relative_to(done.folder).as_posix() for path in done.folder.rglob("*") if path.is_file()}
    assert names == {"about.json", "history.csv", "model.json", "predictions/test.csv", "recipe.json", "weights.safetensors"}


def test_the_same_recipe_gives_the_same_bits_and_another_seed_others(done, short, drawn, runs, outcome):
    assert outcome(fit(short, drawn, runs)) == outcome(done)
    assert weights_of(fit(replace(short, seed=1), drawn, runs)) != weights_of(done)


def test_the_order_of_rows_changes_nothing(done, short, drawn, runs, outcome):
    """Nor does where the photos stand: the id of the run says so, so the bits must."""
    photos = list(drawn.photos)
    np.random.default_rng(0).shuffle(photos)
    assert outcome(fit(short, drawn.with_photos(photos), runs)) == outcome(done)


def test_scores_in_the_history_are_those_of_the_stored_predictions(done, drawn):
    """In fp32, where the last epoch is kept and test is watched; the scores are scikit-learn's."""
    said, last = done.predictions(), done.history()[-1]
    assert last.watched == "test"
    assert last.accuracy == pytest.approx(accuracy_score(said.truth, said.called), abs=1e-12)
    assert last.macro_f1 == pytest.approx(f1_score(said.truth, said.called, average="macro", zero_division=0), abs=1e-12)
    test = drawn.split("test")
    by_path = {photo.path: photo.label for photo in test.photos}
    assert {photo: int(label) for photo, label in zip(said.photos, said.truth, strict=True)} == by_path


def test_history_has_a_line_an_epoch(done, short):
    assert [epoch.epoch for epoch in done.history()] == [1, 2]
    assert done.about["kept_epoch"] == 2
    assert all(0 <= epoch.train_accuracy <= 1 and epoch.train_loss > 0 for epoch in done.history())
    assert done.recipe == short


def test_about_says_what_made_it(done, short, drawn):
    about = done.about
    trainable = sum(value.numel() for value in load_file(done.folder / "weights.safetensors").values())
    assert about["parameters"] == {"trainable": trainable, "frozen": 0}
    assert about["data"]["photos"] == {"train": 48, "test": 16}
    assert about["data"]["of_train"] == dict(zip(drawn.classes.names, drawn.split("train").counts(), strict=True))
    assert len(about["data"]["hash"]) == 64
    assert about["classes"] == list(drawn.classes.names)
    assert about["started_from"] == "none"
    assert about["precision"] == "fp32"
    assert torch.__version__.startswith(about["made_with"]["torch"])
    assert about["made_with"]["threads"] == 1
    assert abs(datetime.strptime(about["finished_at"], "%Y-%m-%dT%H:%M:%S%z") - datetime.now(UTC)) < timedelta(hours=1)


def test_sound_carves_validation_from_train(sound, drawn):
    carved = set(sound.predictions("validation").photos)
    train = {photo.path for photo in drawn.split("train").photos}
    assert carved < train
    assert sound.about["data"]["photos"] == {"train": 48 - len(carved), "validation": len(carved), "test": 16}
    assert {epoch.watched for epoch in sound.history()} == {"validation"}
    assert sound.splits == ["test", "validation"]


def test_sound_keeps_the_epoch_with_the_best_macro_f1_on_validation(sound):
    history, kept = sound.history(), sound.about["kept_epoch"]
    scores = [epoch.macro_f1 for epoch in history]
    assert kept == scores.index(max(scores)) + 1
    said = sound.predictions("validation")
    assert f1_score(said.truth, said.called, average="macro", zero_division=0) == pytest.approx(max(scores), abs=1e-12)
    assert min(scores) < max(scores), "epochs that are all alike would prove nothing"
    assert len(history) == min(9, kept + 3)


@pytest.mark.parametrize("select", ["last", "best"])
def test_what_test_holds_changes_nothing_in_what_is_learnt(select, short, drawn, runs):
    """Test may be looked at, never chosen by: with every test label another, the weights are the same."""
    recipe = replace(short, validation=0.25 if select == "best" else 0.0, select=select, epochs=3, lr=1e-2)
    other = drawn.with_photos(replace(p, label=(p.label + 1) % 4) if p.split == "test" else p for p in drawn.photos)
    one, two = fit(recipe, drawn, runs), fit(recipe, other, runs)
    assert one.folder != two.folder
    assert weights_of(one) == weights_of(two)
    assert one.about["kept_epoch"] == two.about["kept_epoch"]
    assert (one.predictions().truth != two.predictions().truth).all()


def test_a_validation_split_of_the_catalogue_s_own_is_used_whole(short, drawn):
    photos = [replace(p, split="validation") if p.split == "test" else p for p in drawn.photos]
    splits = divided(drawn.with_photos(photos), replace(short, validation=0.25), "hash")
    assert (len(splits.train), len(splits.validation), splits.test) == (48, 16, None)


@pytest.mark.parametrize("setting", [{"validation": 0.3}, {"split_seed": 7}])
def test_a_carving_of_which_nothing_comes_is_refused(setting, short, drawn, runs):
    """The catalogue has a validation split: the same network would be trained again under another id."""
    ((key, value),) = setting.items()
    photos = [replace(p, split="validation") if p.split == "test" else p for p in drawn.photos]
    with pytest.raises(ModisteError, match=f"{key}={value} would do nothing.* of its own, of 16 photos"):
        fit(replace(short, **setting), drawn.with_photos(photos), runs)
    for preset in PRESETS.values():
        refuse_carving(preset(), drawn.with_photos(photos))
    refuse_carving(replace(short, **setting), drawn)


def test_a_run_without_test_predicts_validation(short, drawn, runs):
    run = fit(replace(short, validation=0.25, epochs=1), drawn.with_photos(drawn.split("train").photos), runs)
    assert run.splits == ["validation"]


@pytest.mark.parametrize("name", SECOND_STAGES)
def test_an_svm_stands_on_the_softmax_run_of_its_depth_which_is_not_trained_again(name, done, short, drawn):
    before, told = times(done.folder), []
    run = fit(replace(short, network=Network(head=name)), drawn, done.folder.parent, Manner(tell=told.append))
    assert times(done.folder) == before
    assert not [event for event in told if event.stage == "training"]
    assert run.about["trunk"] == done.folder.name
    assert run.history() == done.history()
    trunk, own = load_file(done.folder / "weights.safetensors"), load_file(run.folder / "weights.safetensors")
    assert all(torch.equal(own[name], trunk[name]) for name in trunk if name.startswith("backbone."))


@pytest.mark.parametrize("name", SECOND_STAGES)
def test_an_svm_s_layer_decides_as_scikit_learn(name, done, short, drawn):
    run = fit(replace(short, network=Network(head=name)), drawn, done.folder.parent)
    assert run.about["svm"]["agrees_with_scikit_learn"] == "16 of 16 photos of test"
    said = run.predictions()
    assert np.unique(said.called).size > 1 or name == "rbf_svm"


def test_an_svm_trains_its_trunk_where_there_is_none(short, drawn, runs):
    fit(replace(short, network=Network(convs=3, head="svm", svm_c=0.01), epochs=1), drawn, runs)
    trunk = replace(short, network=Network(convs=3), epochs=1)
    told = []
    assert fit(trunk, drawn, runs, Manner(tell=told.append)).finished
    assert not [event for event in told if event.stage == "training"]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sampling", SAMPLING)
def test_an_svm_is_balanced_as_its_softmax_network_was(name, sampling):
    """The photos of each class together weigh in it what they weigh in an epoch of the network's loss, but for scale."""
    counts, recipe = [40, 4, 12], Recipe(sampling=sampling, loss=name)
    labels = np.repeat(np.arange(3), counts)
    found = np.bincount(labels, balance_of(recipe, labels, 3))
    drawn = np.ones(3) if sampling == "weighted" else np.array(counts)
    expected = drawn * masses(name, counts)
    np.testing.assert_allclose(found / found.sum(), expected / expected.sum())
    if (sampling, name) == ("shuffled", "class_weighted"):
        np.testing.assert_allclose(found, found[0])


def test_the_usual_balance_is_that_of_the_sampling_to_the_last_bit(drawn):
    labels = np.array([photo.label for photo in drawn.split("train").photos])
    assert balance_of(Recipe(), labels, 4).tobytes() == sampling_weights(labels).tobytes()


def test_an_svm_is_given_its_balance(short, drawn, runs, monkeypatch):
    seen, real = [], HEADS["svm"]
    monkeypatch.setitem(HEADS, "svm", lambda *args: (seen.append(args[1:3]), real(*args))[1])
    fit(replace(short, network=Network(head="svm", svm_c=0.01), sampling="shuffled", loss="class_weighted", epochs=1), drawn, runs)
    ((labels, weights),) = seen
    np.testing.assert_allclose(np.bincount(labels, weights), len(labels) / 4)


@pytest.mark.parametrize("name", HEADS)
def test_every_head_learns_what_a_resnet_sees(name, short_resnet, drawn, tmp_path_factory):
    """A head that learns with the network lowers its loss; a fitted one beats calling all training photos the commonest class."""
    runs = tmp_path_factory.getbasetemp() / "heads"  # the SVMs share one trunk
    network = Network(backbone="resnet18", head=name, svm_c=0.01 if name in SECOND_STAGES else None)
    recipe = replace(short_resnet, network=network, lr=1e-4)
    run, train = fit(recipe, drawn, runs), drawn.split("train")
    if name not in SECOND_STAGES:
        assert run.history()[1].train_loss < 0.9 * run.history()[0].train_loss
        return
    model = open_model(run)
    said = predict(model, *whole_on(model, decode(train, recipe.pixels, None)), Team(CPU))
    assert accuracy_score(said.truth, said.called) > max(train.counts()) / len(train)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_finishes_a_run(name, short, drawn, runs):
    assert fit(replace(short, loss=name, epochs=1), drawn, runs).history()[0].train_loss > 0


def test_the_hinge_head_is_the_hinge_loss(short, drawn, runs):
    """The two are one result."""
    by_head = fit(replace(short, network=Network(head="hinge"), epochs=1), drawn, runs)
    by_loss = fit(replace(short, loss="hinge", epochs=1), drawn, runs)
    assert load_file(by_head.folder / "weights.safetensors").keys() == load_file(by_loss.folder / "weights.safetensors").keys()
    assert weights_of(by_head) == weights_of(by_loss)


@pytest.mark.parametrize("colour", COLOURS)
def test_every_colour_is_seen_alike_when_training_and_when_answering(colour, short, drawn, runs):
    recipe = replace(short, pixels=replace(short.pixels, colour=colour), epochs=1)
    run = fit(recipe, drawn, runs)
    model = open_model(run)
    said = predict(model, *whole_on(model, decode(drawn.split("test"), recipe.pixels, None)), Team(CPU))
    np.testing.assert_allclose(said.scores[np.argsort(said.photos)], run.predictions().scores, atol=1e-5)


@pytest.fixture
def imagenet(tmp_path):
    torch.manual_seed(3)
    path = tmp_path / "resnet18.safetensors"
    save_file(resnet18().state_dict(), path)
    return path


def test_a_frozen_run_keeps_the_backbone_of_its_file(short_resnet, drawn, runs, imagenet):
    network = Network(backbone="resnet18", attention="cbam", weights=str(imagenet), frozen=True)
    run = fit(replace(short_resnet, network=network, epochs=1), drawn, runs)
    stored, own = load_file(imagenet), load_file(run.folder / "weights.safetensors")
    held = {name.replace("backbone.body.", "").replace(".block.", "."): value for name, value in own.items()}
    assert all(torch.equal(held[name], value) for name, value in stored.items() if not name.startswith("fc."))
    assert run.about["started_from"].startswith(f"{imagenet} sha256:")
    assert run.about["parameters"]["frozen"] == sum(v.numel() for n, v in stored.items() if not re.search("fc|running|num_b", n))
    assert open_model(run).eyes.mean == (0.485, 0.456, 0.406)


def test_moved_weights_are_the_same_run(short_resnet, drawn, runs, imagenet):
    recipe = replace(short_resnet, network=Network(backbone="resnet18", weights=str(imagenet)), epochs=1)
    run = fit(recipe, drawn, runs)
    moved = imagenet.rename(imagenet.with_name("moved.safetensors"))
    again = fit(replace(recipe, network=replace(recipe.network, weights=str(moved))), drawn, runs)
    assert again.folder == run.folder


@pytest.mark.parametrize("head", ["softmax", "svm"])
@pytest.mark.parametrize("become", [lambda path: path.write_bytes(b"another file"), lambda path: path.unlink()])
def test_about_names_the_weights_that_the_run_began_from_whatever_becomes_of_their_file(become, head, short_resnet, drawn, runs, imagenet):
    network, first = Network(backbone="resnet18", weights=str(imagenet), head=head, svm_c=0.01 if head == "svm" else None), digest(imagenet)

    def tell(told):
        if told.stage == "training" and imagenet.exists():
            become(imagenet)

    run = fit(replace(short_resnet, network=network, epochs=1), drawn, runs, Manner(tell=tell))
    assert run.about["started_from"] == f"{imagenet} sha256:{first}"


@pytest.mark.parametrize("head", ["softmax", "svm"])
def test_weights_that_are_replaced_before_they_are_read_are_refused(head, short_resnet, drawn, runs, imagenet):
    """The run's id stands for those that were there."""
    network = Network(backbone="resnet18", weights=str(imagenet), head=head, svm_c=0.01 if head == "svm" else None)

    def tell(told):
        if told.stage == "decoding":
            save_file(resnet18().state_dict(), imagenet)

    with pytest.raises(MachineError, match="was replaced while the run was prepared"):
        fit(replace(short_resnet, network=network, epochs=1), drawn, runs, Manner(tell=tell))


class OnDevice(torch.Tensor):
    """A tensor of a device that has no float64, as Apple's GPUs have none."""

    def double(self):
        raise TypeError("the device has no float64")

    def cpu(self):
        return super().cpu().as_subclass(torch.Tensor)


def test_a_device_without_float64_finishes_a_run(done, short, drawn, runs, outcome, monkeypatch):
    real = loop.forward
    monkeypatch.setattr(loop, "forward", lambda *args: real(*args).as_subclass(OnDevice))
    assert outcome(fit(short, drawn, runs)) == outcome(done)


def test_a_loss_that_is_no_number_stops_the_run_in_words(short, drawn, runs):
    with pytest.raises(TrainingDiverged, match=r"the loss became (nan|inf) in epoch 1, step \d.* Try a smaller lr than 1e\+30\.") as told:
        fit(replace(short, lr=1e30), drawn, runs)
    assert told.value.exit_code == 6
    assert not any(path.name in ("weights.safetensors", "about.json") for path in runs.rglob("*"))


def test_in_bf16_full_precision_is_offered_too(short, drawn, runs):
    with pytest.raises(TrainingDiverged, match=r"or precision=fp32\."):
        fit(replace(short, lr=1e30, precision="bf16"), drawn, runs)


def test_weights_that_break_in_the_last_step_are_not_stored(short, drawn, runs):
    """The loss of a step is that of the weights before it."""
    with pytest.raises(TrainingDiverged, match="after epoch 1 the network's scores are no longer numbers"):
        fit(replace(short, lr=1e30, batch=48, epochs=1), drawn, runs)
    assert not list(runs.rglob("about.json"))


def only(drawn, keep):
    return Catalogue(drawn.root, drawn.classes, tuple(photo for photo in drawn.photos if keep(photo)))


@pytest.mark.parametrize(
    "keep, settings, words",
    [
        (lambda p: p.split != "train" or p.label != 3, {}, "no photo of Bags in split 'train'"),
        (lambda p: p.split == "test", {}, r"no photo of Shoes, Clothing, Accessories, Bags in split 'train' \(0 labelled photos there\)"),
        (lambda p: p.split == "train", {}, "neither split 'test' nor 'validation' has labelled photos"),
        (lambda p: True, {"select": "best"}, "choose by a validation split. Set validation=0.15"),
        (lambda p: True, {"patience": 2}, "choose by a validation split"),
    ],
)
def test_a_catalogue_that_cannot_be_learnt_from_is_refused_in_words(keep, settings, words, short, drawn, runs):
    with pytest.raises(ModisteError, match=words):
        fit(replace(short, **settings), only(drawn, keep), runs)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"network.backbone": "alexnt"}, "Did you mean 'alexnet'"),
        ({"network.attention": "cmab"}, "Did you mean 'cbam'"),
        ({"network.head": "sofmax"}, "Did you mean 'softmax'"),
        ({"network.widths": "2013"}, "there are torchvision, 2012"),
        ({"network.attention": "cbam", "network.after_convs": "7"}, "there is no convolution 7"),
        ({"network.frozen": True}, "never learns to see"),
        ({"augment": "filp"}, "Did you mean 'flip'"),
        ({"loss": "crossentropy"}, "Did you mean 'cross_entropy'"),
        ({"optimiser": "sdg"}, "Did you mean 'sgd'"),
        ({"pixels.side": 62}, "AlexNet's three pools need 63 px or more"),
        ({"network.attention": "cbam", "network.after_convs": ""}, "names no convolution, so there would be no cbam"),
        ({"network.head": "hinge", "loss": "class_weighted"}, "loss = class_weighted: network.head=hinge has a loss of its own"),
        ({"network.backbone": "resnet18", "batch": 1}, "batch = 1: this network's batch-norm needs 2 photos or more"),
        ({"network.backbone": "efficientnet_lite0", "batch": 1}, "needs 2 photos or more"),
        ({"network.attention": "cbam", "network.gate_norm": True, "batch": 1}, "needs 2 photos or more"),
    ],
)
def test_what_would_fail_later_is_refused_before_a_photo_is_decoded(settings, words, short, drawn, runs, monkeypatch):
    monkeypatch.setattr(room, "decode", lambda *_args: pytest.fail("photos were decoded"))
    with pytest.raises(ModisteError, match=words):
        fit(short.changed(settings), drawn, runs)
    assert not list(runs.rglob("*"))


def test_a_batch_of_one_photo_is_taken_where_nothing_measures_batches():
    """A batch-norm that is frozen does not, nor do two photos of two batches that make one step."""
    check_before_work(Recipe(batch=1))
    check_before_work(Recipe(batch=1, network=Network(backbone="resnet18", weights="imagenet", frozen=True, attention="cbam")))
    check_before_work(Recipe(batch=1, accumulate=2, network=Network(backbone="resnet18")))
    with pytest.raises(ModisteError, match="batch-norm needs 2 photos"):  # the gates' own learns
        check_before_work(Recipe(batch=1, network=Network("resnet18", weights="imagenet", frozen=True, attention="cbam", gate_norm=True)))


@pytest.mark.parametrize(
    "backbone, processes, least",
    [("alexnet", 1, 1), ("alexnet", 8, 8), ("resnet18", 1, 2), ("resnet18", 8, 16), ("efficientnet_lite0", 3, 6)],
)
def test_each_process_of_a_team_has_what_it_needs_of_a_batch(backbone, processes, least, monkeypatch):
    """With no photo it would have no loss, and the learning rate would be blamed."""
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    recipe = Recipe(batch=least, network=Network(backbone=backbone))
    check_before_work(recipe)
    parts = [len(np.arange(least)[rank::processes]) for rank in range(processes)]
    assert min(parts) == least // processes
    if least > 1:
        with pytest.raises(ModisteError, match=f"Set batch={least} or more, or start fewer" if processes > 1 else "2 photos or more"):
            check_before_work(replace(recipe, batch=least - 1))
        check_before_work(replace(recipe, batch=-(-least // 2), accumulate=2))


@pytest.mark.parametrize("convs", [3, 4, 5, 6])
def test_63_px_are_enough_for_every_alexnet(convs, short, drawn, runs):
    recipe = short.changed({"pixels.side": 63, "network.convs": convs, "epochs": 1})
    check_before_work(recipe)
    assert fit(recipe, drawn, runs).finished


def test_a_file_of_weights_that_is_not_there_is_named_before_anything(short, drawn, runs):
    with pytest.raises(MachineError, match=r"no file 'mine.pth'"):
        fit(replace(short, network=Network(weights="mine.pth")), drawn, runs)


def test_a_device_that_is_not_there_is_refused(short, drawn, runs):
    with pytest.raises((MachineError, UsageError), match="device 'tpu' is not on this machine"):
        fit(short, drawn, runs, Manner("tpu"))
