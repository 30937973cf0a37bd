# %% [markdown]
# # Lab 4: Find out who is served worse
#
# **What you'll do:** measure for whom a model works worse, say how sure you are, and weigh what the remedies cost, first for forest areas, then for people.
#
# **You will be able to**
#
# - compute selection rate, recall and false positive rate per group, and tell them from the composition of the selected,
# - put an honest interval around a rate and around a gap, also for small groups,
# - show why leaving out a column does not make a model fair,
# - decide which fairness criteria can hold together, and set thresholds that meet one of them,
# - explain to a decision maker who gains, who loses, and what no metric decides.
#
# **You need:** pandas (grouping), what recall and AUC are. Helpful: scikit-learn's `fit` and `predict`, what a confidence interval is.
#
# **Time:** about 150 minutes · **Points:** 30 · **Course outcome:** judging what a machine learning product does to people, and communicating it.

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
# Two services rank cases, because there is not enough help for all. **Dispatch triage** flags the 10 % of new wildfires that are most likely to grow beyond 4
# hectares, so that crews go there first. An **employment agency** (invented for this lab) offers places in a coaching programme to the 20 % of its clients who are
# most likely to be without work. Both look good on average. An average does not tell *whom* the model overlooks: a large fire that is not flagged burns on, and
# somebody in need who is not offered a place goes without help. The agency's director asks: is anybody served worse than others, how sure are you, and what would it
# cost to change that?
#
# How this notebook works: **given** cells are locked; run them and read. In **exercise** cells you replace the line `raise NotImplementedError(...)`. The
# **check** below each exercise tells you at once what is right and what is not; when your lab is graded, further tests run on fresh data. Every exercise stands
# alone: a mistake in one costs no points in another. Add cells of your own wherever you like.

# %%
import os

os.environ["OMP_NUM_THREADS"] = "1"  # small models train faster with one thread, and a busy machine stays usable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame, count, false_positive_rate, selection_rate, true_positive_rate
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import ExponentiatedGradient, TruePositiveRateParity
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_score, roc_auc_score
from sklearn.model_selection import cross_val_predict

from mlelabs.data import load_census, load_wildfires
from mlelabs.populations import applicants, scored

plt.style.use("mlelabs.figures")

fires = load_wildfires()
fires["large"] = (fires["current_size"] > 4).astype(int)  # hectares
fires["month"] = pd.to_datetime(fires["fire_start_date"]).dt.month
areas = {"C": "Calgary", "E": "Edson", "G": "Grande Prairie", "H": "High Level", "L": "Lac La Biche", "M": "Fort McMurray",
         "P": "Peace River", "R": "Rocky Mountain House", "S": "Slave Lake", "W": "Whitecourt"}
fires["area"] = fires["fire_number"].str[0].map(areas)
fires.shape

# %% [markdown]
# One row is one wildfire in Alberta, 2006 to 2024. *Contains information licensed under the Open Government Licence – Alberta.* The first letter of a fire number
# stands for the forest area that fights the fire. The names behind the letters are an **inference** (ten areas, ten initials); the file has only the letters.
#
# ## Who is served worse? Forest areas first
#
# The model learns from the fires up to 2018, from what is known at the first assessment. We look at the fires after 2018, and flag the tenth with the highest scores.

# %%
known = ["latitude", "longitude", "general_cause", "detection_agent_type", "fire_spread_rate", "fire_type", "temperature",
         "relative_humidity", "wind_speed", "fuel_type", "initial_action_by", "month", "area"]
inputs = fires[known].astype({name: "category" for name in fires[known].select_dtypes("object")})
past = fires["year"] <= 2018
triage = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(inputs[past], fires.loc[past, "large"])
later = fires[~past].assign(score=triage.predict_proba(inputs[~past])[:, 1])
later["flagged"] = (later["score"] >= later["score"].quantile(0.9)).astype(int)
large = later[later["large"] == 1]
print(f"AUC {roc_auc_score(later['large'], later['score']):.3f}; {large['flagged'].sum()} of {len(large)} large fires are flagged: {large['flagged'].mean():.0%}")

# %% [markdown]
# An AUC of 0.91, and 56 % of the large fires among a tenth of all: a good model. **Before running:** would you expect that every area gets about these 56 %?

# %%
by_area = large.groupby("area")["flagged"].agg(["size", "sum"]).set_axis(["large fires", "of these flagged"], axis=1)
by_area.sort_values("large fires")

# %% [markdown]
# In Fort McMurray 91 of 136 large fires are flagged, in Whitecourt 7 of 21. Three rates describe what a group gets, and they differ in *whom they divide by*:
#
# | rate | divides by | in dispatch |
# |---|---|---|
# | selection rate | everyone in the group | share of all fires that are flagged |
# | recall (true positive rate) | those who are positive (`truth` 1) | share of the large fires that are flagged |
# | false positive rate | those who are negative (`truth` 0) | share of the small fires that are flagged |

# %% [markdown]
# ## Exercise 1: Rates per group (2 points, about 15 minutes)
#
# Write `group_rates(truth, flagged, group, weights=None)`. The first three are Series with the same index and one entry per case: `truth` and `flagged` are 1 or 0,
# `group` is a label of any kind, and there may be any number of groups. It returns a DataFrame with one row per group (index: its label) and the columns `n`
# (number of cases), `selection_rate`, `recall` and `false_positive_rate`.
#
# If `weights` are given (a Series with the same index, any numbers above 0), a case of weight 2 counts like two cases in the three rates, one of weight 0.5 like half
# a case (`n` stays the number of cases). A rate that would divide by nothing is `NaN`:
# nobody knows the recall of an area without a large fire, and it is certainly not 0. Results are right within 0.000001.
#
# *By hand:* a group with truth `[1, 1, 0]` and flagged `[1, 0, 0]` has selection rate 1/3, recall 1/2 and false positive rate 0. With the weights `[3, 1, 1]` its
# recall is 3/4.
#
# <details><summary>Hint</summary>Write a small function <code>share(rows)</code> that returns the weighted share of flagged rows, or NaN if the weights sum to 0. Call it for all rows of a group, for those with truth 1, and for those with truth 0.</details>

# %% exercise="group-rates"
def group_rates(truth, flagged, group, weights=None):
    """Compute what each group gets.

    truth, flagged: Series of 1 and 0. group: Series of labels. weights: Series of numbers above 0, or None.
    Returns a DataFrame, one row per group: n, selection_rate, recall, false_positive_rate.
    """
    ### BEGIN SOLUTION
    cases = pd.DataFrame({"truth": np.asarray(truth), "flagged": np.asarray(flagged), "group": np.asarray(group)})
    cases["weight"] = 1.0 if weights is None else np.asarray(weights)

    def share(rows):
        total = rows["weight"].sum()
        return (rows["weight"] * rows["flagged"]).sum() / total if total else np.nan

    rates = {}
    for name, rows in cases.groupby("group"):
        rates[name] = {
            "n": len(rows),
            "selection_rate": share(rows),
            "recall": share(rows[rows["truth"] == 1]),
            "false_positive_rate": share(rows[rows["truth"] == 0]),
        }
    return pd.DataFrame.from_dict(rates, orient="index")
    ### END SOLUTION

# %% free="group-rates"
group_rates(later["large"], later["flagged"], later["area"]).sort_values("recall").round(3)

# %% check="group-rates" points=2
# Checks three groups, one of them without a positive case, with and without weights.
truth, flagged, group = pd.Series([1, 1, 0, 1, 0, 0, 0, 0]), pd.Series([1, 0, 0, 1, 1, 0, 1, 0]), pd.Series(list("aaabbbcc"))
got = group_rates(truth, flagged, group)
assert isinstance(got, pd.DataFrame), f"group_rates should return a DataFrame, it returned a {type(got).__name__}"
assert {"n", "selection_rate", "recall", "false_positive_rate"} <= set(got.columns), f"the four columns are expected, got {list(got.columns)}"
assert set(got.index) == {"a", "b", "c"}, f"the index should hold the labels a, b and c, it is {list(got.index)}"
assert got["n"].to_dict() == {"a": 3, "b": 3, "c": 2}, f"the groups have 3, 3 and 2 cases, you count {got['n'].to_dict()}"
assert abs(got.loc["a", "selection_rate"] - 1 / 3) < 1e-6, f"1 of the 3 cases of a is flagged, your selection rate is {got.loc['a', 'selection_rate']}"
assert abs(got.loc["a", "recall"] - 1 / 2) < 1e-6, f"1 of the 2 positive cases of a is flagged: recall divides by these. Yours is {got.loc['a', 'recall']}"
assert abs(got.loc["b", "false_positive_rate"] - 1 / 2) < 1e-6, f"1 of the 2 negative cases of b is flagged, your false positive rate is {got.loc['b', 'false_positive_rate']}"
assert pd.isna(got.loc["c", "recall"]), f"c has no positive case, so its recall is unknown (NaN), not {got.loc['c', 'recall']}"
got = group_rates(truth, flagged, group, weights=pd.Series([3, 1, 1, 1, 1, 1, 1, 1]))
assert abs(got.loc["a", "recall"] - 3 / 4) < 1e-6, f"with weights 3 and 1 the recall of a is 3/4, yours is {got.loc['a', 'recall']}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

rng = np.random.default_rng(12)
for names in (["x", "y", "z", "one"], [10, 20, 30, 40, 50]):
    size = 400
    group = rng.choice(names[:-1], size)
    truth, flagged = (rng.random(size) < 0.4).astype(int), (rng.random(size) < 0.3).astype(int)
    group = np.append(group, [names[-1]] * 3)
    truth, flagged = np.append(truth, [1, 1, 1]), np.append(flagged, [1, 0, 0])
    flagged[group == names[0]] = 0  # nobody of the first group is flagged
    weights = rng.integers(1, 8, size + 3) / 2
    index = rng.permutation(size + 3)
    series = [pd.Series(values, index=index) for values in (truth, flagged, group, weights)]
    before = [values.copy() for values in series]
    for use in (None, series[3]):
        w = np.ones(size + 3) if use is None else weights
        got = group_rates(*series[:3], weights=use)
        assert set(got.index) == set(names), f"every group should have a row, also one without a flagged case: expected {names}, got {list(got.index)}"
        for name in names:
            mine = group == name
            assert got.loc[name, "n"] == mine.sum(), "n is the number of cases in the group, with weights too"
            for rate, base in (("selection_rate", mine), ("recall", mine & (truth == 1)), ("false_positive_rate", mine & (truth == 0))):
                value = got.loc[name, rate]
                if not base.any():
                    assert pd.isna(value), f"{rate} of a group with nobody to divide by should be NaN, got {value}"
                else:
                    expected = (w * flagged)[base].sum() / w[base].sum()
                    assert abs(value - expected) < 1e-6, f"{rate} on fresh data{'' if use is None else ' with weights'}: expected {expected:.4f}, got {value:.4f}"
    assert all(values.equals(copy) for values, copy in zip(series, before)), "group_rates changes what it was given"
renamed = group_rates(*series[:2], series[2].map(lambda name: f"group {name}"))
plain = group_rates(*series[:3])
assert np.allclose(renamed["recall"].sort_values(), plain["recall"].sort_values()), "other names for the same groups should give the same rates"
### END HIDDEN TESTS

# %% [markdown]
# ## How sure are we?
#
# Calgary had 13 large fires, Fort McMurray 136. Suppose that the model served all areas alike, with a recall of 56 %. **Before running:** how far from 56 % can the
# recall of an area with 13 large fires come out, by chance alone? The 5,000 runs below are **simulated**.

# %%
rng = np.random.default_rng(0)
figure, axes = plt.subplots(1, 2, sharey=True)
for panel, positives, finding in zip(axes, (13, 136), ("nearly anything can be seen", "close to the truth")):
    seen = rng.binomial(positives, 0.56, 5000) / positives
    panel.hist(seen, bins=np.arange(-0.5, 14) / 13, weights=np.full(5000, 1 / 50))
    panel.axvline(0.56, color="black", linewidth=1)
    panel.set(title=f"{positives} fires: {finding}", xlabel="recall seen in one simulated run", xlim=(0, 1))
    low, high = np.quantile(seen, [0.025, 0.975])
    print(f"{positives:3} large fires: 95 % of the runs show a recall between {low:.2f} and {high:.2f}")
axes[0].set(ylabel="runs (%)")
plt.show()

# %% [markdown]
# The true recall is 0.56 in both panels (black line). With 13 fires nearly anything can be seen; with 136 most runs come close to the truth. So a rate without its
# number of cases is half a figure. The usual formula, rate ± 1.96 standard errors with the standard error $\sqrt{\hat p\,(1 - \hat p)/n}$, breaks down exactly where
# it is needed: 0 of 5 gives the interval from 0 to 0, as if we knew everything.

# %% [markdown]
# ## Exercise 2: An honest interval for a rate (3 points, about 12 minutes)
#
# Write `rate_interval(successes, n)`. It returns two numbers `(low, high)`, a 95 % confidence interval for the true rate, if `successes` of `n` independent cases
# were successes.
#
# How it is graded: we know the true rates of hidden populations (between 0.03 and 0.97) and compute how often your interval holds the true rate. For each `n` from 5
# upwards that must be **at least 90 %** on average over the populations. Saying nothing is no way out: `0 ≤ low ≤ high ≤ 1`, and no interval for `n` cases may be
# wider than `2.2 / sqrt(n)` (the usual formula is never wider than 1.96/√n; this leaves some room). With `n = 0` nothing is known: return `(0, 1)`. A method that
# uses chance should use a fixed seed.
#
# *By hand:* Wilson's interval for 7 of 21 goes from about 0.17 to 0.55, and for 0 of 5 from 0 to about 0.43. Other good methods come out a little different.
#
# <details><summary>Hint</summary>Wilson (1927) turns the question round. For a true rate <i>p</i> the standard error is √(p(1−p)/n), with <i>p</i> itself. Which <i>p</i> between 0 and 1 lie within 1.96 of their own standard errors of the observed rate? You may try a fine grid of them, or solve the quadratic equation.</details>

# %% exercise="rate-interval"
def rate_interval(successes, n):
    """Compute a 95 % confidence interval for a rate.

    successes: integer from 0 to n. n: number of cases, 0 or more. Returns (low, high).
    """
    ### BEGIN SOLUTION
    if n == 0:
        return 0.0, 1.0
    z = 1.96
    centre = (successes + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(successes * (n - successes) / n + z**2 / 4)
    return max(0.0, centre - half), min(1.0, centre + half)
    ### END SOLUTION

# %% [markdown]
# Try it on the ten areas. In the figure, look which areas' intervals stay on one side of the overall recall, and what the length of an interval depends on.

# %% free="rate-interval"
ordered = by_area.sort_values("of these flagged").rename_axis(None)
ends = np.array([rate_interval(k, n) for n, k in ordered.to_numpy()])
recalls = ordered["of these flagged"] / ordered["large fires"]
figure, axes = plt.subplots()
axes.hlines(np.arange(10), ends[:, 0], ends[:, 1])
axes.plot(recalls, np.arange(10), "o")
axes.axvline(large["flagged"].mean(), color="black", linewidth=1, label="all areas")
axes.set(title="The fewer large fires, the less we know", xlabel="recall with 95 % interval", xlim=(0, 1))
axes.set_yticks(np.arange(10), [f"{area} ({n})" for area, n in ordered["large fires"].items()])
axes.legend()
plt.show()

# %% check="rate-interval" points=3
# Checks form and edges, then for 5, 12 and 60 cases how often your interval holds true rates that we know.
from scipy import stats

got = rate_interval(7, 21)
assert isinstance(got, (tuple, list, np.ndarray, pd.Series)) and len(got) == 2, f"rate_interval should return two numbers (low, high), it returned {got!r}"
try:
    got = tuple(map(float, rate_interval(0, 0)))
except ZeroDivisionError:
    raise AssertionError("with n = 0 your function divides by 0. Without any case nothing is known: return (0, 1)") from None
assert got == (0, 1), f"without any case nothing is known: expected (0, 1) for n = 0, got {got}"
low, high = map(float, rate_interval(0, 5))
assert low == low and high == high, f"0 of 5: an end of your interval is NaN ({low}, {high}). Does the method need a case of its own for no success, and for successes only?"
few, many = tuple(map(float, rate_interval(6, 60))), tuple(map(float, rate_interval(54, 60)))
assert few[1] < many[0], f"6 of 60 gives {few}, 54 of 60 gives {many}: intervals that overlap here say too little. Do they depend on the successes?"
assert high > 0.2, f"0 of 5 does not prove a rate of 0: your interval ({low:.2f}, {high:.2f}) is too sure of itself"
known_rates = np.linspace(0.05, 0.95, 31)
for cases in (60, 5, 12):
    ends = np.array([tuple(rate_interval(k, cases)) for k in range(cases + 1)], dtype=float)
    assert not np.isnan(ends).any(), f"{cases} cases: an end of your interval is NaN for {np.isnan(ends).any(axis=1).argmax()} successes"
    assert ((ends >= -1e-9) & (ends <= 1 + 1e-9)).all() and (ends[:, 0] <= ends[:, 1]).all(), f"{cases} cases: a rate lies between 0 and 1, and low is not above high"
    widest = (ends[:, 1] - ends[:, 0]).max()
    assert widest <= 2.2 / np.sqrt(cases), f"{cases} cases: an interval of width {widest:.2f} says too little, at most {2.2 / np.sqrt(cases):.2f} is allowed"
    chance = stats.binom.pmf(np.arange(cases + 1)[:, None], cases, known_rates)
    holds = (ends[:, [0]] <= known_rates) & (known_rates <= ends[:, [1]])
    covered, halfway = (chance * holds).sum(axis=0).mean(), (chance * holds).sum(axis=0)[10:21].mean()
    assert cases < 60 or halfway >= 0.90, f"60 cases, true rates near one half: your interval holds them in {halfway:.0%} of the samples, at least 90 % are needed. It is too narrow everywhere: 1.96 standard errors? And the root?"
    assert covered >= 0.90, f"{cases} cases: your interval holds the true rate in {covered:.0%} of the samples, at least 90 % are needed. What happens if nearly all or no cases are successes?"
### BEGIN HIDDEN TESTS
import numpy as np
from scipy import stats

rng = np.random.default_rng(41)
for cases in (5, 6, 8, 13, 21, 50, 136, 500):
    ends = np.array([tuple(rate_interval(k, cases)) for k in range(cases + 1)], dtype=float)
    assert not np.isnan(ends).any(), f"{cases} cases: an end of your interval is NaN for {np.isnan(ends).any(axis=1).argmax()} successes"
    assert ((ends >= -1e-9) & (ends <= 1 + 1e-9)).all() and (ends[:, 0] <= ends[:, 1]).all(), f"{cases} cases: a rate lies between 0 and 1, and low is not above high"
    widest = (ends[:, 1] - ends[:, 0]).max()
    assert widest <= 2.2 / np.sqrt(cases), f"{cases} cases: an interval of width {widest:.3f} says too little, at most {2.2 / np.sqrt(cases):.3f} is allowed"
    rates = rng.uniform(0.03, 0.97, 40)
    chance = stats.binom.pmf(np.arange(cases + 1)[:, None], cases, rates)
    holds = (ends[:, [0]] <= rates) & (rates <= ends[:, [1]])
    covered = (chance * holds).sum(axis=0).mean()
    assert covered >= 0.90, f"{cases} cases: your interval holds the true rate of hidden populations in {covered:.0%} of the samples, at least 90 % are needed"
### END HIDDEN TESTS

# %% [markdown]
# ## Is the gap real?
#
# With Wilson's intervals three of the ten areas stay on one side of the overall recall of 56 %: Whitecourt and Lac La Biche below it, Fort McMurray above. Calgary
# does not, though its recall is lower than that of Lac La Biche: 13 fires say too little. But being on one side of a line is not yet a gap between two areas.
#
# Two intervals that overlap do not show that there is no gap, and a gap that is there need not matter. The honest way is an interval **for the difference** itself:
# if it holds 0, the data are compatible with no gap; its ends say how large the gap may be. Subtracting the ends of two intervals is not that: both rates would have
# to be unlucky at the same time.

# %% [markdown]
# ## Exercise 3: An interval for a gap (2 points, about 9 minutes)
#
# Write `gap_interval(successes_a, n_a, successes_b, n_b)`. It returns `(low, high)`, a 95 % confidence interval for the true rate of group a **minus** that of
# group b.
#
# Graded like Exercise 2, on hidden pairs of populations: on average it holds the true difference in at least 90 % of the samples, for `n_a` and `n_b` from 5
# upwards; `-1 ≤ low ≤ high ≤ 1`; and no interval is wider than `2.5 * sqrt(1/n_a + 1/n_b)`. If one group is empty, return `(-1, 1)`.
#
# *By hand:* for 7 of 21 against 91 of 136 the difference is −0.34, and good intervals go from about −0.52 to about −0.11.
#
# <details><summary>Hint</summary>The variances p(1−p)/n of two independent rates add; the standard error of the difference is the root of the sum. For small groups Agresti and Caffo (2000) found a simple remedy: pretend that each group had one success and one failure more.</details>

# %% exercise="gap-interval"
def gap_interval(successes_a, n_a, successes_b, n_b):
    """Compute a 95 % confidence interval for rate a minus rate b.

    Four integers, each number of successes at most its n. Returns (low, high).
    """
    ### BEGIN SOLUTION
    if n_a == 0 or n_b == 0:
        return -1.0, 1.0
    rate_a, rate_b = (successes_a + 1) / (n_a + 2), (successes_b + 1) / (n_b + 2)
    error = np.sqrt(rate_a * (1 - rate_a) / (n_a + 2) + rate_b * (1 - rate_b) / (n_b + 2))
    middle = rate_a - rate_b
    return max(-1.0, middle - 1.96 * error), min(1.0, middle + 1.96 * error)
    ### END SOLUTION

# %% free="gap-interval"
low, high = gap_interval(7, 21, 91, 136)
print(f"Whitecourt minus Fort McMurray: {low:.2f} to {high:.2f}")

# %% check="gap-interval" points=2
# Checks the sign, an empty group, the width, and how often your interval holds known differences (20 against 20 cases, 6 against 12).
from scipy import stats

def measure_gap_interval(n_a, n_b, pairs):
    """Coverage over pairs of true rates, and the largest width."""
    ends = np.array([[tuple(gap_interval(a, n_a, b, n_b)) for b in range(n_b + 1)] for a in range(n_a + 1)], dtype=float)
    assert not np.isnan(ends).any(), f"groups of {n_a} and {n_b}: an end of some interval is NaN"
    assert ((ends >= -1 - 1e-9) & (ends <= 1 + 1e-9)).all() and (ends[..., 0] <= ends[..., 1]).all(), "a difference of rates lies between -1 and 1, and low is not above high"
    covered = []
    for rate_a, rate_b in pairs:
        chance = np.outer(stats.binom.pmf(range(n_a + 1), n_a, rate_a), stats.binom.pmf(range(n_b + 1), n_b, rate_b))
        covered.append(chance[(ends[..., 0] <= rate_a - rate_b) & (rate_a - rate_b <= ends[..., 1])].sum())
    return np.mean(covered), (ends[..., 1] - ends[..., 0]).max()

got = gap_interval(18, 20, 2, 20)
assert isinstance(got, (tuple, list, np.ndarray, pd.Series)) and len(got) == 2, f"gap_interval should return two numbers (low, high), it returned {got!r}"
got, back = tuple(map(float, got)), tuple(map(float, gap_interval(2, 20, 18, 20)))
assert got[0] > 0, f"18 of 20 against 2 of 20 is clearly a positive difference (a minus b), your interval is {got}"
assert back[1] < 0, f"2 of 20 against 18 of 20 is clearly a negative difference (a minus b, not its size), your interval is {back}"
try:
    got = tuple(map(float, gap_interval(0, 0, 3, 9)))
except ZeroDivisionError:
    raise AssertionError("with an empty group your function divides by 0. It tells nothing: return (-1, 1)") from None
assert got == (-1, 1), f"an empty group tells nothing: expected (-1, 1), got {got}"
grid = [(p, q) for p in np.linspace(0.05, 0.95, 10) for q in np.linspace(0.05, 0.95, 10)]
covered, widest = measure_gap_interval(20, 20, grid)
assert widest <= 2.5 * np.sqrt(1 / 20 + 1 / 20), f"two groups of 20: an interval of width {widest:.2f} says too little, at most {2.5 * np.sqrt(0.1):.2f} is allowed. Subtracting the ends of two intervals, or adding standard errors, is too careful"
assert covered >= 0.90, f"two groups of 20: your interval holds the true difference in {covered:.0%} of the samples, at least 90 % are needed. The variances of the two rates add up"
covered, widest = measure_gap_interval(6, 12, grid)
assert covered >= 0.90, f"groups of 6 and 12: your interval holds the true difference in {covered:.0%} of the samples, at least 90 % are needed. Small groups need more care"
assert widest <= 2.5 * np.sqrt(1 / 6 + 1 / 12), f"groups of 6 and 12: an interval of width {widest:.2f} says too little"
### BEGIN HIDDEN TESTS
import numpy as np
from scipy import stats

rng = np.random.default_rng(52)
for n_a, n_b in ((5, 5), (5, 20), (30, 8), (30, 30)):
    ends = np.array([[tuple(gap_interval(a, n_a, b, n_b)) for b in range(n_b + 1)] for a in range(n_a + 1)], dtype=float)
    assert ((ends >= -1 - 1e-9) & (ends <= 1 + 1e-9)).all() and (ends[..., 0] <= ends[..., 1]).all(), "a difference of rates lies between -1 and 1, and low is not above high"
    widest = (ends[..., 1] - ends[..., 0]).max()
    covered = []
    for rate_a, rate_b in rng.uniform(0.03, 0.97, (40, 2)):
        chance = np.outer(stats.binom.pmf(range(n_a + 1), n_a, rate_a), stats.binom.pmf(range(n_b + 1), n_b, rate_b))
        covered.append(chance[(ends[..., 0] <= rate_a - rate_b) & (rate_a - rate_b <= ends[..., 1])].sum())
    assert np.mean(covered) >= 0.90, f"groups of {n_a} and {n_b}: your interval holds the true difference of hidden populations in {np.mean(covered):.0%} of the samples, at least 90 % are needed"
    assert widest <= 2.5 * np.sqrt(1 / n_a + 1 / n_b), f"groups of {n_a} and {n_b}: an interval of width {widest:.2f} says too little. Subtracting the ends of two intervals is too careful"
for case in ((0, 0, 4, 7), (4, 7, 0, 0), (0, 0, 0, 0)):
    try:
        got = tuple(map(float, gap_interval(*case)))
    except ZeroDivisionError:
        raise AssertionError(f"gap_interval{case} divides by 0: if a or b is empty, return (-1, 1)") from None
    assert got == (-1, 1), f"gap_interval{case}: if a or b is empty, expected (-1, 1), got {got}"
low, high = gap_interval(98, 136, 8, 21)
back = tuple(gap_interval(8, 21, 98, 136))
assert abs(low + back[1]) < 0.05 and abs(high + back[0]) < 0.05, "exchanging the groups should turn the interval round"
### END HIDDEN TESTS

# %% [markdown]
# ## Ten areas have a worst one, always
#
# We compared two areas *after* seeing that they are the extremes. Among ten areas somebody is always last. **Before running:** if all ten had the same true recall,
# how large would the gap between the best and the worst be, just by chance? Again we **simulate**, with the real numbers of large fires.

# %%
rng = np.random.default_rng(1)
positives = by_area["large fires"].to_numpy()
recalls = rng.binomial(positives, large["flagged"].mean(), (10_000, 10)) / positives
gaps = recalls.max(axis=1) - recalls.min(axis=1)
observed = by_area["of these flagged"] / by_area["large fires"]
observed_gap = observed.max() - observed.min()
figure, axes = plt.subplots()
axes.hist(gaps, bins=np.arange(0, 0.7, 0.025), weights=np.full(10_000, 1 / 100))
axes.axvline(observed_gap, color="C1", label="seen in the data")
axes.set(title="With equal service the gap would still be large", xlabel="best minus worst recall of ten areas", ylabel="simulated runs (%)")
axes.legend()
plt.show()
print(f"seen: {observed_gap:.2f}; simulated: median {np.median(gaps):.2f}; as large as seen in {(gaps >= observed_gap).mean():.1%} of the runs")
table = np.array([by_area["of these flagged"], by_area["large fires"] - by_area["of these flagged"]])
print(f"all ten areas together (chi-squared test of equal recall): p = {stats.chi2_contingency(table).pvalue:.1e}")

# %% [markdown]
# Best minus worst is a poor test when groups are small: with equal service the median gap would still be 0.25, and a gap as large as ours would come up in one run
# of six. A test that looks at **all** areas at once, each with the weight of its fires, is clear: recall differs between areas (p = 0.002). *That* it differs is as
# good as certain, *who* is last is not. In our table the areas with many large fires tend to be served better. Perhaps the model has more examples to learn from
# there; the table does not say. Harmed are people who live where a large fire is rare, and was not expected.
#
# ## People: who gets a place?
#
# Now the employment agency. Its model learned from the American Community Survey (US Census Bureau, public domain): people in Massachusetts, of whom we keep those
# aged 25 to 59 who do not live in an institution and are not on active military duty. Each stands in for a client. **Need** here means: no job in the week of the
# survey. That is a stand-in, not the truth, and we come back to it.
#
# The agency wanted to be fair, so it left out sex, race, nativity, citizenship, ancestry and every column on disability. We keep these columns for one purpose:
# **measuring**. Who does not know the groups cannot see who is overlooked. They are the answers that people gave about themselves in the survey (whose form offers
# two answers for sex); nothing is guessed. The model learns from 2015 and 2016 and is judged in 2018.

# %%
census = load_census()
keep = census["age"].between(25, 59) & (census["relationship"] != "Institution") & (census["military_service"] != "On active duty")
people = census[keep].assign(needs=lambda table: 1 - table["employed"])
used = ["age", "education", "marital_status", "relationship", "home_last_year", "military_service"]
protected = ["sex", "race", "nativity", "disability"]
coded = people[used + protected].astype({name: "category" for name in people[used + protected].select_dtypes("object")})

def score_in_2018(columns):
    """Train on 2015 and 2016 with some columns; return the scores of 2018: the chance to be in need."""
    early, late = people["year"] <= 2016, people["year"] == 2018
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(coded.loc[early, columns], people.loc[early, "needs"])
    return model.predict_proba(coded.loc[late, columns])[:, 1]

clients = people[people["year"] == 2018].assign(score=score_in_2018(used))
clients["offered"] = (clients["score"] >= clients["score"].quantile(0.8)).astype(int)
print(f"{len(clients)} people, {clients['needs'].mean():.1%} in need; AUC {roc_auc_score(clients['needs'], clients['score']):.3f}")
print(f"{clients.loc[clients['needs'] == 1, 'offered'].mean():.1%} of the people in need are offered a place")

# %% [markdown]
# Two errors are possible, and they hurt different people. Somebody in need who is **not offered** a place goes without help. Somebody with work who **is offered**
# one loses little, but takes a place from another, and may resent being labelled as a hard case. So recall is what clients in need feel, and we look at it first.
#
# **Before running:** a newspaper counts who sits in the courses. What will it write?

# %%
seats = clients.loc[clients["offered"] == 1, "race"].value_counts(normalize=True)
everyone = clients["race"].value_counts(normalize=True)
pd.DataFrame({"part of the places": seats, "part of the clients": everyone}).nlargest(4, "part of the places").round(3)

# %% [markdown]
# "72 % of the places go to White people!" True, and it says nothing about a preference: White people are 80 % of the clients. The **composition** of the selected
# mixes up how the agency chooses with who lives in Massachusetts. What the agency does is in the **selection rate**: of the people in a group, how many are offered
# a place?

# %% [markdown]
# ## Exercise 4: Share of the places, and chance of a place (2 points, about 12 minutes)
#
# Write `places_by_group(offered, group)`. Both are Series with the same index and one entry per person: `offered` is 1 or 0, `group` a label. At least one person is
# offered a place. It returns a DataFrame with one row per group (index: its label) and the columns
#
# - `share`: of all people offered a place, the part that belongs to the group,
# - `rate`: of all people in the group, the part that is offered a place,
# - `ratio`: the group's `rate` divided by the highest `rate` of all groups.
#
# A group without any place has zeros. The `ratio` belongs to the "four-fifths rule" of thumb from US hiring guidelines (1978): a ratio below 0.8 calls for an
# explanation.
#
# *By hand:* group a has 6 people and 3 places, group b has 2 people and 2 places. The shares are 0.6 and 0.4, the rates 0.5 and 1, the ratios 0.5 and 1.

# %% exercise="places"
def places_by_group(offered, group):
    """Compute who has the places, and who has a good chance of one.

    offered: Series of 1 and 0. group: Series of labels, same index.
    Returns a DataFrame, one row per group: share, rate, ratio.
    """
    ### BEGIN SOLUTION
    by_group = pd.Series(np.asarray(offered)).groupby(np.asarray(group))
    rate = by_group.mean()
    return pd.DataFrame({"share": by_group.sum() / np.sum(offered), "rate": rate, "ratio": rate / rate.max()})
    ### END SOLUTION

# %% free="places"
places_by_group(clients["offered"], clients["race"]).assign(n=clients["race"].value_counts()).sort_values("ratio").round(3)

# %% check="places" points=2
# Checks the example by hand, and a third group without a place.
got = places_by_group(pd.Series([1, 1, 1, 0, 0, 0, 1, 1, 0, 0]), pd.Series(list("aaaaaabbcc")))
assert isinstance(got, pd.DataFrame), f"places_by_group should return a DataFrame, it returned a {type(got).__name__}"
assert {"share", "rate", "ratio"} <= set(got.columns), f"the columns share, rate and ratio are expected, got {list(got.columns)}"
assert set(got.index) == set("abc"), f"every group should have a row, also c, which has no place; the index is {list(got.index)}"
for column, divides, expected in (("share", "all places", [0.6, 0.4, 0]), ("rate", "the people of the group", [0.5, 1, 0]), ("ratio", "the highest rate", [0.5, 1, 0])):
    values = got.loc[list("abc"), column].astype(float).tolist()
    assert np.allclose(values, expected), f"{column} of a, b, c should be {expected} (it divides by {divides}), got {values}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

rng = np.random.default_rng(6)
for labels in (["p", "q"], ["west", "east", "north", "south"], [1, 2, 3]):
    size = int(rng.integers(100, 300))
    group = pd.Series(rng.choice(labels, size, p=rng.dirichlet(np.full(len(labels), 5))), index=rng.permutation(size) + 5)
    chance = dict(zip(labels, rng.uniform(0.05, 0.6, len(labels))))
    offered = (pd.Series(rng.random(size), index=group.index) < group.map(chance)).astype(int)
    before = offered.copy(), group.copy()
    got = places_by_group(offered, group)
    assert offered.equals(before[0]) and group.equals(before[1]), "places_by_group changes what it was given"
    assert set(got.index) == set(labels), f"every group should have a row: expected {labels}, got {list(got.index)}"
    assert abs(got["share"].sum() - 1) < 1e-6, f"the shares of all groups make 1, yours make {got['share'].sum():.3f}"
    rates = {name: offered[group == name].mean() for name in labels}
    for name in labels:
        assert abs(got.loc[name, "rate"] - rates[name]) < 1e-6, "rate: of the people in the group, the part that is offered a place"
        assert abs(got.loc[name, "share"] - offered[group == name].sum() / offered.sum()) < 1e-6, "share: of the people offered a place, the part that belongs to the group"
        assert abs(got.loc[name, "ratio"] - rates[name] / max(rates.values())) < 1e-6, "ratio: the group's rate over the highest rate of all groups, so never above 1"
### END HIDDEN TESTS

# %% [markdown]
# ## The same with a tool
#
# **Fairlearn**'s `MetricFrame` takes any metric `f(y_true, y_pred)` apart by group. `by_group` holds the values, `difference()` the largest gap. **Before running:**
# the largest gap in recall, between which groups will it be?

# %%
frame = MetricFrame(
    metrics={"n": count, "in_need": lambda y_true, y_pred: y_true.sum(), "selection_rate": selection_rate, "recall": true_positive_rate},
    y_true=clients["needs"], y_pred=clients["offered"], sensitive_features=clients["race"],
)
print(frame.by_group.round(3).to_string())
print(f"\nlargest difference in recall: {frame.difference()['recall']:.2f}")

# %% [markdown]
# A difference of 1.00, the largest that there can be! It rests on a handful of people. There is one Alaska Native person in these data, who is not in need, and
# still the tool reports a recall of 0: a made-up number. And where one single person is in need, recall can only be 0 or 1. That these groups are small in *our*
# file makes the people in them no less important. It means that this file cannot tell how they are served, and that somebody should ask them.
#
# The ratios of Exercise 4 stand on the same ground. The highest selection rate, 0.5, is that of two people (American Indian or Alaska Native), so every `ratio` was
# measured against these two. A rule of thumb does not ask how many people stand behind a rate; you should.
#
# The first fault is mended here: what is unknown must not look like a number. The second, too few people, is what Exercise 6 is about.

# %% [markdown]
# ## Exercise 5: A MetricFrame that admits what it does not know (2 points, about 10 minutes)
#
# Write `service_frame(needs, offered, group)`. All three are Series with the same index: 1 or 0, 1 or 0, and a label. It returns a fairlearn `MetricFrame` with the
# metrics `n` (number of people), `selection_rate` and `recall`. The recall of a group in which **nobody is in need** is `NaN`, so that `difference()` passes over
# it. (Where people are in need and none is offered a place, recall is 0, and known.) All groups stay in `by_group`.
#
# *By hand:* needs `[1, 1, 1, 0]`, offered `[1, 0, 1, 0]`, group `[a, a, b, c]`: the recalls are 0.5, 1 and NaN, and the largest difference is 0.5.
#
# <details><summary>Hint</summary>A metric is any function of (y_true, y_pred). Write one for recall that returns <code>np.nan</code> if no y_true is 1.</details>

# %% exercise="service-frame"
def service_frame(needs, offered, group):
    """Measure the service per group with fairlearn.

    needs, offered: Series of 1 and 0. group: Series of labels, same index.
    Returns a MetricFrame with the metrics n, selection_rate, recall (NaN where unknown).
    """
    ### BEGIN SOLUTION
    def known_recall(y_true, y_pred):
        if not np.any(y_true):
            return np.nan
        return true_positive_rate(y_true, y_pred)

    return MetricFrame(
        metrics={"n": count, "selection_rate": selection_rate, "recall": known_recall},
        y_true=needs, y_pred=offered, sensitive_features=group,
    )
    ### END SOLUTION

# %% free="service-frame"
service_frame(clients["needs"], clients["offered"], clients["race"]).by_group.round(3)

# %% check="service-frame" points=2
# Checks the example by hand.
from fairlearn.metrics import MetricFrame

got = service_frame(pd.Series([1, 1, 1, 0]), pd.Series([1, 0, 1, 0]), pd.Series(list("aabc")))
assert isinstance(got, MetricFrame), f"service_frame should return a MetricFrame, it returned a {type(got).__name__}"
assert isinstance(got.by_group, pd.DataFrame), "give MetricFrame a dictionary of metrics: name -> function"
assert {"n", "selection_rate", "recall"} <= set(got.by_group.columns), f"the metrics n, selection_rate and recall are expected, got {list(got.by_group.columns)}"
assert set(got.by_group.index) == set("abc"), f"all three groups should stay in by_group, it has {list(got.by_group.index)}"
recalls = got.by_group["recall"].astype(float)
assert abs(recalls["a"] - 0.5) < 1e-6, f"1 of the 2 people in need in a is offered a place, your recall is {recalls['a']}"
assert pd.isna(recalls["c"]), f"nobody in c is in need, so its recall is unknown (NaN), not {recalls['c']}"
assert abs(got.difference()["recall"] - 0.5) < 1e-6, f"the largest difference in recall is 0.5, yours is {got.difference()['recall']}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame

rng = np.random.default_rng(29)
for empty in ("red", "grey"):
    size = 300
    index = rng.permutation(size)
    group = pd.Series(rng.choice(["red", "blue", "grey", "teal"], size), index=index)
    needs = (pd.Series(rng.random(size), index=index) < 0.4).astype(int).mask(group == empty, 0)
    offered = (pd.Series(rng.random(size), index=index) < 0.35).astype(int)
    offered = offered.mask((group == "blue") & (needs == 1), 0)  # recall 0, and known
    got = service_frame(needs, offered, group)
    assert isinstance(got, MetricFrame), "service_frame should return a MetricFrame"
    assert set(got.by_group.index) == set(group), f"all groups should stay in by_group, it has {list(got.by_group.index)}"
    for name in group.unique():
        mine = group == name
        row = got.by_group.loc[name]
        assert row["n"] == mine.sum(), f"n should be the number of people in the group, {mine.sum()}, got {row['n']}"
        assert abs(row["selection_rate"] - offered[mine].mean()) < 1e-6, "selection_rate: of the people in the group, the part that is offered a place"
        if name == empty:
            assert pd.isna(row["recall"]), f"a group in which nobody is in need has recall NaN, got {row['recall']}"
        else:
            assert abs(row["recall"] - offered[mine & (needs == 1)].mean()) < 1e-6, f"recall: of the people in need in the group, the part that is offered a place, 0 if nobody is; got {row['recall']}"
    rest = [offered[(group == name) & (needs == 1)].mean() for name in group.unique() if name != empty]
    assert abs(got.difference()["recall"] - (max(rest) - min(rest))) < 1e-6, "difference() should compare the groups whose recall is known"
    assert abs(got.overall["recall"] - offered[needs == 1].mean()) < 1e-6, "the overall recall counts all people in need"
### END HIDDEN TESTS

# %% [markdown]
# ## Nobody is only one thing
#
# Groups overlap. A model can serve women and men alike, and people of each race alike, and still fail the women of one race. So we look at the **intersections**,
# and pay for it: every cut makes the groups smaller.

# %%
need = clients[clients["needs"] == 1]
cells = need.groupby(["sex", "race", "disability"]).size()
print(f"{len(need)} people in need, in {len(cells)} intersections of sex, race and disability")
print(f"{(cells < 10).sum()} of these have fewer than 10 people in need, {(cells == 1).sum()} have one")

# %% [markdown]
# A worst cell with one person has recall 0 or 1. It would lead every list. So we ask for a minimum number of people **in need** in the cell: those are the ones
# recall divides by.

# %% [markdown]
# ## Exercise 6: The intersection that is served worst (2 points, about 11 minutes)
#
# Write `worst_cell(needs, offered, traits, minimum)`. `needs` and `offered` are Series of 1 and 0; `traits` is a DataFrame with the same index and one or more
# columns of text. A *cell* is a combination of values that occurs in the rows of `traits`. Among the cells with at least `minimum` people **in need**, find the one
# with the lowest recall, and return a tuple `(cell, recall, in_need)`:
#
# - `cell`: a tuple with the value of each column, in the order of the columns (also for a single column),
# - `recall`: the share of its people in need who are offered a place,
# - `in_need`: the number of its people in need.
#
# If no cell has enough people in need, return `None`. If two cells are equally bad, either is right.
#
# *By hand:* of 40 young women in need 10 are offered a place, of 5 old men none: with a minimum of 20 the answer is `(("female", "young"), 0.25, 40)`.
#
# <details><summary>Hint</summary>Only people in need matter here, so drop the others first. <code>groupby</code> takes a list of column names. What is the label of a group if there is a single column: a tuple, or the text itself? It depends on how you ask; print it.</details>

# %% exercise="worst-cell"
def worst_cell(needs, offered, traits, minimum):
    """Find the intersection with the lowest recall.

    needs, offered: Series of 1 and 0. traits: DataFrame of text, same index.
    minimum: how many people in need a cell must have. Returns (cell, recall, in_need) or None.
    """
    ### BEGIN SOLUTION
    in_need = needs == 1
    columns = list(traits.columns)
    cells = offered[in_need].groupby([traits.loc[in_need, column] for column in columns]).agg(["mean", "size"])
    cells = cells[cells["size"] >= minimum]
    if cells.empty:
        return None
    label = cells["mean"].idxmin()
    cell = label if len(columns) > 1 else (label,)
    return cell, cells.loc[label, "mean"], int(cells.loc[label, "size"])
    ### END SOLUTION

# %% free="worst-cell"
worst_cell(clients["needs"], clients["offered"], clients[["sex", "race", "disability"]], minimum=30)

# %% check="worst-cell" points=2
# Checks a small worst cell that must be passed over, the case that no cell is large enough, and a single column.
rows = [("f", "young", 1, 1)] * 10 + [("f", "young", 1, 0)] * 30 + [("f", "old", 1, 1)] * 25 + [("m", "young", 1, 1)] * 20 + [("m", "young", 1, 0)] * 20
rows += [("m", "old", 1, 0)] * 5 + [("m", "old", 0, 0)] * 60
example = pd.DataFrame(rows, columns=["sex", "age", "needs", "offered"])
got = worst_cell(example["needs"], example["offered"], example[["sex", "age"]], 20)
assert isinstance(got, tuple) and len(got) == 3, f"worst_cell should return (cell, recall, in_need), it returned {got!r}"
assert got[0] != ("m", "old"), "the cell (m, old) has 65 people, but only 5 in need: the minimum is about those in need"
assert tuple(got[0]) == ("f", "young"), f"expected the cell ('f', 'young'), got {got[0]}"
assert abs(got[1] - 0.25) < 1e-6 and got[2] == 40, f"10 of its 40 people in need are offered a place: expected recall 0.25 and 40, got {got[1]} and {got[2]}"
assert worst_cell(example["needs"], example["offered"], example[["sex", "age"]], 100) is None, "no cell has 100 people in need: return None"
try:
    got = worst_cell(example["needs"], example["offered"], example[["sex"]], 20)
except (IndexError, KeyError, ValueError) as problem:
    raise AssertionError(f"traits may have one column or more. With the column sex alone your function stops: {type(problem).__name__}: {problem}") from None
assert isinstance(got, tuple) and len(got) == 3 and got[0] == ("m",), f"with the column sex alone the cell is a tuple with one value, ('m',), got {got!r}"
assert abs(got[1] - 20 / 45) < 1e-6 and got[2] == 45, f"20 of the 45 men in need are offered a place, got {got[1]} and {got[2]}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

rng = np.random.default_rng(61)
for seed in range(6):
    size, wanted = 900, int(rng.integers(10, 30))
    traits = pd.DataFrame({"team": rng.choice(["A", "B", "C", "D"], size, p=[0.5, 0.3, 0.17, 0.03]), "shift": rng.choice(["day", "night"], size), "site": rng.choice(["x", "y", "z"], size, p=[0.6, 0.3, 0.1])}, index=rng.permutation(size))
    traits = traits[["team", "shift", "site"][: 1 + seed % 3]]
    needs = pd.Series((rng.random(size) < 0.4).astype(int), index=traits.index)
    offered = pd.Series((rng.random(size) < 0.4).astype(int), index=traits.index)
    best = None
    for cell in set(traits.itertuples(index=False, name=None)):
        mine = (traits == list(cell)).all(axis=1) & (needs == 1)
        if mine.sum() >= wanted and (best is None or offered[mine].mean() < best):
            best = offered[mine].mean()
    before = needs.copy(), offered.copy(), traits.copy()
    got = worst_cell(needs, offered, traits, wanted)
    assert needs.equals(before[0]) and offered.equals(before[1]) and traits.equals(before[2]), "worst_cell changes what it was given"
    assert isinstance(got, tuple) and len(got) == 3, f"expected (cell, recall, in_need), got {got!r}"
    assert isinstance(got[0], tuple) and len(got[0]) == traits.shape[1], f"the cell should be a tuple with one value for each of the {traits.shape[1]} columns, got {got[0]!r}"
    mine = (traits == list(got[0])).all(axis=1) & (needs == 1)
    assert mine.sum() >= wanted, f"the cell {got[0]} has {mine.sum()} people in need, the minimum is {wanted}"
    assert abs(got[1] - offered[mine].mean()) < 1e-6 and got[2] == mine.sum(), "recall and in_need should be those of the cell"
    assert got[1] <= best + 1e-9, f"another cell with enough people in need is served worse: recall {best:.3f}, yours has {got[1]:.3f}. Look at all combinations of the columns"
team = pd.DataFrame({"team": ["A"] * 30 + ["B"] * 12})
needs, offered = pd.Series([1] * 42), pd.Series([1, 0] * 15 + [0] * 12)
for wanted in (8, 12):
    got = worst_cell(needs, offered, team, wanted)
    assert got is not None and got[0] == ("B",), f"of the 12 people in need in a cell none is offered a place, recall 0: with a minimum of {wanted} (at least) this is the worst, got {got!r}"
### END HIDDEN TESTS

# %% [markdown]
# ## Leaving the column out
#
# The agency left the protected columns out: "our model is blind, so it cannot discriminate." For comparison only, we train the same model **with** sex, race,
# nativity and disability. **Before running:** whom does the blind model serve better, whom worse?

# %%
clients["score_full"] = score_in_2018(used + protected)
clients["offered_full"] = (clients["score_full"] >= clients["score_full"].quantile(0.8)).astype(int)
rows = {}
for column, members in {"sex": ["Female", "Male"], "disability": ["no", "yes"], "race": ["Asian", "Black", "White"], "nativity": ["Foreign born", "Native"]}.items():
    for member in members:
        mine = clients[(clients[column] == member) & (clients["needs"] == 1)]
        rows[f"{column}: {member}"] = mine[["offered", "offered_full"]].mean()
recall = pd.DataFrame(rows).T.set_axis(["blind", "with the columns"], axis=1)
figure, axes = plt.subplots()
axes.hlines(recall.index, recall.min(axis=1), recall.max(axis=1), color="grey", linewidth=1)
for name, marker in zip(recall, "os"):
    axes.plot(recall[name], recall.index, marker, label=name)
axes.set(title="The blind model overlooks women and people with a disability more often", xlabel="recall: share of the people in need who are offered a place", xlim=(0, 1))
axes.invert_yaxis()
axes.legend()
plt.show()
print(recall.round(3).to_string())
boot = np.random.default_rng(3)
women, men = (clients[(clients["sex"] == sex) & (clients["needs"] == 1)]["offered"] for sex in ("Female", "Male"))
redrawn = boot.binomial(len(men), men.mean(), 5000) / len(men) - boot.binomial(len(women), women.mean(), 5000) / len(women)
low, high = np.quantile(redrawn, [0.025, 0.975])
print(f"\nblind model, recall of men minus women: {men.mean() - women.mean():.2f}, 95 % bootstrap interval {low:.2f} to {high:.2f}")
print(f"in need: {clients.loc[clients['disability'] == 'yes', 'needs'].mean():.0%} of the people with a disability, {clients['needs'].mean():.0%} of all")

# %% [markdown]
# Being blind did not make the service equal, it opened a gap: the recall of women in need fell from 0.47 to 0.33, that of men stayed at 0.50. The interval for that
# gap (0.12 to 0.22) is far from 0. It is a **bootstrap**: people in need are drawn again and again, as many as there are, from those that we have, and each time
# the gap is computed anew. With hundreds of people on each side that is good enough, and your `gap_interval` says nearly the same; try it in a cell of your own.
# People with a disability, of whom 60 % are in need, were hit hardest: their recall fell from 0.98 to 0.62. A model that may not know who you are treats you like
# the average of those who look like you on paper. Whether an agency **may** use such columns is a legal question, whether it should is one for the people
# concerned; "we removed the column" answers neither. And the information is not all gone: other columns carry a part of it. How large a part?

# %% [markdown]
# ## Exercise 7: How much do the other columns know? (2 points, about 11 minutes)
#
# Write `proxy_strength(features, member)`. `features` is a DataFrame with numbers and text (nothing missing), `member` a Series of 1 and 0 with the same index: who
# belongs to the group. Train any model to predict `member` from `features`, and return its AUC **on rows that it was not trained on**, a number between 0 and 1.
#
# Graded on hidden tables of 3,000 people, text with up to 150 different values: if the columns know nothing, the result must lie between 0.40 and 0.60; if they
# know a lot, it may be at most 0.08 below what the best possible model reaches. The group may be small (one person in eight).
#
# <details><summary>Hint</summary><code>pd.get_dummies</code> turns text into columns of 0 and 1. <code>cross_val_predict(model, X, y, cv=5, method="predict_proba")</code> predicts each row with a model that has not seen it. A small model is enough, and quick: <code>LogisticRegression(max_iter=1000)</code>, or boosting with 40 rounds.</details>

# %% exercise="proxy-strength"
def proxy_strength(features, member):
    """Measure how well some columns tell who belongs to a group.

    features: DataFrame of numbers and text. member: Series of 1 and 0, same index.
    Returns the AUC on rows that the model has not seen: 0.5 means that the columns know nothing.
    """
    ### BEGIN SOLUTION
    inputs = features.astype({name: "category" for name in features.select_dtypes("object")})
    model = HistGradientBoostingClassifier(max_iter=40, max_depth=3, random_state=0)
    scores = cross_val_predict(model, inputs, member, cv=5, method="predict_proba")
    return roc_auc_score(member, scores[:, 1])
    ### END SOLUTION

# %% free="proxy-strength"
sample = clients.sample(3000, random_state=0)
for column, member in {"sex": "Female", "disability": "yes", "race": "Black", "nativity": "Foreign born"}.items():
    print(f"{member:13} {proxy_strength(sample[used], (sample[column] == member).astype(int)):.2f}")

# %% check="proxy-strength" points=2
# Checks one table of columns that know nothing, and one whose columns know a lot.
rng = np.random.default_rng(4)
member = pd.Series((rng.random(2000) < 0.2).astype(int))
noise = pd.DataFrame({"age": rng.integers(25, 60, 2000), "street": rng.choice([f"street {i}" for i in range(30)], 2000), "income": rng.normal(size=2000)})
got = proxy_strength(noise, member)
assert np.isscalar(got) and np.isreal(got), f"proxy_strength should return one number, it returned a {type(got).__name__}"
assert 0 <= got <= 1, f"an AUC lies between 0 and 1, got {got}"
assert got <= 0.6, f"these columns know nothing about the group, so about 0.5 is expected, got {got:.2f}. Judge on rows that the model has not seen, and with AUC: accuracy is high for every small group"
assert got >= 0.4, f"these columns know nothing about the group, so about 0.5 is expected, got {got:.2f}"
telling = noise.assign(income=noise["income"] + member, street=noise["street"].where(rng.random(2000) < 0.5, member.map({0: "street 1", 1: "street 2"})))
got = proxy_strength(telling, member)
assert got >= 0.4, f"an AUC well below 0.5, {got:.2f}, is as telling as one above, and turned round: are these the probabilities of class 0? Belonging is 1"
assert got >= 0.84, f"street and income together tell the group well (AUC 0.92 is possible), got {got:.2f}. Use all columns, text too, and the model's probabilities, not its yes or no"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

rng = np.random.default_rng(71)
for part, strength, streets in ((0.12, 0, 150), (0.4, 0, 15), (0.12, 1, 0), (0.5, 1, 0)):
    size = 3000
    table = pd.DataFrame({"hours": rng.normal(40, 8, size), "trade": rng.choice(list("abcdefghijklmnopqrst"), size), "way": rng.exponential(10, size), "contract": rng.choice(["fixed", "open"], size)}, index=rng.permutation(size) + 7)
    effect = dict(zip("abcdefghijklmnopqrst", rng.normal(0, 1.5, 20)))
    log_odds = strength * (table["trade"].map(effect) + (table["hours"] - 40) / 5 + 1.2 * (table["contract"] == "open"))
    log_odds += np.log(part / (1 - part)) - 0.6 * strength
    member = (rng.random(size) < 1 / (1 + np.exp(-log_odds))).astype(int)
    if streets:
        table["street"] = rng.choice([f"street {number}" for number in range(streets)], size)
    before = table.copy()
    got = proxy_strength(table, member)
    assert table.equals(before), "proxy_strength changes the table it was given: work on a copy"
    if strength:
        best = roc_auc_score(member, log_odds)
        assert got >= best - 0.08, f"the best possible model reaches {best:.2f} on this fresh table, you report {got:.2f}: use all columns, text and numbers, and the model's probabilities"
        assert got <= best + 0.06, f"the best possible model reaches {best:.2f} on this fresh table, you report {got:.2f}: judge on rows that the model has not seen"
    else:
        assert 0.40 <= got <= 0.60, f"a fresh table of columns that know nothing ({part:.0%} in the group): expected about 0.5, you report {got:.2f}. Judge with AUC, on rows that were used for nothing before, not for coding text either"
### END HIDDEN TESTS

# %% [markdown]
# ## What the label does not say
#
# So far "in need" meant "no job in that week". But the label joins people who look for work with students, carers, people who are ill, and those who have retired
# early. **Before running:** for which people without a job is the label furthest from a wish for coaching?

# %%
jobless = clients[clients["needs"] == 1]
summary = jobless.groupby("sex").agg(people=("needs", "size"), married=("marital_status", lambda values: (values == "Married").mean()))
summary["recall if married"] = jobless[jobless["marital_status"] == "Married"].groupby("sex")["offered"].mean()
summary["recall if not"] = jobless[jobless["marital_status"] != "Married"].groupby("sex")["offered"].mean()
summary.round(2)

# %% [markdown]
# 60 % of the women without a job are married, and of these the model finds one in six. Do they want a place? Some care for children and do not; some would work
# tomorrow if there were child care. The column cannot tell, and **no metric that is computed from it can**. The opposite happens too: somebody with a few hours of
# work a week counts as employed and may need the place more than anybody. Where a label misses need more often in one group than in another, a model can look
# perfectly fair on paper. Construct such a case. It is a simulated world, so you may know what no file records: the need itself.

# %% [markdown]
# ## Exercise 8: Construct a world that is fair on paper only (2 points, about 11 minutes)
#
# Write `fair_on_paper()`. It returns a DataFrame with one row per invented person and the columns `office` (`"North"` or `"South"`), `needs` (1 if the person truly
# needs a place), `recorded` (1 if the file says so) and `offered` (1 if offered a place), such that
#
# - there are at least 100 people in each office, at least 30 of them truly in need,
# - `recorded` is wrong for at most 30 % of the people in each office,
# - measured on `recorded`, the recall of the two offices differs by **at most 0.02**: fair on paper,
# - measured on `needs`, it differs by **at least 0.20**.
#
# <details><summary>Hint</summary>Let the model offer a place to everyone who is recorded as in need. What is its recall on paper? Now let one office forget to record some people.</details>

# %% exercise="fair-on-paper"
def fair_on_paper():
    """Return a DataFrame (office, needs, recorded, offered) that looks fair and is not."""
    ### BEGIN SOLUTION
    north = pd.DataFrame({"office": "North", "needs": [1] * 50 + [0] * 50, "recorded": [1] * 50 + [0] * 50})
    south = pd.DataFrame({"office": "South", "needs": [1] * 50 + [0] * 50, "recorded": [1] * 30 + [0] * 70})
    return pd.concat([north, south], ignore_index=True).assign(offered=lambda table: table["recorded"])
    ### END SOLUTION

# %% free="fair-on-paper"
fair_on_paper().groupby(["office", "needs", "recorded", "offered"]).size()

# %% check="fair-on-paper" points=2
# Checks the properties above. There are no further tests for this exercise.
import pandas as pd

world = fair_on_paper()
assert isinstance(world, pd.DataFrame) and {"office", "needs", "recorded", "offered"} <= set(world.columns), "return a DataFrame with the columns office, needs, recorded and offered"
assert set(world["office"]) == {"North", "South"}, f"the offices should be North and South, they are {sorted(map(str, set(world['office'])))}"
assert world[["needs", "recorded", "offered"]].isin([0, 1]).all(axis=None), "needs, recorded and offered should be 1 or 0 for every person"
on_paper, truly = {}, {}
for office, members in world.groupby("office"):
    assert len(members) >= 100, f"{office} has {len(members)} people, at least 100 are needed"
    assert members["needs"].sum() >= 30, f"{office} has {members['needs'].sum()} people truly in need, at least 30 are needed"
    wrong = (members["needs"] != members["recorded"]).mean()
    assert wrong <= 0.30, f"{office}: the record is wrong for {wrong:.0%} of the people, at most 30 % are allowed"
    assert members["recorded"].any(), f"{office}: nobody is recorded as in need, so there is no recall on paper"
    on_paper[office] = members.loc[members["recorded"] == 1, "offered"].mean()
    truly[office] = members.loc[members["needs"] == 1, "offered"].mean()
paper_gap, true_gap = abs(on_paper["North"] - on_paper["South"]), abs(truly["North"] - truly["South"])
assert paper_gap <= 0.02, f"on paper the recalls are {on_paper['North']:.2f} and {on_paper['South']:.2f}: they may differ by at most 0.02. Divide by the recorded ones, not by everyone"
assert true_gap >= 0.20, f"measured on true need, the recalls are {truly['North']:.2f} and {truly['South']:.2f}: they should differ by at least 0.20. Where does the record miss people in need?"

# %% [markdown]
# ## Criteria that cannot all be met
#
# Which rate should be equal? Equal **selection rates** give each group the same chance of a place. Equal **recall** gives each person in need the same chance. Equal
# **false positive rates** burden those without need alike. Equal **precision** (of those offered a place, how many are in need?) makes an offer mean the same in
# each group. All four sound right. Let π be the *base rate*, the share of a group that is in need. Then
#
# selection rate = π · recall + (1 − π) · false positive rate, and precision = π · recall / selection rate.
#
# **Before running:** two groups have the same recall and the same false positive rate, but different base rates. What happens to the other two?

# %%
recall_of_all, false_positives_of_all = 0.6, 0.2
for base_rate in (0.15, 0.60):  # about that of people without and with a disability in our data
    selected = base_rate * recall_of_all + (1 - base_rate) * false_positives_of_all
    print(f"base rate {base_rate:.2f}: selection rate {selected:.2f}, precision {base_rate * recall_of_all / selected:.2f}")

# %% [markdown]
# Both must differ: no model can help it, as long as it is useful (recall above the false positive rate) and not perfect. Kleinberg and others, and Chouldechova,
# proved versions of this in 2016, in the quarrel over a score for defendants in which one side had measured error rates and the other precision. Both were right.
# Which combinations *can* hold together?

# %% [markdown]
# ## Exercise 9: What can hold together? (2 points, about 12 minutes)
#
# Write `feasible(base_rates, criteria)`. `base_rates` is a dict from group (two or more) to its base rate, strictly between 0 and 1. `criteria` is a list with some
# of `"selection_rate"`, `"recall"`, `"false_positive_rate"` and `"precision"`, each at most once. It returns `True` if a model can have all of these equal in all
# groups, and `False` if none can. Only models count that are useful and not perfect: in each group 0 < false positive rate < recall < 1. Base rates that differ by
# less than 0.000001 count as equal.
#
# *By hand:* with the base rates 0.15 and 0.60, `["recall", "false_positive_rate"]` is feasible; adding `"precision"` makes it infeasible, as you have just seen.
#
# <details><summary>Hint</summary>Take one pair or triple at a time. Give each of its criteria a value that is to hold in all groups, put these into the two equations, and solve for what is left. Can base rates that differ give a solution? If in doubt, let the computer search.</details>

# %% exercise="feasible"
def feasible(base_rates, criteria):
    """Decide whether a useful, imperfect model can meet all criteria at once.

    base_rates: dict, group -> share in need. criteria: list of rates that are to be equal.
    Returns True or False.
    """
    ### BEGIN SOLUTION
    # Any three of the four rates determine the base rate, so they can only be equal if it is equal.
    # With two, each group still has a recall and a false positive rate that fit.
    same_base_rate = max(base_rates.values()) - min(base_rates.values()) < 1e-6
    return same_base_rate or len(criteria) <= 2
    ### END SOLUTION

# %% free="feasible"
base_rates = clients.groupby("disability")["needs"].mean().to_dict()
print({group: round(rate, 2) for group, rate in base_rates.items()})
for criteria in (["recall"], ["selection_rate", "recall"], ["recall", "false_positive_rate", "precision"]):
    print(criteria, feasible(base_rates, criteria))

# %% check="feasible" points=2
# Checks single criteria, some pairs and triples, and base rates that are equal or nearly so.
unequal, equal = {"a": 0.15, "b": 0.60}, {"a": 0.3, "b": 0.3, "c": 0.3}
every = ["selection_rate", "recall", "false_positive_rate", "precision"]
got = feasible(unequal, ["recall", "false_positive_rate"])
assert isinstance(got, (bool, np.bool_)), f"feasible should return True or False, it returned {got!r}"
assert got, "equal recall and equal false positive rates: choose both alike in each group, whatever the base rates"
for one in every:
    assert feasible(unequal, [one]), f"equal {one} alone can always be reached"
assert not feasible(unequal, ["recall", "false_positive_rate", "precision"]), "with unequal base rates, equal recall and false positive rates make precision differ (see the output above)"
for pair in (["selection_rate", "recall"], ["precision", "recall"], ["selection_rate", "precision"]):
    assert feasible(unequal, pair), f"unequal base rates: {pair} can hold together. Fix their values, then solve for recall and false positive rate in each group"
for triple in (["selection_rate", "recall", "false_positive_rate"], ["selection_rate", "recall", "precision"]):
    assert not feasible(unequal, triple), f"unequal base rates: {triple} cannot hold together. Solve them for the base rate"
assert feasible(equal, every), "with equal base rates the same model behaviour in all groups makes all four equal"
assert not feasible({"a": 0.3, "b": 0.3, "c": 0.5}, every), "a and b agree, c does not: look at all groups"
assert feasible({"a": 0.1 + 0.2, "b": 0.3}, every), "0.1 + 0.2 and 0.3 are equal but for rounding"
assert not feasible({"a": 0.300, "b": 0.302}, every), "base rates of 0.300 and 0.302 are not equal, so all four criteria cannot hold exactly"
### BEGIN HIDDEN TESTS
from itertools import combinations

import numpy as np

names = ["selection_rate", "recall", "false_positive_rate", "precision"]
rng = np.random.default_rng(9)
for groups in (2, 3, 5):
    rates = {f"g{i}": float(rate) for i, rate in enumerate(np.sort(rng.uniform(0.05, 0.9, groups)))}
    shared = dict.fromkeys(rates, 0.37)
    for number in (1, 2, 3, 4):
        for wanted in combinations(names, number):
            wanted = [str(name) for name in rng.permutation(list(wanted))]
            assert feasible(shared, list(wanted)), f"equal base rates: {wanted} can hold together"
            got = feasible(rates, list(wanted))
            if number <= 2:
                assert got, f"unequal base rates: {wanted} can hold together. Fix their values, then solve for recall and false positive rate in each group"
            else:
                assert not got, f"unequal base rates: {wanted} cannot hold together. Solve them for the base rate"
assert not feasible({"a": 0.4000, "b": 0.4001}, names), "base rates of 0.4000 and 0.4001 are not equal, so all four criteria cannot hold exactly"
assert feasible({"a": 0.7, "b": 0.8 - 0.1, "c": 0.7}, names), "0.7 and 0.8 - 0.1 are equal but for rounding"
assert not feasible({"a": 0.2, "b": 0.2, "c": 0.5, "d": 0.5}, names), "a and b agree, c and d agree, all four do not: look at all groups"
### END HIDDEN TESTS

# %% [markdown]
# ## Choosing one: the same chance for everyone in need
#
# The agency decides (people do, not the mathematics): every **person in need** shall have the same chance of a place, whatever the group, and the number of places
# stays. The scores stay too; each group gets its own threshold. First, what a shared threshold does, and what equal selection rates would do.

# %%
top_fifth_each = clients.groupby("sex")["score"].rank(pct=True) > 0.8  # equal selection rates
for sex, members in clients.groupby("sex"):
    needy = members[members["needs"] == 1]
    print(f"{sex:6} base rate {members['needs'].mean():.2f}, selection rate {members['offered'].mean():.2f}, recall {needy['offered'].mean():.2f}; "
          f"recall with equal selection rates {top_fifth_each[needy.index].mean():.2f}")

# %% [markdown]
# Women are in need more often and are offered a place *less* often. Equal selection rates move in the right direction, but not far enough. To make recall
# equal, find the thresholds on one data set, **judge them on another**: thresholds that were tuned on the test set look fair there by construction.

# %% [markdown]
# ## Exercise 10: Thresholds for equal recall within the budget (4 points, about 16 minutes)
#
# Write `thresholds(scores, needs, group, places)`. The first three are Series with the same index and one entry per person of a **tuning** set: numbers, 1 or 0,
# and labels. `places` is a fraction, not a count: 0.2 means that a fifth of all people, of all groups together, can be offered a place. It returns a dict from
# group to threshold. A person will be offered a place if the score is at least the threshold of the person's group.
#
# Graded on **fresh** people from the same hidden populations (three groups of unequal size, about 30,000 people for tuning):
#
# - the recalls of any two groups differ by at most 0.06,
# - the part of all people who are offered a place is at most `places` + 0.015,
# - of all people in need at least 95 % as many are reached as by the best thresholds for equal recall within the budget.
#
# <details><summary>Hint</summary>Suppose the common recall is to be r. Then a group's threshold is the (1 − r) quantile of the scores of its people in need. The larger r, the more places are used. Search for the largest r that stays within the budget (a loop over 200 values of r, or halving the interval).</details>

# %% exercise="thresholds"
def thresholds(scores, needs, group, places):
    """Choose a threshold per group: equal recall, within the budget.

    scores: Series of numbers. needs: Series of 1 and 0. group: Series of labels, same index.
    places: fraction of all people who can be offered a place. Returns a dict, group -> threshold.
    """
    ### BEGIN SOLUTION
    scores, needs, group = np.asarray(scores), np.asarray(needs), np.asarray(group)
    everyone = {name: scores[group == name] for name in np.unique(group)}
    in_need = {name: scores[(group == name) & (needs == 1)] for name in everyone}

    def for_recall(recall):
        return {name: np.quantile(some, 1 - recall) for name, some in in_need.items()}

    def places_used(cuts):
        return sum((everyone[name] >= cut).sum() for name, cut in cuts.items()) / len(scores)

    low, high = 0.0, 1.0  # the common recall lies between
    for _ in range(30):
        middle = (low + high) / 2
        if places_used(for_recall(middle)) <= places:
            low = middle
        else:
            high = middle
    return for_recall(low)
    ### END SOLUTION

# %% [markdown]
# Try it: tune on 2017, judge in 2018. How much recall do the two groups have now, and what did it cost in total?

# %% free="thresholds"
early = people["year"] <= 2016
model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(coded.loc[early, used], people.loc[early, "needs"])
tuning = people[people["year"] == 2017]
cuts = thresholds(model.predict_proba(coded.loc[tuning.index, used])[:, 1], tuning["needs"], tuning["sex"], places=0.2)
offered_equal = (clients["score"] >= clients["sex"].map(cuts)).astype(int)
print({sex: round(float(cut), 3) for sex, cut in cuts.items()})
for name, decision in {"one threshold": clients["offered"], "equal recall": offered_equal}.items():
    recalls = decision[clients["needs"] == 1].groupby(clients["sex"]).mean().round(3).to_dict()
    print(f"{name:14} places used {decision.mean():.3f}, people in need reached {decision[clients['needs'] == 1].mean():.3f}, recall {recalls}")

# %% check="thresholds" points=4
# Checks a simulated population of three offices: tuned on one sample, judged on another.
from mlelabs.populations import scored

offices = {"A": (0.2, -1.0, 1.2), "B": (0.45, 0.2, 1.5), "C": (0.3, -0.4, 0.8)}
tuned, fresh = scored(offices, 30_000, seed=1), scored(offices, 60_000, seed=2)
cuts = thresholds(tuned["score"], tuned["needs"], tuned["office"], 0.25)
assert isinstance(cuts, (dict, pd.Series)), f"thresholds should return a dict, group -> threshold, it returned a {type(cuts).__name__}"
assert set(dict(cuts)) == {"A", "B", "C"}, f"expected a threshold for A, B and C, got {list(dict(cuts))}"
offered = fresh["score"] >= fresh["office"].map(dict(cuts)).astype(float)
used_places = offered.mean()
recalls = offered[fresh["needs"] == 1].groupby(fresh["office"]).mean()
assert used_places <= 0.265, f"on fresh people {used_places:.1%} are offered a place, there are places for 25 % (26.5 % are tolerated)"
assert recalls.max() - recalls.min() <= 0.06, f"on fresh people the recalls are {recalls.round(2).to_dict()}: they may differ by at most 0.06. Recall is about the people in need of each group"
reached = offered[fresh["needs"] == 1].mean()
assert used_places >= 0.05, f"only {used_places:.1%} of all are offered a place, there are places for 25 %: use all places. To reach a part r of those in need, a threshold must leave 1 - r of them below"
assert reached >= 0.465, f"only {reached:.1%} of the people in need are reached, about 49 % is possible: use all places"
### BEGIN HIDDEN TESTS
import numpy as np
from mlelabs.populations import scored

for number, (offices, places_) in enumerate([
    ({"north": (0.15, -1.5, 1.5), "south": (0.5, 0.5, 1.2), "west": (0.3, 0.0, 1.8)}, 0.2),
    ({1: (0.6, 0.0, 1.0), 2: (0.25, 0.0, 1.0), 3: (0.4, -2.0, 2.0)}, 0.35),
]):
    tuned_, fresh_ = scored(offices, 60_000, seed=810 + number), scored(offices, 100_000, seed=820 + number)
    thin = dict(zip(offices, ([0.2, 1, 0.3], [1, 0.2, 0.3])[number]))  # groups of unequal size
    tuned_, fresh_ = (rows[np.random.default_rng(number).random(len(rows)) < rows["office"].map(thin)] for rows in (tuned_, fresh_))
    before = tuned_.copy()
    cuts_ = dict(thresholds(tuned_["score"], tuned_["needs"], tuned_["office"], places_))
    assert tuned_.equals(before), "thresholds changes what it was given"
    assert set(cuts_) == set(offices), f"expected a threshold for each group, {list(offices)}, got {list(cuts_)}"
    offered_ = fresh_["score"] >= fresh_["office"].map(cuts_).astype(float)
    in_need = fresh_["needs"] == 1
    recalls_ = offered_[in_need].groupby(fresh_["office"]).mean()
    assert offered_.mean() <= places_ + 0.015, f"on fresh people {offered_.mean():.1%} are offered a place, there are places for {places_:.0%}"
    gap = recalls_.max() - recalls_.min()
    assert gap <= 0.06, f"on fresh people of a hidden population the recalls of three groups differ by {gap:.2f}, at most 0.06 is allowed"
    common, taken = np.linspace(0.01, 0.99, 99), np.zeros(99)  # the oracle knows the fresh people
    for _, rows in fresh_.groupby("office"):
        at_least = np.quantile(rows.loc[rows["needs"] == 1, "score"], 1 - common)
        taken += len(rows) - np.searchsorted(np.sort(rows["score"]), at_least)
    best = common[taken <= places_ * len(fresh_)].max()
    assert offered_[in_need].mean() >= 0.95 * best, f"{offered_[in_need].mean():.1%} of the people in need are reached, {best:.0%} is possible with equal recall: use all places"
### END HIDDEN TESTS

# %% [markdown]
# ## The tool for it, and what it does not know
#
# In 2018 the thresholds of 2017 turn the gap round: the recall of women rises from 0.33 to about 0.42, that of men falls from 0.50 to about 0.38. The gap shrinks
# from 17 points to about 4, it does not vanish: the thresholds fit 2017, and no two years are quite alike. In total it costs nothing: as before, 40 % of all people
# in need are reached. The price is paid by some: men in need, of whom one in two was offered a place before.
#
# Fairlearn's `ThresholdOptimizer` does the same kind of post-processing. It is told which rate to make equal and what to maximise. **Before running:** can you tell
# it that there are places for 20 %?

# %%
trained = people[people["year"] <= 2016]
numbers = pd.get_dummies(people[used]).astype(float)
basis = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(numbers.loc[trained.index], trained["needs"])
optimizer = ThresholdOptimizer(estimator=basis, constraints="true_positive_rate_parity", objective="balanced_accuracy_score", prefit=True, predict_method="predict_proba")
validation = people[people["year"] == 2017]
optimizer.fit(numbers.loc[validation.index], validation["needs"], sensitive_features=validation["sex"])
decided = optimizer.predict(numbers.loc[clients.index], sensitive_features=clients["sex"], random_state=0)
result = MetricFrame(
    metrics={"selection_rate": selection_rate, "recall": true_positive_rate, "false_positive_rate": false_positive_rate},
    y_true=clients["needs"], y_pred=decided, sensitive_features=clients["sex"],
)
print(result.by_group.round(3).to_string())
print(f"\noffered a place: {np.mean(decided):.1%} of all; of these in need: {precision_score(clients['needs'], decided):.1%}, with the top fifth {precision_score(clients['needs'], clients['offered']):.1%}")

# %% [markdown]
# Recall is nearly equal. But the tool offers places to 36 % of the people, nearly twice what there is, because a budget is not among its settings. And like your
# thresholds of Exercise 10 it must know each client's sex when it decides: two people with the same record are treated differently, which in many countries the law
# restricts. A **reduction** is another way. It trains ordinary models again and again, and raises the weight of the cases that break the constraint. The group is
# needed only in training.

# %% [markdown]
# ## Exercise 11: Train with a constraint (2 points, about 9 minutes)
#
# Write `fit_fair(features, needs, group)`. `features` is a DataFrame of numbers, `needs` a Series of 1 and 0, `group` a Series of labels, all with the same index. It
# trains a model so that **recall** becomes about equal in the two groups, with one of fairlearn's reductions or with weights of your own, and returns a function
# `offer(features)` that decides for new people **without knowing their group**: it returns one 1 or 0 per row.
#
# The groups are simulated offices; one of them writes down only a part of its clients' months without work. Graded on hidden populations of 8,000, judged on fresh
# people and compared with a `LogisticRegression` without a constraint, whose recalls differ by more than 0.2:
#
# - the recalls of the two offices differ by at most 0.08,
# - at most 9 percentage points more of the people are offered a place: to lower the bar for everyone shrinks the gap too, but with places that do not exist,
# - at most 5 percentage points fewer of the decisions are right.
#
# <details><summary>Hint</summary>Fairlearn's <code>ExponentiatedGradient</code> takes a model and a constraint, both imported above, and learns the group with <code>fit(..., sensitive_features=...)</code>; 30 rounds (<code>max_iter</code>) are plenty. Look at what its <code>predict</code> takes besides the features: it draws lots between models. (<code>GridSearch</code> works too, with a grid much finer than its default.)</details>

# %% exercise="fit-fair"
def fit_fair(features, needs, group):
    """Train a model whose recall is about equal in all groups.

    features: DataFrame of numbers. needs: Series of 1 and 0. group: Series of labels.
    Returns a function offer(features) -> one 1 or 0 per row.
    """
    ### BEGIN SOLUTION
    model = LogisticRegression(solver="newton-cholesky")  # quick for few columns and many rows
    mitigator = ExponentiatedGradient(model, constraints=TruePositiveRateParity(), max_iter=30)
    mitigator.fit(features, needs, sensitive_features=group)

    def offer(features):
        return mitigator.predict(features, random_state=0)

    return offer
    ### END SOLUTION

# %% [markdown]
# Try it on the simulated offices. Who gained, who lost? Recall can be made equal by raising one group or by *lowering* the other; the criterion does not care.

# %% free="fit-fair"
columns = ["months", "distance", "age"]
simulated, judged = applicants(8000, seed=0), applicants(20_000, seed=100)
plain = LogisticRegression(max_iter=1000).fit(simulated[columns], simulated["needs"])
offer = fit_fair(simulated[columns], simulated["needs"], simulated["office"])
for name, decision in {"unconstrained": plain.predict(judged[columns]), "with a constraint": offer(judged[columns])}.items():
    frame = MetricFrame(metrics={"recall": true_positive_rate, "false_positive_rate": false_positive_rate}, y_true=judged["needs"], y_pred=decision, sensitive_features=judged["office"])
    print(f"{name}: {np.mean(decision):.1%} are offered a place, {np.mean(decision == judged['needs']):.1%} of the decisions are right\n{frame.by_group.round(3).to_string()}\n")

# %% check="fit-fair" points=2
# Checks one simulated population: trained on 8,000 people, judged on 20,000 others.
from mlelabs.populations import applicants
from sklearn.linear_model import LogisticRegression

columns = ["months", "distance", "age"]
simulated, judged = applicants(8000, seed=5), applicants(20_000, seed=6)
offer = fit_fair(simulated[columns], simulated["needs"], simulated["office"])
assert callable(offer), f"fit_fair should return a function that decides for new people, it returned a {type(offer).__name__}"
decision = np.asarray(offer(judged[columns])).ravel()
assert len(decision) == len(judged) and np.isin(decision, [0, 1]).all(), "offer should return one 1 or 0 per row"
needy = (judged["needs"] == 1).to_numpy()
recalls = {office: decision[needy & (judged["office"] == office).to_numpy()].mean() for office in ("North", "South")}
assert 0 < np.mean(decision) < 1, f"{'everybody' if decision[0] else 'nobody'} is offered a place: equal recall, but no decision"
gap = abs(recalls["North"] - recalls["South"])
plain = LogisticRegression(max_iter=1000).fit(simulated[columns], simulated["needs"]).predict(judged[columns])
assert gap <= 0.08, f"the recalls are {recalls['North']:.2f} in the North and {recalls['South']:.2f} in the South: they may differ by at most 0.08. Is recall what your constraint makes equal?"
assert np.mean(decision) <= np.mean(plain) + 0.09, f"you offer a place to {np.mean(decision):.1%} of the people, the unconstrained model to {np.mean(plain):.1%}: at most 9 points more are allowed. Whose recall must rise? Not everybody's"
right, right_plain = np.mean(decision == judged["needs"]), np.mean(plain == judged["needs"])
assert right >= right_plain - 0.05, f"{right:.1%} of your decisions are right, {right_plain:.1%} of the unconstrained ones: equal recall should cost at most 5 points"
### BEGIN HIDDEN TESTS
import numpy as np
from mlelabs.populations import applicants
from sklearn.linear_model import LogisticRegression

for seed, names in ((911, ("X", "Y")), (912, ("main", "branch"))):
    simulated_, judged_ = applicants(8000, seed, names), applicants(20_000, seed + 50, names)
    before = simulated_.copy()
    offer_ = fit_fair(simulated_[columns], simulated_["needs"], simulated_["office"])
    assert simulated_.equals(before), "fit_fair changes what it was given"
    decision_ = np.asarray(offer_(judged_[columns])).ravel()
    assert len(decision_) == len(judged_) and np.isin(decision_, [0, 1]).all(), "offer should return one 1 or 0 per row"
    needy_ = (judged_["needs"] == 1).to_numpy()
    recalls_ = [decision_[needy_ & (judged_["office"] == name).to_numpy()].mean() for name in names]
    plain_ = LogisticRegression(max_iter=1000).fit(simulated_[columns], simulated_["needs"]).predict(judged_[columns])
    assert abs(recalls_[0] - recalls_[1]) <= 0.08, f"a hidden population: the recalls are {recalls_[0]:.2f} and {recalls_[1]:.2f}, they may differ by at most 0.08"
    assert np.mean(decision_) <= np.mean(plain_) + 0.09, f"a hidden population: you offer a place to {np.mean(decision_):.1%}, the unconstrained model to {np.mean(plain_):.1%}: at most 9 points more are allowed"
    right_, base_ = np.mean(decision_ == judged_["needs"]), np.mean(plain_ == judged_["needs"])
    assert right_ >= base_ - 0.05, f"a hidden population: {right_:.1%} of the decisions are right, {base_:.1%} of the unconstrained ones: at most 5 points may be lost"
### END HIDDEN TESTS

# %% [markdown]
# ## A decision needs the whole picture
#
# One remedy is one point. A decision maker should see what else was possible. Below are many ways to divide the same 20 % of places between people with and without
# a disability: a part of the people with a disability is offered a place, the rest of the places goes to the others, each time to the highest scores. We do it with
# the scores of the blind model and of the one that knows the columns. **Before running:** which division reaches most people in need?

# %%
candidates = []
for name, column in {"blind": "score", "with the columns": "score_full"}.items():
    with_disability, others = (clients[clients["disability"] == answer] for answer in ("yes", "no"))
    for part in np.arange(0.1, 1.0, 0.05):  # of the people with a disability
        rest = (0.2 * len(clients) - part * len(with_disability)) / len(others)
        chosen = [rows[column] >= rows[column].quantile(1 - quota) for rows, quota in ((with_disability, part), (others, rest))]
        reached = [offers[rows["needs"] == 1] for offers, rows in zip(chosen, (with_disability, others))]
        candidates.append([name, part, abs(reached[0].mean() - reached[1].mean()), pd.concat(reached).mean()])
candidates = pd.DataFrame(candidates, columns=["model", "part", "gap", "utility"])
figure, axes = plt.subplots()
for (name, rows), marker in zip(candidates.groupby("model"), "os"):
    axes.plot(rows["gap"], rows["utility"], marker, label=name)
axes.set(title="Some divisions of the places are worse in both respects", xlabel="gap in recall, people with and without a disability", ylabel="part of those in need reached")
axes.legend(title="scores")
plt.show()
best, equal = candidates.loc[candidates["utility"].idxmax()], candidates.loc[candidates["gap"].idxmin()]
for title, row in {"most people reached": best, "smallest gap": equal}.items():
    print(f"{title} (scores: {row['model']}): {row['part']:.0%} of the people with a disability are offered a place, gap {row['gap']:.2f}, {row['utility']:.1%} of all in need reached")

# %% [markdown]
# To the left is more equal (by this criterion), up is more useful. Many points have another one that is left of them **and** above: nobody should choose those. What
# remains is the **Pareto front**. Between its points mathematics has nothing to say. Look at what "smallest gap" means here: 30 % of the people with a disability
# are offered a place instead of 95 %, though six in ten of them are in need, and fewer people are reached. Is that fairer? The metric says yes. Those who answer for
# the programme must decide, together with those who live with it.

# %% [markdown]
# ## Exercise 12: What is worth discussing? (2 points, about 10 minutes)
#
# Write `worth_discussing(gap, utility)`. Both are Series with the same index, one entry per candidate; a smaller gap is better, a larger utility is better. It
# returns a boolean Series with the same index: `False` for a candidate that is *dominated*, `True` for all others. A candidate is dominated if another one is at
# least as good in both respects and better in at least one. Of two equal candidates neither dominates the other.
#
# *By hand:* gaps `[0.1, 0.1, 0.0, 0.3]`, utilities `[0.5, 0.4, 0.4, 0.5]`: the second and the fourth are dominated by the first.

# %% exercise="worth-discussing"
def worth_discussing(gap, utility):
    """Mark the candidates that no other one dominates.

    gap, utility: Series of numbers, same index. Returns a Series of booleans.
    """
    ### BEGIN SOLUTION
    def is_dominated(candidate):
        as_good = (gap <= gap[candidate]) & (utility >= utility[candidate])
        better = (gap < gap[candidate]) | (utility > utility[candidate])
        return (as_good & better).any()

    return pd.Series({candidate: not is_dominated(candidate) for candidate in gap.index})
    ### END SOLUTION

# %% free="worth-discussing"
front = candidates[worth_discussing(candidates["gap"], candidates["utility"])].sort_values("gap")
figure, axes = plt.subplots()
axes.plot(candidates["gap"], candidates["utility"], "o", color="lightgrey", label="dominated")
axes.plot(front["gap"], front["utility"], "o-", color="C1", label="worth discussing")
axes.set(title="The Pareto front: what a decision is about", xlabel="gap in recall, people with and without a disability", ylabel="part of those in need reached")
axes.legend()
plt.show()
print(f"{len(front)} of {len(candidates)} candidates are worth discussing; their scores: {front['model'].value_counts().to_dict()}")

# %% check="worth-discussing" points=2
# Checks the example by hand, and two equal candidates.
gap, utility = pd.Series([0.1, 0.1, 0.0, 0.3], index=list("pqrs")), pd.Series([0.5, 0.4, 0.4, 0.5], index=list("pqrs"))
got = worth_discussing(gap, utility)
assert isinstance(got, pd.Series), f"worth_discussing should return a Series, it returned a {type(got).__name__}"
assert list(got.index) == list("pqrs"), f"the index should be that of gap, it is {list(got.index)}"
got = got.astype(bool)
assert got["p"] and got["r"], f"p has the best utility and r the smallest gap: both are worth discussing, got {got.to_dict()}"
assert not got["q"], "q has the same gap as p and less utility: dominated. Equal in one respect and worse in the other is enough"
assert not got["s"], "s has the same utility as p and a larger gap: dominated. A small gap is good"
twins = worth_discussing(pd.Series([0.2, 0.2]), pd.Series([0.6, 0.6])).astype(bool)
assert twins.all(), "two equal candidates do not dominate each other: both are worth discussing"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

rng = np.random.default_rng(123)
for size, unit in ((1, 20), (7, 20), (40, 20), (80, 20), (40, 2000)):
    index = rng.permutation(size) + 3
    gap_ = pd.Series(rng.integers(0, 12, size) / unit, index=index)
    utility_ = pd.Series(0.3 + 0.4 * gap_.to_numpy() + rng.integers(-4, 3, size) / unit, index=index)
    before = gap_.copy(), utility_.copy()
    got = worth_discussing(gap_, utility_)
    assert gap_.equals(before[0]) and utility_.equals(before[1]), "worth_discussing changes what it was given"
    assert list(got.index) == list(index), "the index and its order should be those of gap"
    points = list(zip(gap_, utility_))
    for place, (g, u) in zip(index, points):
        beaten = any(h <= g and v >= u and (h < g or v > u) for h, v in points)
        assert bool(got[place]) != beaten, f"the candidate with gap {g:.4g} and utility {u:.4g} is {'dominated' if beaten else 'not dominated by any other'} among {size}, you say {bool(got[place])}"
### END HIDDEN TESTS

# %% [markdown]
# No point of the blind model's scores is on the front: whatever gap you accept, scores that know the columns reach at least as many people in need. Leaving the
# columns out has a price, whoever pays it. Whether the agency may use them at all remains a question for its lawyers, and for the people concerned.
#
# ## Decision memo (3 points, about 12 minutes)
#
# Ms Haddad directs the agency's coaching programme. She is no engineer. She has been told that "the model is fair, because it does not know who people are", and
# must decide whether it assigns next year's places. Write her **half a page** (about 200 to 300 words): your recommendation, the two or three findings that matter
# most *for her decision* (each with a figure from this notebook, and with who is harmed), what your remedy costs, and what the data cannot tell. No jargon.

# %% [markdown] memo="memo" points=3
# **Rubric** (1 point each)
#
# 1. *Decision:* a clear recommendation in the first two sentences, and a condition under which it would change. 2. *Evidence:* two or three findings that bear on
# the decision, each with a correct figure of the student's own, saying who is harmed by which error; the cost of the remedy is named. 3. *Honesty and language:*
# says what is uncertain (small groups, or the label, or that one year was examined), says what is not for the model to decide, uses no unexplained technical term.
#
# **Example.** Do not let the model assign next year's places as it is. Use it with one change, as a first suggestion that your counsellors may overrule, and ask the
# clients one more question. Three things matter. First, not knowing who people are has not made it fair: of the women without work it finds one in three, of the men
# one in two. A woman who is overlooked goes without help and never learns why. Second, people with a disability lose most by the blindness: if the model knew, 98 of
# 100 of those without work would be offered a place, now it is 62. Third, the gap between women and men shrinks from 17 to 4 points, with the same number of places,
# if each group has a cut-off of its own. In our test this cost nothing in total: as before, 40 of 100 people without work are reached. But of 100 men without work
# only 38 are offered a place then, not 50, and your lawyers must say whether you may treat the groups differently. Two things the figures cannot tell. "Without work"
# is not "wants coaching": many of the women overlooked are married, and we do not know how many look for work. A question in the registration form would tell; if
# most do not, I would withdraw the second cut-off. And some groups are tiny in our data, four people in one case. Nobody can say from it how they are served; please
# talk to them directly.

# %% [markdown]
# ## What you have learned
#
# - A rate is only as good as what it divides by: the selected, the group, or those in need.
# - Every rate carries an interval. Among many groups one is always last; a test of all groups together tells more than best against worst.
# - A group without cases has no recall. It is `NaN`, not 0, and a reason to ask.
# - Leaving a column out neither removes the information nor the gap; it can open one.
# - With unequal base rates, at most two of four sensible criteria can hold together. Which, is a decision of people.
# - A label is a stand-in. A model can be fair on paper only.
#
# **Common mistakes** are to report the composition of the selected as a chance, to average over groups before looking, to tune on the test set, to turn ratios
# round, and to crown a worst group of four people.
#
# **In practice** cases are seldom independent (the fires of one dry week share their weather), so the real uncertainty is larger than our intervals say. And most of
# the work is outside of this notebook: who defines need, who may use which column by law, who can appeal, and whether the people concerned were asked. A metric can
# show that something is wrong; it cannot show that all is well. In Austria, a score of this kind was to sort job seekers from 2020; the debate was about people who
# would get less of the agency's support because the score gave them little chance.
#
# **Go further**
#
# - Barocas, Hardt and Narayanan, *Fairness and Machine Learning* (MIT Press 2023, free online): criteria, proofs, and their limits.
# - Allhutter et al., *Algorithmic Profiling of Job Seekers in Austria* (Frontiers in Big Data 2020): the case behind our agency, read closely.
# - Obermeyer et al., *Dissecting racial bias in an algorithm used to manage the health of populations* (Science 2019): a label that missed need, found by an audit.
# - Kästner, *Machine Learning in Production*, chapter "Fairness": how requirements, data and process come before the metric.
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
