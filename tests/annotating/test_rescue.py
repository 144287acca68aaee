"""What can still be read of a damaged log is taken over, nothing is invented, and the damaged one is kept as it was."""

import random
import sqlite3

import pytest
from histories import read

from modiste.annotating import rescue
from modiste.annotating.log import Undo, begun, open_log
from modiste.annotating.rescue import rescued
from modiste.annotating.standing import replayed
from modiste.records.errors import Damaged


def stands(path):
    with open_log(path) as log:
        standing = replayed(log)
        return {photo: {who: one.id for who, one in standing.of(photo).items()} for photo in standing.photos()}


def harm(path, *words):
    with sqlite3.connect(path) as base:
        for each in words:
            base.execute(each)
    base.close()


def lines(path, said, many=300):
    with open_log(path) as log:
        log.add([said(f"{number}.jpg", "Shoes", seconds=1.5) for number in range(many)])


def test_a_log_that_is_whole_is_left_as_it_is(path, said):
    lines(path, said)
    before = path.read_bytes()
    assert rescued(path) is None
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (["UPDATE rows SET label = 'Bags' WHERE number = 7"], {7}),
        (["UPDATE rows SET mark = 5 WHERE number = 7"], {7, 8}),  # the next one's checksum goes on from it
        (["UPDATE rows SET mark = 'five' WHERE number = 7"], {7, 8}),
        (["DELETE FROM rows WHERE number = 7"], {7, 8}),
        (["DELETE FROM rows WHERE number BETWEEN 3 AND 90", "UPDATE rows SET who = 'eve' WHERE number = 300"], {*range(3, 92), 300}),
    ],
)
def test_rows_that_are_as_they_were_written_are_taken_over_and_no_others(path, said, words, gone):
    lines(path, said)
    good = read(path)
    harm(path, *words)
    before = path.read_bytes()
    made = rescued(path)
    assert read(path) == [one for number, one in enumerate(good, 1) if number not in gone]
    assert (made.kept, made.lost) == (300 - len(gone), len(gone))
    assert made.damaged.read_bytes() == before
    assert f"{len(gone):,} or more were lost" in made.words
    assert str(made.damaged) in made.words


def test_wherever_a_file_is_hurt_nothing_is_invented_and_most_is_taken_over(path, said):
    lines(path, said, 2000)
    whole, good, mended = path.read_bytes(), read(path), []
    chance = random.Random(0)
    for _ in range(40):
        hurt, place = bytearray(whole), chance.randrange(4096, len(whole) - 600)  # not the first page, which says what the file is
        hurt[place : place + 512] = chance.randbytes(512)  # a sector
        path.write_bytes(hurt)
        try:
            made = rescued(path)
        except Damaged:
            continue
        found = read(path)
        known = set(found)
        assert [one for one in good if one in known] == found
        if made is not None:
            mended.append(len(found))
            made.damaged.unlink()
        path.unlink()
    assert len(mended) > 30
    assert sum(mended) > 0.9 * len(mended) * len(good)


def test_an_index_that_is_hurt_costs_no_row(path, said):
    lines(path, said, 2000)
    good = read(path)
    with sqlite3.connect(path) as base:
        size = base.execute("PRAGMA page_size").fetchone()[0]
        page = base.execute("SELECT rootpage FROM sqlite_schema WHERE type = 'index'").fetchone()[0]
    base.close()
    hurt = bytearray(path.read_bytes())
    hurt[(page - 1) * size : page * size] = bytes(size)
    path.write_bytes(hurt)
    with pytest.raises(Damaged, match="--rescue"), open_log(path):
        pass
    assert "none was lost" in rescued(path).words
    assert read(path) == good


def test_an_undo_takes_back_what_it_took_back_also_where_rows_around_it_are_lost(path, said):
    """a b c z z b2 z: the first two undos are lost; what the last one took back, and what stood before, is known all the same."""
    with open_log(path) as log:
        log.add([said("a.jpg", "Shoes", id="a"), said("b.jpg", "Shoes", id="b"), said("c.jpg", "Bags", id="c")])
        log.add([said("x.jpg", "Bags", id="x", who="bob")])
        log.undo("ada")  # row 5: c
        log.undo("ada")  # row 6: b
        log.undo("ada")  # row 7: a
        log.add([said("d.jpg", "Bags", id="d")])
    before = stands(path)
    harm(path, "UPDATE rows SET at = 'now' WHERE number IN (5, 6)")
    assert rescued(path).lost == 2
    assert stands(path) == before == {"x.jpg": {"bob": "x"}, "d.jpg": {"ada": "d"}}
    with open_log(path) as log:
        assert [one.id for one in log.undo("ada")] == ["d"]
        assert log.undo("ada") == []


def test_random_histories_with_lost_rows_go_on(path, said, tmp_path):
    chance = random.Random(1)
    for history in range(12):
        place = tmp_path / f"{history}.sqlite"
        with open_log(place) as log:
            for step in range(60):
                who = chance.choice(["ada", "bob"])
                if chance.random() < 0.3:
                    log.undo(who)
                else:
                    batch = f"{history}-{step}"
                    log.add([said(f"{chance.randrange(20)}.jpg", "Shoes", who=who, batch=batch) for _ in range(chance.randint(1, 3))])
            good, many = list(log.each()), len(log)
        harm(place, f"UPDATE rows SET at = 'now' WHERE number IN ({chance.randrange(2, many)}, {chance.randrange(2, many)})")
        rescued(place)
        with open_log(place) as log:
            found = list(log.each())
            known = {one.id: one for one in good}
            assert all(one == known[one.id] for one in found if not isinstance(one, Undo))
            left = {one.id for photo in replayed(log).own.values() for one in photo.values()}
            taken = {one.id for who in ("ada", "bob") for _ in range(200) for one in log.undo(who)}
            assert left <= taken  # all that stands can be taken back
            assert not replayed(log).own


def test_a_rescue_that_was_killed_between_two_names_is_finished_by_whoever_opens_it(path, said, monkeypatch):
    lines(path, said)
    harm(path, "DELETE FROM rows WHERE number = 7")
    monkeypatch.setattr(rescue, "finish", lambda _path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        rescued(path)
    assert not path.exists()
    assert begun(path).exists()
    assert len(read(path)) == 298
    assert not begun(path).exists()


def test_the_journal_of_a_damaged_log_is_not_read_as_that_of_the_new_one(path, said, tmp_path):
    """Killed between the renaming of the log and that of its journal, which is kept."""
    with open_log(tmp_path / "old.sqlite") as log:
        log.add([said(f"{number}.jpg", "Shoes") for number in range(300)])
        journal = (tmp_path / "old.sqlite-wal").read_bytes()
    lines(path, said, 3)
    good = read(path)
    path.rename(begun(path))
    path.with_name(f"{path.name}-wal").write_bytes(journal)
    assert read(path) == good
    assert path.with_name(f"{path.name}.damaged-wal").read_bytes() == journal


def test_where_no_row_can_be_read_nothing_is_changed(path, said):
    lines(path, said)
    hurt = path.read_bytes()[:100] + bytes(4096)
    path.write_bytes(hurt)
    with pytest.raises(Damaged):
        rescued(path)
    assert path.read_bytes() == hurt
