"""Who is told of each finished epoch besides history.csv: TensorBoard, MLflow."""

from __future__ import annotations

import io
import json
import logging
import os
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from modiste.records.disk import append_bytes, write_bytes
from modiste.records.errors import MachineError, missing_extra, unknown
from modiste.records.lock import locked
from modiste.records.plain import flat
from modiste.records.recipe import Recipe
from modiste.records.run import Epoch, Run


@dataclass(frozen=True)
class Logger:
    """`tell` takes each epoch as it ends; `close` takes what made the run (about.json), or None where it was stopped."""

    tell: Callable[[Epoch], None]
    close: Callable[[Mapping[str, Any] | None], None]


def open_loggers(names: Sequence[str], run: Run, recipe: Recipe, epochs: Sequence[Epoch]) -> Logger:
    """All the named loggers as one. `epochs` is the run's history so far: what a logger lacks of it, it takes over now.

    So a run that was stopped is logged as one that was not, also where it was stopped between its history and its loggers.
    """
    check_loggers(names)
    opened = [LOGGERS[name][1](run, recipe, epochs) for name in names]

    def tell(epoch: Epoch) -> None:
        for logger in opened:
            logger.tell(epoch)

    def close(about: Mapping[str, Any] | None) -> None:
        for logger in opened:
            logger.close(about)

    return Logger(tell, close)


def check_loggers(names: Sequence[str]) -> None:
    """Refuse, before any work, a logger that nobody knows or whose packages are not installed."""
    for name in names:
        if name not in LOGGERS:
            raise unknown("logger", name, LOGGERS)
        for package in LOGGERS[name][0]:
            if find_spec(package) is None:
                raise missing_extra(package, name, f"logging to {name}")


def tensorboard(run: Run, recipe: Recipe, epochs: Sequence[Epoch]) -> Logger:
    """Curves for `tensorboard --logdir RUNS/tensorboard`, in a folder a run.

    A run that goes on begins a new file with all its history; the file's first record tells a TensorBoard that is open
    to forget what it read before. The file is written here, not by SummaryWriter's thread, so that a full disk is said in words.
    """
    from tensorboard.compat.proto.event_pb2 import SessionLog

    folder = run.folder.parent / "tensorboard" / run.folder.name
    told = b"" if any(folder.glob("events.out.tfevents.*")) else words("recipe", recipe.plain())  # text is not forgotten
    file = folder / f"events.out.tfevents.{time.time_ns()}.modiste"
    opening = record(file_version="brain.Event:2") + record(step=0, session_log=SessionLog(status=SessionLog.START))
    past = [curves(epoch, ended) for epoch, ended in zip(epochs, when_they_ended(epochs), strict=True)]
    write_bytes(file, b"".join([opening, told, *past]))

    def tell(epoch: Epoch) -> None:
        append_bytes(file, curves(epoch, time.time()))

    def close(about: Mapping[str, Any] | None) -> None:
        if about is not None:
            append_bytes(file, words("about", about))

    return Logger(tell, close)


def curves(epoch: Epoch, ended: float) -> bytes:
    """An epoch's numbers as records of an event file."""
    from torch.utils.tensorboard.summary import scalar

    summaries = [scalar(tag, value) for tag, value in numbers(epoch).items()]  # type: ignore[no-untyped-call]
    return b"".join(record(wall_time=ended, step=epoch.epoch, summary=summary) for summary in summaries)


def words(tag: str, plain: Mapping[str, Any]) -> bytes:
    """Plain values as a record that TensorBoard shows as text; markdown sets what is indented as it stands."""
    from torch.utils.tensorboard.summary import text

    shown = textwrap.indent(json.dumps(plain, indent=2, ensure_ascii=False), "    ")
    return record(summary=text(tag, shown))  # type: ignore[no-untyped-call]


def record(**facts: Any) -> bytes:
    """One record of an event file, of now if it does not say when."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    held = io.BytesIO()
    RecordWriter(held).write(Event(**{"wall_time": time.time(), **facts}).SerializeToString())
    return held.getvalue()


def mlflow(run: Run, recipe: Recipe, epochs: Sequence[Epoch]) -> Logger:
    """One MLflow run a run, found again by its tag, in RUNS/mlflow.db.

    An epoch that stands there is not logged again. Files are not copied: the tag names the folder that has them.
    MLflow's pages come with the package mlflow itself: `mlflow ui --backend-store-uri sqlite:///RUNS/mlflow.db`.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when it is imported
    logging.getLogger("mlflow.store.db").setLevel(logging.WARNING)  # it tells of every table that it makes
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    file = run.folder.parent.resolve() / "mlflow.db"
    with speaking_of(file), locked(file.with_name(".mlflow.lock"), str(file), wait=True):
        client = MlflowClient(f"sqlite:///{file}")
        place = mlflow_run(client, run)
        there = client.get_run(place).data.params  # MLflow refuses another value; weights that were moved have one
        settings = [Param(key, as_text(value)) for key, value in flat(recipe.plain()).items() if key not in there]
        client.log_batch(place, params=settings, synchronous=True)
        logged = {metric.step for metric in client.get_metric_history(place, "train/loss")}

    def tell(epoch: Epoch, ended: float | None = None) -> None:
        if epoch.epoch not in logged:
            at = int(1000 * (ended or time.time()))
            metrics = [Metric(name, value, at, epoch.epoch) for name, value in numbers(epoch).items()]
            with speaking_of(file):
                client.log_batch(place, metrics=metrics, synchronous=True)
            logged.add(epoch.epoch)

    def close(about: Mapping[str, Any] | None) -> None:
        with speaking_of(file):
            for name, value in flat(about or {}).items():
                client.set_tag(place, f"modiste.about.{name}", as_text(value), synchronous=True)
            client.set_terminated(place, "KILLED" if about is None else "FINISHED")

    for epoch, ended in zip(epochs, when_they_ended(epochs), strict=True):
        tell(epoch, ended)
    return Logger(tell, close)


def mlflow_run(client: Any, run: Run) -> str:
    """The id of the MLflow run that stands for a run: the one with its tag, or a new one."""
    experiment = client.get_experiment_by_name("modiste")
    files = run.folder.parent.resolve() / "mlruns"  # MLflow wants a place for files; none are put there
    number = experiment.experiment_id if experiment else client.create_experiment("modiste", artifact_location=files.as_uri())
    found = client.search_runs([number], f"tags.`modiste.run` = '{run.folder.name}'", max_results=1)
    if not found:
        made = client.create_run(number, run_name=run.folder.name, tags={"modiste.run": run.folder.name})
        return str(made.info.run_id)
    client.update_run(found[0].info.run_id, status="RUNNING")
    return str(found[0].info.run_id)


@contextmanager
def speaking_of(file: object) -> Iterator[None]:
    """What MLflow cannot do with its file is said in words; what it warns of in itself is not for whoever trains."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    except (MlflowException, SQLAlchemyError) as error:
        reason = str(error).split("\n")[0]
        raise MachineError(f"{file} could not be used by MLflow: {reason}. Train without logging to mlflow, or mend the file.") from error


def numbers(epoch: Epoch) -> dict[str, float]:
    """An epoch's numbers by the names of their curves; two runs whose watched split differs do not share its curve."""
    return {
        "train/loss": epoch.train_loss,
        "train/accuracy": epoch.train_accuracy,
        f"{epoch.watched}/loss": epoch.loss,
        f"{epoch.watched}/accuracy": epoch.accuracy,
        f"{epoch.watched}/macro_f1": epoch.macro_f1,
        "speed/photos_per_second": epoch.photos_per_second,
        "speed/seconds": epoch.seconds,
    }


def when_they_ended(epochs: Sequence[Epoch]) -> list[float]:
    """When each would have ended, had the last ended now: what is logged later keeps the time that training took."""
    return [time.time() - sum(later.seconds for later in epochs[place + 1 :]) for place in range(len(epochs))]


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# name -> the packages it needs, which are those of the extra of that name, and what opens it
LOGGERS: dict[str, tuple[tuple[str, ...], Callable[[Run, Recipe, Sequence[Epoch]], Logger]]] = {
    "tensorboard": (("tensorboard",), tensorboard),
    "mlflow": (("mlflow", "sqlalchemy", "alembic"), mlflow),
}
