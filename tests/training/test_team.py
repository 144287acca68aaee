"""Two processes that train together draw the order that one draws, each photo of it once, and measure each photo once."""

import os
import socket
import subprocess
import sys
import textwrap
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import modiste
from modiste.records.errors import Busy, MachineError, ModisteError, TrainingDiverged
from modiste.records.launch import follows, launched
from modiste.records.lock import locked
from modiste.records.progress import silent
from modiste.records.recipe import Recipe
from modiste.records.run import Run
from modiste.training.checkpoint import Learner, Position
from modiste.training.fit import fit, sole_writer
from modiste.training.loop import Keeper, epoch_batches, keep_best
from modiste.training.team import Team, gather

CHILD = """
    import json, sys, warnings
    from pathlib import Path
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", module="torch.distributed|lightning_fabric")
    import torch
    torch.set_num_threads(1)
    from modiste.models import backbones
    backbones.ALEXNET_WIDTHS["torchvision"] = (8, 16, 16, 16, 16, 16)
    backbones.ALEXNET_FEATURES = backbones.AlexNet.width = 32
    from modiste.data.layouts.readers import read
    from modiste.records.recipe import Recipe
    from modiste.training import loop
    from modiste.training.fit import Manner, fit
    from modiste.training.team import gather

    photos, runs, recipe, out, ends_after = sys.argv[1:]
    drawn, real = [], loop.step

    def step(lesson, learner, joined, rows, side):
        drawn.append(lesson.team.mine(rows).tolist())
        if len(drawn) == int(ends_after):
            sys.exit(9)
        return real(lesson, learner, joined, rows, side)

    loop.step = step
    run = fit(Recipe.parse(json.loads(recipe)), read(photos, "paper"), Path(runs), Manner(checkpoint_seconds=0))
    team = gather(torch.device("cpu"))
    Path(f"{out}-{team.rank}").write_text(json.dumps({"size": team.size, "drawn": drawn, "run": str(run.folder)}))
"""


def together(photos, runs, recipe, out, ends_after=-1, size=2):
    """The exit codes of processes started together as torchrun starts them."""
    import json

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
    asked = [str(photos), str(runs), json.dumps(recipe.plain()), str(out), str(ends_after)]
    command = [sys.executable, "-c", textwrap.dedent(CHILD), *asked]
    started = [
        subprocess.Popen(
            command,
            env=os.environ | {key: str(value) for key, value in {**shared, "RANK": rank, "LOCAL_RANK": rank}.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(size)
    ]
    said = [process.communicate(timeout=200)[0] for process in started]
    codes = [process.returncode for process in started]
    assert codes == [0 if ends_after < 0 else 9] * size, "\n".join(said)
    return [json.loads(out.with_name(f"{out.name}-{rank}").read_text()) for rank in range(size)] if ends_after < 0 else []


@pytest.fixture(scope="module")
def few(drawn, tmp_path_factory):
    """A catalogue on disk whose numbers of photos no two processes divide evenly, and a recipe without dropout or batch-norm."""
    from modiste.data.layouts.writers import write

    some = [*drawn.split("train").photos[:19], *drawn.split("test").photos[:13]]
    return write(drawn.with_photos(some), tmp_path_factory.mktemp("few") / "photos")


@pytest.fixture(scope="module")
def recipe(short):
    return replace(short, network=replace(short.network, convs=3, dropout=0.0), batch=7, epochs=2, optimiser="sgd", lr=0.01)


@pytest.fixture(scope="module")
def two(few, recipe, tmp_path_factory):
    """What two processes did, and their run."""
    place = tmp_path_factory.mktemp("two")
    told = together(few, place / "runs", recipe, place / "told")
    return told, Run(told[0]["run"])


@pytest.fixture(scope="module")
def alone(few, recipe, tmp_path_factory):
    from modiste.data.layouts.readers import read

    return fit(recipe, read(few, "paper"), tmp_path_factory.mktemp("alone"))


def test_two_processes_draw_the_order_of_one_each_photo_of_it_once(two, few):
    from modiste.data.layouts.readers import read

    told, run = two
    labels = np.array(sorted((photo.path, photo.label) for photo in read(few, "paper").split("train").photos), object)[:, 1].astype(int)
    steps = [rows for epoch in range(2) for rows in epoch_batches(labels, run.recipe, epoch, least=4)]
    assert [each["size"] for each in told] == [2, 2]
    assert len(told[0]["drawn"]) == len(told[1]["drawn"]) == len(steps)
    for rows, first, second in zip(steps, told[0]["drawn"], told[1]["drawn"], strict=True):
        assert sorted([*first, *second]) == sorted(rows.tolist())
        assert abs(len(first) - len(second)) <= 1


def test_two_processes_train_the_network_that_one_trains(two, alone):
    """Without dropout and batch-norm, to rounding: the gradient of a step is the mean over its photos, however they are divided."""
    _told, run = two
    assert run.about["made_with"]["processes"] == 2
    one, other = (load_file(each.folder / "weights.safetensors") for each in (alone, run))
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-6, msg=name)
    for a, b in zip(alone.history(), run.history(), strict=True):
        assert (a.train_loss, a.loss) == pytest.approx((b.train_loss, b.loss), rel=1e-4)
        assert a.train_accuracy == pytest.approx(b.train_accuracy, abs=0.07)


def test_each_photo_is_measured_once_though_two_do_not_divide_them(two, alone):
    """A sampler that pads would count some photos twice."""
    _told, run = two
    said, expected = run.predictions(), alone.predictions()
    assert len(said) % 2 == 1
    assert said.photos == expected.photos
    np.testing.assert_allclose(said.scores, expected.scores, atol=1e-3)


def test_a_team_that_was_stopped_goes_on_to_the_same_bits(two, few, recipe, tmp_path):
    _told, run = two
    together(few, tmp_path / "runs", recipe, tmp_path / "told", ends_after=3)
    (folder,) = (tmp_path / "runs").glob("alexnet*")
    assert (folder / "checkpoint.safetensors").is_file()
    told = together(few, tmp_path / "runs", recipe, tmp_path / "told")
    assert len(told[0]["drawn"]) == len(two[0][0]["drawn"]) - 2
    assert (folder / "weights.safetensors").read_bytes() == (run.folder / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_shares_together_are_the_whole_in_order(size):
    rows = np.arange(11)

    class Fabric:
        world_size = size

        def __init__(self, rank):
            self.global_rank = rank

        def all_reduce(self, part, reduce_op):
            return part

    teams = [Team(torch.device("cpu"), Fabric(rank)) for rank in range(size)]
    shares = [team.mine(rows) for team in teams]
    summed = sum(team.whole(torch.from_numpy(share)[:, None], 11) for team, share in zip(teams, shares, strict=True))
    assert summed[:, 0].tolist() == rows.tolist()


@pytest.mark.parametrize(
    "said, expected",
    [
        ({}, ((1, 1), False)),
        ({"WORLD_SIZE": "1", "RANK": "0"}, ((1, 1), False)),
        ({"WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4", "RANK": "0"}, ((8, 4), False)),
        ({"WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4", "RANK": "5"}, ((8, 4), True)),
        ({"SLURM_NTASKS": "4", "SLURM_NNODES": "2", "SLURM_PROCID": "3", "SLURM_STEP_ID": "0"}, ((4, 2), True)),
        ({"SLURM_NTASKS": "4", "SLURM_NNODES": "2", "SLURM_PROCID": "0"}, ((1, 1), False)),  # an allocation, without srun
    ],
)
def test_launchers_say_how_many_were_started(monkeypatch, said, expected):
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK", "SLURM_NTASKS", "SLURM_NNODES", "SLURM_PROCID", "SLURM_STEP_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert (launched(), follows()) == expected


def test_a_missing_extra_is_named_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(MachineError, match=r'pip install "modiste\[distributed\]"'):
        gather(torch.device("cpu"))


def test_a_run_that_is_busy_is_left_by_the_whole_team(tmp_path, monkeypatch):
    """The leader alone meets the lock; what it heard is agreed on."""
    run = Run(tmp_path / "run")
    heard = []

    def team(rank):
        one = Team(torch.device("cpu"), type("Fabric", (), {"global_rank": rank, "world_size": 2})())
        monkeypatch.setattr(Team, "agree", lambda self, value: heard.append(value) or heard[0])
        return one

    with locked(run.folder / ".lock", "the run"):
        for rank in (0, 1):
            with pytest.raises(Busy, match=rf"is being worked on by process {os.getpid()} "), sole_writer(run, team(rank), silent):
                pass
    assert heard[1] is None


def test_weights_that_break_stop_the_whole_team(tmp_path, monkeypatch):
    """The leader alone looks at them; the others would wait for it for ever."""
    agreed = []
    monkeypatch.setattr(Team, "agree", lambda self, value: agreed.append(value) or agreed[0])
    for rank in (0, 1):
        team = Team(torch.device("cpu"), type("Fabric", (), {"global_rank": rank, "world_size": 2})())
        network = torch.nn.Linear(1, 1)
        network.weight.data.fill_(float("nan") if rank == 0 else 1.0)
        taught = SimpleNamespace(team=team, recipe=Recipe(), bf16=False, checkpoint_seconds=0)
        keeper = Keeper(tmp_path / "checkpoint", taught, Learner(network, torch.optim.SGD(network.parameters(), 0.1)), [])
        assert keeper.due == team.leads, "or each would write by a clock of its own"
        with pytest.raises(TrainingDiverged, match="no longer numbers after epoch 1, step 3"):
            keeper.write(Position(step=3))
    assert agreed[1] is None
    assert not list(tmp_path.iterdir())


def pair(monkeypatch):
    """The two processes of a team, one after the other: the second hears what the first told."""
    told = []
    monkeypatch.setattr(Team, "agree", lambda self, value: told.append(value) or told[0])
    return [Team(torch.device("cpu"), type("Fabric", (), {"global_rank": rank, "world_size": 2})()) for rank in (0, 1)]


@pytest.mark.parametrize("wanted", ["by_the_leader", "first_the_leader"])
def test_what_the_leader_is_refused_ends_the_whole_team(monkeypatch, wanted):
    """A disk that is full in one process only: the others would wait for it for ever."""
    leader, other = pair(monkeypatch)

    def full():
        raise MachineError("No space left on device")

    for team, work in ((leader, full), (other, list)):
        with pytest.raises(MachineError, match="No space left"):
            getattr(team, wanted)(work)


def test_a_run_whose_disk_is_full_ends_in_every_process(monkeypatch, tmp_path):
    """Each thing that a run writes, by the leader alone."""
    run, taught = Run(tmp_path / "run"), SimpleNamespace(recipe=Recipe(), checkpoint_seconds=0)
    network = torch.nn.Linear(1, 1)
    (tmp_path / "run").write_text("no folder can be here")
    learner = Learner(network, torch.optim.SGD(network.parameters(), 0.1))
    for write in (
        lambda team: Keeper(run.folder / "checkpoint", taught, learner, []).write(Position(step=3)),
        lambda team: keep_best(taught, SimpleNamespace(kept=network), run.folder / "best.safetensors", [SimpleNamespace(epoch=1)]),
    ):
        with monkeypatch.context() as patch:
            for taught.team in pair(patch):
                with pytest.raises(MachineError, match="could not be written"):
                    write(taught.team)


@pytest.mark.parametrize("split, each", [("train", 2), ("test", 1)])
def test_a_team_with_more_processes_than_photos_is_refused(drawn, short, tmp_path, monkeypatch, split, each):
    """Before anything is computed: a process without a photo would end in torch, and the others wait for it."""
    photos = len(drawn.split(split))
    processes = photos // each + 1
    monkeypatch.setattr("modiste.training.fit.launched", lambda: (processes, processes))
    lacking = rf"{photos} photos in split '{split}', but {processes} processes need {each * processes}\. Start fewer"
    with pytest.raises(ModisteError, match=lacking):
        fit(replace(short, batch=2 * processes), drawn, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_team_measures_with_the_statistics_of_its_leader(drawn, short_resnet, tmp_path):
    """Each process gathers batch-norm statistics of its own: the stored network must be the one that was asked."""
    from modiste.data.layouts.writers import write

    photos = write(drawn, tmp_path / "photos")
    told = together(photos, tmp_path / "runs", replace(short_resnet, epochs=1, ema=0.5), tmp_path / "told")
    run = Run(told[0]["run"])
    stored = modiste.evaluate(run, drawn.split("test"))
    np.testing.assert_allclose(stored.scores[np.argsort(stored.photos)], run.predictions().scores, atol=1e-4)
