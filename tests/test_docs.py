"""What the documents point at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page.relative_to(ROOT).as_posix() for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "results").rglob("*.md")]
)


def anchor(heading: str) -> str:
    """How GitHub names a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, place = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), f"{page} points at {target}"
        if place:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert place in map(anchor, headings), f"{page} points at {target}"


def test_every_kind_of_finding_and_every_reason_stands_in_the_page_about_data() -> None:
    from modiste.data.auditing.audits import KINDS
    from modiste.data.opening.refusals import REASONS

    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    assert [word for word in (*KINDS, *REASONS) if f"`{word}`" not in text] == []


def test_every_command_in_the_readme_and_the_docs_is_one() -> None:
    from modiste import cli

    known = {name for name in cli.app if not name.startswith("-")} | {f"data {name}" for name in cli.data if not name.startswith("-")}
    for page in PAGES:
        quoted = "\n".join(re.findall(r"`+([^`]+)`+", (ROOT / page).read_text(encoding="utf-8")))
        for first, second in re.findall(r"\bmodiste ([a-z-]+)(?: ([a-z-]+))?", quoted):
            assert first in known or f"{first} {second}" in known or f"data {first}" in known, f"{page}: modiste {first} {second}"


def test_every_setting_of_the_recipe_that_is_off_in_the_paper_stands_in_the_page_about_training() -> None:
    from modiste.data.augment import AUGMENTATIONS
    from modiste.records.recipe import SCHEDULES
    from modiste.training.loggers import LOGGERS
    from modiste.training.loop import OPTIMISERS

    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    settings = ("schedule", "warmup_epochs", "weight_decay", "label_smoothing", "mixup", "cutmix", "ema", "accumulate", "first_side")
    named = (*settings, *AUGMENTATIONS, *SCHEDULES[1:], *LOGGERS, *(set(OPTIMISERS) - {"adam"}))
    assert [word for word in named if word not in text] == []
