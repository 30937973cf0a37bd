"""Ingest: read what stations and partner agencies send."""

import math
import re

import pandas as pd

from mlelabs.data import wildfires_path

HECTARES_PER = {"": 1.0, "ha": 1.0, "ac": 0.404686, "km2": 100.0}
FIRST_ROW = 20_000  # of today's batch in the log


def hectares(text):
    """Return a size such as "12.5 ha", "1,200 ac" or "0.5 km2" in hectares.

    A comma groups thousands. Case does not matter, nor do spaces around the number and the unit;
    without a unit it is hectares. A blank text is NaN. Raises ValueError for a negative size,
    another unit or a text that is not one number, such as "unknown", "nan" or "1 200 ha".
    """
    text = text.strip().lower().replace(",", "")
    if not text:
        return math.nan
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*(\w*)", text)
    if match is None or match[2] not in HECTARES_PER:
        raise ValueError(f"not a size: {text!r}")
    size = float(match[1]) * HECTARES_PER[match[2]]
    if size < 0:
        raise ValueError(f"a size is not negative: {text!r}")
    return size


def utc(local):
    """Return a local time in Alberta, such as "2023-05-15 14:30", as a Timestamp in UTC.

    Alberta is 6 hours behind UTC in summer and 7 in winter; clocks change on the second Sunday in
    March and the first in November. A blank text is NaT.
    """
    if not local.strip():
        return pd.NaT
    return pd.Timestamp(local).tz_localize("America/Edmonton").tz_convert("UTC")


def add_weather(fires, weather):
    """Return the fires with the temperature of their area on their day.

    fires: columns area, day and others. weather: columns area, day, temperature. The fires keep
    their order and index; where nothing was measured, temperature is NaN. Both tables stay as they
    are. Raises ValueError if the weather has two rows for one area and day.
    """
    joined = fires.merge(weather, how="left", on=["area", "day"], validate="many_to_one")
    joined.index = fires.index
    return joined


def todays_batch():
    """Return the fires that have come in today, as a table like the log."""
    skipped = range(1, FIRST_ROW + 1)
    return pd.read_csv(wildfires_path(), skiprows=skipped, nrows=200)
