"""How a study was made: what differs between its variants or runs is said of each, not of the first alone."""

from types import SimpleNamespace

from modiste.data.describe import Contents
from modiste.records.catalogue import Catalogue
from modiste.studies.circumstances import circumstances
from modiste.studies.definitions import STUDIES


def test_every_variants_pixels_and_training_and_every_runs_machine_are_told(drawn: Catalogue) -> None:
    study = STUDIES["sensitivity"]()
    runs = [
        SimpleNamespace(about={"made_with": {"torch": "2", "device": where}, "seconds": 30, "precision": "fp32"}, folder=drawn.root)
        for where in ("cpu", "cuda")
    ]
    outcome = SimpleNamespace(
        study=study, catalogue=drawn, contents=Contents("abc", {}), found={"rgb": runs[:1], "hinge loss": runs[1:]}, command=()
    )
    told = circumstances(outcome)  # type: ignore[arg-type]
    assert told["Pixels"] == "224 px, grey3, squash; 244 px, grey3, squash; 224 px, rgb, squash"
    assert [part.rpartition(" ")[2] for part in told["Training"].split("; ")] == ["weighted", "shuffled"]
    assert (told["torch"], told["device"]) == ("2", "cpu; cuda")
    assert told["Photos"].count("train") == 1
    assert "Finished" not in told  # by a version that did not write it down
    for run, when in zip(runs, ("2026-11-29T01:00:00Z", "2026-11-28T23:00:00Z"), strict=True):
        run.about["finished_at"] = when
    assert circumstances(outcome)["Finished"] == "2026-11-28 to 2026-11-29"  # type: ignore[arg-type]
