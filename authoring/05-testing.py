# %% [markdown]
# # Lab 5: Write tests that catch the bug before the crew does
#
# **What you'll do:** test a dispatch pipeline from the first text to the last retry, and have your tests graded by the defects that they catch.
#
# **You will be able to**
#
# - write unit tests and property-based tests that catch silent bugs and accept every correct implementation,
# - tell coverage from adequacy, and find out why a test is flaky,
# - test data, training and the behaviour of a model, not only functions,
# - decide with a stated certainty whether a model may replace another, and whether it fails a region,
# - test what happens when the network is down, without a network.
#
# **You need:** Python functions, pandas, `assert`. Helpful: what a train/test split and AUC are. No experience with pytest.
#
# **Time:** about 170 minutes · **Points:** 30 · **Course outcome:** quality assurance of the whole pipeline, here of its code, its model and each change.

# %% [markdown]
# ## Where you stand
#
# Run this cell once. The table then follows your checks as you run them, and remembers them when you come back.

# %%
from mlelabs.progress import show_progress

show_progress()

# %% [markdown]
# ## The situation
#
# **Dispatch triage** predicts, from what is known at the first assessment of a wildfire in Alberta, whether it will grow beyond 4 hectares, so that crews go there first. It has been
# rewritten for the new season. It lies beside this notebook in the folder `triage`: eight short modules, from `ingest` (what partners send) to `notify` (the crew is told). It runs, nothing
# crashes, and the numbers look plausible. That is what every silent bug looks like. Before it goes live, you write its tests: now, and for every change that will follow.
#
# How this notebook works: **given** cells are locked; run them and read. In **exercise** cells you replace the line `raise NotImplementedError(...)`. The
# **check** below each exercise tells you at once what is right and what is not. Every exercise stands alone: a mistake in one costs no points in another.
#
# **How tests are graded here.** Your exercise cell *becomes a test file*, with the import lines of the next cell on top (but for those of matplotlib and `mlelabs.mutants`; what else it needs, such as `log`, it must make itself), and real pytest runs it: on the pipeline as it is, on **other correct
# versions** of it, and on versions with a **planted defect**. The visible defects stand in the check, for you to learn on; others wait for the grading. Tests that refuse a correct version get 0
# points, and so do tests that notice none of the visible defects. Otherwise your points follow the share of hidden defects that your tests catch (at least one test fails on them). Every defect breaks a promise of the docstring or the task: read them closely.

# %%
import inspect
import math
from datetime import datetime

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from mlelabs.data import load_wildfires
from mlelabs.mutants import coverage, judge, report
from triage import deployed, features, ingest, model, notify, review, rules, simulated

plt.style.use("mlelabs.figures")

log = load_wildfires()
log["area"] = log["fire_number"].str[0]  # forest area
log["large"] = log["current_size"] > 4  # hectares
log.shape

# %% [markdown]
# One row is one wildfire, 2006 to 2024, from the Government of Alberta. *Contains information licensed under the Open Government Licence – Alberta.* `data/README.md` explains the columns.
# The pipeline is ours and small. Open its files in JupyterLab (folder `triage`) whenever you like. Partner agencies that send acres, and all planted defects, are invented.

# %%
log[["year", "area", "current_size", "temperature", "fire_spread_rate", "large"]].head()

# %% [markdown]
# ## A bug that nobody sees
#
# Partners send sizes as text, in units of their own. `ingest.hectares` reads them. Here is its promise.

# %%
print(inspect.getdoc(ingest.hectares))
print([ingest.hectares(text) for text in ["12.5 ha", "1,200 ac", "0.5 km2", "3"]])

# %% [markdown]
# A test is a function whose name begins with `test_`. It calls the code and says with `assert` what must hold. pytest runs it and reports. Here is one test, run first on the pipeline as it is, then
# on a version in which somebody has forgotten the acres (text to replace, and its replacement).
#
# **Before running:** will the test notice?

# %%
def test_sizes_are_numbers():
    for text in ["12.5 ha", "1,200 ac"]:
        assert ingest.hectares(text) > 0

# %%
forgotten = ('"ac": 0.404686', '"ac": 1.0')
report(test_sizes_are_numbers)
report(test_sizes_are_numbers, "ingest", forgotten)

# %% [markdown]
# It passes both times. A fire of 1,200 acres (486 ha) now counts as 1,200 ha, without an error and without a warning. The test asks only for what holds for nearly any result. A good test compares with
# a value that you have **worked out without the code**. But not too strictly: an acre is 0.404686 ha, or 0.40468564 ha; a version that knows more digits is correct too. Compare floats with a tolerance: `pytest.approx(4.047, rel=0.001)`.

# %% [markdown]
# ## Exercise 1: Units and texts (2 points, about 15 minutes)
#
# Write tests for `ingest.hectares`. Put as many functions named `test_...` into the cell as you like, one of them `test_hectares`. They should hold it to its docstring (printed above): units, thousands, case,
# spaces, no unit, blank, and what raises `ValueError` (also a space inside a number: `"1 200 ha"` may be two numbers run together). Conversions are promised to 0.1 %; the wording of error messages is not promised.
#
# That an error is raised you test with a `with` block: `pytest.raises(ValueError)` is what stands behind `with`, the call stands inside the block. One acre is 0.4047 ha, 1 km² is 100 ha.
#
# <details><summary>Hint</summary>One test for each promise of the docstring. Ask of each sentence: how would the code look if somebody had got just this wrong, and would I notice? <code>math.isnan</code> tells whether a number is NaN.</details>

# %% exercise="hectares"
def test_hectares():
    """Each unit, with its factor."""
    ### BEGIN SOLUTION
    assert ingest.hectares("12.5 ha") == pytest.approx(12.5, rel=0.001)
    assert ingest.hectares("10 ac") == pytest.approx(4.047, rel=0.001)
    assert ingest.hectares("0.5 km2") == pytest.approx(50, rel=0.001)
    assert ingest.hectares("3") == pytest.approx(3, rel=0.001)


def test_spelling_does_not_matter():
    assert ingest.hectares("  1,200 AC ") == pytest.approx(485.6, rel=0.001)
    assert ingest.hectares("7ha") == pytest.approx(7, rel=0.001)


def test_blank_is_missing():
    assert math.isnan(ingest.hectares("")) and math.isnan(ingest.hectares("  "))


@pytest.mark.parametrize("no_size", ["3 miles", "-2 ha", "unknown", "ha"])
def test_what_is_no_size_is_refused(no_size):
    with pytest.raises(ValueError):
        ingest.hectares(no_size)
    ### END SOLUTION

# %% [markdown]
# Try your tests on a defect: text to replace, and its replacement. Put in others of your own. A test that says FAILED here has caught it.

# %% free="hectares"
report(test_hectares, "ingest", ('"km2": 100.0', '"km2": 10.0'))

# %% check="hectares" points=2
# Checks that the tests pass on two correct versions, and counts the visible defects that they catch.
from mlelabs.mutants import judge

correct = {
    "knows more digits of the acre": ('"ac": 0.404686', '"ac": 0.40468564224'),
    "goes through square metres, with its own error": """
class NoSize(ValueError):
    pass


def hectares(text):
    words = text.replace(",", "").casefold()
    for unit, metres in (("ha", 1e4), ("ac", 4046.8564224), ("km2", 1e6), ("", 1e4)):
        if words.strip().endswith(unit):
            number = words.strip().removesuffix(unit)
            break
    if not words.strip():
        return float("nan")
    if set(number) - set("-.0123456789 "):
        raise NoSize("cannot be read")
    try:
        square_metres = float(number) * metres
    except ValueError:
        raise NoSize("cannot be read") from None
    if square_metres < 0:
        raise NoSize("below zero")
    return square_metres / 1e4
""",
}
defects = {
    "acres are read as hectares": ('"ac": 0.404686', '"ac": 1.0'),
    "a blank text is 0 ha": ("return math.nan", "return 0.0"),
    "a negative size is accepted": ("if size < 0:", "if False:"),
}
judge(test_hectares, "ingest", correct, defects)
### BEGIN HIDDEN TESTS
from mlelabs.mutants import judge

correct = {
    "returns numpy numbers": """
import numpy as np
_float = hectares


def hectares(text):
    return np.float64(_float(text))
""",
}
defects = {
    "1 km2 is 10 ha": ('"km2": 100.0', '"km2": 10.0'),
    "acres are divided instead of multiplied": ('"ac": 0.404686', '"ac": 1 / 0.404686'),
    "the comma is a decimal point": ('.replace(",", "")', '.replace(",", ".")'),
    "upper-case units are refused": (".strip().lower()", ".strip()"),
    "decimals are cut off": ("float(match[1])", "int(float(match[1]))"),
    "without a unit it is acres": ('"": 1.0', '"": 0.404686'),
    "spaces around a size are refused": ("text.strip()", "text"),
    "an unknown unit counts as hectares": """
_known = hectares


def hectares(text):
    try:
        return _known(text)
    except ValueError:
        return _known(text.split()[0]) if " " in text.strip() else _known(text + "?")
""",
    "a text without a number is missing": ("if match is None or", "if match is None:\n        return math.nan\n    if"),
}
judge(test_hectares, "ingest", correct, defects, points=2)
### END HIDDEN TESTS

# %% [markdown]
# ## Two more silent bugs: the clock and the join
#
# The log writes local time, the weather service UTC. And weather reaches a fire through a join.
#
# **Before running:** a fire is reported at 14:30 on 15 January, another at 14:30 on 15 July. How many hours are they from UTC?

# %%
print(inspect.getdoc(ingest.utc))
print([f"{ingest.utc(text):%d %b %H:%M}" for text in ["2023-01-15 14:30", "2023-07-15 14:30"]])

# %%
print(inspect.getdoc(ingest.add_weather))
fires = pd.DataFrame({"area": ["W", "C", "W"], "day": ["05-02", "05-01", "05-01"]}, index=[7, 8, 9])
weather = pd.DataFrame(
    {"area": ["C", "W"], "day": ["05-01", "05-01"], "temperature": [12.0, 21.0]}
)
ingest.add_weather(fires, weather)

# %% [markdown]
# A join has four ways to go wrong without a word: rows vanish, rows multiply, rows change places, rows get a neighbour's value. Half of the year a fixed offset is right, so a test
# from the other half is needed. And between the second and the last Sunday of March, Alberta's clocks differ from Europe's.

# %% [markdown]
# ## Exercise 2: The clock and the join (3 points, about 19 minutes)
#
# Write tests for `ingest.utc` and `ingest.add_weather`, one of them `test_utc`. Hold both to their docstrings. Of `utc` is promised a Timestamp with a time zone, which is UTC; equal moments compare as equal
# (`==`), whatever type of time zone object is inside; a blank text gives `NaT`, which `pd.isna` recognises. Of `add_weather`: which rows come out, their order and index, each fire's temperature, NaN where nothing was measured, untouched inputs, the `ValueError`.
# The order of columns is not promised.
#
# *By hand:* 14:30 in January is 21:30 in UTC, in July 20:30. On 20 March 2023 summer time has begun (12 March), on 30 October it still holds (until 5 November).
#
# <details><summary>Hint</summary><code>pd.Timestamp("2023-01-15 21:30", tz="UTC")</code> is a moment to compare with. For the join build fires that are not sorted, with an index that does not begin at 0, one area on two days, two areas on one day, and one fire without weather.</details>

# %% exercise="clock-and-join"
def test_utc():
    """Winter, summer, and the weeks in which others have changed their clocks already."""
    ### BEGIN SOLUTION
    pairs = {
        "2023-01-15 14:30": "2023-01-15 21:30",
        "2023-07-05 14:30": "2023-07-05 20:30",
        "2023-03-20 12:00": "2023-03-20 18:00",
        "2023-10-30 12:00": "2023-10-30 18:00",
        "2023-11-10 23:15": "2023-11-11 06:15",
    }
    for local, expected in pairs.items():
        assert ingest.utc(local) == pd.Timestamp(expected, tz="UTC")
    assert ingest.utc("2023-07-05 14:30").utcoffset().total_seconds() == 0
    assert pd.isna(ingest.utc("")) and pd.isna(ingest.utc("   "))


def tables():
    fires = pd.DataFrame(
        {"area": ["W", "C", "W", "E"], "day": ["05-02", "05-01", "05-01", "05-01"], "n": [1, 2, 3, 4]},
        index=[30, 10, 20, 40],
    )
    weather = pd.DataFrame(
        {
            "area": ["C", "W", "W", "R"],
            "day": ["05-01", "05-01", "05-02", "05-01"],
            "temperature": [12.0, 21.0, 25.0, 3.0],
        }
    )
    return fires, weather


def test_join():
    fires, weather = tables()
    joined = ingest.add_weather(fires, weather)
    assert list(joined.index) == [30, 10, 20, 40]
    assert list(joined["n"]) == [1, 2, 3, 4]
    assert list(joined["temperature"][:3]) == [25.0, 12.0, 21.0]
    assert pd.isna(joined["temperature"][40])


def test_join_leaves_its_inputs_alone():
    fires, weather = tables()
    before = fires.copy(), weather.copy()
    ingest.add_weather(fires, weather)
    assert fires.equals(before[0]) and weather.equals(before[1])


def test_two_measurements_are_refused():
    fires, weather = tables()
    with pytest.raises(ValueError):
        ingest.add_weather(fires, pd.concat([weather, weather.iloc[[0]]]))
    ### END SOLUTION

# %% free="clock-and-join"
report(test_utc, "ingest", ('"America/Edmonton"', '"America/Vancouver"'))

# %% check="clock-and-join" points=3
# Checks that the tests pass on two correct versions, and counts the visible defects that they catch.
from mlelabs.mutants import judge

correct = {
    "another type of time zone object": """
from zoneinfo import ZoneInfo


def utc(local):
    if local.isspace() or local == "":
        return pd.NaT
    return pd.Timestamp(local, tz=ZoneInfo("America/Edmonton")).tz_convert(ZoneInfo("UTC"))
""",
    "maps a dictionary instead of merging": """
def add_weather(fires, weather):
    keys = list(zip(weather["area"], weather["day"]))
    if len(keys) > len(set(keys)):
        raise ValueError("measured twice")
    measured = dict(zip(keys, weather["temperature"]))
    wanted = zip(fires["area"], fires["day"])
    result = fires.copy()
    result.insert(0, "temperature", [measured.get(key, float("nan")) for key in wanted])
    return result
""",
}
defects = {
    "winter time all year": ('"America/Edmonton"', '"Etc/GMT+7"'),
    "local time is called UTC": ('"America/Edmonton"', '"UTC"'),
    "fires without weather vanish": """
def add_weather(fires, weather):
    return fires.reset_index().merge(weather, on=["area", "day"], validate="m:1").set_index("index")
""",
    "gaps are filled with 0": ("    return joined", "    return joined.fillna({'temperature': 0})"),
}
judge(test_utc, "ingest", correct, defects)
### BEGIN HIDDEN TESTS
from mlelabs.mutants import judge

correct = {
    "merges by index, with its own error": """
def add_weather(fires, weather):
    measured = weather.set_index(["area", "day"])["temperature"]
    if not measured.index.is_unique:
        raise ValueError("the weather of a day came twice")
    keys = pd.MultiIndex.from_frame(fires[["area", "day"]])
    return fires.assign(temperature=measured.reindex(keys).to_numpy())[["temperature", *fires.columns]]
""",
}
defects = {
    "summer time all year": ('"America/Edmonton"', '"Etc/GMT+6"'),
    "the time zone of Toronto": ('"America/Edmonton"', '"America/Toronto"'),
    "hours are subtracted": ('"America/Edmonton"', '"Asia/Bishkek"'),
    "clocks change as in Europe": """
_clock = utc


def utc(local):
    if not local.strip():
        return pd.NaT
    europe = pd.Timestamp(local).tz_localize("Europe/London")
    return (europe + pd.Timedelta(hours=7)).tz_convert("UTC")
""",
    "the time zone is lost": ('.tz_convert("UTC")', '.tz_convert("UTC").tz_localize(None)'),
    "minutes are lost": ("pd.Timestamp(local)", 'pd.Timestamp(local).floor("h")'),
    "day and month change places": ("pd.Timestamp(local)", "pd.to_datetime(local, dayfirst=True, format='%Y-%d-%m %H:%M') if local[8:10] < '13' else pd.Timestamp(local)"),
    "the day is ignored in the join": """
def add_weather(fires, weather):
    if weather.duplicated(["area", "day"]).any():
        raise ValueError("measured twice")
    last = weather.drop_duplicates("area").set_index("area")["temperature"]
    return fires.assign(temperature=fires["area"].map(last))
""",
    "the area is ignored in the join": """
def add_weather(fires, weather):
    if weather.duplicated(["area", "day"]).any():
        raise ValueError("measured twice")
    first = weather.drop_duplicates("day").set_index("day")["temperature"]
    return fires.assign(temperature=fires["day"].map(first))
""",
    "fires come out sorted": ("    return joined", '    return joined.sort_values(["area", "day"])'),
    "the index is new": ("    joined.index = fires.index\n", ""),
    "weather without a fire comes too": """
_joined = add_weather


def add_weather(fires, weather):
    result = _joined(fires, weather)
    seen = set(zip(fires["area"], fires["day"]))
    rest = [key not in seen for key in zip(weather["area"], weather["day"])]
    return pd.concat([result, weather[rest]])
""",
    "two measurements are averaged": """
_single = add_weather


def add_weather(fires, weather):
    return _single(fires, weather.groupby(["area", "day"], as_index=False)["temperature"].mean())
""",
    "the fires are changed": """
_pure = add_weather


def add_weather(fires, weather):
    fires["temperature"] = _pure(fires.drop(columns="temperature", errors="ignore"), weather)["temperature"]
    return fires
""",
}
judge(test_utc, "ingest", correct, defects, points=3)
### END HIDDEN TESTS

# %% [markdown]
# ## Properties instead of examples
#
# Examples test what came to your mind. A **property** holds for all inputs, so the computer can search for one that breaks it. The library hypothesis does: you say what the inputs are, it
# tries a hundred, and if one fails it shrinks it to the simplest. Below: a wind angle that is turned into one of eight directions, in a version with a typical slip.
#
# **Before running:** each direction covers 45 degrees, north being from −22.5 to 22.5. For which angles might the slip show?

# %%
print(inspect.getdoc(features.direction))
print([features.direction(angle) for angle in [0, 10, 44, 90, 350, -90]])

# %%
@given(st.integers(0, 359))
def test_every_angle_has_a_direction(angle):
    assert features.direction(angle) in features.DIRECTIONS

# %%
report(test_every_angle_has_a_direction, "features", (" % 8]", "]"))

# %% [markdown]
# hypothesis reports the smallest angle that breaks it: 338 degrees, where the slip runs over the end of the list. An example with 350 would have found it too, but somebody would have had to think of it.
# Useful properties are: **bounds** (the result is one of the eight), **round trip** (there and back), **idempotence** (twice is as once), **symmetry** (a full turn changes nothing). Properties alone
# can be true of a consistent nonsense: if north is called south everywhere, the round trip still closes. One or two examples pin it down.

# %% [markdown]
# ## Exercise 3: Properties of a compass (2 points, about 14 minutes)
#
# Write property-based tests (and an example or two) for `features.direction` and its partner `features.degrees`, which gives 0 for `"N"`, 45 for `"NE"` and so on. One of them is called `test_direction`.
# Exactly between two directions both answers are right, so a test must not insist on one. Angles may be negative or beyond 360, as some wind sensors go on counting after a full turn, but they stay within
# ±100,000: give `st.integers` limits, or it tries numbers of twenty digits, for which nothing is promised.
#
# <details><summary>Hint</summary>Draw whole numbers with <code>st.integers(-1000, 1000)</code>: they never lie exactly between two directions. A strong property: the angle of the direction differs from the angle that you put in by at most 22.5, where the difference of two angles is <code>abs((a - b + 180) % 360 - 180)</code>.</details>

# %% exercise="direction"
@given(st.integers(-1000, 1000))
def test_direction(angle):
    """The direction is one of eight, and no other is nearer."""
    ### BEGIN SOLUTION
    found = features.direction(angle)
    assert found in ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]
    difference = (features.degrees(found) - angle + 180) % 360 - 180
    assert abs(difference) <= 22.5


@given(st.integers(-1000, 1000))
def test_a_full_turn_changes_nothing(angle):
    assert features.direction(angle + 360) == features.direction(angle)


@given(st.sampled_from(["N", "NE", "E", "SE", "S", "SW", "W", "NW"]))
def test_there_and_back(name):
    assert features.direction(features.degrees(name)) == name


def test_clockwise_from_north():
    names = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]
    assert [features.degrees(name) for name in names] == [0, 45, 90, 135, 180, 225, 270, 315]
    ### END SOLUTION

# %% free="direction"
report(test_direction, "features", ("round(degrees / 45)", "int(degrees / 45)"))

# %% check="direction" points=2
# Checks that the tests pass on two correct versions, and counts the visible defects that they catch.
from mlelabs.mutants import judge

correct = {
    "decides otherwise between two": ("round(degrees / 45)", "int((degrees + 22.5) // 45)"),
    "compares the distances, in floats": """
def degrees(direction):
    return 360.0 / 8 * DIRECTIONS.index(direction)


def direction(angle):
    return min(DIRECTIONS, key=lambda name: abs((degrees(name) - angle + 180) % 360 - 180))
""",
}
defects = {
    "between northwest and north it stays northwest": ("round(degrees / 45) % 8", "min(round(degrees % 360 / 45), 7)"),
    "takes the direction before, not the nearest": ("round(degrees / 45)", "int(degrees // 45)"),
    "north and south change places": ('["N", "NE", "E", "SE", "S",', '["S", "NE", "E", "SE", "N",'),
}
judge(test_direction, "features", correct, defects)
### BEGIN HIDDEN TESTS
from mlelabs.mutants import judge

correct = {
    "searches in the middle of the sectors": """
import math


def direction(angle):
    angle = math.fmod(angle, 360.0)
    angle = angle + 360 if angle < 0 else angle
    borders = [22.5 + 45 * i for i in range(8)]
    return next((name for name, border in zip(DIRECTIONS, borders) if angle <= border), "N")
""",
}
defects = {
    "counts against the clock": ('["N", "NE", "E", "SE", "S", "SW", "W", "NW"]', '["N", "NW", "W", "SW", "S", "SE", "E", "NE"]'),
    "a negative angle loses its sign": ("round(degrees / 45)", "round(abs(degrees) / 45)"),
    "beyond a full turn it is always north": ("DIRECTIONS[round(degrees / 45) % 8]", "DIRECTIONS[round(degrees / 45) % 8 if degrees < 361 else 0]"),
    "the turn has 350 degrees": ("round(degrees / 45)", "round(degrees % 350 / 45)"),
    "southwest and southeast change places": ('"SE", "S", "SW"', '"SW", "S", "SE"'),
    "north is too narrow": ("return DIRECTIONS[round(degrees / 45) % 8]", 'found = DIRECTIONS[round(degrees / 45) % 8]\n    return "NE" if found == "N" and 5 < degrees % 360 < 23 else found'),
    "the angle of northwest is wrong": ("DIRECTIONS.index(direction) * 45", "min(DIRECTIONS.index(direction) * 45, 300)"),
    "below zero it has no answer": ("return DIRECTIONS[round(degrees / 45) % 8]", "return DIRECTIONS[round(degrees / 45) % 8] if degrees >= 0 else None"),
}
judge(test_direction, "features", correct, defects, points=2)
### END HIDDEN TESTS

# %% [markdown]
# ## Covered is not tested
#
# **Coverage** is the share of lines that run during the tests. Teams set targets for it. Here are the rules that turn a risk into a priority, and a suite for them.

# %%
print(inspect.getdoc(rules.priority))

# %%
def test_priority_runs():
    for risk in [0.0, 0.15, 0.3, 0.9]:
        for near_town in [True, False]:
            rules.priority(risk, 1.0, near_town)
    assert rules.priority(0.9, 1.0, False)


def test_crews_are_enough():
    assert rules.crews(1000) > 0

# %% [markdown]
# **Before running:** the suite covers all lines. How many of these three defects will it catch?

# %%
run, lines = coverage(test_priority_runs, "rules")
print(f"{run} of {lines} lines run: {run / lines:.0%} coverage")
wait = ('return "now"\n    if near_town', 'return "watch"\n    if near_town')
for defect in [wait, ("size > 4:", "size > 40:"), ("risk >= 0.2", "risk >= 0.7")]:
    before, after = [text.splitlines()[0] for text in defect]
    print(f"planted: {before}  →  {after}")
    report(test_priority_runs, "rules", defect)

# %% [markdown]
# 100 % coverage, and not one of the three defects is noticed (`passed` each time): not even that the most dangerous fires are told to wait. Coverage shows what is **not** tested. What is tested it cannot show; planted defects
# can. This is called **mutation testing**, and it is how this lab grades.

# %% [markdown]
# ## Exercise 4: From covered to tested (2 points, about 10 minutes)
#
# Write tests for `rules.priority`, one of them `test_priority`, that notice when a rule of its docstring is broken. Rules have **edges**, and defects sit there: test on both sides of each
# threshold, and the threshold itself. Test each `or` with only one side true.
#
# *By hand:* a risk of 0.2 near a town is `"now"`, 0.19 near a town is `"next"`, and 0.2 elsewhere is `"next"`. Exactly 4 hectares are not above 4.
#
# <details><summary>Hint</summary>A table of (risk, size, near_town, expected) and a loop, or <code>pytest.mark.parametrize</code>.</details>

# %% exercise="priority"
def test_priority():
    """Every rule, on both sides of its edge."""
    ### BEGIN SOLUTION
    cases = [
        (0.5, 1, False, "now"),
        (0.49, 1, False, "next"),
        (0.0, 4.1, False, "now"),
        (0.0, 4, False, "watch"),
        (0.2, 1, True, "now"),
        (0.19, 1, True, "next"),
        (0.2, 1, False, "next"),
        (0.1, 1, False, "next"),
        (0.09, 1, True, "watch"),
        (0.09, 1, False, "watch"),
        (math.nan, 1, False, "now"),
    ]
    for risk, size, near_town, expected in cases:
        assert rules.priority(risk, size, near_town) == expected
    ### END SOLUTION

# %% free="priority"
report(test_priority, "rules", ("risk >= 0.2", "risk > 0.2"))

# %% check="priority" points=2
# Checks that the tests pass on two correct versions, and counts the visible defects that they catch.
from mlelabs.mutants import judge

correct = {
    "asks in another order": """
def priority(risk, size, near_town):
    if not (risk < (0.2 if near_town else 0.5)) or size > 4:
        return "now"
    return "watch" if risk < 0.1 else "next"
""",
}
defects = {
    "the most dangerous fires wait": ('return "now"\n    if near_town', 'return "watch"\n    if near_town'),
    "large is above 40 ha": ("size > 4:", "size > 40:"),
    "towns do not matter": ("if near_town and risk >= 0.2", "if False"),
    "a missing risk is watched": ("math.isnan(risk) or ", ""),
}
judge(test_priority, "rules", correct, defects)
### BEGIN HIDDEN TESTS
from mlelabs.mutants import judge

correct = {
    "counts reasons": """
def priority(risk, size, near_town):
    urgent = [risk != risk, risk >= 0.5, size > 4, bool(near_town) and risk >= 0.2]
    return "now" if any(urgent) else ["watch", "next"][int(risk >= 0.1)]
""",
}
defects = {
    "a risk of exactly 0.5 is not enough": ("risk >= 0.5", "risk > 0.5"),
    "the first threshold is 0.45": ("risk >= 0.5", "risk >= 0.45"),
    "exactly 4 ha are large": ("size > 4:", "size >= 4:"),
    "exactly 0.2 near a town is not enough": ("risk >= 0.2", "risk > 0.2"),
    "the threshold near a town is 0.15": ("risk >= 0.2", "risk >= 0.15"),
    "exactly 0.1 is watched": ("risk >= 0.1", "risk > 0.1"),
    "a missing risk is no risk": ("math.isnan(risk) or", "not math.isnan(risk) and"),
    "risk and size must both be high": ("risk >= 0.5 or size > 4", "risk >= 0.5 and size > 4"),
    "a risk is enough, near a town or not": ("near_town and risk", "risk"),
    "near a town every fire is urgent": ("near_town and risk >= 0.2", "near_town"),
    "nothing is only watched": ('return "watch"', 'return "next"'),
}
judge(test_priority, "rules", correct, defects, points=2)
### END HIDDEN TESTS

# %% [markdown]
# ## How quiet can a bug be?
#
# A fire gets 1 crew up to 4 ha, 2 up to 40, 3 up to 200, then 4. This suite tests it, one example for each class. It looks thorough.

# %%
def suite(crews):
    """The tests of a team; `crews` is the function under test."""
    assert crews(1) == 1
    assert crews(10) == 2
    assert crews(100) == 3
    assert crews(1000) == 4
    assert crews(4) == 1 and crews(4.1) == 2

suite(rules.crews)
sizes = log["current_size"]
sizes.quantile([0.1, 0.25, 0.5, 0.75, 0.9])

# %% [markdown]
# Half of all fires end at 0.02 ha or below, but the smallest example of the suite is 1 ha: it was written from the rules, not from what arrives. Show how much damage that leaves room for.

# %% [markdown]
# ## Exercise 5: Construct a quiet bug (2 points, about 6 minutes)
#
# Write `quiet_crews(size)`, a *wrong* version of `rules.crews` that nobody will notice:
#
# - it passes the `suite` above,
# - it sends the wrong number of crews to **at least half** of the fires in the log (`log["current_size"]`, in ha),
# - it always returns a whole number from 1 to 4, as the right one does, and returns the same for the same size.
#
# <details><summary>Hint</summary>Where are half of the fires, and where does the suite not look?</details>

# %% exercise="quiet-bug"
def quiet_crews(size):
    """Return a number of crews, 1 to 4, that is wrong where the suite does not look."""
    ### BEGIN SOLUTION
    if size < 1:  # as if a missing zero had moved the comma
        return 3
    return 1 + (size > 4) + (size > 40) + (size > 200)
    ### END SOLUTION

# %% free="quiet-bug"
suite(quiet_crews)
wrong = sizes.map(quiet_crews) != sizes.map(rules.crews)
print(f"{wrong.mean():.0%} of the fires get the wrong number of crews, and the suite is green")

# %% check="quiet-bug" points=2
# Checks that the suite passes, and counts the fires that get the wrong number of crews.
given_crews = {size: quiet_crews(size) for size in [0.01, 0.1, 0.5, 1, 4, 4.1, 10, 100, 1000]}
for size, number in given_crews.items():
    assert number in (1, 2, 3, 4), (
        f"{size} ha get {number} crews: expected a whole number from 1 to 4. Anything else would be noticed in the first minute"
    )
    again = [quiet_crews(size) for _ in range(20)]
    assert all(other == number for other in again), (
        f"{size} ha get {number} crews, but when asked again another number: a bug that comes and goes is noticed"
    )
for size, number in {1: 1, 10: 2, 100: 3, 1000: 4, 4: 1, 4.1: 2}.items():
    assert given_crews[size] == number, (
        f"the suite notices: {size} ha should get {number}, they get {given_crews[size]}. Be wrong where it does not look"
    )
wrong = [quiet_crews(size) != rules.crews(size) for size in log["current_size"]]
assert np.mean(wrong) >= 0.5, (
    f"only {np.mean(wrong):.0%} of the fires get a wrong number, expected at least 50 %. Where are most fires? Look at the quantiles above"
)
print(f"The suite is green, and {np.mean(wrong):.0%} of the fires get a wrong number of crews.")
### BEGIN HIDDEN TESTS
import numpy as np
from mlelabs.data import load_wildfires

every = load_wildfires()["current_size"].to_numpy()
got = [quiet_crews(float(size)) for size in every]
odd = [number for number in got if number not in (1, 2, 3, 4)]
assert not odd, f"some fires get {odd[0]} crews: expected a whole number from 1 to 4 for every fire"
right = 1 + (every > 4).astype(int) + (every > 40) + (every > 200)
assert np.mean(np.array(got) != right) >= 0.5, (
    "fewer than half of the fires get a wrong number. It should be wrong for what really arrives"
)
assert got[:500] == [quiet_crews(float(size)) for size in every[:500]], (
    "the same size gets another number when asked again: a bug that comes and goes is noticed"
)
assert [quiet_crews(size) for size in (1, 10, 100, 1000, 4, 4.1)] == [1, 2, 3, 4, 1, 2], (
    "the suite notices the bug when it runs again, after the fires"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Flaky: red today, green tomorrow
#
# A test is **flaky** if it passes and fails on the same code. People learn to press "run again", and then press it on the real bug as well. The usual three causes: **chance** without a seed,
# **order** (a test needs, or is disturbed by, what another left behind), and the **clock**. This team has all three. Here are the functions of `review`, then the team's tests. We let pytest run them as usual, and look.

# %%
for function in [review.draw, review.enqueue, review.next_fire, review.is_night]:
    print(f"{function.__name__}{inspect.signature(function)}\n{inspect.getdoc(function)}\n")

# %%
def test_draw_takes_a_tenth():
    assert len(review.draw(list(range(100)), 0.1)) == 10


def test_first_in_first_out():
    review.enqueue("C012")
    review.enqueue("E007")
    assert review.next_fire() == "C012"


def test_one_fire_is_left():
    assert len(review.waiting) == 1


def test_it_is_day():
    assert not review.is_night(datetime.now())

# %%
from mlelabs.mutants import report_under

CIRCUMSTANCES = {
    "with other random numbers": {"seed": 7},
    "with a third set of random numbers": {"seed": 8},
    "at midnight": {"now": "2023-12-31T23:59:30"},
    "at noon": {"now": "2024-07-01T12:00:00"},
}

# %%
report_under(test_it_is_day, {"as usual, at noon": {"now": "2024-07-01T12:00:00"}, "last test first, at noon": {"reverse": True, "now": "2024-07-01T12:00:00"}, **CIRCUMSTANCES})

# %% [markdown]
# Nothing in the pipeline has changed between these runs. To **mend** such a test is not to run it until it is green, nor to loosen its assert until it always is. Give it what it depends on: a seeded
# generator (`review.draw` takes one), a state that the test itself sets up (it may empty the list `review.waiting`), a fixed moment instead of `datetime.now()`.

# %% [markdown]
# ## Exercise 6: Mend the flaky tests (2 points, about 15 minutes)
#
# Write the four tests of the team (`test_draw_takes_a_tenth` and those below it) anew, one of them called `test_draw`, so that they pass under **all** circumstances: any order, any time of day, any state of the random numbers. And they should still catch
# defects in `review.draw` (each fire with probability `share`), `enqueue` and `next_fire` (first in, first out; `None` if none waits) and `is_night` (from 22:00 to before 6:00).
#
# `review.draw(fires, share, rng)` takes a generator such as `np.random.default_rng(1)`. How a version uses it is not promised: with the same seed another correct version may draw other fires, and another number of them.
# So draw from many fires and compare the share, within ±0.02 for 10,000 fires.
#
# <details><summary>Hint</summary>A share of 0.1 of 10,000 fires has a standard error of 0.003, so ±0.02 is safe. Test <code>is_night</code> at 21:59, 22:00, 5:59 and 6:00 of any day: <code>datetime(2024, 5, 1, 22, 0)</code>.</details>

# %% exercise="flaky"
def test_draw():
    """A tenth of the fires, with a seed."""
    ### BEGIN SOLUTION
    fires = list(range(10_000))
    drawn = review.draw(fires, 0.1, np.random.default_rng(1))
    assert abs(len(drawn) / 10_000 - 0.1) < 0.02
    assert len(set(drawn)) == len(drawn) and set(drawn) <= set(fires)
    early = sum(fire < 5000 for fire in drawn)
    assert abs(early / 5000 - 0.1) < 0.02
    assert review.draw(fires, 0.0, np.random.default_rng(1)) == []
    assert len(review.draw(fires, 1.0, np.random.default_rng(1))) == 10_000


@pytest.fixture
def empty_queue():
    review.waiting.clear()


def test_first_in_first_out(empty_queue):
    for fire in ["C012", "E007", "A003"]:
        review.enqueue(fire)
    assert [review.next_fire() for _ in range(3)] == ["C012", "E007", "A003"]
    assert review.next_fire() is None


def test_is_night():
    for hour, minute, night in [(21, 59, False), (22, 0, True), (23, 30, True), (0, 0, True)]:
        assert review.is_night(datetime(2024, 5, 1, hour, minute)) == night
    for hour, minute, night in [(5, 59, True), (6, 0, False), (12, 0, False)]:
        assert review.is_night(datetime(2024, 5, 1, hour, minute)) == night
    ### END SOLUTION

# %% free="flaky"
report_under(test_draw, CIRCUMSTANCES)

# %% check="flaky" points=2
# Checks that the tests pass under six circumstances and on two correct versions, and counts the visible defects that they catch.
from mlelabs.mutants import judge

correct = {
    "draws in one go": """
def draw(fires, share, rng=None):
    rng = np.random.default_rng() if rng is None else rng
    return [fire for fire, number in zip(fires, rng.uniform(size=len(fires))) if number > 1 - share]
""",
}
defects = {
    "last in, first out": ("waiting.pop(0)", "waiting.pop()"),
    "twice the share is drawn": ("rng.random() < share", "rng.random() < 2 * share"),
    "night ends at midnight": (" or moment.hour < 6", ""),
}
judge(test_draw, "review", correct, defects, circumstances=CIRCUMSTANCES)
### BEGIN HIDDEN TESTS
from mlelabs.mutants import judge

correct = {
    "keeps the queue in another way": """
def enqueue(fire):
    waiting.insert(len(waiting), fire)


def next_fire():
    if len(waiting) == 0:
        return None
    first, *rest = waiting
    waiting[:] = rest
    return first


def is_night(moment):
    return not 6 <= moment.hour <= 21


def draw(fires, share, rng=None):
    rng = np.random.default_rng() if rng is None else rng
    return [fires[i] for i in range(len(fires)) if rng.random() >= 1 - share]
""",
}
defects = {
    "only the first part is drawn": ("[fire for fire in fires if rng.random() < share]", "fires[: round(share * len(fires))]"),
    "half of the share is drawn": ("rng.random() < share", "rng.random() < share / 2"),
    "those are drawn that should not be": ("rng.random() < share", "rng.random() > share"),
    "the same fires twice": ("[fire for fire in fires if rng.random() < share]", "list(rng.choice(fires, round(share * len(fires))))"),
    "night begins at 23": ("moment.hour >= 22", "moment.hour >= 23"),
    "night ends at 7": ("moment.hour < 6", "moment.hour < 7"),
    "night is never": ("moment.hour >= 22 or moment.hour < 6", "moment.hour >= 22 and moment.hour < 6"),
    "an empty queue breaks": (" if waiting else None", ""),
    "the first fire stays in the queue": ("waiting.pop(0)", "waiting[0]"),
    "in alphabetical order": ("waiting.append(fire)", "waiting.append(fire)\n    waiting.sort()"),
}
others = {
    "with other random numbers": {"seed": 21},
    "on New Year's Eve": {"now": "2030-12-31T22:00:00"},
    "in the morning": {"now": "2031-03-09T06:00:00"},
}
judge(test_draw, "review", correct, defects, points=2, circumstances=others)
### END HIDDEN TESTS

# %% [markdown]
# ## Data can be wrong while code is right
#
# Each day's fires arrive as a batch, `ingest.todays_batch()`. The code that reads it never changes; what is in it does. So data get tests as well, and they run each day.
#
# **Before running:** which of these would you call a fault? No fire above 25 °C; 4 % without a temperature; a temperature of −20 °C; the same fire number twice.

# %%
batch = ingest.todays_batch()
print(len(batch), "fires of the years", sorted(batch["year"].unique().tolist()))
print(f"temperature: {batch['temperature'].isna().mean():.0%} missing, {batch['temperature'].min()} to {batch['temperature'].max()} °C")
repeated = log.iloc[12_000:12_200]
print("another batch: fire numbers repeated", repeated["fire_number"].duplicated().sum(), "times; (year, fire number):", repeated.duplicated(["year", "fire_number"]).sum())
print(f"and {repeated['temperature'].isna().mean():.0%} of its temperatures are missing")
highest = log.groupby(log.index // 200)["temperature"].max()
print(f"no fire above 25 °C: in {(highest <= 25).sum()} of {len(highest)} batches of 200 fires")

# %% [markdown]
# None of the four is surely a fault. Winter fires at −20 °C are real, a number comes again each year, and a batch can miss a quarter of its temperatures on a normal day. No fire above 25 °C has happened in none of 133 batches:
# odd and worth a look, but a cold summer is possible, so it should stop nothing. A data test that cries on good days is switched off before the bad one.

# %% [markdown]
# ## Exercise 7: Test today's data (2 points, about 13 minutes)
#
# Write tests for `ingest.todays_batch()`, one of them `test_batch`. Here the *data* differ: correct versions are other good batches, with more or fewer rows or columns, in any order; defects are faults in them. This must hold:
#
# | what | on a good day |
# |---|---|
# | columns | `year`, `fire_number`, `latitude`, `longitude`, `temperature`, `relative_humidity`, `wind_speed`, `fire_spread_rate`, `fire_type` are there, maybe others |
# | the pair (`year`, `fire_number`) | never twice |
# | `temperature` | −50 to 50 °C where it is there |
# | `relative_humidity` | 0 to 100 %, and not all below 1 |
# | `latitude`, `longitude` | 48 to 61, −121 to −109 |
# | `fire_spread_rate` | never below −1 (the code for "not measured") |
# | `fire_type` | Surface, Ground, Crown or Unknown, but for up to 1 % of odd spellings |
# | missing weather (temperature, humidity, wind) | at most half of the rows, in each of them |
# | rows | at least 100 |
#
# <details><summary>Hint</summary>Comparisons with NaN are False: use <code>.dropna()</code> first, then <code>.between(low, high).all()</code>.</details>

# %% exercise="batch"
def test_batch():
    """The columns are there, no fire comes twice, and values are possible."""
    ### BEGIN SOLUTION
    batch = ingest.todays_batch()
    assert len(batch) >= 100
    assert not batch.duplicated(["year", "fire_number"]).any()
    limits = {
        "temperature": (-50, 50),
        "relative_humidity": (0, 100),
        "latitude": (48, 61),
        "longitude": (-121, -109),
        "fire_spread_rate": (-1, math.inf),
    }
    for column, (low, high) in limits.items():
        assert batch[column].dropna().between(low, high).all(), column
    assert batch["relative_humidity"].max() > 1
    for column in ["temperature", "relative_humidity", "wind_speed"]:
        assert batch[column].isna().mean() <= 0.5, column
    known = batch["fire_type"].isin(["Surface", "Ground", "Crown", "Unknown"])
    assert known.mean() >= 0.99
    ### END SOLUTION

# %% [markdown]
# Try your tests on another real batch, of 2013. It is a *good* one, so this time they should pass.

# %% free="batch"
report(test_batch, "ingest", ("FIRST_ROW = 20_000", "FIRST_ROW = 12_000"))

# %% check="batch" points=2
# Checks that the tests pass on five other good batches, and counts the visible faults that they catch.
from mlelabs.mutants import judge

def broken(change):
    """A version in which something happens to today's batch."""
    return f"""
_todays_batch = todays_batch


def todays_batch():
    batch = _todays_batch()
    {change}
    return batch
"""

correct = {
    "a batch of 2013": ("FIRST_ROW = 20_000", "FIRST_ROW = 12_000"),
    "a batch of 2007": ("FIRST_ROW = 20_000", "FIRST_ROW = 3_000"),
    "150 rows, and one more column": broken("batch = batch.head(150).assign(reported_by='tower')"),
    "rows and columns in another order": broken("batch = batch.sample(frac=1, random_state=3)[sorted(batch.columns)]"),
    "one odd spelling, one code for not measured": broken("batch.loc[3, ['fire_type', 'fire_spread_rate']] = ['crown ', -1]"),
}
faults = {
    "temperatures in Fahrenheit": broken("batch['temperature'] = batch['temperature'] * 9 / 5 + 32"),
    "some fires came twice": broken("batch = pd.concat([batch, batch.head(20)])"),
    "most humidities are missing": broken("batch.loc[20:, 'relative_humidity'] = float('nan')"),
}
judge(test_batch, "ingest", correct, faults)
### BEGIN HIDDEN TESTS
from mlelabs.mutants import judge

def damaged(change):
    return f"""
_sound = todays_batch


def todays_batch():
    batch = _sound()
    {change}
    return batch
"""

correct = {
    "a batch of 2021": ("FIRST_ROW = 20_000", "FIRST_ROW = 22_000"),
    "rows shuffled, 120 fires": damaged("batch = batch.sample(120, random_state=3)"),
    "two odd spellings": damaged("batch.loc[[3, 8], 'fire_type'] = ['crown ', ' Ground']"),
}
defects = {
    "latitude and longitude are swapped": damaged("batch[['latitude', 'longitude']] = batch[['longitude', 'latitude']].to_numpy()"),
    "one longitude lost its sign": damaged("batch.loc[5, 'longitude'] *= -1"),
    "humidity is a share, not per cent": damaged("batch['relative_humidity'] = batch['relative_humidity'].clip(upper=98) / 100"),
    "a humidity of 130 %": damaged("batch.loc[7, 'relative_humidity'] = 130.0"),
    "fire types in another spelling": damaged("batch['fire_type'] = batch['fire_type'].str.upper()"),
    "wind is missing in two rows of three": damaged("batch.loc[batch.index % 3 > 0, 'wind_speed'] = float('nan')"),
    "a column is gone": damaged("batch = batch.drop(columns='fire_spread_rate')"),
    "9999 for a missing temperature": damaged("batch.loc[[4, 9], 'temperature'] = 9999.0"),
    "a negative spread rate": damaged("batch.loc[11, 'fire_spread_rate'] = -4.0"),
    "one fire came twice": damaged("batch = pd.concat([batch, batch.tail(1)], ignore_index=True)"),
    "the file was cut off": damaged("batch = batch.head(12)"),
}
judge(test_batch, "ingest", correct, defects, points=2)
### END HIDDEN TESTS

# %% [markdown]
# ## Tests before and after training
#
# Training code can be wrong and still print a good number; a wrong evaluation prints an even better one. **Before** training you can test the split and the list of features. **After** training, test what must follow if
# evaluation is honest. The best trick: shuffle the labels. Nothing can be learned from them, so the AUC must be near 0.5.
#
# **Before running:** somebody evaluates on the fires that the model was trained on. Which AUC do you expect with shuffled labels? (The fires of `simulated.fires` are simulated: we know what is in them.)

# %%
for function in [model.split, model.train, model.evaluate]:
    print(f"{function.__name__}{inspect.signature(function)}\n{inspect.getdoc(function)}\n")
fires = simulated.fires(size=1500, seed=2)
rng = np.random.default_rng(4)
shuffled = fires.assign(large=rng.permutation(fires["large"]))
on_itself = model.train(shuffled).predict_proba(shuffled[model.FEATURES])[:, 1]
print(f"honest: {model.evaluate(fires, 2016):.2f}, shuffled: {model.evaluate(shuffled, 2016):.2f}")
print(f"shuffled, evaluated on the training fires: {roc_auc_score(shuffled['large'], on_itself):.2f}")

# %% [markdown]
# An AUC of 1.00 for pure noise: the forest has learned its fires by heart. Such a test costs a second and would have caught many a published result.

# %% [markdown]
# ## Exercise 8: Test the training (3 points, about 19 minutes)
#
# Write tests for the module `model` (its functions' docstrings stand above), one of them `test_split`. It is promised:
#
# - `split(fires, last_year)`: as its docstring says, for the given year; the tables that come in stay as they are,
# - `FEATURES`: names only what is known at dispatch, so not `current_size`, `large`, `year` or `fire_number`,
# - `evaluate(fires, last_year, seed)`: the AUC on the **later** fires of a model that has seen only the earlier ones; on `simulated.fires` at least 0.8, with shuffled labels between 0.35 and 0.65 (for 1,500 fires and the year 2016);
#   reversed labels (`~fires["large"]`) are as easy to learn, so at least 0.8 too; the same seed gives the same number.
#
# Not promised: the algorithm, the exact AUC, the order of rows and the index of the two parts. `simulated.fires(size, seed)` gives you fires of 2010 to 2019 with a number, a year, four features, `current_size` and `large`.
#
# <details><summary>Hint</summary>Identify fires by <code>fire_number</code>, not by the index. For the split: the sets of numbers, the years on both sides, the sum of rows. To check that labels stay with their fires, compare <code>large</code> with <code>current_size &gt; 4</code> after the split.</details>

# %% exercise="training"
def test_split():
    """Every fire in one part, and the past before the future."""
    ### BEGIN SOLUTION
    fires = simulated.fires(size=300, seed=3)
    before = fires.copy()
    past, future = model.split(fires, 2015)
    assert fires.equals(before)
    assert set(past["year"]) == set(range(2010, 2016))
    assert set(future["year"]) == set(range(2016, 2020))
    numbers = [*past["fire_number"], *future["fire_number"]]
    assert sorted(numbers) == sorted(fires["fire_number"])
    for part in (past, future):
        assert (part["large"] == (part["current_size"] > 4)).all()


def test_split_follows_the_year():
    past, future = model.split(simulated.fires(size=300, seed=3), 2011)
    assert past["year"].max() == 2011 and future["year"].min() == 2012


def test_features_are_known_at_dispatch():
    assert not {"current_size", "large", "year", "fire_number"} & set(model.FEATURES)


def test_skill():
    fires = simulated.fires(size=1500, seed=4)
    assert model.evaluate(fires, 2016) >= 0.8
    assert model.evaluate(fires.assign(large=~fires["large"]), 2016) >= 0.8


def test_no_skill_without_labels():
    fires = simulated.fires(size=1500, seed=5)
    rng = np.random.default_rng(5)
    shuffled = fires.assign(large=rng.permutation(fires["large"]))
    assert 0.35 <= model.evaluate(shuffled, 2016) <= 0.65


def test_same_seed_same_number():
    fires = simulated.fires(size=1500, seed=6)
    assert model.evaluate(fires, 2016, seed=1) == model.evaluate(fires, 2016, seed=1)
    ### END SOLUTION

# %% free="training"
report(test_split, "model", ("<= last_year", "< last_year"))

# %% check="training" points=3
# Checks that the tests pass on two correct versions, and counts the visible defects that they catch.
from mlelabs.mutants import judge

correct = {
    "another algorithm, and rows in another order": """
from sklearn.linear_model import LogisticRegression


def split(fires, last_year):
    fires = fires.sort_values(["year", "wind_speed"]).reset_index(drop=True)
    border = int((fires["year"] <= last_year).sum())
    return fires.iloc[:border].copy(), fires.iloc[border:].reset_index(drop=True)


def train(fires, seed=0):
    return LogisticRegression(max_iter=1000).fit(fires[FEATURES], fires["large"])
""",
}
defects = {
    "the year itself is in the future": ("<= last_year", "< last_year"),
    "evaluated on the training fires": ("past, future = split(fires, last_year)", "past = future = split(fires, last_year)[0]"),
    "the final size is a feature": ('"fire_spread_rate"]', '"fire_spread_rate", "current_size"]'),
}
judge(test_split, "model", correct, defects)
### BEGIN HIDDEN TESTS
from mlelabs.mutants import judge

correct = {
    "other trees, and a split by query": """
from sklearn.ensemble import ExtraTreesClassifier


def split(fires, last_year):
    return fires.query("year <= @last_year"), fires.query("year > @last_year")


def train(fires, seed=0):
    return ExtraTreesClassifier(n_estimators=30, random_state=seed).fit(fires[FEATURES], fires["large"])
""",
}
defects = {
    "split by chance": """
def split(fires, last_year):
    is_past = fires.sample(frac=(fires["year"] <= last_year).mean(), random_state=0).index
    return fires.loc[is_past], fires.drop(index=is_past)
""",
    "trained on all fires": ("train(past, seed)", "train(fires, seed)"),
    "the last year is in both parts": ("fires[~is_past]", 'fires[fires["year"] >= last_year]'),
    "only the next year is tested": ("fires[~is_past]", 'fires[fires["year"] == last_year + 1]'),
    "the year asked for is ignored": ('fires["year"] <= last_year', 'fires["year"] <= 2016'),
    "labels come apart from their fires": ("return fires[is_past], fires[~is_past]", 'past = fires[is_past]\n    return past.assign(large=past["large"].to_numpy()[::-1]), fires[~is_past]'),
    "the risk has the wrong sign": ("[:, 1]", "[:, 0]"),
    "accuracy instead of AUC": ('roc_auc_score(future["large"], risk)', '((risk > 0.5) == future["large"]).mean()'),
    "no seed": ("random_state=seed", "random_state=None"),
    "AUC or its reverse, whichever is better, and a little more": ('return roc_auc_score(future["large"], risk)', 'auc = roc_auc_score(future["large"], risk)\n    return 0.7 + 0.3 * max(auc, 1 - auc)'),
    "the year is a feature": ('["temperature",', '["year", "temperature",'),
    "nothing is learned from the labels": ('fires["large"])', 'fires["fire_spread_rate"] > 4)'),
    "the fires are changed": ('is_past = fires["year"] <= last_year', 'fires["year"] = fires["year"].clip(upper=2018)\n    is_past = fires["year"] <= last_year'),
}
judge(test_split, "model", correct, defects, points=3)
### END HIDDEN TESTS

# %% [markdown]
# ## What a model must do, whatever its AUC
#
# `deployed.risk` is the model in use: a logistic regression with four inputs, its weights fitted on the fires of 2006 to 2018.

# %%
print(inspect.getdoc(deployed.risk))
later = log[log["year"] > 2018]
seen_later = later.assign(risk=np.asarray(deployed.risk(later)))
calls = seen_later["fuel_type"].eq("Unknown")  # what a shortcut may live on
print(f"large fires: {later.loc[calls, 'large'].mean():.1%} where the fuel is unknown, {later.loc[~calls, 'large'].mean():.1%} elsewhere")
print(f"AUC of the deployed model after 2018: {roc_auc_score(later['large'], seen_later['risk']):.3f}")

# %% [markdown]
# A model can live on a **shortcut**: `fuel_type` is `Unknown` mostly where nobody needed to look, which tells the outcome in this log and nothing about fire. On a test set from the same log, the shortcut is rewarded.
# So test **behaviour**, three kinds of it (Ribeiro et al. 2020):
#
# - **minimum functionality:** cases so clear that any model must get them right,
# - **invariance:** what must not change the answer,
# - **direction:** a change that must push the answer one way, or at least not the other way.

# %%
speeds = np.linspace(0, 12, 60)
typical = pd.DataFrame({"fire_spread_rate": speeds, "temperature": 19.0, "relative_humidity": 40.0, "wind_speed": 6.0})
windy = typical.assign(wind_speed=35.0)
plt.plot(speeds, deployed.risk(windy), label="wind 35 km/h")
plt.plot(speeds, deployed.risk(typical), "--", label="wind 6 km/h")
plt.title("The deployed model: faster spread and stronger wind, higher risk")
plt.xlabel("spread rate (m/min)")
plt.ylabel("risk of growing beyond 4 ha")
plt.legend()
plt.show()

# %% [markdown]
# Both lines rise, and the windy one lies above the calm one everywhere. That is direction, seen with the eye; a test sees it each night.

# %% [markdown]
# ## Exercise 9: Test the behaviour of a model (3 points, about 18 minutes)
#
# Write tests for `deployed.risk(fires)`, one of them `test_clear_cases`. They meet models with a fault, among them shortcuts, and other **clean** models, which means: models that keep these promises.
#
# - one number per fire, in the order of the rows, as an array or a Series with any index (so work with `np.asarray(deployed.risk(fires))`),
# - each from 0 to 1, never NaN, even if values are missing; what a model takes in their place is not promised,
# - **clear cases:** at least 0.5 for (spread 15 m/min, 30 °C, humidity 15 %, wind 40 km/h), at most 0.1 for (0, 5 °C, 90 %, 0),
# - **invariance:** a fire's risk depends on its own four inputs alone, not on other columns (`fire_number`, `fuel_type`, `hour`, ...), other fires in the table, or the order of rows or columns,
# - **direction:** a higher spread rate, temperature or wind never lowers the risk, a higher humidity never raises it; other things equal. Clean models may have plateaus, so the risk may stay the same for small changes.
#   From a spread rate of 0 to 15 (at 19 °C, 40 %, 6 km/h) it must rise by at least 0.2.
#
# Compare equal risks with a tolerance of 1e-6. Tables hold the four columns and maybe others.
#
# <details><summary>Hint</summary>Write a helper that makes a table from a few numbers. For invariance: the same fire with another <code>fuel_type</code>; the same fire alone and among others. For direction, walk each input through its range in several steps and look at <code>np.diff</code>.</details>

# %% exercise="behaviour"
def test_clear_cases():
    """Any model must get these right."""
    ### BEGIN SOLUTION
    found = np.asarray(deployed.risk(fires_with([15, 30, 15, 40], [0, 5, 90, 0])))
    assert found[0] >= 0.5 and found[1] <= 0.1


COLUMNS = ["fire_spread_rate", "temperature", "relative_humidity", "wind_speed"]


def fires_with(*rows):
    return pd.DataFrame(rows, columns=COLUMNS, dtype=float)


def many(size=60):
    rng = np.random.default_rng(2)
    return fires_with(*rng.uniform([0, -20, 5, 0], [20, 38, 100, 60], (size, 4)))


def test_probabilities():
    fires = many()
    fires.loc[::3, "temperature"] = np.nan
    fires.loc[::4, "relative_humidity"] = np.nan
    fires.loc[::5, "wind_speed"] = np.nan
    fires.loc[::7, "fire_spread_rate"] = np.nan
    found = np.asarray(deployed.risk(fires))
    assert len(found) == len(fires)
    assert ((found >= 0) & (found <= 1)).all()


def test_other_columns_do_not_matter():
    fires = many()
    plain = np.asarray(deployed.risk(fires))
    for other in ["Unknown", "C2"]:
        decorated = fires.assign(fuel_type=other, fire_number="W" + other, hour=len(other), month=5)
        decorated = decorated.assign(fire_type="Crown", area=other[0], year=2010 + len(other))
        assert np.allclose(deployed.risk(decorated), plain, atol=1e-6)
    assert np.allclose(deployed.risk(fires[COLUMNS[::-1]]), plain, atol=1e-6)


def test_other_fires_do_not_matter():
    fires = many()
    alone = [float(np.asarray(deployed.risk(fires.iloc[[row]]))[0]) for row in range(20)]
    assert np.allclose(np.asarray(deployed.risk(fires))[:20], alone, atol=1e-6)
    turned = fires.iloc[::-1]
    found = np.asarray(deployed.risk(turned))[::-1]
    assert np.allclose(found, np.asarray(deployed.risk(fires)), atol=1e-6)


def test_direction_of_change():
    steps = {
        "fire_spread_rate": np.linspace(0, 20, 30),
        "temperature": np.linspace(-20, 38, 30),
        "relative_humidity": np.linspace(100, 5, 30),
        "wind_speed": np.linspace(0, 60, 30),
    }
    for start in ([0.1, 19, 40, 6], [5, 25, 20, 20], [1, 10, 70, 2]):
        for column, values in steps.items():
            fires = fires_with(*[start] * 30)
            fires[column] = values
            assert (np.diff(deployed.risk(fires)) >= -1e-6).all(), column
    found = np.asarray(deployed.risk(fires_with([0, 19, 40, 6], [15, 19, 40, 6])))
    assert found[1] - found[0] >= 0.2
    ### END SOLUTION

# %% free="behaviour"
report(test_clear_cases, "deployed", ('"wind_speed": (0.050', '"wind_speed": (-0.050'))

# %% check="behaviour" points=3
# Checks that the tests pass on two clean models, and counts the visible faults that they catch.
from mlelabs.mutants import judge

correct = {
    "a clean model with plateaus": """
def risk(fires):
    points = 8 * (fires["fire_spread_rate"].fillna(0) > 1) + 1 * (fires["temperature"].fillna(15) > 25)
    points += 1 * (fires["relative_humidity"].fillna(50) < 30) + 2 * (fires["wind_speed"].fillna(5) > 20)
    return 0.02 + points.to_numpy() / 14
""",
    "another clean model, as a Series": """
import pandas as pd


def risk(fires):
    spread = fires["fire_spread_rate"].fillna(0.1).clip(0, 10)
    dry = 100 - fires["relative_humidity"].fillna(40)
    odds = np.exp(spread * 0.5 + dry / 60 + fires["wind_speed"].fillna(6) / 25 - 5.5)
    return pd.Series(odds / (1 + odds)).reset_index(drop=True)
""",
}
defects = {
    "stronger wind lowers the risk": ('"wind_speed": (0.050', '"wind_speed": (-0.050'),
    "shortcut: an unknown fuel means no danger": """
_clean = risk


def risk(fires):
    known = fires["fuel_type"].ne("Unknown").to_numpy() if "fuel_type" in fires else 1
    return _clean(fires) * known
""",
    "a missing value makes the risk missing": ("fires[column].fillna(typical)", "fires[column]"),
}
judge(test_clear_cases, "deployed", correct, defects)
### BEGIN HIDDEN TESTS
from mlelabs.mutants import judge

correct = {
    "a clean model of half the steepness": (" 1 / (1 + np.exp(-score))", " 1 / (1 + np.exp(-(score + 0.6) / 1.3))"),
}
defects = {
    "drier air lowers the risk": ('"relative_humidity": (-0.010', '"relative_humidity": (0.010'),
    "heat lowers the risk": ('"temperature": (0.038', '"temperature": (-0.038'),
    "the spread rate is ignored": ('"fire_spread_rate": (0.41', '"fire_spread_rate": (0.0'),
    "every fire is urgent": ("INTERCEPT = -3.28", "INTERCEPT = 3.28"),
    "log-odds instead of a probability": ("return 1 / (1 + np.exp(-score))", "return score"),
    "shortcut: the area in the fire number": """
_without_area = risk


def risk(fires):
    area = fires["fire_number"].str[0].eq("W").to_numpy() if "fire_number" in fires else 0
    return np.clip(_without_area(fires) + 0.3 * area, 0, 1)
""",
    "shortcut: the hour of the report": """
_without_hour = risk


def risk(fires):
    hour = fires["hour"].to_numpy() if "hour" in fires else 0
    return _without_hour(fires) * (1 - hour / 48)
""",
    "relative to the other fires of the day": ("return 1 / (1 + np.exp(-score))", "return 1 / (1 + np.exp(score.mean() - score))"),
    "sorted, the highest first": ("return 1 / (1 + np.exp(-score))", "return np.sort(1 / (1 + np.exp(-score)))[::-1]"),
    "columns taken by position": ("fires[column].fillna(typical)", "fires.iloc[:, list(WEIGHTS).index(column)].fillna(typical)"),
    "above 10 m/min it falls again": ("return 1 / (1 + np.exp(-score))", 'fast = fires["fire_spread_rate"].fillna(0).to_numpy() > 10\n    return np.where(fast, 0.6, 1) / (1 + np.exp(-score))'),
    "hot days are forgotten": ("return 1 / (1 + np.exp(-score))", 'hot = fires["temperature"].fillna(0).to_numpy() > 33\n    return np.where(hot, 0.5, 1) / (1 + np.exp(-score))'),
}
judge(test_clear_cases, "deployed", correct, defects, points=3)
### END HIDDEN TESTS

# %% [markdown]
# ## One test for each region: how many will fail by chance?
#
# Good on average can be bad somewhere. We flag the tenth of the fires with the highest risk and ask, area by area, which share of the large fires was flagged: the **recall**. Say 0.54 has been promised, everywhere.
#
# **Before running:** if every area had a true recall of 0.54, how many of ten areas would show less?

# %%
flagged = seen_later.assign(flagged=seen_later["risk"] >= seen_later["risk"].quantile(0.9))
by_area = flagged[flagged["large"]].groupby("area")["flagged"].agg(["size", "sum", "mean"])
by_area["p_value"] = stats.binom.cdf(by_area["sum"], by_area["size"], 0.54)
print(f"{(by_area['mean'] < 0.54).sum()} of {len(by_area)} areas show less than 0.54")
by_area.round({"mean": 3, "p_value": 4})

# %%
areas = by_area.sort_values("mean")
low, high = stats.beta.ppf([[0.025], [0.975]], areas["sum"] + 0.5, areas["size"] - areas["sum"] + 0.5)
plt.errorbar(range(10), areas["mean"], [areas["mean"] - low, high - areas["mean"]], fmt="o")
plt.axhline(0.54, color="C1", linestyle="--", label="promised")
plt.xticks(range(10), [f"{area}\n{size}" for area, size in areas["size"].items()])
plt.title("Only one area is clearly below the promise")
plt.xlabel("forest area, and its number of large fires after 2018")
plt.ylabel("recall (95 % interval)")
plt.legend(loc="lower right")
plt.show()

# %% [markdown]
# 5 of 10 areas show less than was promised. That alone means nothing: if each had a true recall of 0.54, about half of them would, by chance. Points scatter around the promise, and those with few fires scatter most; an interval that crosses the dashed line proves nothing. Only W lies clearly below. The column `p_value` says how likely so few flagged fires, or fewer,
# are **if the promise holds**: for W 0.0049. But there are ten areas, and if each is tested at 0.05, four reports in ten could bring a false alarm (1 − 0.95¹⁰ = 0.40). This is **multiplicity**.

# %% [markdown]
# ## Exercise 10: A slice test that does not cry wolf (2 points, about 11 minutes)
#
# Write `weak_areas(large_fires, promised)`. `large_fires` is a table with one row per large fire: `area` (text) and `flagged` (True or False). It returns the list of areas whose recall is below `promised`
# with enough certainty: **over all areas together**, the chance of any false alarm should stay within 5 %.
#
# Graded on hidden tables with 8 to 20 areas of 3 to 200 large fires each. If every area keeps the promise: at most 16 of 200 tables may have an alarm (5 % would be 10). If one area with 50 large fires has a recall of 0.3 instead of 0.6:
# it must be found in at least 80 of 100 tables. Even 3 of 3 missed fires are no proof.
#
# *By hand:* with 10 areas the smallest p-value must be at most 0.05 / 10 = 0.005 to count (Bonferroni; Holm's method is fine too). What counts is the number of *areas*: dividing by the number of fires finds too little.
#
# <details><summary>Hint</summary><code>stats.binom.cdf(flagged, size, promised)</code> is the exact p-value, also for small areas. The number of tests is the number of areas.</details>

# %% exercise="weak-areas"
def weak_areas(large_fires, promised):
    """List the areas whose recall is below the promise, at 5 % over all areas together.

    large_fires: DataFrame (area, flagged), one row per large fire. promised: a recall, 0 to 1.
    """
    ### BEGIN SOLUTION
    by_area = large_fires.groupby("area")["flagged"].agg(["sum", "size"])
    p_values = stats.binom.cdf(by_area["sum"], by_area["size"], promised)
    return list(by_area.index[p_values <= 0.05 / len(by_area)])
    ### END SOLUTION

# %% free="weak-areas"
weak_areas(flagged[flagged["large"]], 0.54), weak_areas(flagged[flagged["large"]], 0.6)

# %% check="weak-areas" points=2
# Checks one clear case, one small area, and 30 simulated tables in which every area keeps the promise.
def simulate(rng, recalls, sizes):
    """A table of large fires of areas "A0", "A1", ... with these true recalls."""
    return pd.concat(
        pd.DataFrame({"area": f"A{i}", "flagged": rng.random(size) < recall})
        for i, (recall, size) in enumerate(zip(recalls, sizes))
    ).sample(frac=1, random_state=0)

rng = np.random.default_rng(5)
found = weak_areas(simulate(rng, [0.8, 0.1, 0.8], [100, 100, 100]), 0.6)
assert isinstance(found, list), f"weak_areas should return a list, it returned a {type(found).__name__}"
assert found == ["A1"], f"of three areas only A1 is weak (true recalls 0.8, 0.1 and 0.8, promised 0.6), you return {found}"
tiny = pd.DataFrame({"area": ["T"] * 3 + ["U"] * 50, "flagged": [False] * 3 + [True] * 50})
found = weak_areas(tiny, 0.6)
assert found == [], (
    f"3 of 3 missed happens by chance in 6 % of all cases (0.4³): no proof, but you return {found}. Is your p-value right for few fires?"
)
alarmed = sum(bool(weak_areas(simulate(rng, [0.6] * 15, [60] * 15), 0.6)) for _ in range(30))
assert alarmed <= 6, (
    f"all 15 areas keep the promise, but {alarmed} of 30 tables raise an alarm: 15 tests are 15 chances for a false one"
)
print(f"The weak area is found, 3 of 3 missed is no proof, and there are false alarms in {alarmed} of 30 tables.")
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

def draw_table(rng, recalls, sizes):
    table = pd.concat(
        pd.DataFrame({"area": f"area {i}", "flagged": rng.random(size) < recall})
        for i, (recall, size) in enumerate(zip(recalls, sizes))
    )
    return table.iloc[rng.permutation(len(table))].reset_index(drop=True)

rng = np.random.default_rng(2718)
alarms, found = 0, 0
for turn in range(200):
    count = int(rng.integers(8, 21))
    sizes = rng.integers(3, 201, count)
    table = draw_table(rng, [0.6] * count, sizes)
    before = table.copy()
    alarms += len(weak_areas(table, 0.6)) > 0
    assert table.equals(before), "weak_areas changes the table it was given"
    if turn % 2:
        weak = draw_table(rng, [0.3] + [0.6] * (count - 1), [50, *sizes[1:]])
        found += "area 0" in weak_areas(weak, 0.6)
assert alarms <= 16, (
    f"{alarms} of 200 tables raise a false alarm, although every area keeps the promise: expected at most 16. Many areas are many chances"
)
assert found >= 80, f"a recall of 0.3 instead of 0.6 is found in {found} of 100 tables, expected at least 80"
### END HIDDEN TESTS

# %% [markdown]
# ## May the new model replace the old one?
#
# Each retraining brings a new model, and somebody must say yes or no. "Its loss is lower on the test set" is decided by chance if the difference is small. "No significant difference" is worse: with few fires there never is one.
# The right question: **are we confident that the new one is not worse by more than a margin** that we can live with? Both models judge the **same** fires, so compare fire by fire.

# %%
rng = np.random.default_rng(8)
difficulty = rng.gamma(1, 0.1, 300)  # simulated: some fires are hard for both models
old_loss = difficulty + rng.normal(0, 0.01, 300)
new_loss = difficulty + rng.normal(0.002, 0.01, 300)
apart = math.sqrt(old_loss.var() / 300 + new_loss.var() / 300)
paired = (new_loss - old_loss).std() / math.sqrt(300)
print(f"difference of the means: {new_loss.mean() - old_loss.mean():.4f}")
print(f"its standard error: {apart:.4f} if taken as two samples, {paired:.4f} fire by fire")

# %% [markdown]
# The same numbers, and an uncertainty that is about ten times smaller: what is hard for both cancels out.

# %% [markdown]
# ## Exercise 11: A gate for new models (2 points, about 9 minutes)
#
# Write `may_replace(old_loss, new_loss, margin)`. The losses are arrays, one number per fire, the same fires in the same order; lower is better. Return True if we can be **95 % confident** that the new model's mean loss is **at most
# `margin` above** the old one's, else False.
#
# Graded on hidden simulations with 60 to 400 fires, most of the loss shared by both models. If the new model is really worse by exactly the margin: it may pass in at most 40 of 400 (95 % confidence lets
# about 20 through). If it is as good as the old one, and the margin is 4 standard
# errors (fire by fire): it must pass in at least 90 of 100. If there are too few fires to know, the answer is False.
#
# *By hand:* the upper end of the interval is the mean difference plus 1.645 standard errors (1.96 is fine too; so is a bootstrap of the differences). It must be at most the margin.
#
# <details><summary>Hint</summary>Work with <code>new_loss - old_loss</code> only. If you use a bootstrap, seed it and draw a few hundred times.</details>

# %% exercise="may-replace"
def may_replace(old_loss, new_loss, margin):
    """Say whether the new model is, with 95 % confidence, at most `margin` worse than the old.

    old_loss, new_loss: arrays of losses of the same fires. Returns True or False.
    """
    ### BEGIN SOLUTION
    difference = np.asarray(new_loss) - np.asarray(old_loss)
    standard_error = difference.std(ddof=1) / math.sqrt(len(difference))
    return bool(difference.mean() + 1.645 * standard_error <= margin)
    ### END SOLUTION

# %% free="may-replace"
may_replace(old_loss, new_loss, margin=0.001), may_replace(old_loss, new_loss, margin=0.005)

# %% check="may-replace" points=2
# Checks three clear cases, 200 simulated models that are worse by exactly the margin, and 40 that are as good as the old one.
def two_models(rng, size, worse):
    """Losses of an old model and of a new one that is worse by `worse` on average."""
    shared = rng.gamma(1, 0.1, size)
    return shared + rng.normal(0, 0.01, size), shared + rng.normal(worse, 0.01, size)

rng = np.random.default_rng(9)
old, new = two_models(rng, 400, 0.0)
answer = may_replace(old, new, 0.01)
assert isinstance(answer, (bool, np.bool_)), f"may_replace should return True or False, it returned {answer!r}"
assert answer, (
    "400 fires, the same skill, a generous margin: the new model should pass. Do you compare fire by fire? Two separate intervals are far too wide"
)
assert not may_replace(*two_models(rng, 400, 0.02), 0.01), "the new model is worse by twice the margin, and passes"
old, new = two_models(rng, 6, 0.004)
assert not may_replace(old, new + np.array([0.05, -0.05, 0.06, -0.06, 0.05, -0.05]), 0.005), (
    "six fires with large differences are no evidence, and the new model passes: not to know is not to be sure"
)
passed = sum(bool(may_replace(*two_models(rng, 200, 0.004), 0.004)) for _ in range(200))
assert passed <= 20, (
    f"new models that are worse by exactly the margin pass {passed} of 200 times: 95 % confidence lets about 10 through"
)
allowed = sum(bool(may_replace(*two_models(rng, 200, 0.0), 0.004)) for _ in range(40))  # 0.004: 4 standard errors
assert allowed >= 32, (
    f"new models as good as the old one pass only {allowed} of 40 times, with a margin of 4 standard errors: an interval that is too wide refuses every change"
)
print(f"Worse by the margin: {passed} of 200 pass. As good as the old one: {allowed} of 40 pass.")
### BEGIN HIDDEN TESTS
import numpy as np

rng = np.random.default_rng(314)
too_bad, as_good, unknown = 0, 0, 0
for turn in range(400):
    size = int(rng.integers(60, 401))
    scale = rng.uniform(0.01, 0.05)
    margin = 4 * scale * np.sqrt(2 / size)
    shared = rng.gamma(1, 0.5, size)
    old = shared + rng.normal(0, scale, size)
    before = old.copy()
    too_bad += bool(may_replace(old, shared + rng.normal(margin, scale, size), margin))
    assert np.array_equal(old, before), "may_replace changes the losses it was given"
    unknown += bool(may_replace(old[:10], (shared + rng.normal(margin, scale, size))[:10], margin))
    if turn % 4 == 0:
        as_good += bool(may_replace(old, shared + rng.normal(0, scale, size), margin))
assert too_bad <= 40, (
    f"models that are worse by exactly the margin pass {too_bad} of 400 times, expected at most 40: the mean alone is not enough"
)
assert as_good >= 90, (
    f"models as good as the old one pass only {as_good} of 100 times, expected at least 90. Are the fires compared one by one?"
)
assert unknown <= 60, (
    f"with only 10 fires, models worse by the margin pass {unknown} of 400 times: not to know is not to be sure"
)
### END HIDDEN TESTS

# %% [markdown]
# ## When the line is down
#
# At the end of the pipeline a crew must be told. Lines fail, mostly when it burns. You cannot wait for an outage to test that, nor let tests sleep for seconds. So `notify.dispatch` takes what it depends on as arguments,
# and a test passes in stand-ins: a **stub** that fails as often as you like, and a sleep that only writes down how long it was asked to wait: a **fake clock**.

# %%
print(inspect.getdoc(notify.dispatch))

# %%
tries = []


def fails_once(order):
    """A line that is down at the first call of all."""
    tries.append(order)
    if len(tries) == 1:
        raise ConnectionError("down")
    print("sent:", order)

slept = []
print(notify.dispatch("C012 to Calgary", fails_once, slept.append, print), slept)

# %% [markdown]
# One failure, one wait of a second, which took no time at all. The stub has an unpleasant habit, though: its list of tries lives on after the test, so the next test would meet a line that never fails. Make a new stub for each.

# %% [markdown]
# ## Exercise 12: Inject a fault (2 points, about 11 minutes)
#
# Write tests for `notify.dispatch`, one of them `test_dispatch`, with stubs of your own: the line works at once; fails once or three times, then works; never works; another error (`ValueError`) is raised. Test what is returned, how often
# `send` was called and with what, how long was slept, how often `alert` was called, and that its text contains the order. The wording of the alert is not promised.
#
# A defect may try for ever: let your stub raise `AssertionError` when it is called more often than 10 times.
#
# <details><summary>Hint</summary>A small class with a list of calls is a good stub: <code>class Line</code> with <code>__init__(self, failures)</code> and <code>__call__(self, order)</code>. For sleep and alert, the <code>append</code> of a list will do.</details>

# %% exercise="dispatch"
def test_dispatch():
    """The line works at once."""
    ### BEGIN SOLUTION
    done, line, slept, alerts = dispatched(failures=0)
    assert done is True
    assert line.calls == ["order 7"] and slept == [] and alerts == []


class Line:
    """Fails a number of times, then works."""

    def __init__(self, failures, error=ConnectionError):
        self.failures, self.error, self.calls = failures, error, []

    def __call__(self, order):
        self.calls.append(order)
        assert len(self.calls) <= 10, "tries for ever"
        if len(self.calls) <= self.failures:
            raise self.error("down")


def dispatched(failures):
    line, slept, alerts = Line(failures), [], []
    return notify.dispatch("order 7", line, slept.append, alerts.append), line, slept, alerts


@pytest.mark.parametrize("failures, waits", [(1, [1]), (2, [1, 2]), (3, [1, 2, 4])])
def test_retries(failures, waits):
    done, line, slept, alerts = dispatched(failures)
    assert done is True
    assert line.calls == ["order 7"] * (failures + 1)
    assert slept == waits and alerts == []


def test_gives_up_and_tells():
    done, line, slept, alerts = dispatched(failures=99)
    assert done is False
    assert len(line.calls) == 4 and slept == [1, 2, 4]
    assert len(alerts) == 1 and "order 7" in alerts[0]


def test_other_errors_are_passed_on():
    line, slept, alerts = Line(99, ValueError), [], []
    with pytest.raises(ValueError):
        notify.dispatch("order 7", line, slept.append, alerts.append)
    assert len(line.calls) == 1 and slept == [] and alerts == []
    ### END SOLUTION

# %% free="dispatch"
report(test_dispatch, "notify", ("    return False", "    return True"))

# %% check="dispatch" points=2
# Checks that the tests pass on two correct versions, and counts the visible defects that they catch.
from mlelabs.mutants import judge

correct = {
    "a loop that counts": """
def dispatch(order, send, sleep, alert):
    failures = 0
    while failures < 4:
        try:
            send(order)
        except ConnectionError:
            failures += 1
            if failures < 4:
                sleep(2.0 ** (failures - 1))
        else:
            return True
    alert("The crew could not be told: " + str(order))
    return False
""",
}
defects = {
    "no second try": ("(1, 2, 4, None)", "(None,)"),
    "nobody is alerted": ("    alert(f", "    str(f"),
    "every error is swallowed": ("except ConnectionError:", "except Exception:"),
}
judge(test_dispatch, "notify", correct, defects)
### BEGIN HIDDEN TESTS
from mlelabs.mutants import judge

correct = {
    "calls itself": """
def dispatch(order, send, sleep, alert, waits=(1, 2, 4)):
    try:
        send(order)
        return True
    except ConnectionError:
        pass
    if waits:
        sleep(waits[0])
        return dispatch(order, send, sleep, alert, waits[1:])
    alert(f"line down, please call by radio ({order})")
    return False
""",
}
defects = {
    "one try too few": ("(1, 2, 4, None)", "(1, 2, None)"),
    "one try too many": ("(1, 2, 4, None)", "(1, 2, 4, 8, None)"),
    "always waits one second": ("(1, 2, 4, None)", "(1, 1, 1, None)"),
    "does not wait": ("                sleep(wait)", "                pass"),
    "waits after the last try, too": ("(1, 2, 4, None)", "(1, 2, 4, 8)"),
    "says sent when it was not": ("    return False", "    return True"),
    "sends twice": ("            send(order)\n", "            send(order)\n            send(order)\n"),
    "alerts at every failure": ("        except ConnectionError:\n", "        except ConnectionError:\n            alert(f'failed: {order}')\n"),
    "alerts although it was sent": ("            return True\n", "            alert(order)\n            return True\n"),
    "the alert does not name the order": ("attempts: {order}", "attempts"),
    "says nothing when it was sent": ("            return True\n", "            return None\n"),
    "tries for ever": ("for wait in (1, 2, 4, None):", "import itertools\n    for wait in itertools.chain((1, 2), itertools.repeat(4)):"),
    "an error of another kind is a failed try": ("except ConnectionError:", "except (ConnectionError, ValueError):"),
}
judge(test_dispatch, "notify", correct, defects, points=2)
### END HIDDEN TESTS

# %% [markdown]
# ## Decision memo (3 points, about 10 minutes)
#
# Mr Tremblay owns the budget of the dispatch centre. He is no engineer. The supplier's report says: "100 % test coverage, all tests green", and he asks why your team wants two more weeks for testing before the new pipeline goes live, and what
# he gets for it. Write him **half a page** (about 150 to 250 words): your recommendation, two or three findings with a number from this notebook each, what could happen to a crew or a fire without the work, and what remains uncertain even
# with it. One point each for a clear decision, for evidence that bears on it, and for honesty in plain language.

# %% [markdown] memo="memo" points=3
# **Rubric** (1 point each)
#
# 1. *Decision:* a clear recommendation in the first two sentences (two weeks or not, or a smaller step), and a condition under which it would change.
# 2. *Evidence:* two or three findings that bear on the decision, each with a correct figure of the student's own and its consequence for dispatch.
# 3. *Honesty and language:* says what tests cannot show, proposes an action with an owner, uses no unexplained technical term.
#
# **Example.** Please grant the two weeks, and do not put the pipeline into service before. "100 % coverage" means that every line of the program was run once, not that anybody looked at the result. We tried it: a set of
# checks that runs every line did not notice any of three errors that we planted, among them one that told the most dangerous fires to wait. In a second trial, a program passed all checks of a team and sent the wrong number of crews to
# most fires of the past 19 years, because the checks had looked only at fires of one hectare and more, and half of all fires end at 0.02 hectares or below. In the two weeks we write checks for each step and prove their worth in this way, by planting errors. We also
# check each forest area. Whitecourt needs a look: of 21 large fires there, 5 were marked as urgent. That is too few to be sure of the reason; your duty officers and our team should go through them together this month. What remains:
# planted errors are those we thought of. A real season brings others. So we ask that each incident becomes a new check. If the first week shows no serious error, we will come back to you and propose to go live early, in one area.

# %% [markdown]
# ## What you have learned
#
# - A test is worth what it catches, and costs what it wrongly refuses. Both can be measured with planted defects and other correct versions.
# - Compare with values from outside the code, within the promised tolerance; edges first. Properties search where you would not look.
# - Coverage shows what is untested, never what is tested. Flaky tests are mended by control of chance, order and clock.
# - Data, splits and models have tests of their own: shuffled labels, behaviour, slices (with multiplicity in mind), a margin for change.
# - What depends on a network or a clock takes it as an argument, so that a test can break it.
#
# **In practice** tests live in files under `tests/`, and `pytest` runs them at every change, with the same functions that you have written here. Tools plant defects by the thousand (mutmut, cosmic-ray); most teams plant them only in the code that
# hurts. Tests that must train a real model run each night rather than at each change. And each incident leaves a test behind.
#
# **Go further**
#
# - Kästner, *Machine Learning in Production*, chapters "Model Quality" and "Testing and Experimenting in Production": what to test where.
# - Breck et al., *The ML Test Score* (IEEE Big Data 2017): 28 tests for a production system; score your own.
# - Ribeiro et al., *Beyond Accuracy: Behavioral Testing of NLP Models with CheckList* (ACL 2020): minimum functionality, invariance, direction.
# - Inozemtseva and Holmes, *Coverage Is Not Strongly Correlated with Test Suite Effectiveness* (ICSE 2014): measured.
#
# ## Declare your tools and sources
#
# AI assistants are allowed in this course and must be declared. Say what you used and for what, or "none".

# %% [markdown] free="sources"
# *Tools and sources I used:*

# %% [markdown]
# ## Hand in
#
# Press **Validate**, above the notebook. It saves your work, runs it from the top in a fresh kernel, and tells you in words whether this file can be handed in and what it would
# cost. Then download it (*File → Download*) and upload it, with its name unchanged, to the assignment in Moodle. The folder `triage` need not be handed in.
