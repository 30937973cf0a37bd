"""The gate before grading: what real classes hand in is repaired, or refused in words."""

import copy
import json
import random
import zipfile

import nbformat
import pytest

from mlelabs.instructor import gate
from tests import classroom
from tests.classroom import LAB, RIGHT, as_bytes, notebook


@pytest.fixture
def hand_in(course, tmp_path):
    """A function that puts files (dict, path -> bytes, or str: target of a link) to the gate."""
    folder = tmp_path / "handed in"
    folder.mkdir()

    def put(files):
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                target.symlink_to(content)
            else:
                target.write_bytes(content)
        return gate.gate(folder, gate.read_release(course, LAB))

    return put


def gated_sources(gated):
    """Sources of all cells behind the gate, by id."""
    assert gated.contents is not None, gated.reason
    cells = nbformat.reads(gated.contents[f"{LAB}.ipynb"].decode(), 4).cells
    return {cell.id: cell.source for cell in cells}


def solved(course):
    """The JSON of a solved lab."""
    return json.loads(as_bytes(notebook(course, RIGHT)))


def cell(data, name):
    return next(cell for cell in data["cells"] if cell["id"] == name)


def put(hand_in, data):
    return hand_in({f"{LAB}.ipynb": json.dumps(data).encode()})


@pytest.mark.parametrize("kind", classroom.DAMAGES)
def test_damage(course, hand_in, kind):
    (person,) = classroom.students(course, 1, first=6)  # all solved
    classroom.damage(course, person, kind)
    gated = hand_in(person.files)
    if person.reason:
        assert gated.contents is None and person.reason in gated.reason
        assert gated.reason[0].isupper() and gated.reason.rstrip().endswith(".")
        assert "pload" in gated.reason or "Hand in" in gated.reason, "says what to do"
    else:
        sources = gated_sources(gated)
        assert {name: sources[name] for name in RIGHT} == RIGHT
        assert set(gated.contents) == {f"{LAB}.ipynb"}, "no other file is passed on"


def test_what_is_given_comes_from_the_release(course, hand_in):
    """Changed tests, points, tags, kernels and marks of nbgrader's make no difference."""
    data = solved(course)
    for item in data["cells"]:
        if item["id"].endswith("-check"):
            item["source"] = "pass"
            item["metadata"]["tags"] = ["skip-execution"]
            item["metadata"]["nbgrader"] |= {"points": 99, "schema_version": 99}
        item["metadata"].get("nbgrader", {}).pop("checksum", None)
    cell(data, "add")["metadata"]["nbgrader"]["schema_version"] = 1
    data["metadata"]["kernelspec"] = {"name": "mars"}
    gated = put(hand_in, data)
    expected = nbformat.reads(as_bytes(notebook(course, RIGHT)).decode(), 4)
    assert nbformat.reads(gated.contents[f"{LAB}.ipynb"].decode(), 4) == expected


def test_own_cells_stay_where_they_are(course, hand_in):
    data = solved(course)
    helper = {"cell_type": "code", "source": ["def help():\n", "    pass"], "metadata": {}}
    data["cells"].insert(data["cells"].index(cell(data, "largest")), helper)
    sources = gated_sources(put(hand_in, data))
    order = list(sources.values())
    assert order.index("def help():\n    pass") == order.index(RIGHT["largest"]) - 1


def test_of_several_copies_the_last_before_the_check_counts(course, hand_in):
    data = solved(course)
    place = data["cells"].index(cell(data, "add"))
    first, last = dict(cell(data, "add")), dict(cell(data, "add"))
    first["source"], last["source"] = "def add(a, b):\n    return 0", "add = None"
    data["cells"] = [*data["cells"][:place], first, *data["cells"][place:], last]
    gated = put(hand_in, data)
    sources = gated_sources(gated)
    assert sources["add"] == RIGHT["add"]
    order = list(sources.values())
    assert order.index(first["source"]) < order.index(RIGHT["add"]) < order.index("add = None")
    assert "The cell 'add' was there 3 times: the last one before its check counts." in gated.notes


def test_a_copied_check_is_dropped(course, hand_in):
    data = solved(course)
    check = cell(data, "add-check")
    data["cells"] += [check, check]
    before = gated_sources(put(hand_in, solved(course)))
    assert gated_sources(put(hand_in, data)) == before


def test_lost_and_unknown_ids(course, hand_in):
    data = solved(course)
    del cell(data, "add")["metadata"]["nbgrader"]["grade_id"]
    cell(data, "add")["id"] = "x"
    cell(data, "largest")["metadata"]["nbgrader"]["grade_id"] = "unknown"
    cell(data, "largest")["id"] = "not a valid id !"
    sources = gated_sources(put(hand_in, data))
    assert {name: sources[name] for name in RIGHT} == RIGHT


def test_deleted_exercise_is_named(course, hand_in):
    data = solved(course)
    data["cells"] = [c for c in data["cells"] if c["id"] not in ("add", "add-check", "add-free")]
    gated = put(hand_in, data)
    assert "not attempted yet" in gated_sources(gated)["add"]
    assert "The cells 'add' are missing: they count as not attempted." in gated.notes
    assert "Checks that were missing were put back: add-check." in gated.notes


def test_without_markings_what_is_not_clear_is_set_aside(course, hand_in):
    stripped = classroom.strip_metadata(notebook(course, RIGHT | {"add": "plus = 1"}))
    del stripped.cells[3]  # now the cells between the landmarks are other than in the release
    gated = put(hand_in, stripped)
    assert gated.contents is None
    assert "the answers to 'add' cannot be found" in gated.reason


def test_without_markings_position_and_names_help(course, hand_in):
    work = RIGHT | {"memo": "My memo.", "add": "add = int.__add__", "add-free": "add(4, 4)"}
    sources = gated_sources(put(hand_in, classroom.strip_metadata(notebook(course, work))))
    assert {name: sources[name] for name in work} == work


def test_version_3_with_worksheets(course, hand_in):
    cells = [
        {"cell_type": c["cell_type"], "metadata": c["metadata"],
         "input" if c["cell_type"] == "code" else "source": c["source"]}
        for c in solved(course)["cells"]
    ]  # fmt: skip
    sources = gated_sources(put(hand_in, {"nbformat": 3, "worksheets": [{"cells": cells}]}))
    assert {name: sources[name] for name in RIGHT} == RIGHT


def test_two_notebooks(course, hand_in):
    good, blank = as_bytes(notebook(course, RIGHT)), as_bytes(notebook(course))
    gated = hand_in({f"{LAB}.ipynb": blank, f"{LAB} (1).ipynb": good, f"b/{LAB}.ipynb": good})
    assert gated_sources(gated)["add"] == RIGHT["add"], "one is blank, two are the same"
    gated = hand_in({"other.ipynb": as_bytes(notebook(course, {"add": "x"}))})
    assert gated.contents is None and "several different notebooks" in gated.reason
    assert "'other.ipynb'" in gated.reason and f"'{LAB} (1).ipynb'" in gated.reason


def test_another_notebook_beside_the_lab(course, hand_in):
    other = as_bytes(notebook(course, lab=classroom.OTHER))
    gated = hand_in({f"{LAB}.ipynb": as_bytes(notebook(course, RIGHT)), "02-words.ipynb": other})
    assert gated_sources(gated)["add"] == RIGHT["add"]


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"[1, 2]", "is JSON, but not a notebook"),
        (b'{"cells": 3}', "is JSON, but not a notebook"),
        (b'{"cells": [1, null, {"cell_type": 5, "source": [3]}]}', "None of the lab's exercises"),
        (b'{"cells": [],}', "is damaged"),
        (b"\0\1\2binary", "is damaged"),
        (b"\xff\xfe" + b"x", "is damaged"),
        (b"   \n ", "is empty"),
        (b"[" * 100_000, "nested without end"),
        (b'{"cells": [{"source": "\\ud800", "id": "add", "cell_type": "code"}]}', ""),
    ],
)
def test_odd_contents(hand_in, content, reason):
    gated = hand_in({f"{LAB}.ipynb": content})
    assert reason in gated.reason and (gated.contents is None) == bool(reason)


def test_utf_16_without_a_mark_and_line_ends_of_windows(course, hand_in):
    data = solved(course)
    cell(data, "add")["source"] = RIGHT["add"].replace("\n", "\r\n")
    text = json.dumps(data, indent=1).replace("\n", "\r\n")
    sources = gated_sources(hand_in({f"{LAB}.ipynb": text.encode("utf-16-le")}))
    assert sources["add"] == RIGHT["add"]


def test_umlauts_survive(course, hand_in):
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        data = solved(course)
        cell(data, "memo")["source"] = "Für größere Zahlen – prüfen"
        text = json.dumps(data, ensure_ascii=False)
        sources = gated_sources(hand_in({f"{LAB}.ipynb": text.encode(encoding)}))
        assert sources["memo"] == "Für größere Zahlen – prüfen"


def test_archives(course, hand_in, tmp_path):
    """Damaged, with a password, too large, with paths that lead outside: none is unpacked."""
    good = as_bytes(notebook(course, RIGHT))
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../escaped.ipynb", good)
    evil = (tmp_path / "evil.zip").read_bytes()
    locked = bytearray(evil)
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        locked[locked.index(mark) + (6 if mark[2] == 3 else 8)] |= 1  # "is encrypted"
    for content in (b"PK\x03\x04", bytes(locked).replace(b"../../", b"x/../y"), evil):
        gated = hand_in({"lab.zip": content})
        assert gated.contents is None and "Nothing was handed in that can be read." in gated.reason
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lab.ipynb", b"0" * (gate.LARGEST + 1))
    gated = hand_in({"lab.zip": (tmp_path / "bomb.zip").read_bytes()})
    assert "'lab.zip' is too large when unpacked" in gated.reason


def test_links_are_not_followed(course, hand_in, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / f"{LAB}.ipynb").write_bytes(as_bytes(notebook(course, RIGHT)))
    gated = hand_in({"folder": str(tmp_path / "secret"), "data.csv": "/etc/hostname"})
    assert gated.contents is None
    assert "'data.csv' is a link" in gated.reason and "'folder' is a link" in gated.reason


def test_files_that_students_complete(course, hand_in):
    """Given files come from the release; those to be completed from the student, wherever."""
    for path in ("service/app.py", "service/given.py"):
        for tree in ("labs", "solutions"):
            (course / tree / LAB / path).parent.mkdir(exist_ok=True)
            (course / tree / LAB / path).write_text("# given\n")
    config = (course / "nbgrader_config.py").read_text()
    config += f"\nc.Autograde.exclude_overwriting = {{'{LAB}': ['service/app.py']}}\n"
    (course / "nbgrader_config.py").write_text(config)
    gate.places.config.cache_clear()
    good = as_bytes(notebook(course, RIGHT))
    files = {f"{LAB}.ipynb": good, "app.py": b"mine", "service/given.py": b"x", "numpy.py": b""}
    gated = hand_in(files)
    assert {path for path in gated.contents} == {f"{LAB}.ipynb", "service/app.py"}
    assert gated.contents["service/app.py"] == b"mine"
    assert gated.notes == ["Not used for grading, which takes the notebook: 'numpy.py'."]


def test_random_damage_gives_a_whole_lab_or_a_reason(course, hand_in):
    rng, good = random.Random(7), as_bytes(notebook(course, RIGHT))
    junk = [None, 1, "x", [], {}, {"grade_id": []}, {"nbgrader": 3}, "\ud800", True, float("inf")]
    released = [c.id for c in notebook(course).cells if "nbgrader" in c.metadata]
    usable = 0
    for _ in range(150):
        data = json.loads(good)
        for _ in range(rng.randint(1, 9)):
            place = rng.randrange(len(data["cells"]))
            damage = rng.choice(["delete", "copy", "shuffle", "replace", "field", "nbgrader"])
            cell = data["cells"][place]
            if damage == "delete" and len(data["cells"]) > 1:
                del data["cells"][place]
            elif damage == "copy":
                data["cells"].insert(rng.randrange(len(data["cells"])), copy.deepcopy(cell))
            elif damage == "shuffle":
                rng.shuffle(data["cells"])
            elif damage == "replace":
                data["cells"][place] = copy.deepcopy(rng.choice(junk[4:7]))
            elif damage == "field":
                cell[rng.choice(["source", "metadata", "id", "cell_type"])] = copy.deepcopy(
                    rng.choice(junk)
                )
            else:
                cell["metadata"] = {"nbgrader": copy.deepcopy(rng.choice(junk))}
        content = bytearray(json.dumps(data).encode())
        if rng.random() < 0.2:
            content[rng.randrange(len(content))] = rng.randrange(256)
        gated = hand_in({f"{LAB}.ipynb": bytes(content)})
        assert "cannot be read (" not in gated.reason, gated.reason
        if gated.contents:
            found = nbformat.reads(gated.contents[f"{LAB}.ipynb"].decode(), 4)
            nbformat.validate(found)
            assert [c.id for c in found.cells if "nbgrader" in c.metadata] == released
            usable += 1
    assert usable > 75


def test_the_same_comes_out_again(course, hand_in):
    """What went through the gate once goes through it unchanged."""
    gated = put(hand_in, solved(course))
    again = hand_in({f"{LAB}.ipynb": gated.contents[f"{LAB}.ipynb"]})
    assert again.contents == gated.contents and again.digest == gated.digest
