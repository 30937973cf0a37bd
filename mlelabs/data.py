"""The two data sets of the labs, found from any working directory.

What each column means, the licences and the known faults: data/README.md.
"""

import functools
import os
from pathlib import Path

import pandas as pd


def load_wildfires() -> pd.DataFrame:
    """Return the Alberta wildfires 2006-2024, uncleaned, exactly as pandas reads the CSV.

    Shape: 26,551 rows (one wildfire each) x 35 columns. Sizes in hectares, temperature in degrees
    Celsius, wind in km/h, spread in m/min, relative humidity in per cent; times are text.
    Raises FileNotFoundError if the file is not found.
    Source: Government of Alberta. Contains information licensed under the Open Government
    Licence – Alberta.
    """
    return _read(wildfires_path())


def load_census() -> pd.DataFrame:
    """Return a sample of people aged 18-66 in Massachusetts, 2015-2018.

    Shape: 48,000 rows (one person each, 12,000 per year) x 18 columns. Age in years; the target
    `employed` is 1 or 0; codes are spelled out as words. No missing values.
    Raises FileNotFoundError if the file is not found.
    Source: US Census Bureau, American Community Survey, public use microdata. Public domain.
    """
    return _read(census_path())


def wildfires_path() -> Path:
    """Return where wildfires.csv is; raises FileNotFoundError if it is not there."""
    return _find("wildfires.csv")


def census_path() -> Path:
    """Return where census.csv is; raises FileNotFoundError if it is not there."""
    return _find("census.csv")


def _read(path: Path) -> pd.DataFrame:
    """A table of its own for each caller; the file is parsed again only if it has changed."""
    return _parsed(path, path.stat().st_mtime_ns).copy()


@functools.cache
def _parsed(path: Path, changed: int) -> pd.DataFrame:
    return pd.read_csv(path)


def _find(name: str) -> Path:
    """Look in MLELABS_DATA if it is set, else in the project this package is installed from."""
    chosen = os.environ.get("MLELABS_DATA")
    if chosen:
        folder, why = Path(chosen).expanduser(), "set by the environment variable MLELABS_DATA"
    else:
        folder, why = Path(__file__).parents[1] / "data", "beside the package mlelabs"
    path = folder.resolve() / name
    if not path.is_file():
        raise FileNotFoundError(
            f"The data file {name} was not found. "
            f"Looked in the folder {path.parent} ({why}). "
            "What to do: install the project from its folder with `pip install --no-deps -e .`, "
            "or set MLELABS_DATA to the folder that holds wildfires.csv and census.csv."
        )
    return path
