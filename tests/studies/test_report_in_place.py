"""A report in the place of an earlier one: nothing of that one is left beside it, nothing of other people's is taken away."""

from dataclasses import replace
from pathlib import Path

from modiste.records.catalogue import Catalogue
from modiste.records.recipe import Network, Pixels, Recipe
from modiste.studies.definitions import Study
from modiste.studies.finish import finish

SMALL = Recipe(network=Network(backbone="resnet18"), pixels=Pixels(side=32), epochs=1, batch=16, precision="fp32")


def test_a_report_takes_the_place_of_the_one_before(drawn: Catalogue, tmp_path: Path) -> None:
    first = Study("own", "Which?", {"3Conv_Softmax": SMALL, "mine": replace(SMALL, lr=1e-3)}, tables=("7", "summary"))
    done = finish(first, drawn, tmp_path)
    assert done.replaced == ""
    stood = {path.name for path in done.folder.rglob("*") if path.is_file()}
    assert {"table-7.md", "ranks.csv", "beside-paper.md", "confusion-matrices-of-the-other-variants.svg"} <= stood
    (done.folder / "tables" / "notes.md").write_text("mine")

    alone = Study("own", "Which?", {"mine": replace(SMALL, lr=1e-3)})
    again = finish(alone, drawn, tmp_path, train=False)
    stands = {path.name for path in again.folder.rglob("*") if path.is_file()}
    assert not stands & {"table-7.md", "ranks.csv", "beside-paper.md", "confusion-matrices-of-the-other-variants.svg"}
    assert {"notes.md", "summary.md", "intervals.md", "report.html", "costs.json"} <= stands
    assert again.replaced == ""

    longer = finish(Study("own", "Which?", {"mine": replace(SMALL, epochs=2)}), drawn, tmp_path)
    assert longer.replaced.startswith("1 epoch,")
