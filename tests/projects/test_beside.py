"""What lies beside a project: the audit of its photos is found where audits are written, and speaks of the same photos."""

import json
import shutil

import pytest
from shops import open_studio, shop

from modiste.audits import auditable
from modiste.projects.beside import findings, findings_on, paths_with, usual_audit
from modiste.records.findings import ABOUT, Finding, audit_of, write_findings


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of photos in a folder that alone is in another."""
    monkeypatch.chdir(tmp_path)
    shop(tmp_path / "photos.v2" / "only" / "images", 3)
    (tmp_path / "photos.v2" / "only" / "products.csv").write_text("image,title\nimages/000-Red.png,One\n")
    return tmp_path / "photos.v2"


def test_the_audit_of_any_place_is_looked_for_where_it_is_written(place):
    plain = shop(place.parent / "plain.v3", 2)
    shutil.make_archive(str(place), "zip", place / "only")
    shutil.make_archive(str(plain), "zip", plain)
    for where in (place, place / "only" / "products.csv", plain, place.with_name("photos.v2.zip"), plain.with_name("plain.v3.zip")):
        assert usual_audit(where) == audit_of(auditable(where).root), where
    assert usual_audit(place.with_name("nowhere")) is None


def test_what_an_audit_found_is_shown_of_the_same_photo_wherever_either_begins(place, colours):
    audit = audit_of(place / "only")
    write_findings(
        audit, [Finding("1", "blank", "images/000-Red.png"), Finding("2", "exact_duplicate", "images/001-Green.png", "images/002-Blue.png")]
    )
    (audit / ABOUT).write_text(json.dumps({"Root": str(place / "only")}))
    for where, prefix in ((place, "only/images/"), (place / "only" / "images", "")):
        with open_studio(where, format="photos", model=colours) as made:
            made.audit = audit
            assert paths_with(made, "blank") == {f"{prefix}000-Red.png"}
            assert [one["kind"] for one in findings_on(made, f"{prefix}000-Red.png")] == ["blank"]
            assert findings_on(made, f"{prefix}002-Blue.png")[0]["other"] == f"{prefix}002-Blue.png"


def test_the_audit_of_another_place_of_the_same_name_is_not_taken_for_this_ones(place, colours):
    here, other = shop(place.parent / "a" / "shop", 2), shop(place.parent / "b" / "shop", 2)
    write_findings(audit_of(other), [Finding("1", "blank", "000-Red.png")])
    assert usual_audit(here) == audit_of(here)  # an audit that does not say of what it is
    (audit_of(other) / ABOUT).write_text(json.dumps({"Root": str(other)}))
    assert usual_audit(here) is None
    assert usual_audit(other) == audit_of(other)
    with open_studio(here, model=colours) as made:
        assert findings(made)["kinds"] == []
