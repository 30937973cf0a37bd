# %% [markdown]
# # Lab 2: Find out whether the world is still the one we trained on
#
# **What you'll do:** compare today's fires with those a model learned from, tell real change from chance, season and paperwork, and decide when retraining pays.
#
# **You will be able to**
#
# - measure drift, and set alarms that fit the size of a batch, the number of columns and the season,
# - tell a change of the world from new codes, missing values and chance,
# - show why inputs can drift while the ranking holds, and why calibration can break unseen,
# - build a sequential detector and measure its delay and its false alarms,
# - decide about retraining with nothing but labels that already exist.
#
# **You need:** pandas (selecting, grouping), a histogram, a p-value. Helpful: AUC, train/test split.
#
# **Time:** about 135 minutes · **Points:** 30 · **Course outcome:** quality assurance of models in operation.

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
# Dispatch triage is in service: at the first assessment of each wildfire in Alberta, a model predicts whether it will grow beyond 4 hectares, and crews go to the
# likely ones first. The model learned from the fires of 2006 to 2009. Since then codes and forms have changed, and perhaps the fires as well. A dashboard of the centre
# is red in every column, every morning (you will see it below), so nobody looks at it any more. Two things could be true at once: most of that red is meaningless, and something that matters
# is missing from it. A needless retraining binds the team for weeks; a model that no longer fits sends crews to the wrong fire.
#
# How this notebook works: **given** cells are locked; run them and read. In **exercise** cells you replace the line `raise NotImplementedError(...)`. The **check**
# below each exercise tells you at once what is right and what is not; when your lab is graded, further tests run on fresh data. Every exercise stands alone: a mistake
# in one costs no points in another. Add cells of your own wherever you like.

# %%
import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the imports: small models train faster with one thread, and the machine stays usable

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from mlelabs.data import load_census, load_wildfires
from mlelabs.streams import daily_stream, run_policy, total_cost

plt.style.use("mlelabs.figures")

log = load_wildfires()
log["large"] = log["current_size"] > 4  # hectares: what the model predicts
log["start"] = pd.to_datetime(log["fire_start_date"])
log["control"] = pd.to_datetime(log["first_uc_date"])  # under control: from now on the size is known
then = log[log["year"] <= 2009]  # the world the model was trained on
now = log[log["year"] >= 2022]  # the world it works in
len(then), len(now)

# %% [markdown]
# One row is one wildfire, as the Government of Alberta publishes it. *Contains information licensed under the Open Government Licence – Alberta.* The data card
# `data/README.md` explains the columns. `then` is the **reference**, `now` is the **current** period; these words are used throughout.
#
# ## How far apart are two histograms?
#
# **Before running:** did the air at the fires get warmer? By how much, and would you see it?

# %%
figure, axes = plt.subplots()
axes.hist([then["temperature"], now["temperature"]], bins=range(-10, 41, 5), density=True, label=["2006–2009", "2022–2024"])
axes.set(title="Fires above 25 °C have become more frequent", xlabel="temperature (°C)", ylabel="share of fires per °C")
axes.legend()
plt.show()
for name, degrees in {"then": then["temperature"].dropna(), "now": now["temperature"].dropna()}.items():
    print(f"{name:5} mean {degrees.mean():.1f} °C, above 25 °C: {(degrees > 25).mean():.0%} of the fires")

# %% [markdown]
# The two shapes are alike, and the mean rose by 0.4 °C only; but the share of fires above 25 °C went from 11 % to 19 %. One number cannot say all that. Yet to watch hundreds of columns every day we need one per column. The most common one in industry is
# the **population stability index** (PSI). Cut the line into bins, take the share $r$ of the reference and the share $c$ of the current values in each bin, and add up
# $(c - r)\,\ln(c / r)$. It is 0 for equal shares and grows with each bin that gains or loses.

# %% [markdown]
# ## Exercise 1: The stability index by hand (2 points, about 11 minutes)
#
# Write `psi(reference, current, bins=10)` for two Series of numbers. It returns the PSI, a float.
#
# - The inner edges of the bins are the quantiles 1/bins, 2/bins, … of the **reference alone**; equal edges count once. The first and the last bin are open: a current value
#   beyond everything seen before falls into them. (A yardstick that is cut anew for each measurement measures nothing.)
# - A value right on an edge counts to the bin below it. (With whole numbers, like the wind speed, this matters. The tests accept the bin above as well.)
# - Missing values are left out of both.
# - An empty bin would give ln 0. Replace each share below 0.0001 by 0.0001.
#
# *By hand:* reference 1, 2, …, 10 and `bins=2`: the edge is 5.5. For the current values 1, 2, 3, 9 the shares are 0.75 and 0.25 instead of 0.5 and 0.5, and the PSI is
# 0.25 · ln 1.5 − 0.25 · ln 0.5 = 0.275. Graded to ±0.01 or ±5 %.
#
# <details><summary>Hint</summary><code>np.quantile</code> gives the edges, <code>np.searchsorted(edges, values)</code> the number of the bin of each value (a value on an edge goes to the bin below), <code>np.bincount(..., minlength=...)</code> the counts.</details>

# %% exercise="psi"
def psi(reference, current, bins=10):
    """Population stability index of two samples.

    reference, current: Series of numbers, some missing. bins: number of bins, from reference quantiles.
    Returns a float, 0 for equal shares.
    """
    ### BEGIN SOLUTION
    reference, current = reference.dropna(), current.dropna()
    edges = np.unique(np.quantile(reference, np.arange(1, bins) / bins))

    def binned(values):
        counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
        return np.maximum(counts / len(values), 0.0001)

    old, new = binned(reference), binned(current)
    return float(((new - old) * np.log(new / old)).sum())
    ### END SOLUTION

# %% free="psi"
for column in ["temperature", "wind_speed", "fire_spread_rate", "latitude"]:
    print(f"{column:17} {psi(then[column], now[column]):.3f}")

# %% check="psi" points=2
# Checks the example by hand, identical data, and values beyond everything seen before.
ten = pd.Series(np.arange(1.0, 11))
got = psi(ten, pd.Series([1.0, 2, 3, 9]), bins=2)
assert isinstance(got, (float, int, np.floating)), f"psi should return a number, it returned a {type(got).__name__}"
assert abs(got - 0.275) <= 0.01, f"the example by hand gives 0.275, you get {got:.3f}"
got = psi(ten, ten, bins=5)
assert abs(got) < 1e-9, f"the PSI of identical data is 0, you get {got}"
got = psi(ten, ten + 100, bins=2)
assert np.isfinite(got), f"an empty bin must not lead to {got}: replace small shares by 0.0001"
assert abs(got - 4.60) <= 0.23, f"all current values lie beyond the reference, so they belong to the last, open bin: expected 4.60, you get {got:.2f}"
got = psi(ten, ten - 100, bins=2)
assert abs(got - 4.60) <= 0.23, f"all current values lie below the reference, so the last bin is empty: expected 4.60, you get {got:.2f}. Are the shares of all bins there, the last ones too?"
got = psi(pd.Series([*ten, np.nan, np.nan]), pd.Series([1.0, 2, 3, 9, np.nan]), bins=2)
assert abs(got - 0.275) <= 0.01, f"missing values are left out: expected 0.275 again, you get {got}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

def _expected(reference, current, bins):
    edges = [-np.inf, *np.unique(np.quantile(reference.dropna(), np.linspace(0, 1, bins + 1)[1:-1])), np.inf]
    p, q = (np.histogram(values.dropna(), edges)[0] / values.notna().sum() for values in (reference, current))
    p, q = p.clip(1e-4), q.clip(1e-4)
    return float(np.sum((q - p) * np.log(q / p)))

rng = np.random.default_rng(41)
for shift, scale, bins, size in [(0.3, 1, 10, 4000), (2, 0.3, 10, 900), (-1, 2, 5, 2500), (6, 1, 20, 2000), (0, 4, 8, 7000)]:
    reference_ = pd.Series(rng.normal(10, 3, 5000), index=rng.permutation(5000)).mask(rng.random(5000) < 0.1)
    current_ = pd.Series(10 + 3 * rng.normal(shift, scale, size)).mask(rng.random(size) < 0.3)
    copies = reference_.copy(), current_.copy()
    got, expected = psi(reference_, current_, bins), _expected(reference_, current_, bins)
    assert reference_.equals(copies[0]) and current_.equals(copies[1]), "psi changes a Series it was given"
    assert np.isfinite(got) and got >= 0, f"a PSI is finite and never negative, you get {got}"
    assert abs(got - expected) <= max(0.01, 0.05 * expected), f"fresh data: expected {expected:.3f}, you get {got:.3f}. Edges: quantiles of the reference alone, first and last bin open, each share at least 0.0001"
    monotone = psi(np.exp(reference_ / 3), np.exp(current_ / 3), bins)
    assert abs(monotone - got) <= max(0.01, 0.05 * got), f"another scale (the logarithm undone) should change nothing, but {got:.3f} became {monotone:.3f}: are the edges quantiles?"
for low_bins in (4, 10):
    try:
        got = psi(pd.Series(np.arange(1000.0)), pd.Series(np.r_[np.arange(50.0), np.arange(300.0, 350)]), low_bins)
    except ValueError as error:
        got = error
    assert not isinstance(got, Exception), f"ends with {got!r} if nothing of the current data falls into the last bins: every bin needs its count, an empty one too"
    expected = _expected(pd.Series(np.arange(1000.0)), pd.Series(np.r_[np.arange(50.0), np.arange(300.0, 350)]), low_bins)
    assert abs(got - expected) <= 0.05 * expected, f"nothing of the current data falls into the last bins: expected {expected:.2f}, you get {got:.2f}"
zeros = pd.Series(np.where(rng.random(3000) < 0.5, 0.0, rng.exponential(2, 3000)))
more = pd.Series(np.where(rng.random(3000) < 0.9, 0.0, rng.exponential(2, 3000)))
assert abs(psi(zeros, zeros)) < 1e-9, "identical data with many equal values: the PSI is 0"
assert 0.3 < psi(zeros, more) < 5, f"half of the values equal 0, then nine tenths: expected a finite, large PSI, you get {psi(zeros, more)}"
### END HIDDEN TESTS

# %% [markdown]
# ## Significant is not large
#
# A second habit is to test each column and to call it drift if p < 0.05. The dashboard of the centre does just that. It counts the fires per code (numbers are cut into
# ten classes, missing is a class of its own) and asks the chi-squared test whether the two lists of counts could come from one world. **Before running:** of the 13
# columns that the model uses, how many are red?

# %%
numbers = ["latitude", "longitude", "fire_spread_rate", "temperature", "relative_humidity", "wind_speed"]
words = ["general_cause", "activity_class", "detection_agent_type", "fire_type", "weather_conditions_over_fire"]
words += ["fuel_type", "initial_action_by"]
rows = {}
for column in numbers + words:
    cells = log.loc[then.index.union(now.index), column]
    if column in numbers:
        cells = pd.cut(cells, [-np.inf, *np.unique(then[column].quantile(np.arange(1, 10) / 10)), np.inf]).astype(str)
    counts = pd.DataFrame({"then": cells[then.index].value_counts(), "now": cells[now.index].value_counts()}).fillna(0)
    r, c = (counts / counts.sum()).clip(lower=0.0001).to_numpy().T
    rows[column] = {"p-value": stats.chi2_contingency(counts).pvalue, "PSI": ((c - r) * np.log(c / r)).sum()}
dashboard = pd.DataFrame(rows).T.sort_values("PSI", ascending=False)
dashboard["light"] = np.where(dashboard["p-value"] < 0.05, "red", "green")
print(dashboard.to_string(formatters={"p-value": "{:.0e}".format, "PSI": "{:.2f}".format}))
print(f"red: {(dashboard['light'] == 'red').sum()} of {len(dashboard)} columns")

# %% [markdown]
# Red in every column, and yet the PSI runs from 0.04 to 6.70: the light does not tell a landslide from a breeze. How little it takes shows where surely nothing
# happened. **Before running:** the census asks people in Massachusetts the same questions every year.
# Between 2015 and 2018, 12,000 people each, do you expect drift? We compare all answers in the same way. (`stats.entropy(c, r)` is the sum of $c\,\ln(c / r)$; both
# directions together are the PSI.)

# %%
census = load_census()
rows = {}
for column in census.columns.drop(["person_id", "year", "age"]):
    counts = pd.crosstab(census[column], census["year"])[[2015, 2018]]
    counts = counts[counts.min(axis=1) > 0]
    r, c = (counts / counts.sum()).to_numpy().T
    rows[column] = {"p-value": stats.chi2_contingency(counts).pvalue, "PSI": stats.entropy(r, c) + stats.entropy(c, r)}
print(pd.DataFrame(rows).T.sort_values("p-value").head(4).to_string(float_format="{:.1g}".format))
print("ancestry not reported:", (census["ancestry"] == "Not reported").groupby(census["year"]).sum().to_dict())

# %% [markdown]
# Ancestry has a p-value with 25 zeros and a PSI of 0.02. The people did not change: 500 more of them skipped the question. The p-value says that the difference is
# **not chance**; it says nothing about its size, and with enough rows everything becomes significant. The opposite happens with few rows. **Before running:** twelve
# fires, drawn from a world that is 4 °C hotter. Does the test notice?

# %%
hotter = now["temperature"].dropna().sample(12, random_state=3) + 4  # simulated: four degrees added
result = stats.ks_2samp(then["temperature"].dropna(), hotter)
print(f"distance {result.statistic:.2f}, p = {result.pvalue:.2f}")

# %% [markdown]
# "p > 0.05, so there is no drift" would be wrong: it is there, twelve fires are too few to prove it. So a verdict needs both, size *and* certainty, and a word for "I
# cannot know". The size here is the **Kolmogorov–Smirnov distance**: the largest gap between the two cumulative distributions, 0 for the same, 1 for no overlap.

# %% [markdown]
# ## Exercise 2: A verdict in four words (2 points, about 9 minutes)
#
# Write `verdict(reference, current, smallest=0.1)`. `smallest` is the smallest distance that would matter to the product. It returns a tuple `(distance, p, word)`: the
# first two from `stats.ks_2samp`, missing values left out; `p` is the p-value. With $n$ and $m$ values (the missing ones not counted), chance alone reaches up to about
# $1.63\sqrt{1/n + 1/m}$, and further once in a hundred times: 1.63 is the value that belongs to p = 0.01 in Kolmogorov's table. The word:
#
# | | distance ≥ smallest | distance < smallest |
# |---|---|---|
# | **p < 0.01** | `"drift"` | `"small"`: real, but too small to matter |
# | **p ≥ 0.01**, chance reaches at most to `smallest` | `"stable"` | `"stable"` |
# | **p ≥ 0.01**, chance reaches above `smallest` | `"unclear"`: too few values | `"unclear"` |
#
# *By hand:* for 50 and 50 values chance reaches up to 1.63 · √0.04 = 0.33, so without significance the word is `"unclear"`. For 5,000 and 5,000 it is 0.03: `"stable"`.

# %% exercise="verdict"
def verdict(reference, current, smallest=0.1):
    """Judge a difference by its size and its certainty.

    reference, current: Series of numbers, some missing. smallest: smallest distance that matters.
    Returns (distance, p, word), word being drift, small, stable or unclear.
    """
    ### BEGIN SOLUTION
    reference, current = reference.dropna(), current.dropna()
    distance, p = stats.ks_2samp(reference, current)
    chance = 1.63 * np.sqrt(1 / len(reference) + 1 / len(current))
    if p < 0.01:
        word = "drift" if distance >= smallest else "small"
    else:
        word = "stable" if chance <= smallest else "unclear"
    return distance, p, word
    ### END SOLUTION

# %% free="verdict"
ages_2015, ages_2018 = (census.query(f"year == {year}")["age"] for year in (2015, 2018))
for name, old, new in [
    ("temperature now", then["temperature"], now["temperature"]),
    ("twelve hotter fires", then["temperature"], hotter),
    ("age in the census", ages_2015, ages_2018),
]:
    gap, p, word = verdict(old, new)
    print(f"{name:20} distance {gap:.3f}, p {p:.2g}: {word}")

# %% check="verdict" points=2
# Checks one case for each word. All samples are simulated.
rng = np.random.default_rng(1)
def _sample(size, shift=0.0):
    return pd.Series(rng.normal(shift, 1, size))
cases = {
    "drift": (_sample(500), _sample(500, 1.0), "500 values each, a large shift"),
    "small": (_sample(40_000), _sample(40_000, 0.08), "40,000 values each and a tiny shift: significant, but it does not matter"),
    "stable": (_sample(6000), _sample(6000), "6,000 values each from the same world: enough to say so"),
    "unclear": (_sample(40), _sample(40, 0.2), "40 values each: too few to rule a drift out"),
}
for word, (a, b, story) in cases.items():
    got = verdict(a, b)
    assert isinstance(got, tuple) and len(got) == 3, f"verdict should return (distance, p, word), it returned {got!r}"
    assert abs(got[0] - stats.ks_2samp(a, b).statistic) < 0.001, f"{story}: the distance should be {stats.ks_2samp(a, b).statistic:.3f}, you get {got[0]:.3f}"
    assert got[2] == word, f"{story}: the word should be '{word}', you say '{got[2]}' (p = {got[1]:.2g})"
_line, _hole = pd.Series(np.arange(200.0)), pd.Series([np.nan] * 200)
for a, b, smallest, word, story in [
    (_line[:50], _line[:50], 0.1, "unclear", "50 values each, distance 0, chance reaches 0.33: equal samples prove nothing if they are small"),
    (_line, _line + 30, 0.1, "unclear", "200 values each, p = 0.02, chance reaches 0.163, smallest 0.1"),
    (_line, _line + 30, 0.2, "stable", "200 values each, p = 0.02, chance reaches 0.163, smallest 0.2"),
    (_line[:60], pd.Series(np.linspace(0, 60, 6000)), 0.1, "unclear", "60 and 6,000 values: the 60 decide, chance reaches 0.21"),
    (pd.concat([_line, _hole]), pd.concat([_line, _hole]), 0.14, "unclear", "200 values and 200 missing cells each: only values count, chance reaches 0.163, smallest 0.14"),
]:
    got = verdict(a, b, smallest)
    assert not np.isnan(got[0]), f"{story}: the distance is {got[0]}. Leave missing values out first"
    assert got[2] == word, f"{story}: the word should be '{word}', you say '{got[2]}'"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd
from scipy import stats

rng = np.random.default_rng(4)
def _case(n, m, shift, scale=1.0, gap=0.2):
    a, b = pd.Series(rng.normal(0, 1, n)), pd.Series(rng.normal(shift, scale, m), index=range(7, 7 + m))
    return a.mask(rng.random(n) < gap), b.mask(rng.random(m) < gap)
for n, m, shift, scale, smallest, word in [
    (800, 400, 0.9, 1, 0.1, "drift"), (800, 400, 0.9, 1, 0.6, "small"), (60, 60, 2.5, 1, 0.2, "drift"), (3000, 3000, 0, 3, 0.15, "drift"),
    (60_000, 60_000, 0.07, 1, 0.1, "small"), (60_000, 60_000, 0.1, 1, 0.02, "drift"),
    (9000, 9000, 0, 1, 0.1, "stable"), (400, 400, 0, 1, 0.3, "stable"), (400, 400, 0, 1, 0.05, "unclear"), (9000, 25, 0.1, 1, 0.1, "unclear"),
]:
    a, b = _case(n, m, shift, scale)
    distance, p, got = verdict(a, b, smallest)
    truth = stats.ks_2samp(a.dropna(), b.dropna())
    assert abs(distance - truth.statistic) < 0.001, f"with missing values the distance should be {truth.statistic:.3f}, you get {distance:.3f}: leave them out first"
    assert abs(p - truth.pvalue) < 0.05, f"the p-value should be {truth.pvalue:.3f}, you get {p:.3f}"
    assert got == word, f"{a.notna().sum()} and {b.notna().sum()} values (missing ones left out), distance {truth.statistic:.3f}, p = {truth.pvalue:.2g}, smallest = {smallest}: the word should be '{word}', you say '{got}'"
_line = pd.Series(np.arange(300.0))
for n, m, step, holes, smallest, word in [
    (300, 300, 36, 0, 0.15, "stable"), (300, 300, 36, 0, 0.1, "unclear"), (300, 300, 36, 200, 0.125, "unclear"),
    (40, 40, 0, 0, 0.2, "unclear"), (100, 300, 0, 0, 0.17, "unclear"), (100, 300, 0, 0, 0.2, "stable"),
]:
    a, b = _line * 300 / n, _line * 300 / m + step
    a, b = (pd.Series([*x[:k], *[np.nan] * holes]) for x, k in ((a, n), (b, m)))
    got = verdict(a, b, smallest)[2]
    p = stats.ks_2samp(a.dropna(), b.dropna()).pvalue
    assert got == word, f"{n} and {m} values, {holes} missing cells each, p = {p:.2g}, smallest = {smallest}, chance reaches {1.63 * np.sqrt(1 / n + 1 / m):.3f}: the word should be '{word}', you say '{got}'"
### END HIDDEN TESTS

# %% [markdown]
# ## One threshold does not fit all
#
# Dashboards often say "PSI above 0.1: look at it, above 0.25: act". **Before running:** we draw batches of 50, 200 and 1,000 fires from `then` and compare their causes
# with those of all fires in `then`. There is no drift at all. How often does the rule say "look at it"?

# %%
shares = then["general_cause"].value_counts(normalize=True)
rng = np.random.default_rng(0)
figure, axes = plt.subplots()
for size in (50, 200, 1000):
    drawn = rng.multinomial(size, shares, size=2000) / size
    drawn = drawn.clip(0.0001)  # an empty category
    drawn /= drawn.sum(axis=1, keepdims=True)
    index = stats.entropy(drawn.T, shares.to_numpy()[:, None]) + stats.entropy(shares.to_numpy()[:, None], drawn.T)
    label = f"{size:,} fires: {(index > 0.1).mean():.0%} above 0.1"
    axes.hist(index, bins=np.arange(0, 0.6, 0.01), histtype="step", linewidth=2, label=label)
axes.axvline(0.1, color="black", linestyle="--", linewidth=1)
axes.set(title="No drift anywhere, and yet small batches lie beyond the rule of thumb")
axes.set(xlabel="PSI of the cause", ylabel="simulated batches")
axes.legend()
plt.show()

# %% [markdown]
# At 50 fires nearly every harmless batch is called suspicious; at 1,000 none is, and a real but modest drift would pass too. And it gets worse with many columns: if
# each of 20 columns has a false alarm in 5 % of the batches, some column has one in up to 1 − 0.95²⁰ = 64 % of them. A threshold must be **calibrated**: to this
# statistic, this batch size, and all columns together. No formula is needed for that. Draw batches from the reference itself, where nothing has drifted, and look how
# large the largest value gets by chance.

# %% [markdown]
# ## Exercise 3: Calibrate the alarm (3 points, about 12 minutes)
#
# Write `calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0)`. `reference` is a DataFrame of numbers; `statistic(reference_column, batch_column)`
# takes two Series and returns a float. The result is **one threshold** (a float) for all columns: of batches with `size` rows from the same world, a share of about
# `level` should have *any* column above it.
#
# Draw `repeats` batches of `size` rows from the reference, **with replacement**: a row may be drawn twice. (Without, a batch of 1,500 out of 2,000 rows is nearly the
# reference itself and hardly varies; fresh fires vary more.) For each batch compute the statistic of every column and keep the largest. The threshold is the value that
# a share of `level` of these exceeds.
#
# Graded on simulated worlds where the true rate is known: it should lie between 0.4 and 2 times `level`, for one column and for twelve, for small batches and large
# ones, for other levels and other statistics.
#
# <details><summary>Hint</summary>Whole rows are drawn, so that columns that belong together stay together: <code>reference.sample(size, replace=True, random_state=...)</code> with another seed for each batch. Then <code>np.quantile</code>.</details>

# %% exercise="calibrate"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    """Threshold that batches without drift exceed, in any column, with probability `level`.

    reference: DataFrame of numbers. size: rows of a batch. statistic: function of two Series.
    Returns a float.
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    largest = []
    for _ in range(repeats):
        batch = reference.iloc[rng.choice(len(reference), size)]  # with replacement
        largest.append(max(statistic(reference[column], batch[column]) for column in reference))
    return float(np.quantile(largest, 1 - level))
    ### END SOLUTION

# %% free="calibrate"
def mean_shift(reference, batch):
    return abs(batch.mean() - reference.mean()) / reference.std()

weather = then[["temperature", "relative_humidity", "wind_speed"]]
{size: round(float(calibrate(weather, size, mean_shift)), 2) for size in (25, 100, 400)}

# %% check="calibrate" points=3
# Checks that the threshold is right for one column, for six, and for small and large batches.
def _gap(reference, batch):
    # an array's mean is much faster than a Series'
    reference, batch = (getattr(sample, "values", sample) for sample in (reference, batch))
    return abs(batch.mean(axis=0) - reference.mean(axis=0))
def _rate(threshold, size, columns):
    """True share of batches without drift that exceed the threshold: the columns are normal, with standard deviation 1."""
    return 1 - (2 * stats.norm.cdf(threshold * np.sqrt(size)) - 1) ** columns
_world = pd.DataFrame(np.random.default_rng(0).normal(size=(4000, 6)), columns=list("abcdef"))
for _columns, _size in [(1, 50), (6, 50), (6, 200), (1, 3000)]:
    threshold = calibrate(_world.iloc[:, :_columns], _size, _gap)
    assert isinstance(threshold, (float, int, np.floating)), f"calibrate should return a number, it returned a {type(threshold).__name__}"
    rate = _rate(threshold, _size, _columns)
    assert rate <= 0.85, f"{_columns} column(s), batches of {_size}: {rate:.0%} of the batches without drift raise an alarm, wanted were about 10 %. A share of `level` should lie above the threshold, not below it. Is it a quantile of the statistics?"
    assert rate <= 0.20, f"{_columns} column(s), batches of {_size}: {rate:.0%} of the batches without drift raise an alarm, wanted were about 10 %. " + ("A batch of 3,000 out of 4,000 rows: drawn with replacement?" if _size == 3000 else "Another seed for each batch? Batch size right? Largest of all columns?")
    assert rate >= 0.04, f"{_columns} column(s), batches of {_size}: only {rate:.1%} of the batches without drift raise an alarm, wanted were about 10 %: such a high threshold misses real drift"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd
from scipy import stats

def _gap(reference, batch):
    reference, batch = (getattr(sample, "values", sample) for sample in (reference, batch))
    return abs(batch.mean(axis=0) - reference.mean(axis=0))
def _rate(threshold, size, columns):
    return 1 - (2 * stats.norm.cdf(threshold * np.sqrt(size)) - 1) ** columns
def _fresh(columns, size, level, seed, factor=1, rows=5000, note=""):
    world = pd.DataFrame(np.random.default_rng(seed).normal(size=(rows, columns))).add_prefix("x")
    before = world.copy()
    threshold = calibrate(world, size, lambda reference, batch: factor * _gap(reference, batch), level, 500, seed)
    assert world.equals(before), "calibrate changes the reference"
    rate = _rate(threshold / factor, size, columns)
    assert rate <= 2 * level, f"{columns} column(s), batches of {size}, level {level}: {rate:.0%} of the fresh batches without drift raise an alarm{note}"
    assert rate >= 0.4 * level, f"{columns} column(s), batches of {size}, level {level}: only {rate:.1%} of the fresh batches without drift raise an alarm: too strict, real drift is missed{note}"
    return world
_fresh(12, 60, 0.1, 5)
_fresh(1, 150, 0.4, 6, note=". Is the level used that is given?")
_fresh(2, 80, 0.2, 7, 10, note=". Is the statistic used that is given? Here it is ten times the gap of the means")
_fresh(1, 1500, 0.1, 11, rows=2000, note=". 1,500 out of 2,000 rows: drawn with replacement?")
world = _fresh(3, 300, 0.1, 8)
same = pd.DataFrame({name: world["x0"] for name in "abcde"})
threshold = calibrate(same, 60, _gap, 0.2, 500, 3)
rate = _rate(threshold, 60, 1)
assert rate >= 0.015, f"five columns that say the same: only {rate:.1%} of the batches raise an alarm, wanted were about 20 %. Draw whole rows"
assert rate <= 0.40, f"five columns that say the same: {rate:.0%} of the batches raise an alarm, wanted were about 20 %"
### END HIDDEN TESTS

# %% [markdown]
# ## Did the world change, or its names?
#
# The reddest column of the dashboard, by its PSI of 6.70, is the crew that attacks first. **Before running:** what happened to the helicopter crews `HAC1H`, `HAC1F` and `HAC1R`?

# %%
crews = pd.crosstab(log["year"], log["initial_action_by"], normalize="index")
figure, axes = plt.subplots()
for code in ["HAC1H", "HAC1F", "HAC1R", "HAC"]:
    axes.plot(crews.index, 100 * crews[code], marker="o", markersize=4, label=code)
axes.set(title="Three codes end where one begins", xticks=range(2006, 2025, 3))
axes.set(xlabel="year", ylabel="fires first attacked by them (%)")
axes.legend()
plt.show()

# %% [markdown]
# Nobody sent the helicopters home: between 2012 and 2014 three codes were replaced by one. To the model, `HAC` was a category it had never seen. That is **recoding**:
# harmless to the forest, harmful to the model, and mended by a mapping rather than by retraining. But a mapping is a temptation. Merge enough codes and every drift is
# gone, the real one too. So an engineer asks two things of a proposed mapping: what does it explain, and does it merge only what can have been replaced?

# %% [markdown]
# ## Exercise 4: Judge a mapping (2 points, about 10 minutes)
#
# Write `judge_mapping(reference, current, mapping)` for two Series of codes (text, some missing) and a dict old code → new code. It returns a tuple `(before, after,
# honest)`:
#
# - `before`: the PSI of the shares of all codes that occur in either period: the sum of $(c - r)\,\ln(c / r)$. Missing values are left out, and a share below 0.0001
#   counts as 0.0001.
# - `after`: the same after the mapping is applied to **both** periods; codes that are not in it stay.
# - `honest`: `False` if any key of the mapping still occurs in `current`, else `True`: a code in use has not been replaced.
#
# *By hand:* `A A B B` then, `C C B B` now, and `{"A": "C"}`. Before: A falls from 0.5 to 0 and C rises as much, so PSI = 2 · 0.4999 · ln 5000 = 8.52. After: 0. Honest.
#
# <details><summary>Hint</summary><code>value_counts(normalize=True)</code> gives shares, <code>reindex(codes, fill_value=0)</code> brings both to the same codes. <code>replace</code> maps and keeps the rest.</details>

# %% exercise="judge-mapping"
def judge_mapping(reference, current, mapping):
    """Say how much of a drift in categories a mapping explains, and whether it is honest.

    reference, current: Series of text, some missing. mapping: dict, old code -> new code.
    Returns (PSI before, PSI after, honest).
    """
    ### BEGIN SOLUTION
    def stability(reference, current):
        codes = sorted(set(reference.dropna()) | set(current.dropna()))
        old, new = (
            values.value_counts(normalize=True).reindex(codes, fill_value=0).clip(lower=0.0001)
            for values in (reference, current)
        )
        return float(((new - old) * np.log(new / old)).sum())

    before = stability(reference, current)
    after = stability(reference.replace(mapping), current.replace(mapping))
    honest = not current.isin(list(mapping)).any()
    return before, after, honest
    ### END SOLUTION

# %% [markdown]
# What do the three codes explain? And the other columns? `activity_class` was recoded as well, and `Cooking` explains only a part. Add one more pair whose names say the
# same; then stop. Most of the rest is a new system of classes, and no honest mapping makes it small.

# %% free="judge-mapping"
print("activity classes now:", ", ".join(sorted(now["activity_class"].unique())))
print("gone:", ", ".join(sorted(set(then["activity_class"]) - set(now["activity_class"]))))
for column, mapping in [
    ("initial_action_by", {"HAC1H": "HAC", "HAC1F": "HAC", "HAC1R": "HAC"}),
    ("activity_class", {"Cooking": "Cooking and Warming"}),
    ("general_cause", {"Resident": "Lightning", "Recreation": "Lightning"}),
]:
    before, after, honest = judge_mapping(then[column], now[column], mapping)
    print(f"{column:17} PSI {before:.2f} before, {after:.2f} after, honest: {bool(honest)}")

# %% check="judge-mapping" points=2
# Checks the example by hand, missing codes, mappings of two codes, and mappings that merge what is still in use.
a, b = pd.Series(list("AABB")), pd.Series(list("CCBB"))
got = judge_mapping(a, b, {"A": "C"})
assert isinstance(got, tuple) and len(got) == 3, f"judge_mapping should return (before, after, honest), it returned {got!r}"
assert np.isfinite(got[0]), f"C is new, so its old share is 0; the PSI should be finite, you get {got[0]}: replace shares below 0.0001"
assert abs(got[0] - 8.515) <= 0.05, f"before the mapping the PSI is 8.52, with A and C both counted; you get {got[0]:.2f}"
assert abs(got[1]) < 1e-6, f"the mapping explains everything: after it the PSI is 0, you get {got[1]:.3f}"
assert got[2], "A does not occur any more, so the mapping is honest"
got = judge_mapping(a, pd.Series(list("ACBB")), {"A": "C"})
assert not got[2], "A is still in use in the current period, so mapping it to C is not honest"
assert abs(got[1]) < 1e-6, f"the mapping applies to both periods: A and C are one code then, and the PSI is 0; you get {got[1]:.3f}"
got = judge_mapping(pd.Series([*a, None, None, None]), pd.Series([*b, None]), {"A": "C"})
assert abs(got[0] - 8.515) <= 0.05 and abs(got[1]) < 1e-6, f"missing codes are left out, also of the number that shares refer to: expected 8.52 and 0 again, you get {got[0]:.2f} and {got[1]:.2f}"
got = judge_mapping(pd.Series(list("AABBDD")), pd.Series(list("CCBBCC")), {"A": "C", "D": "C"})
assert abs(got[1]) < 1e-6 and got[2], f"A and D became C, B stayed: after the mapping the PSI is 0, and it is honest; you get {got[1]:.3f} and {got[2]}"
got = judge_mapping(pd.Series(list("AABBDD")), pd.Series(list("CCBBCD")), {"A": "C", "D": "C"})
assert not got[2], "of the two keys A and D, D is still in use, so the mapping is not honest"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

rng = np.random.default_rng(9)
def _index(p, q):
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return float(sum((q - p) * np.log(q / p)))
names = np.array(list("KLMNPQ"))
for _ in range(12):
    p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
    p[[4, 5]], q[[0, 1]] = 0, 0  # P and Q are new, K and L are gone
    old, new = (rng.choice(names, size, p=share / share.sum()) for size, share in ((3000, p), (800, q)))
    old, new = (pd.Series(values, dtype=object).mask(rng.random(len(values)) < 0.1) for values in (old, new))
    copies = old.copy(), new.copy()
    p, q = (np.array([(values == name).sum() / values.notna().sum() for name in names]) for values in (old, new))
    for mapping, groups in [
        ({"K": "P", "L": "P"}, [[0, 1, 4], [2], [3], [5]]), ({"M": "N"}, [[2, 3], [0], [1], [4], [5]]), ({"K": "P", "M": "N"}, [[0, 4], [2, 3], [1], [5]]),
        ({"K": "M"}, [[0, 2], [1], [3], [4], [5]]), ({}, [[i] for i in range(6)]),
    ]:
        try:
            before, after, honest = judge_mapping(old, new, mapping)
        except StopIteration:
            raise AssertionError("an empty mapping is a mapping, too: nothing is replaced, and it is honest") from None
        assert old.equals(copies[0]) and new.equals(copies[1]), "judge_mapping changes a Series it was given"
        expected = _index(p, q)
        assert abs(before - expected) <= max(0.01, 0.02 * expected), f"before: expected {expected:.3f} with new and vanished codes counted, you get {before:.3f}"
        expected = _index(*(np.array([share[group].sum() for group in groups]) for share in (p, q)))
        assert abs(after - expected) <= max(0.01, 0.02 * expected), f"after {mapping}: expected {expected:.3f}, you get {after:.3f}. The mapping applies to both periods, other codes stay"
        assert bool(honest) == ("M" not in mapping), f"{mapping} is {'not ' * ('M' in mapping)}honest: does any key still occur in the current period? Nothing else matters"
got = judge_mapping(pd.Series(["A", "A", "AB", "AB", "AB", "CB"]), pd.Series(["C", "C", "AB", "CB", "CB", "CB"]), {"A": "C"})
assert abs(got[1] - 0.732) <= 0.02, f"A became C; the codes AB and CB are others and stay: after the mapping the PSI is 0.73, you get {got[1]:.2f}. Replace whole codes, not parts of them"
### END HIDDEN TESTS

# %% [markdown]
# ## Did the weather change, or its absence?
#
# The PSI of the temperature depends on a detail that few dashboards mention: what happens to missing values. **Before running:** which PSI is larger, with "missing" as
# one more class, or without?

# %%
limits = [-60, 0, 5, 10, 15, 20, 25, 30, 60]  # °C
classes = pd.DataFrame({
    name: pd.cut(period["temperature"], limits).astype(str).value_counts(normalize=True)
    for name, period in {"then": then, "now": now}.items()
}).rename(index={"nan": "missing"})
for name, table in {"missing as a class": classes, "without it": classes.drop("missing")}.items():
    r, c = (table / table.sum()).to_numpy().T
    print(f"{name:20} PSI {stats.entropy(r, c) + stats.entropy(c, r):.2f}")
print(f"missing: {classes.loc['missing', 'then']:.2%} then, {classes.loc['missing', 'now']:.1%} now")

# %% [markdown]
# The dashboard's red temperature is mostly **missingness**: 6 % of today's fires have none, then all but one had. The weather itself moved little. Both matter, but to
# different people: the first goes to whoever runs the forms, the second to whoever trains the model. And missing values may hide: the spread rate is never missing,
# because its gaps were filled with the mean, 0.9.

# %%
for name, period in {"then": then, "now": now}.items():
    print(f"{name}: {(period['fire_spread_rate'] == 0.9).mean():.1%} of the spread rates are exactly 0.9")

# %% [markdown]
# ## Exercise 5: Missing, moved, or both? (2 points, about 8 minutes)
#
# Write `what_changed(reference, current, placeholders=())` for two Series of numbers. A cell has no information if it is missing or equals one of the `placeholders`.
# It returns a **set** of words, empty if nothing changed:
#
# - `"missing"` if the shares of cells without information differ by at least 0.05 (five percentage points, up or down),
# - `"moved"` if the Kolmogorov–Smirnov distance of the **real** values is at least 0.1. Without a real value in one of the periods, nothing can have moved.
#
# *By hand:* reference 1, 1, 2, 2 and current 1, 2, NaN, NaN: half of the cells are missing now, and the real values have the distance 0. The result is `{"missing"}`.
#
# <details><summary>Hint</summary><code>values.mask(values.isin(placeholders))</code> turns placeholders into NaN. Then the mean of <code>isna()</code>, and <code>stats.ks_2samp(...).statistic</code> of what is left.</details>

# %% exercise="what-changed"
def what_changed(reference, current, placeholders=()):
    """Tell a change of missingness from a change of the values.

    reference, current: Series of numbers. placeholders: numbers that mean "missing".
    Returns a set with none, one or both of the words missing and moved.
    """
    ### BEGIN SOLUTION
    reference, current = (values.mask(values.isin(placeholders)) for values in (reference, current))
    words = set()
    if abs(reference.isna().mean() - current.isna().mean()) >= 0.05:
        words.add("missing")
    reference, current = reference.dropna(), current.dropna()
    if len(reference) and len(current) and stats.ks_2samp(reference, current).statistic >= 0.1:
        words.add("moved")
    return words
    ### END SOLUTION

# %% free="what-changed"
for column in ["temperature", "wind_speed", "latitude"]:
    print(column, sorted(what_changed(then[column], now[column])))
print("fire_spread_rate", sorted(what_changed(then["fire_spread_rate"], now["fire_spread_rate"], [0.9])))

# %% check="what-changed" points=2
# Checks each word alone, both, and none. The values are simulated.
rng = np.random.default_rng(2)
calm, hot = pd.Series(rng.normal(15, 5, 2000)), pd.Series(rng.normal(20, 5, 2000))
def _gaps(values, share, fill=np.nan):
    return values.mask(np.random.default_rng(8).random(len(values)) < share, fill)
again = pd.Series(rng.normal(15, 5, 2000))
for a, b, placeholders, expected, story in [
    (calm, again, (), set(), "the same world twice"),
    (calm, _gaps(again, 0.3), (), {"missing"}, "a third of the values is lost, the others are as before"),
    (calm, hot, (), {"moved"}, "five degrees hotter, nothing missing"),
    (_gaps(calm, 0.3), hot, (), {"missing", "moved"}, "five degrees hotter, and fewer missing than before"),
    (calm, _gaps(again, 0.3, 15.2), [15.2], {"missing"}, "a third of the values was filled with the placeholder 15.2"),
    (calm, _gaps(again, 0.3, 15.2), [-1.0, 15.2], {"missing"}, "a third of the values was filled with the second of two placeholders"),
    (_gaps(calm, 0.3, 15.2), _gaps(again, 0.3, 15.2), [15.2], set(), "a third of the values was filled with the placeholder in both periods"),
    (calm, again * np.nan, (), {"missing"}, "no value at all in the current period: nothing can have moved"),
    (calm * np.nan, again, (), {"missing"}, "no value at all in the reference: nothing can have moved"),
]:
    try:
        got = what_changed(a, b, placeholders)
    except ValueError as error:
        raise AssertionError(f"{story}: ends with {error!r}") from None
    assert isinstance(got, (set, frozenset, list, tuple)), f"what_changed should return a set of words, it returned {got!r}"
    assert set(got) == expected, f"{story}: expected {sorted(expected)}, you get {sorted(got)}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

rng = np.random.default_rng(12)
for _ in range(40):
    size, other = int(rng.integers(13_000, 16_000)), int(rng.integers(900, 1700))  # above 10,000 real values ks_2samp is fast: no exact p-value
    shift, p, q = rng.choice([0, 0.6, -0.6]), rng.choice([0, 0.2]), rng.choice([0, 0.2])
    code = float(rng.choice([-1.0, 0.9, 9999.0]))
    a, b = pd.Series(rng.normal(0.4, 2, size)), pd.Series(rng.normal(0.4 + 2 * shift, 2, other), index=range(5, 5 + other))
    a, b = a.mask(rng.random(size) < p), b.mask(rng.random(other) < q)
    a, b = a.mask(a.isna() & (rng.random(size) < 0.5), code), b.mask(b.isna() & (rng.random(other) < 0.5), code)
    copies = a.copy(), b.copy()
    got = set(what_changed(a, b, [77.0, code]))
    assert a.equals(copies[0]) and b.equals(copies[1]), "what_changed changes a Series it was given"
    assert ("missing" in got) == (p != q), f"{p:.0%} without information then, {q:.0%} now (half of them as the placeholder {code}): 'missing' is wrong in {sorted(got)}"
    assert ("moved" in got) == (shift != 0), f"the real values moved by {shift} standard deviations: 'moved' is wrong in {sorted(got)}. Placeholders are no values"
empty = pd.Series([np.nan] * 50)
assert set(what_changed(copies[0].dropna(), empty)) == {"missing"}, "a current period without any value: 'missing', and nothing can have moved"
### END HIDDEN TESTS

# %% [markdown]
# ## July is not a drift
#
# Fires have seasons. **Before running:** we compare the temperatures of each month of 2018 with those of the five years before. Which months look drifted if the
# reference is the whole year, and which if it is the same month?

# %%
season = log[log["start"].dt.year == 2018]
years_before = log[log["start"].dt.year.between(2013, 2017)]
def distance(a, b):
    return stats.ks_2samp(a["temperature"].dropna(), b["temperature"].dropna()).statistic

def in_month(fires, month):
    return fires[fires["start"].dt.month == month]

months = range(4, 11)
by_month = pd.DataFrame({
    "all fires of five years": {m: distance(in_month(season, m), years_before) for m in months},
    "same month of five years": {m: distance(in_month(season, m), in_month(years_before, m)) for m in months},
})
figure, axes = plt.subplots()
by_month.plot.bar(ax=axes, rot=0)
axes.set(title="A whole-year reference reports July and October as drift")
axes.set(xlabel="month of 2018", ylabel="distance of temperatures")
plt.show()
for m in (4, 9):
    usual, new = (in_month(fires, m)["temperature"].mean() for fires in (years_before, season))
    print(f"month {m}: mean temperature {usual:.0f} °C in the five years before, {new:.0f} °C in 2018")

# %% [markdown]
# Against the whole year, July and October look drifted: they are July and October. Against their own month they are much closer. April and September stay: their fires
# burned in warmer and in colder air than usual, which is news. The cure is a **seasonal reference**: the same days of earlier years. Calendar months are a crude
# version of it (on 1 July, what is June?), and there are traps at New Year.

# %% [markdown]
# ## Exercise 6: A reference that knows the season (2 points, about 9 minutes)
#
# Write `season_reference(fires, day, years=5, window=30)`. `fires` has a datetime column `start`, some missing; `day` is a `pd.Timestamp`. It returns the rows of
# `fires` (all columns, index kept) that started within `window` days, before or after, of the **same day in one of the `years` previous years**. From 10 January 2020,
# one year back is 10 January 2019, and the window reaches from December 2018 into February 2019. Nothing from the current window may be in it, and nothing from the
# future. (`window` is at most 150, so that the windows of two years do not meet.) A missing start is in no window. `day` may be 29 February. Fires right on the edge of a window (± 1 day) are not graded.
#
# *By hand:* `day` = 15 July 2020, `years=2`, `window=10`: fires from 5 to 25 July 2019 and from 5 to 25 July 2018.
#
# <details><summary>Hint</summary><code>day - pd.DateOffset(years=2)</code> is the same day two years earlier. Join one boolean Series per year with <code>|</code>.</details>

# %% exercise="season-reference"
def season_reference(fires, day, years=5, window=30):
    """Fires around the same day in previous years.

    fires: DataFrame with a datetime column start. day: Timestamp. window: days to each side.
    Returns the rows as a DataFrame.
    """
    ### BEGIN SOLUTION
    chosen = pd.Series(False, index=fires.index)
    for back in range(1, years + 1):
        anchor = day - pd.DateOffset(years=back)
        chosen |= (fires["start"] - anchor).abs() <= pd.Timedelta(days=window)
    return fires[chosen]
    ### END SOLUTION

# %% free="season-reference"
july = season[season["start"].between("2018-06-30", "2018-08-01")]
found = season_reference(log, pd.Timestamp("2018-07-16"), window=15)
print(len(found), "fires, distance", round(distance(july, found), 2))

# %% check="season-reference" points=2
# Checks days in July, and the turn of the year.
dates = ["2018-07-12", "2019-07-20", "2020-07-14", "2021-07-15", "2019-05-15", "2017-07-15", None, "2019-12-28", "2018-12-27"]
example = pd.DataFrame({"start": pd.to_datetime(pd.Series(dates)), "n": range(9)}).set_index(pd.Index(range(100, 109)))
got = season_reference(example, pd.Timestamp("2020-07-15"), years=2, window=10)
assert isinstance(got, pd.DataFrame) and "n" in got, "season_reference should return rows of the DataFrame, with all columns"
got = sorted(got.index)
assert 102 not in got, "the fire of 14 July 2020 belongs to the current window, not to its reference"
assert 103 not in got, "the fire of 15 July 2021 lies in the future: nobody knows it yet"
assert 105 not in got, "the fire of July 2017 is three years back, asked were two"
assert got == [100, 101], f"expected the fires 100 and 101 (July 2018 and 2019), you get {got}"
got = sorted(season_reference(example, pd.Timestamp("2020-01-05"), years=2, window=15).index)
assert got == [108], f"around 5 January 2019 lies the fire of 27 December 2018 (108), eight days before; around 5 January 2018 none. You get {got}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

rng = np.random.default_rng(15)
for day, years, window in [("2019-07-15", 5, 30), ("2020-01-04", 3, 20), ("2018-12-28", 4, 25), ("2020-02-29", 3, 10), ("2021-05-01", 1, 45), ("2017-10-09", 6, 7)]:
    day = pd.Timestamp(day)
    start = pd.Timestamp("2006-01-01") + pd.to_timedelta(rng.uniform(0, 19 * 365, 6000), unit="D")
    fires = pd.DataFrame({"start": start, "n": np.arange(6000)}, index=rng.permutation(6000))
    anchors = [pd.Timestamp(day.year - back, day.month, min(day.day, 28)) for back in range(1, years + 1)]
    away = np.min([np.abs((fires["start"] - anchor) / pd.Timedelta(days=1)) for anchor in anchors], axis=0)
    fires = fires[np.abs(away - window) > 2.5]
    truth = set(fires.index[away[np.abs(away - window) > 2.5] < window])
    fires.loc[fires.index[:40], "start"] = pd.NaT
    truth -= set(fires.index[:40])
    before = fires.copy()
    try:
        got = season_reference(fires, day, years, window)
    except ValueError as error:
        got = error
    assert not isinstance(got, Exception), f"{day:%d %B %Y}: ends with {got!r}. Not every year has a 29 February; pd.DateOffset knows it"
    assert fires.equals(before), "season_reference changes the table it was given"
    assert set(got.columns) == {"start", "n"}, "all columns of the fires should be there, and no others"
    assert len(got) == len(set(got.index)), "each fire once"
    late = (got["start"] > day - pd.Timedelta(days=300)).sum()
    assert not late, f"reference of {day:%d %B %Y}: {late} fires from the current window or the future are in it"
    extra, lost = len(set(got.index) - truth), len(truth - set(got.index))
    assert not extra, f"reference of {day:%d %B %Y}, {years} years, {window} days: {extra} fires do not belong (other season, or too many years back)"
    assert not lost, f"reference of {day:%d %B %Y}, {years} years, {window} days: {lost} of {len(truth)} fires are not found. A window may reach over New Year"
### END HIDDEN TESTS

# %% [markdown]
# ## Drift between columns
#
# All detectors so far look at one column at a time. **Before running:** on the right, the same humidities were dealt out anew: the fire with the hottest air gets the
# humidity of the one with the coldest, and so on (simulated). What does a detector that watches each column notice?

# %%
pairs = then[["temperature", "relative_humidity"]].dropna().sample(1500, random_state=0)
pairs = pairs.sort_values("temperature")
mirrored = pairs.assign(relative_humidity=pairs["relative_humidity"].to_numpy()[::-1])
figure, axes = plt.subplots(1, 2, sharex=True, sharey=True)
for axis, table, title in zip(axes, (pairs, mirrored), ("As measured", "Dealt out anew: the columns are the same")):
    axis.scatter(table["temperature"], table["relative_humidity"], s=4, alpha=0.4, rasterized=True)
    axis.set(title=title, xlabel="temperature (°C)")
axes[0].set_ylabel("relative humidity (%)")
plt.show()
print("distance of the humidities:", stats.ks_2samp(pairs["relative_humidity"], mirrored["relative_humidity"]).statistic)

# %% [markdown]
# Nothing: the distance is exactly 0. Hot air is dry, and on the right it is humid, but no single column knows it. A **domain classifier** does: train a model to tell
# reference rows from current rows. If it can, something differs, whatever it is. If not (AUC near 0.5), nothing that this model could use has changed. **Before
# running:** we split `then` at random into two halves, which differ in nothing, and let a model tell them apart. What AUC do you expect?

# %%
weather = then[["temperature", "relative_humidity", "wind_speed", "latitude", "longitude"]].sample(1500, random_state=1)
half = np.arange(1500) < 750
model = HistGradientBoostingClassifier(random_state=0).fit(weather, half)
print(f"AUC on the rows it was trained on: {roc_auc_score(half, model.predict_proba(weather)[:, 1]):.2f}")

# %% [markdown]
# An AUC near 1 for two halves of the same years. The model has learned the rows by heart; asked about rows it has seen, it tells anything apart. The question only
# makes sense **out of sample**.

# %% [markdown]
# ## Exercise 7: Tell two periods apart (2 points, about 9 minutes)
#
# Write `tell_apart(reference, current, seed=0)` for two DataFrames with the same number columns (some cells missing). It returns the AUC, a float, with which a
# classifier tells current rows from reference rows **out of sample**. The two may have different numbers of rows, be sorted, and have overlapping indexes. The same
# seed gives the same result.
#
# Graded on simulated data: 0.40 to 0.60 if both come from the same world, at least 0.7 if only the relation between two columns has changed. (The simulated relations
# are strong. Air and humidity of the real fires hang together more loosely: dealt out anew they can be told apart with an AUC of about 0.6 only, which is no mistake of
# yours.)
#
# <details><summary>Hint</summary><code>cross_val_predict(model, X, y, cv=..., method="predict_proba")</code> gives each row the prediction of a model that has not seen it; <code>StratifiedKFold(5, shuffle=True, random_state=seed)</code> makes folds that do not depend on the order of rows. <code>HistGradientBoostingClassifier</code> accepts missing cells and sees relations; a linear model does not.</details>

# %% exercise="tell-apart"
def tell_apart(reference, current, seed=0):
    """Out-of-sample AUC of a classifier that tells two periods apart.

    reference, current: DataFrames with the same number columns. Returns a float, 0.5 = cannot.
    """
    ### BEGIN SOLUTION
    rows = pd.concat([reference, current], ignore_index=True)
    is_current = np.repeat([0, 1], [len(reference), len(current)])
    model = HistGradientBoostingClassifier(max_iter=40, random_state=seed)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)  # rows may be sorted
    chance = cross_val_predict(model, rows, is_current, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(is_current, chance))
    ### END SOLUTION

# %% free="tell-apart"
columns = ["temperature", "relative_humidity", "wind_speed", "latitude", "longitude", "fire_spread_rate"]
some = {name: period[columns].sample(2000, random_state=0) for name, period in {"then": then, "now": now}.items()}
print(f"2,000 fires of each period: {tell_apart(some['then'], some['now']):.2f}")
print(f"as measured and dealt out anew: {tell_apart(pairs, mirrored):.2f}")

# %% check="tell-apart" points=2
# Checks two halves of one simulated world, and a world in which only a correlation has changed its sign.
def _simulate(seed, size, correlation):
    values = np.random.default_rng(seed).multivariate_normal([15, 40], [[25, correlation * 50], [correlation * 50, 100]], size)
    return pd.DataFrame(values, columns=["temperature", "humidity"])
got = tell_apart(_simulate(1, 500, -0.9), _simulate(2, 500, -0.9))
assert isinstance(got, (float, np.floating)), f"tell_apart should return a number, it returned a {type(got).__name__}"
assert not np.isnan(got), "the AUC is nan: the rows that are judged all have the same label. The two indexes overlap, so a label set by index hits rows of both, and rows in order put one period alone into a part"
assert got <= 0.95, f"two samples of the same world cannot be told apart, your AUC is {got:.2f}. Is each row judged by a model that has not seen it? Are index or row number among the columns?"
assert got <= 0.60, f"two samples of the same world cannot be told apart, your AUC is {got:.2f}. Is each row judged by a model that has not seen it?"
assert got >= 0.40, f"two samples of the same world: the AUC should be near 0.5, yours is {got:.2f}"
got = tell_apart(_simulate(3, 250, -0.9), _simulate(4, 250, 0.9))
assert got >= 0.7, f"the correlation changed its sign, your AUC is only {got:.2f}. Can your model see a relation between two columns?"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

def _simulate(seed, size, relation, gap=0.1):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=size)
    b = relation * a + np.sqrt(1 - relation**2) * rng.normal(size=size)
    table = pd.DataFrame({"a": a, "b": 3 + 10 * b, "c": rng.exponential(size=size)})
    return table.mask(rng.random(table.shape) < gap)
old, new = _simulate(13, 1000, 0.8).sort_values("a"), _simulate(14, 400, 0.8).sort_values("a")
copies = old.copy(), new.copy()
got = tell_apart(old, new, seed=2)
assert old.equals(copies[0]) and new.equals(copies[1]), "tell_apart changes a DataFrame it was given"
if not 0.40 <= got <= 0.60:  # is it the order of the rows, or something else?
    plain = tell_apart(_simulate(11, 1000, 0.8), _simulate(12, 400, 0.8))
    assert 0.40 <= plain <= 0.60, f"1,000 and 400 rows of the same world: the AUC should be near 0.5, yours is {plain:.2f}. (Accuracy is not AUC, and the row number is no feature)"
assert 0.40 <= got <= 0.60, f"1,000 and 400 rows of the same world, both sorted by a column: the AUC should be near 0.5, yours is {got:.2f}. Do all rows take part?"
got = tell_apart(_simulate(52, 400, 0.9).sort_values("a"), _simulate(53, 350, -0.9).sort_values("a"), seed=5)
assert got >= 0.7, f"the relation of two columns changed its sign, and the rows are sorted by one of them: your AUC is only {got:.2f}. Are the folds shuffled?"
def _steps(seed, size, sign):
    rng = np.random.default_rng(seed)
    a = np.sort(rng.uniform(0, 5, size))
    return pd.DataFrame({"a": a, "b": sign * np.where(np.floor(a) % 2 == 0, 2, -2) + rng.normal(size=size)})
got = tell_apart(_steps(1, 350, 1), _steps(2, 250, -1), seed=1)
assert got >= 0.7, f"another relation of two columns changed, and the rows are sorted by one of them: your AUC is only {got:.2f}. Are the folds shuffled?"
few, shifted = _simulate(40, 400, 0.5), _simulate(41, 200, 0.5) + [1.5, 0, 0]
got = tell_apart(few, shifted)
assert got >= 0.7, f"one column moved by 1.5 standard deviations, your AUC is only {got:.2f}"
assert abs(tell_apart(few, shifted) - got) < 1e-9, "the same data and seed should give the same result"
### END HIDDEN TESTS

# %% [markdown]
# ## Does any of this hurt?
#
# The inputs have drifted beyond doubt. **Before running:** by how much has the model become worse? We train on three quarters of `then` and look at the rest of `then`,
# and at `now`.

# %%
inputs = log[numbers + words].astype(dict.fromkeys(words, "category"))
train = then.sample(frac=0.75, random_state=0).index
periods = {"then": then.index.difference(train), "now": now.index}
triage = HistGradientBoostingClassifier(learning_rate=0.05, max_leaf_nodes=15, random_state=0)
triage.fit(inputs.loc[train], log.loc[train, "large"])
predicted = {name: triage.predict_proba(inputs.loc[rows])[:, 1] for name, rows in periods.items()}
outcome = {name: log.loc[rows, "large"] for name, rows in periods.items()}
for name in periods:
    y, chances = outcome[name], predicted[name]
    print(f"{name:5} mean prediction {chances.mean():.3f}   large fires {y.mean():.3f}", end="   ")
    print(f"AUC {roc_auc_score(y, chances):.3f}   Brier score {brier_score_loss(y, chances):.3f}")

# %%
figure, axes = plt.subplots()
for name in periods:
    large, chance = calibration_curve(outcome[name], predicted[name], n_bins=8, strategy="quantile")
    axes.plot(100 * chance, 100 * large, marker="o", label=name)
axes.plot([0, 45], [0, 45], color="black", linestyle="--", linewidth=1, label="as predicted")
axes.set(title="Today more fires grow than the model says")
axes.set(xlabel="predicted chance of a large fire (%)", ylabel="fires that became large (%)")
axes.legend()
plt.show()

# %% [markdown]
# The ranking still holds: the crews still go to the right fires first. "The inputs drifted, so the model is worse" is a guess, and here it is wrong. But the
# **probabilities** no longer fit: the model expects far fewer large fires than there are, and whoever plans the number of crews by them has too few. The relation
# between inputs and outcome has changed (**concept drift**), no monitor of inputs can see it, and the AUC cannot either, because it only looks at the order. Build such
# a world yourself.

# %% [markdown]
# ## Exercise 8: Construct a world that the AUC does not notice (2 points, about 10 minutes)
#
# Write `worse_world(chances, seed)`. `chances` is an array of predictions (between 0 and 1), which are right today: of the fires with 0.2, a fifth becomes large. Return
# an array of outcomes, 0 or 1, one per fire, in a simulated world where
#
# - **at least 1.8 times** as many fires become large as predicted: `outcome.mean() >= 1.8 * chances.mean()`,
# - the predictions still **rank** as well: their AUC in your world is at most 0.02 above or below their AUC in a world where each fire becomes large with just the chance
#   that was predicted,
# - chance plays its part: another seed gives other outcomes.
#
# The checks have 50,000 fires with about 9 % large ones. Doubling each chance is not the way: it changes the AUC as well.
#
# <details><summary>Hint</summary>Today's points lie above the line, small chances a little, large ones a lot. Multiply the <em>odds</em>, chance / (1 − chance), of each fire by the same factor, turn them back into chances, and draw.</details>

# %% exercise="worse-world"
def worse_world(chances, seed):
    """Draw outcomes that break the calibration of the predictions but not their ranking.

    chances: array of predictions. seed: integer. Returns an array of 0 and 1 of the same length.
    """
    ### BEGIN SOLUTION
    odds = 3.5 * chances / (1 - chances)
    higher = odds / (1 + odds)
    return (np.random.default_rng(seed).random(len(chances)) < higher).astype(int)
    ### END SOLUTION

# %% free="worse-world"
chances = predicted["then"]
as_predicted = (np.random.default_rng(0).random(len(chances)) < chances).astype(int)  # a world where the predictions are right
for name, y in {"as predicted": as_predicted, "your world": np.asarray(worse_world(chances, seed=1))}.items():
    print(f"{name:12} {y.mean() / chances.mean():.2f} times as many large fires as predicted   AUC {roc_auc_score(y, chances):.3f}")

# %% check="worse-world" points=2
# Checks the three properties on simulated predictions.
def _right_auc(p):
    """AUC of predictions that are right: each fire counts as large with weight p, as small with 1 - p."""
    return roc_auc_score(np.repeat([1, 0], len(p)), np.tile(p, 2), sample_weight=np.concatenate([p, 1 - p]))
def _check_world(p, seed):
    before = p.copy()
    y = np.asarray(worse_world(p, seed))
    assert (p == before).all(), "worse_world changes the predictions it was given"
    assert y.shape == p.shape, f"one outcome per fire is wanted, {len(p)} in all; you return the shape {y.shape}"
    assert np.isin(y, [0, 1]).all(), "outcomes are 0 or 1"
    ratio, right, auc = y.mean() / p.mean(), _right_auc(p), roc_auc_score(y, p) if 0 < y.mean() < 1 else np.nan
    assert ratio >= 1.8, f"only {ratio:.2f} times as many large fires as predicted, wanted are at least 1.8"
    assert abs(auc - right) <= 0.02, f"the AUC should stay at {right:.3f} ± 0.02, in your world it is {auc:.3f}: the ranking is {'better' if auc > right else 'worse'} than before"
    assert (y != np.asarray(worse_world(p, seed + 1))).any(), "another seed should give other outcomes: draw them"
_check_world(np.random.default_rng(0).beta(0.5, 5, 50_000).clip(1e-6, 1 - 1e-6), seed=0)
### BEGIN HIDDEN TESTS
import numpy as np
from sklearn.metrics import roc_auc_score

for a, b, seed in [(0.5, 5.5, 3), (0.45, 4.2, 4), (0.6, 6, 5)]:
    p = np.random.default_rng(seed).beta(a, b, 50_000).clip(1e-6, 1 - 1e-6)
    y, other = np.asarray(worse_world(p.copy(), 10 + seed)), np.asarray(worse_world(p.copy(), 20 + seed))
    assert y.shape == p.shape and np.isin(y, [0, 1]).all(), "one outcome per fire, 0 or 1"
    right = roc_auc_score(np.repeat([1, 0], len(p)), np.tile(p, 2), sample_weight=np.concatenate([p, 1 - p]))
    ratio, auc = y.mean() / p.mean(), roc_auc_score(y, p)
    assert ratio >= 1.8, f"fresh predictions: only {ratio:.2f} times as many large fires as predicted"
    assert abs(auc - right) <= 0.02, f"fresh predictions: the AUC should stay at {right:.3f} ± 0.02, in your world it is {auc:.3f}"
    assert (y != other).any(), "another seed should give other outcomes"
### END HIDDEN TESTS

# %% [markdown]
# ## Slow drift, day by day
#
# Until now we compared two finished periods. In operation values arrive one by one, and the question is **when** to raise the alarm. Two errors compete: an alarm
# without a change, and an alarm too late. The streams here are **simulated**: 300 days, calm, or with a level that creeps away from day 100 on by 0.02 standard deviations per day.
# **Before running:** a popular rule says "alarm if a value is more than 3 standard deviations from the mean". How often is it wrong in 300 calm days?

# %%
def three_deviations(reference, values):
    beyond = np.flatnonzero(np.abs(values - reference.mean()) > 3 * reference.std())
    return beyond[0] if len(beyond) else None

wrong = np.mean([three_deviations(*daily_stream(seed)) is not None for seed in range(200)])
print(f"false alarm in {wrong:.0%} of the calm streams")
reference, values = daily_stream(seed=5, start=100)
figure, (left, right) = plt.subplots(1, 2)
z = (values - reference.mean()) / reference.std()
left.plot(z, ".", markersize=3, rasterized=True)
left.axvline(100, color="black", linestyle="--", linewidth=1)
left.set(title="Each day says little", xlabel="day", ylabel="standard deviations from the mean")
right.plot(np.cumsum(z))
right.axvline(100, color="black", linestyle="--", linewidth=1)
right.set(title="The sum of all days says a lot", xlabel="day", ylabel="sum of all days so far")
plt.show()

# %% [markdown]
# A single day is too noisy: the rule cries wolf in more than half of the calm streams. What gives a slow drift away is that the deviations **add up**. On the right the
# sum wanders, and after day 100 it runs away. The classical detector built on this is the **CUSUM** (cumulative sum; Page, 1954). Of each day's deviation it subtracts
# a small slack, so that noise alone lets the sum sink, never lets it fall below 0, so that a long calm does not build up credit, and raises the alarm above a limit.

# %% [markdown]
# ## Exercise 9: Raise the alarm in time (3 points, about 12 minutes)
#
# Write `first_alarm(reference, values)`. `reference` is an array of 1,000 calm values, `values` the new ones, in order of time. It returns the position (0 for the
# first day) of the first alarm, or `None`. The level may creep **up or down**. Whether there is an alarm on day $t$ may only depend on the reference and on the values
# **up to day $t$**.
#
# Aim at an alarm in at most 8 % of the calm streams, and in at least 90 % of the creeping ones at a first alarm **within 75 days** of the start of the drift (an alarm
# before it is false). Graded on 500 calm and 500 creeping streams with hidden seeds, with different means and standard deviations. As chance has its share in what 500
# streams show, up to 10 % and down to 88 % are accepted.
#
# *By hand:* mean 0, standard deviation 1, slack 0.5, limit 2: the values 1, 0, 2, 2 give the upper sums 0.5, 0, 1.5, 3: alarm at position 3. (After −1 instead of 0 the sum would
# be 0 as well, never less.)
#
# <details><summary>Hint</summary>Standardise by the reference. Keep two sums: <code>up = max(0, up + z - slack)</code> and <code>down = max(0, down - z - slack)</code>. Try a slack of 0.5 and limits between 8 and 15; below, noise alone reaches the limit too often.</details>

# %% exercise="first-alarm"
def first_alarm(reference, values):
    """Position of the first alarm, or None.

    reference: array of calm values. values: array of new values in order of time.
    """
    ### BEGIN SOLUTION
    slack, limit = 0.5, 10
    up = down = 0.0
    for day, z in enumerate((values - reference.mean()) / reference.std()):
        up, down = max(0, up + z - slack), max(0, down - z - slack)
        if max(up, down) > limit:
            return day
    return None
    ### END SOLUTION

# %% free="first-alarm"
alarms = [first_alarm(*daily_stream(seed)) for seed in range(200)]
delays = pd.Series([first_alarm(*daily_stream(seed, start=100)) for seed in range(200)], dtype=float) - 100
print(f"false alarm in {np.mean([day is not None for day in alarms]):.1%} of the calm streams")
print(f"median delay {delays.median():.0f} days")

# %% check="first-alarm" points=3
# Checks a steep stream, and 100 calm and 40 creeping simulated streams. The limits leave room for chance.
from mlelabs.streams import daily_stream

got = first_alarm(*daily_stream(100, start=0, slope=1))
assert got is not None, "the level rises or falls by a standard deviation per day from the first day on, and there is no alarm within 300 days"
assert isinstance(got, (int, np.integer)), f"first_alarm should return a position or None, it returned {got!r}"
_calm = [first_alarm(*daily_stream(seed)) for seed in range(100)]
_other = [day for day in _calm if day is not None and not 0 <= day < 300]
assert not _other, f"for a calm stream you return {_other[0]}: that is no day of the stream. Without an alarm the answer is None"
_false = sum(day is not None for day in _calm)
assert _false <= 12, f"{_false} of 100 calm streams have an alarm, at most 12 are allowed. Noise alone must not add up: a slack, and a higher limit"
_days = [first_alarm(*daily_stream(seed, start=100)) for seed in range(100, 140)]
_early = sum(day is not None and day < 100 for day in _days)
_late = sum(day is None or day > 175 for day in _days)
assert _early + _late <= 6, f"of 40 creeping streams {_early} have an alarm before the drift and {_late} have none within 75 days of its start: at most 6 in all. Add up deviations, never below 0, in both directions"
_reference, _values = daily_stream(103, start=100)
_day = first_alarm(_reference, _values)
assert _day is None or _day == first_alarm(_reference, _values[:_day + 1]), f"your alarm on day {_day} is not there if the stream ends on that day: you use values from the future"
assert not _day or first_alarm(_reference, _values[:_day]) is None, f"you report an alarm on day {_day}, but it is there before the value of that day is. The first day has the position 0"
### BEGIN HIDDEN TESTS
import numpy as np
from mlelabs.streams import daily_stream

_calm = [first_alarm(*daily_stream(seed)) for seed in range(5000, 5500)]
assert all(day is None or 0 <= day < 300 for day in _calm), "without an alarm the answer is None, otherwise a day of the stream"
_false = sum(day is not None for day in _calm)
assert _false <= 50, f"{_false} of 500 fresh calm streams have an alarm, at most 50 (10 %) are accepted"
_right = 0
for seed in range(6000, 6500):
    _start = 60 + seed % 90
    _reference, _values = daily_stream(seed, start=_start)
    _copies = _reference.copy(), _values.copy()
    _day = first_alarm(_reference, _values)
    assert (_reference == _copies[0]).all() and (_values == _copies[1]).all(), "first_alarm changes an array it was given"
    _right += _day is not None and _start <= _day <= _start + 75
    if seed % 25 == 0 and _day is not None:
        _noise = np.random.default_rng(seed).normal(_reference.mean(), 9 * _reference.std(), 50)
        _other = np.concatenate([_values[:_day + 1], _noise])
        assert first_alarm(_reference, _other) == _day, "what comes after the alarm changes its day: only values up to that day may be used"
        assert _day == 0 or first_alarm(_reference, _values[:_day]) is None, f"the alarm of day {_day} is there before the value of that day is. The first day has the position 0"
assert _right >= 440, f"only {_right} of 500 fresh creeping streams have their first alarm within 75 days of the start, at least 440 (88 %) are wanted"
### END HIDDEN TESTS

# %% [markdown]
# ## What can be known on day t
#
# The best monitor would watch the outcomes: how many fires become large? But an outcome takes time. **Before running:** on 15 May 2023 somebody computes the share of
# large fires of the season so far, from all fires that are under control and thus have a final size. Is that share too high, too low, or right?

# %%
year = log[(log["start"].dt.year == 2023)]
day = pd.Timestamp("2023-05-15")
begun = year[year["start"] <= day]
finished = begun["control"] <= day
print(f"{len(begun)} fires, {finished.sum()} of them under control")
print(f"large: {begun.loc[finished, 'large'].mean():.1%} of those under control")
print(f"large: {begun['large'].mean():.1%} of all, as we know today, but nobody did on that day")

# %%
days = pd.date_range("2023-05-01", "2023-09-30", freq="3D")
known = [year.loc[(year["start"] <= day) & (year["control"] <= day), "large"].mean() for day in days]
truth = [year.loc[year["start"] <= day, "large"].mean() for day in days]
figure, axes = plt.subplots()
axes.plot(days, 100 * np.array(truth), label="all fires so far (known later)")
axes.plot(days, 100 * np.array(known), label="fires under control on that day")
axes.set(title="Known outcomes come from the harmless fires first", ylim=(0, 25))
axes.set(xlabel="day of 2023", ylabel="large fires (%)")
axes.legend()
plt.show()

# %% [markdown]
# Small fires are over within hours, large ones burn for days or weeks. Whoever takes only the labels that are there already sees a harmless season, just when it is
# not. The opposite error is more common still: an analysis done later, with all labels, "shows" an alarm for a day on which nobody could have raised it. An honest
# statement names what is open: the share lies **between** two bounds.

# %% [markdown]
# ## Exercise 10: Bounds for what is not known yet (2 points, about 8 minutes)
#
# Write `rate_bounds(fires, today)`. `fires` has the columns `start`, `control` (datetimes, `control` missing while a fire burns on) and `large` (boolean). `today` is a
# `pd.Timestamp`. It returns a tuple `(low, high)`: the lowest and highest possible share of large fires among those that **started by `today`**, given
# what is known then. `today` is a moment, 0:00 if it is a bare date: a start or a `control` at just this moment counts, one later that day does not. A label is known from
# the moment of `control` on. The column `large` is filled for all fires, as it is in an archive; labels that do not exist
# yet must not be used. Without any fire, nothing is known: `(0, 1)`.
#
# *By hand:* five fires have started; three are under control, one of them large; two burn on. The share is at least 1/5 and at most 3/5.

# %% exercise="rate-bounds"
def rate_bounds(fires, today):
    """Lowest and highest possible share of large fires, as far as can be known today.

    fires: DataFrame with start, control (datetimes) and large (boolean). today: Timestamp.
    Returns (low, high).
    """
    ### BEGIN SOLUTION
    begun = fires[fires["start"] <= today]
    if begun.empty:
        return 0, 1
    known = begun["control"] <= today
    large = (begun["large"] & known).sum()
    return large / len(begun), (large + (~known).sum()) / len(begun)
    ### END SOLUTION

# %% free="rate-bounds"
for day in ["2023-05-15", "2023-07-01", "2023-09-30"]:
    print(day, "between {:.1%} and {:.1%}".format(*rate_bounds(year, pd.Timestamp(day))))

# %% check="rate-bounds" points=2
# Checks the example by hand, and that no label from the future is used.
example = pd.DataFrame({
    "start": pd.to_datetime(["2023-05-01 08:00", "2023-05-02 00:00", "2023-05-03 00:00", "2023-05-05 09:00", "2023-05-10 00:00", "2023-05-10 15:00"]),
    "control": pd.to_datetime(["2023-05-02 00:00", "2023-05-10 00:00", "2023-06-30 00:00", "2023-05-05 18:00", None, "2023-05-21 00:00"]),
    "large": [False, True, True, False, False, False],
}, index=[9, 7, 5, 3, 2, 1])
got = rate_bounds(example, pd.Timestamp("2023-05-10"))
assert isinstance(got, tuple) and len(got) == 2, f"rate_bounds should return (low, high), it returned {got!r}"
assert abs(got[0] - 1 / 6) > 1e-9, f"you get {got[0]:.3f} for low: a sixth fire counts that starts at 15:00 on 10 May. At 0:00 it has not started"
assert abs(got[0] - 0.2) < 1e-9, f"on 10 May at 0:00 five fires have started (one at just that moment), and one is known to be large (under control since just that moment): low is 0.2, you get {got[0]:.3f}. A label exists from `control` on, and all five fires count"
assert abs(got[1] - 0.6) < 1e-9, f"two of the five fires burn on, and each of them may become large, whatever the archive says: high is (1 + 2) / 5 = 0.6; you get {got[1]:.3f}"
got = rate_bounds(example, pd.Timestamp("2023-05-01 12:00"))
assert tuple(got) == (0, 1), f"one fire has started and burns on: it may become large or not, expected (0, 1), you get {got}"
got = rate_bounds(example, pd.Timestamp("2022-01-01"))
assert tuple(got) == (0, 1), f"no fire has started, nothing is known: expected (0, 1), you get {got}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

rng = np.random.default_rng(18)
for _ in range(25):
    size = int(rng.integers(20, 80))
    start = pd.Timestamp("2021-05-01") + pd.to_timedelta(rng.uniform(0, 60, size), unit="D")
    control = pd.Series(start + pd.to_timedelta(rng.exponential(12, size), unit="D")).mask(rng.random(size) < 0.1)
    fires = pd.DataFrame({"start": start, "control": control.to_numpy(), "large": rng.random(size) < 0.3}, index=rng.permutation(size))
    today = pd.Timestamp("2021-05-10") + pd.Timedelta(days=float(rng.uniform(0, 60)))
    if rng.random() < 0.2:
        fires["control"] = fires["control"] + pd.Timedelta(days=90)  # all of them burn on
    elif rng.random() < 0.3:
        today = fires["control"].dropna().min()  # this moment itself counts as known
    before = fires.copy()
    low, high = rate_bounds(fires, today)
    assert fires.equals(before), "rate_bounds changes the table it was given"
    begun, known = (fires["start"] <= today).to_numpy(), (fires["control"] <= today).to_numpy()
    sure = (fires["large"].to_numpy() & begun & known).sum()
    assert abs(low - sure / begun.sum()) < 1e-9, f"fresh fires: low should be {sure / begun.sum():.3f}, you get {low:.3f}"
    open_ = (begun & ~known).sum()
    assert abs(high - (sure + open_) / begun.sum()) < 1e-9, f"fresh fires: high should be {(sure + open_) / begun.sum():.3f}, you get {high:.3f}"
    other = fires.assign(large=np.where(begun & known, fires["large"], ~fires["large"]).astype(bool))
    got = rate_bounds(other, today)
    assert np.allclose(got, (low, high)), "other labels of fires that are not under control change the result: these labels do not exist yet"
### END HIDDEN TESTS

# %% [markdown]
# ## When does retraining pay?
#
# An alarm is not yet a decision. Here is a **simulated** product: for ten years a model loses something each month; 1 is usual. Now and then the world jumps, and the
# loss stays high until the model is trained again, or until a later jump happens to lead back. Other bad months pass by themselves. The outcomes of a month are known two months later. A retraining costs 5.
# **Before running:** what costs more, never to retrain or to retrain every month?

# %%
def never(known, trained, usual, cost):
    return False

def always(known, trained, usual, cost):
    return True

def at_each_alarm(known, trained, usual, cost):
    return len(known) > 0 and known.iloc[-1] > usual + 0.5

for policy in (never, always, at_each_alarm):
    print(f"{policy.__name__:14} costs {total_cost(policy, seeds=range(20)):5.0f} in ten years (mean of 20 worlds)")

# %%
figure, axes = plt.subplots()
for policy, marker in ((never, None), (at_each_alarm, "v")):
    months = run_policy(policy, seed=2)
    line = axes.plot(months["loss"], label=policy.__name__.replace("_", " "), alpha=0.8)[0]
    if marker:
        done = months.index[months["retrained"]]
        axes.plot(done, np.full(len(done), 0.3), marker, color=line.get_color(), label="retrained")
axes.set(title="Each jump is answered several times, and bad months that pass as well", ylim=(0, 8))
axes.set(xlabel="month", ylabel="loss (1 is usual)")
axes.legend(ncols=3)
plt.show()
print("loss of 'never' in months 84 to 94:", *run_policy(never, seed=2)["loss"].loc[84:94].round(1).tolist())

# %% [markdown]
# (In months 86 to 92 the model that was never retrained fits again: the world jumped back by luck, and away once more in month 93. No policy should count on it.)
#
# Retraining at each alarm is better than both extremes, and still wasteful. Look at the triangles. It retrains after single bad months that would have passed. And
# after a jump it retrains several times in a row: the losses that arrive in these months are still those of the **old** model.

# %% [markdown]
# ## Exercise 11: A retraining policy (3 points, about 13 minutes)
#
# Write `retrain(known, trained, usual, cost)`. It is called before each month and returns `True` to retrain now, else `False`.
#
# - `known`: Series, month → loss, of all months whose outcomes are known by now (all but the last two). At the start it is empty.
# - `trained`: the first month of the model that is in service. Losses of earlier months belong to other models.
# - `usual`: mean loss of a month with a fitting model (1.0). `cost`: what a retraining costs (5.0), in the same unit.
#
# Graded on 40 hidden worlds: your mean total cost must be lower than that of `never` and of `always`, and **at most 70 %** of that of `at_each_alarm` above. Not every
# argument must be used.
#
# *By hand:* the model was trained in month 10, and the losses of months 5 to 9 were high: wait, they say nothing about it. Months 10 to 14 were all near 4: retrain. Of
# months 10 to 14 only month 11 was bad: do not.

# %% exercise="retrain"
def retrain(known, trained, usual, cost):
    """Decide whether to retrain before this month.

    known: Series, month -> loss, of the months whose outcomes are known. trained: first month of
    the present model. usual: loss of a fitting model. cost: of a retraining. Returns a bool.
    """
    ### BEGIN SOLUTION
    own = known[known.index >= trained]
    return len(own) >= 2 and bool((own.iloc[-2:] > usual + 0.5).all())
    ### END SOLUTION

# %% free="retrain"
months = run_policy(retrain, seed=2)
print(f"costs {total_cost(retrain, seeds=range(20)):.0f} in ten years (mean of 20 worlds)")
print(f"{months['retrained'].sum()} retrainings in the world of the figure")

# %% check="retrain" points=3
# Checks the examples by hand, and 20 simulated worlds.
from mlelabs.streams import simple_costs, total_cost

for _months, _bad, _trained, _expected, _story in [
    (15, [], 0, False, "15 months are known, all usual: nothing to do"),
    (10, [5, 6, 7, 8, 9], 10, False, "months 5 to 9 were bad, but the model in service is of month 10: wait for its own losses"),
    (15, [10, 11, 12, 13, 14], 10, True, "months 10 to 14, all of the model in service, had a loss of 4: this does not pass by itself"),
    (15, [11], 10, False, "only month 11 was bad, the three after it were usual: it has passed"),
]:
    _known = pd.Series(1.0, index=range(_months))
    _known[_bad] = 4.0
    _got = retrain(_known, _trained, 1.0, 5.0)
    assert isinstance(_got, (bool, np.bool_)), f"retrain should return True or False, it returned {_got!r}"
    assert bool(_got) == _expected, f"{_story}. You return {_got}"
assert not retrain(pd.Series(dtype=float), 0, 1.0, 5.0), "at the start nothing is known (an empty Series): no reason to retrain"
_mine = total_cost(retrain, range(50, 70))
_never, _always, _theirs = simple_costs(range(50, 70))
assert _mine < _never, f"your policy costs {_mine:.0f}, never retraining {_never:.0f}"
assert _mine < _always, f"your policy costs {_mine:.0f}, retraining every month {_always:.0f}"
assert _mine <= 0.7 * _theirs, f"your policy costs {_mine:.0f}, retraining at each alarm {_theirs:.0f}: at most 70 % of it are wanted. Do you wait too long after a jump? How often do you retrain for a month that passes, or on losses of an older model?"
### BEGIN HIDDEN TESTS
from mlelabs.streams import simple_costs, total_cost

_mine = total_cost(retrain, range(7000, 7040))
_never, _always, _theirs = simple_costs(range(7000, 7040))
assert _mine < min(_never, _always), f"40 fresh worlds: your policy costs {_mine:.0f}, never {_never:.0f}, always {_always:.0f}"
assert _mine <= 0.7 * _theirs, f"40 fresh worlds: your policy costs {_mine:.0f}, retraining at each alarm {_theirs:.0f}: at most 70 % are wanted"
### END HIDDEN TESTS

# %% [markdown]
# ## The same with a tool
#
# You have built the parts by hand. **Evidently** offers them ready-made: the preset below measures drift in each column, and `run` takes the **current** data first,
# the reference second. The whole report, with a picture of each column, is saved beside this notebook as `drift-report.html` (about 4 MB; open it with a double click;
# in a folder that cannot be written it goes to a temporary one). Here are its scores. **Before running:** where will they differ from yours?

# %%
watched = ["temperature", "fire_spread_rate", "latitude", "general_cause", "initial_action_by"]
snapshot = Report([DataDriftPreset(method="psi")]).run(now[watched], then[watched])
try:
    snapshot.save_html("drift-report.html")
except OSError:  # nothing can be written beside the notebook
    snapshot.save_html(str(Path(tempfile.mkdtemp()) / "drift-report.html"))
metrics = [metric for metric in snapshot.dict()["metrics"] if "column" in metric["config"]]
scores = pd.DataFrame([{"column": m["config"]["column"], "PSI": m["value"]} | m["config"] for m in metrics])
scores["drift"] = scores["PSI"] >= scores["threshold"]
scores[["column", "PSI", "threshold", "drift"]].round(3)

# %% [markdown]
# The tool leaves missing temperatures out without a word, so the 6 % that are lost do not show. It cuts its bins of equal width over both periods, where you used the
# quantiles of the reference, so the spread rate, crowded near zero, looks calm: same name, another number. Its threshold is 0.1 whatever the number of rows. And
# nothing warns that the crews were only renamed. A tool does the arithmetic; the questions of this lab remain yours. For numbers Evidently also knows a measure with a
# meaning: the **normed Wasserstein distance**, how far values must be moved on average, in standard deviations of the reference.

# %% [markdown]
# ## Exercise 12: Drift scores from Evidently (2 points, about 10 minutes)
#
# Write `drift_scores(reference, current)`. It runs a `DataDriftPreset` with `num_method="wasserstein"` and `cat_method="psi"` and returns a Series: for each column
# **of the reference** (in its order, as the index) the score of that column, a float. A column that is not in `current`, or that has no value at all in one of the two,
# has no score: `NaN`. (Evidently ends with an error there.) Columns that only `current` has are ignored. Missing cells of one column cost another column
# nothing. (You may rely on at least one column that can be compared.)
#
# *By hand:* if every temperature is one standard deviation of the reference higher, its score is 1.
#
# <details><summary>Hint</summary>Find the columns that can be compared first, and give <code>run</code> only these. <code>reindex</code> fills the others with NaN.</details>

# %% exercise="drift-scores"
def drift_scores(reference, current):
    """Evidently's drift score of each column of the reference.

    reference, current: DataFrames. Returns a Series, NaN for columns that cannot be compared.
    """
    ### BEGIN SOLUTION
    usable = [c for c in reference if c in current and reference[c].notna().any() and current[c].notna().any()]
    report = Report([DataDriftPreset(num_method="wasserstein", cat_method="psi")])
    metrics = report.run(current[usable], reference[usable]).dict()["metrics"]
    scores = {metric["config"].get("column"): metric["value"] for metric in metrics}
    return pd.Series({column: float(scores.get(column, np.nan)) for column in reference})
    ### END SOLUTION

# %% free="drift-scores"
drift_scores(then[[*watched, "wind_speed"]], now[watched]).round(2)

# %% check="drift-scores" points=2
# Checks a shift, a wider distribution, missing cells, and columns that cannot be compared. The data are simulated.
rng = np.random.default_rng(6)
old = pd.DataFrame({"wind": rng.normal(10, 2, 400), "temperature": rng.normal(15, 5, 400), "gone": 1.0, "never": np.nan, "lost": 2.0})
old["crew"] = rng.choice(["HAC", "FTAC"], 400)
new = old.drop(columns="gone").assign(extra=1.0, wind=10 + 5 * (old["wind"] - 10), never=3.0, lost=np.nan)
new["temperature"] += old["temperature"].std() / 2
new["crew"] = new["crew"].mask(new["wind"] > 10)
new = new[list(new)[::-1]]
try:
    got = drift_scores(old, new)
except (KeyError, ValueError) as error:
    got = error
assert not isinstance(got, Exception), f"ends with {got!r}: 'gone' is not in the current data, 'never' and 'lost' have no value in one of the two. Compare only what can be compared"
assert isinstance(got, pd.Series), f"drift_scores should return a Series, it returned a {type(got).__name__}"
assert list(got.index) == list(old.columns), f"one entry per column of the reference, in its order: {list(old.columns)}, you have {list(got.index)}"
for _column in ("gone", "never", "lost"):
    assert np.isnan(got[_column]), f"'{_column}' is not in the current data or has no value in one of the two: its score is NaN, you have {got[_column]}"
assert not (got[["wind", "temperature"]] == 1).all(), "wind and temperature both have exactly 1: do you return whether there is drift, instead of the score?"
assert abs(got["temperature"] - 0.5) < 0.02, f"all temperatures are half a standard deviation higher: the score is 0.5, you have {got['temperature']:.2f}. Is the method 'wasserstein'? Is it the score of this column, of all its rows?"
assert abs(got["crew"]) < 0.05, f"the crews are as before, with some missing: the score is near 0, you have {got['crew']:.2f}"
_expected = stats.wasserstein_distance(old["wind"], new["wind"]) / old["wind"].std()
assert got["wind"] > 2, f"the wind now varies five times as much: expected {_expected:.2f} standard deviations of the reference, you have {got['wind']:.2f}. Which data does run take first?"
assert abs(got["wind"] - _expected) < 0.1, f"the wind now varies five times as much: expected {_expected:.2f} standard deviations of the reference, you have {got['wind']:.2f}. Rows with a missing crew have a wind, too"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd
from scipy import stats

rng = np.random.default_rng(25)
old = pd.DataFrame({"b": rng.normal(0, 9, 500), "empty": np.nan, "a": rng.exponential(2, 500), "kind": rng.choice(["x", "y", "z"], 500), "lost": 1.5, "out": rng.normal(size=500)})
new = pd.DataFrame({"out": np.nan, "kind": rng.choice(["x", "y", "w"], 300, p=[0.6, 0.3, 0.1]), "b": rng.normal(5, 9 / 4, 300), "a": rng.exponential(2 * 3, 300), "empty": 1.0, "more": 2.0})  # b is narrower now, a wider
old.loc[old["a"] > 2, "b"] = np.nan  # missing where the other column is large
copies = old.copy(), new.copy()
try:
    got = drift_scores(old, new)
except (KeyError, ValueError) as error:
    got = error
assert not isinstance(got, Exception), f"ends with {got!r}. Compare only what can be compared: 'lost' is not in the current data, 'empty' and 'out' have no value in one of the two"
assert old.equals(copies[0]) and new.equals(copies[1]), "drift_scores changes a DataFrame it was given"
assert list(got.index) == list(old.columns), "one entry per column of the reference, in its order"
for column in ("lost", "empty", "out"):
    assert np.isnan(got[column]), f"'{column}' cannot be compared (not there, or without a value in one of the two): NaN, you have {got[column]}"
for column in ("a", "b"):
    expected = stats.wasserstein_distance(old[column].dropna(), new[column]) / old[column].std()
    assert abs(got[column] - expected) < 0.03 * expected + 0.01, f"'{column}': expected {expected:.3f} standard deviations of the reference, you have {got[column]:.3f}. Of all its own rows, and of this column?"
assert got["kind"] > 0.5, f"'kind' has a new category and lost one, its PSI is large; you have {got['kind']:.2f}"
### END HIDDEN TESTS

# %% [markdown]
# ## Decision memo (3 points, about 14 minutes)
#
# Ms Okafor heads the provincial dispatch centre. She is no engineer. She sees a dashboard that is red in every column and asks: "Is the model broken? Should we switch
# it off, or train it again, and who tells me next time?" Write her **half a page** (about 150 to 250 words): your recommendation, the two or three findings that matter
# most *for her decision* with a figure from this notebook each, how the next alarm will come about, and what remains uncertain. No jargon.

# %% [markdown] memo="memo" points=3
# **Rubric** (1 point each)
#
# 1. *Decision:* a clear recommendation in the first two sentences (keep the ranking, mend the probabilities, or another that the figures carry), and a condition under
#    which it would change.
# 2. *Evidence:* two or three findings that bear on the decision, each with a correct figure of the student's own; tells apart what changed in the world (more large
#    fires) from what did not (codes, missing values, seasons).
# 3. *Honesty and language:* says what cannot be known yet or was simulated, names an owner for the next alarm and what it costs, uses no unexplained technical term.
#
# **Example.** Keep the model in service for deciding who is visited first, and train it again before next season for planning how many crews are needed. Until then,
# treat its chances as too low. It still ranks fires about as well as when it was built. But it expects about 9 large fires in 100 where there are now almost 13. Most
# of the red on the dashboard is not news. The column for crews is red because three codes were replaced by one between 2012 and 2014; a translation table will mend
# that. The temperature is red mainly because 6 in 100 fires now have no reading, which was not so before: please let the owners of the form look into it. We will
# replace the dashboard by fewer alarms, which compare each week with the same weeks of earlier years and are set so that at most one batch in ten raises a false one.
# Retraining follows only when two months in a row are bad, counting the present model alone; in our simulated trial that cost less than two thirds of retraining at
# each alarm. I must be honest about delay: in mid-May 2023 the fires then finished suggested 11 % large ones, while in truth it was 18 %. No tool could have known that
# in May. We will report a range instead. The duty analyst owns the alarm. If the ranking itself gets worse next season, I will come back to you at once.

# %% [markdown]
# ## What you have learned
#
# - A drift measure needs fixed bins from the reference, a threshold that fits batch size and number of columns, and a reference that knows the season.
# - Significance is not size, and no significance is not "no drift".
# - Before blaming the world, ask whether codes changed or values went missing.
# - Input drift does not mean a worse model, and a model can get worse while inputs and ranking look fine.
# - A detector is judged by delay *and* false alarms, and with labels that exist on that day. Retraining is a decision with a price.
#
# **In practice** most alarms end in a mapping or a phone call, not in retraining. Labels that depend on the model's own decisions (a crew sent early keeps a fire
# small) are harder still, and no exercise above treats that. The streams and the retraining costs were simulated; real ones jump less cleanly.
#
# **Go further**
#
# - Kästner, *Machine Learning in Production*, chapters "Data Quality" (with a part on drift) and "Testing and Experimenting in Production": what to watch and who acts.
# - Rabanser, Günnemann and Lipton, *Failing Loudly* (NeurIPS 2019): a comparison of ways to detect shift, with the domain classifier among them.
# - Page, *Continuous Inspection Schemes* (Biometrika, 1954): the CUSUM, on a few readable pages.
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
# cost. Then download it (*File → Download*) and upload it, with its name unchanged, to the assignment in Moodle.
