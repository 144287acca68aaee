"""Errors: exit codes, near names, and how many bad rows are shown."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modiste.data.opening.refusals import PhotoRefused
from modiste.records.errors import (
    BadRow,
    BadRows,
    MachineError,
    ModisteError,
    Stopped,
    TrainingDiverged,
    UsageError,
    missing_extra,
    nearest,
    unknown,
)


def test_each_kind_has_the_exit_code_it_is_documented_with():
    codes = {kind: kind.exit_code for kind in (UsageError, ModisteError, BadRows, MachineError, TrainingDiverged)}
    assert list(codes.values()) == [2, 4, 4, 5, 6]
    assert all(issubclass(kind, ModisteError) for kind in codes)


@given(st.text(min_size=1), st.lists(st.text()))
def test_the_nearest_name_is_one_of_the_names(name, names):
    assert nearest(name, names) in {*names, None}
    assert nearest(name, [*names, name]).casefold() == name.casefold()


def test_capitals_do_not_hide_a_name_and_a_far_name_is_not_offered():
    assert nearest("CBAM", ["cbam", "none"]) == "cbam"
    assert "mean" not in str(unknown("loss", "zzzz", ["hinge", "focal"]))


@pytest.mark.parametrize("count, shown", [(1, 1), (20, 20), (23, 20)])
def test_bad_rows_are_shown_up_to_twenty_and_all_counted(count, shown):
    error = BadRows("labels.csv", [BadRow(row, "Hta", "is no class.") for row in range(1, count + 1)])
    text = str(error)
    assert len(error.rows) == count
    assert text.count("is no class") == shown
    assert text.startswith("labels.csv, row 1: 'Hta' is no class.")
    assert ("... and 3 more rows" in text) == (count > shown)
    assert text.endswith(f"{count} bad row{'s' if count > 1 else ''} in labels.csv: nothing was read.")


def test_a_missing_package_comes_with_the_line_that_installs_it():
    assert 'pip install "modiste[serve]"' in str(missing_extra("fastapi", "serve", "serving"))


@pytest.mark.parametrize(
    "error",
    [
        MachineError("no disk"),
        Stopped("stopped by SIGTERM", 143),
        BadRows("labels.csv", [BadRow(3, "Hta", "is no class.")]),
        PhotoRefused("a.jpg", "bad_size", "0 x 1 px"),
    ],
)
def test_an_error_reaches_another_process_whole(error):
    """A pool of processes that cannot unpickle what one of them raised ends with a traceback of its own, or waits for ever."""
    there = pickle.loads(pickle.dumps(error))
    assert (type(there), str(there), vars(there), there.exit_code) == (type(error), str(error), vars(error), error.exit_code)
