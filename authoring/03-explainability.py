# %% [markdown]
# # Lab 3: Explain why the model sends the crew there
#
# **What you'll do:** open a trained triage model, find a leak and a bookkeeping habit in it, and turn its predictions into reasons that a dispatcher can use.
#
# **You will be able to**
#
# - measure which inputs a model relies on, and find inputs that know too much,
# - say what a flat curve hides and how inputs that know the same divide their importance,
# - compute Shapley values by hand, and use shap with the right class and scale,
# - write reason codes, counterfactuals and a surrogate, and test each of them,
# - explain to a decision maker what an explanation can and cannot prove.
#
# **You need:** pandas, what training and testing a classifier means, the AUC. Helpful: logarithms of odds.
#
# **Time:** about 150 minutes · **Points:** 31 · **Course outcome:** quality assurance of the whole pipeline, here of what the model has learned.

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
# **Dispatch triage** is built: a model ranks new wildfires in Alberta by the probability that they will grow beyond 4 hectares, and crews go to the top of the list
# first. Today a dispatcher refused to follow it. "Why there?" she asked, and nobody could say. If the reason is sound, she should trust the list; if it is not, a crew
# drives to the wrong fire and the right one burns. An explanation answers what **the model** does with its inputs. It does not say what makes fires grow. In this lab
# you will see how much lies between the two.
#
# How this notebook works: **given** cells are locked; run them and read. In **exercise** cells you replace the line `raise NotImplementedError(...)`. The
# **check** below each exercise tells you at once what is right and what is not; when your lab is graded, further tests run on fresh data. Every exercise stands
# alone: a mistake in one costs no points in another. Add cells of your own wherever you like.

# %%
import os

os.environ["OMP_NUM_THREADS"] = "1"  # small models train faster with one thread, and a busy machine stays usable

from itertools import combinations
from math import factorial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import shap
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.tree import DecisionTreeRegressor, export_text

from mlelabs.data import load_wildfires

plt.style.use("mlelabs.figures")

fires = load_wildfires()
start = pd.to_datetime(fires["fire_start_date"])
table = pd.DataFrame({
    "latitude": fires["latitude"],  # degrees north
    "longitude": fires["longitude"],  # degrees east
    "month": start.dt.month,
    "hour": start.dt.hour,
    "spread_rate": fires["fire_spread_rate"],  # metres per minute
    "temperature": fires["temperature"],  # °C
    "humidity": fires["relative_humidity"],  # percent
    "wind_speed": fires["wind_speed"],  # km/h
    "crown_fire": fires["fire_type"] == "Crown",
    "lightning": fires["general_cause"] == "Lightning",
    "grass": fires["fuel_type"].str.startswith("O"),
    "conifer": fires["fuel_type"].str.startswith("C"),
    "lookout": fires["detection_agent_type"] == "LKT",
    "aircraft": fires["detection_agent_type"] == "AIR",
}).astype(float)
inputs = list(table.columns)
table["large"] = fires["current_size"] > 4  # hectares: what the model predicts
train, test = table[fires["year"] <= 2018], table[fires["year"] > 2018]
train.shape, test.shape

# %% [markdown]
# One row is one wildfire, 2006 to 2024: 14 inputs that are known when the first person has looked at the fire, and the answer. *Contains information licensed under the Open
# Government Licence – Alberta.* The data card `data/README.md` explains the source. Yes is 1, no is 0, and gaps stay gaps: this kind of model accepts them.

# %%
test.sample(4, random_state=3)

# %% [markdown]
# We train on the years to 2018 and test on those after. `fit` wraps it up: it takes a table of inputs and the answers, and returns a function that predicts. Most
# exercises need only such a `predict`: they work for any model.

# %%
def fit(rows, large):
    """Train a model; return a function: table -> probability of a large fire, one per row."""
    trained = HistGradientBoostingClassifier(max_leaf_nodes=8, random_state=0).fit(rows, large)
    return lambda rows: trained.predict_proba(rows)[:, 1]

predict = fit(train[inputs], train["large"])
for name, years in {"train": train, "test": test}.items():
    print(f"AUC on {name}: {roc_auc_score(years['large'], predict(years[inputs])):.3f}")

# %% [markdown]
# An honest model: of one large and one small fire of later years, it ranks the large one higher in 91 of 100 cases. On its training data it looks better than it is, as
# all models do.
#
# ## Which inputs does the model rely on?
#
# A simple question to a model: what if you could not see this input? **Permutation importance** shuffles one column, so that each fire gets the value of some other
# fire, and looks how much worse the predictions become. The model stays as it is. **Before running:** which three of the 14 inputs will matter most?

# %% [markdown]
# ## Exercise 1: Measure what shuffling costs (2 points, about 14 minutes)
#
# Write `permutation_drops(fit, train, test, target, score, repeats=5, seed=0)`.
#
# - `train` and `test` hold the inputs and the column `target`. `fit(rows, answers)` trains on inputs and returns a function `predict(rows)`, as above.
# - `score(answers, predictions)` returns a number; higher is better.
# - Return a Series: for each input the score on `test` **minus** the score after shuffling that column, averaged over `repeats` shuffles.
#
# Train once, on `train`. Measure on `test`: what a model has memorised is no help with new fires. Each repeat shuffles anew. If a shuffling happens to help, the drop is
# negative. The same `seed` gives the same result, and both tables stay as they are.
#
# *By hand:* if the AUC is 0.91, and 0.72 and 0.70 after two shufflings of the spread rate, its drop is 0.20.
#
# <details><summary>Hint</summary><code>rng.permutation(column.to_numpy())</code> with <code>rng = np.random.default_rng(seed)</code>. If you shuffle a pandas Series and assign it, pandas puts every value back to its own row, by index.</details>

# %% exercise="permutation-drops"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    """Measure how much the score on test falls when an input is shuffled.

    fit: function (rows, answers) -> predict. train, test: DataFrames with inputs and target.
    score: function (answers, predictions) -> number, higher is better.
    Returns a Series, one entry per input: mean drop of the score.
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    rows, answers = test.drop(columns=target), test[target]
    predict = fit(train.drop(columns=target), train[target])
    whole = score(answers, predict(rows))
    drops = {}
    for column in rows:
        scores = []
        for _ in range(repeats):
            shuffled = rows.assign(**{column: rng.permutation(rows[column].to_numpy())})
            scores.append(score(answers, predict(shuffled)))
        drops[column] = whole - np.mean(scores)
    return pd.Series(drops)
    ### END SOLUTION

# %% free="permutation-drops"
permutation_drops(fit, train, test, "large", roc_auc_score, repeats=2).sort_values(ascending=False).round(4)

# %% check="permutation-drops" points=2
# Checks a linear rule, 3a + b and some noise. Known drops: 18 for a, 2 for b, 0 for an input without use.
rng_ = np.random.default_rng(0)
known = pd.DataFrame(rng_.normal(size=(4000, 3)), columns=["a", "b", "unused"], index=np.arange(4000)[::-1] + 7)
known["y"] = 3 * known["a"] + known["b"] + rng_.normal(0, 2, 4000)
trained_ = []
def fit_rule(rows, answers):
    assert "y" not in rows, "the target y is no input: train without it"
    trained_.append(len(rows))
    weights = np.linalg.lstsq(np.asarray(rows[["a", "b", "unused"]]), np.ravel(answers), rcond=None)[0]
    return lambda rows: np.asarray(rows[["a", "b", "unused"]]) @ weights
def minus_error(answers, predictions):
    return -np.mean((np.ravel(answers) - np.ravel(predictions)) ** 2)
drops = permutation_drops(fit_rule, known[:2000], known[2000:], "y", minus_error)
assert isinstance(drops, pd.Series), f"permutation_drops should return a Series, it returned a {type(drops).__name__}"
assert sorted(drops.index) == ["a", "b", "unused"], f"expected one entry per input (not for the target), got {list(drops.index)}"
assert drops.notna().all(), "drops are NaN. pandas puts a shuffled Series to the rows with the same index, and rows that find none get NaN: assign an array"
assert not np.allclose(drops, 0, atol=1e-6), "all drops are 0: was anything shuffled? pandas aligns by index when you assign a Series"
assert trained_ == [2000], f"fit should be called once, with the 2000 rows of train; it was called {len(trained_)} times, first with {trained_[:1]} rows. The model stays as it is"
score_ = minus_error(known["y"][2000:], fit_rule(known[:2000].drop(columns="y"), known["y"][:2000])(known[2000:]))
assert abs(abs(drops["a"] * score_) - 18) > 2, f"you divide by the score, {score_:.2f}: the drop is a difference, not a share"
assert drops["a"] > 0, f"the score falls when a is shuffled, so its drop should be positive, got {drops['a']:.1f}: before minus after"
assert abs(drops["a"] - 90) > 9, f"a should lose about 18, got {drops['a']:.1f}, the sum over the 5 repeats: take the mean"
assert abs(drops["a"] - 18) < 2, f"a should lose about 18, got {drops['a']:.1f}. Half of it means that a was removed or set to its mean, not shuffled"
assert abs(drops["b"] - 2) < 0.4, f"b should lose about 2, got {drops['b']:.1f}. Shuffle one column at a time"
assert abs(drops["unused"]) < 0.1, f"an input without use should have a drop of about 0, got {drops['unused']:.2f}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeRegressor, export_text

def _minus_error(answers, predictions):
    return -np.mean((np.asarray(answers) - np.asarray(predictions)) ** 2)

rng_ = np.random.default_rng(9)
noise_ = pd.DataFrame(rng_.normal(size=(3000, 3)), columns=["real", "noise", "hum"])
noise_["goal"] = noise_["real"] + rng_.normal(size=3000)
def _memorise(rows, answers):
    tree = DecisionTreeRegressor(random_state=0).fit(rows, answers)
    return lambda rows: tree.predict(rows[["real", "noise", "hum"]])
got_ = permutation_drops(_memorise, noise_[:1500], noise_[1500:], "goal", _minus_error, repeats=5, seed=1)
assert got_["noise"] < 0.25 and got_["hum"] < 0.25, f"a tree has memorised noise: on new data noise has no importance, you report {got_['noise']:.2f}. Measure on test"
assert got_["real"] > 0.8, f"the one real input should lose about 1.8, you report {got_['real']:.2f}"
for seed_ in (101, 102, 103):
    rng_ = np.random.default_rng(seed_)
    weights_ = pd.Series(rng_.permutation([0.0, 1.0, 2.0, -4.0]), index=["p", "q", "r", "s"])
    data_ = pd.DataFrame(rng_.normal(size=(5000, 4)), columns=list(weights_.index), index=rng_.permutation(5000))
    data_["goal"] = data_ @ weights_
    train_, test_ = data_[:1000].copy(), data_[1000:].copy()
    before_ = train_.copy(), test_.copy()
    calls_ = []
    def _fit(rows, answers, weights_=weights_, calls_=calls_):
        assert "goal" not in rows, "the target is no input: train without it"
        calls_.append(len(rows))
        return lambda rows: rows[weights_.index] @ weights_
    scores_ = set()
    def _noted(answers, predictions, scores_=scores_):
        scores_.add(round(_minus_error(answers, predictions), 9))
        return _minus_error(answers, predictions)
    got_ = permutation_drops(_fit, train_, test_, "goal", _noted, repeats=3, seed=seed_)
    assert len(scores_) >= 1 + 3 * 3, f"3 inputs that matter and repeats=3: at least 9 different shufflings should be scored, there were {len(scores_) - 1}. Each repeat shuffles anew"
    assert train_.equals(before_[0]) and test_.equals(before_[1]), "permutation_drops changes a table it was given: shuffle in a copy"
    assert calls_ == [1000], f"fit should be called once, with the training rows; it was called with {calls_[:4]} rows. The model stays as it is"
    assert np.allclose(got_[weights_.index], 2 * weights_**2, rtol=0.12, atol=1e-9), f"a linear rule on fresh data: expected about {(2 * weights_**2).to_dict()}, got {got_.round(2).to_dict()}"
    again_ = permutation_drops(_fit, train_, test_, "goal", _minus_error, repeats=3, seed=seed_)
    assert np.allclose(got_, again_[got_.index]), "the same seed should give the same drops"
    def _fit_grams(rows, answers, weights_=weights_):
        return lambda rows: (rows[weights_.index] / [1000, 1, 1, 1]) @ weights_
    grams_ = [part.assign(p=part["p"] * 1000) for part in (train_, test_)]
    scaled_ = permutation_drops(_fit_grams, *grams_, "goal", _minus_error, repeats=3, seed=seed_)
    assert np.allclose(scaled_[got_.index], got_, rtol=0.25, atol=1e-6), "an input in another unit (grams for kilograms) should have the same importance"
contrary_ = noise_.assign(goal=noise_["real"] + noise_["hum"])
got_ = permutation_drops(lambda rows, answers: lambda rows: rows["real"] - rows["hum"], contrary_[:1500], contrary_[1500:], "goal", _minus_error)
assert abs(got_["hum"] + 2) < 0.3, f"a model that is better off without an input: its drop is negative, about -2, you report {got_['hum']:.2f}. Keep the sign"
flag_ = noise_.assign(goal=noise_["real"] > 0)
got_ = permutation_drops(lambda rows, answers: lambda rows: rows["real"], flag_[:1500], flag_[1500:], "goal", roc_auc_score)
assert abs(got_["real"] - 0.5) < 0.06 and got_["noise"] == 0, "use the score that was given: with the AUC, the only input of a perfect model loses 0.5"
### END HIDDEN TESTS

# %% [markdown]
# scikit-learn has it ready-made. Here is the question asked twice, on 5,000 fires each: shuffled in the test data, and shuffled in the training data. **Before
# running:** in which of them will the inputs look more important?

# %%
model = HistGradientBoostingClassifier(max_leaf_nodes=8, random_state=0).fit(train[inputs], train["large"])
drops_on = {}
for name, years in {"test": test, "train": train}.items():
    some = years.sample(5000, random_state=0)
    shuffled = permutation_importance(model, some[inputs], some["large"], scoring="roc_auc", n_repeats=2, random_state=0)
    drops_on[name] = pd.Series(shuffled.importances_mean, index=inputs)
drops_on = pd.DataFrame(drops_on).sort_values("test")
drops_on.plot.barh(title="Spread rate dwarfs the rest", xlabel="loss of AUC when shuffled", logx=True, xlim=(1e-4, 0.3))
plt.show()
drops_on[::-1].round(4)

# %% [markdown]
# The axis is logarithmic: one input, the spread rate, carries most of the ranking; latitude and wind follow far behind. (A bar that is not there is 0 or less.) Eleven of
# the 14 inputs look more important on training data, the month nearly eight times (0.0082 and 0.0011): the model has learned details of old seasons that do not come back.
# The largest bar goes the other way, 0.183 on test and 0.156 on training data: the two also hold different years, so not every difference is memory.
# Two warnings. This says what the **model** relies on, not what drives fires: importance is not causality. And an input with a small drop may still matter, as
# you will see before Exercise 3.

# %% [markdown]
# ## Too good to be true
#
# A colleague has found more numbers in the log and adds them: sizes of the fire at various moments. **Before running:** the honest AUC is 0.909. How much would be a
# pleasant surprise, and how much would make you suspicious?

# %%
sizes = [
    "current_size",  # the final size
    "first_ex_size_perimeter",  # when the fire was out
    "first_uc_size",  # when it was under control
    "first_bh_size",  # when it was being held
    "fire_fighting_start_size",  # when the crew had arrived and began to fight it
    "assessment_hectares",  # when the first person looked at it
]
train_sizes, test_sizes = train.join(fires[sizes]), test.join(fires[sizes])
some = test_sizes.sample(2000, random_state=0)
for kept in (sizes, sizes[1:], ["fire_fighting_start_size"]):
    columns = inputs + kept
    wide = HistGradientBoostingClassifier(max_leaf_nodes=8, random_state=0).fit(train_sizes[columns], train["large"])
    auc = roc_auc_score(test["large"], wide.predict_proba(test_sizes[columns])[:, 1])
    shuffled = permutation_importance(wide, some[columns], some["large"], scoring="roc_auc", n_repeats=1, random_state=0)
    costs = pd.Series(shuffled.importances_mean, index=columns)[kept].round(4) + 0.0
    print(f"AUC {auc:.5f}; shuffling costs\n{costs.to_string()}\n")

# %% [markdown]
# An AUC of 0.99999 is not a success, it is an alarm. The explanation shows the culprit: `current_size` is the **final** size, and "larger than 4 hectares" is what we
# predict. Nobody knows it when the crew is sent. But look at the second block: without it the AUC is still 0.9998, because a twin stood behind it, the size when the
# fire was out. In the first block shuffling the twin costs nothing: that model hardly touched it. Removing the most important input once is not enough. And not every
# leak shouts: the size when firefighting started, alone, lifts the AUC to 0.961 (third block). It is known when the crew has arrived, so after the decision to send it.

# %% [markdown]
# ## Exercise 2: Round up the suspects (3 points, about 14 minutes)
#
# Write `suspects(fit, train, test, target, too_good)`. The tables are as in Exercise 1; the target is a column of booleans. It returns a list of inputs, found like this:
#
# - Train on `train` with all inputs that are not yet suspects, and compute the AUC on `test`.
# - If it is **above** `too_good`, the input whose shuffling (in `test`) costs the most AUC becomes a suspect. Start again without it.
# - If it is not, stop: no result is too good any more. Stop as well when no input is left. The list may be empty, and its order does not matter.
#
# A suspect is not yet guilty: it is an input about which somebody must ask *when is this known?* And an honest input may be important: it is no suspect while the AUC
# is plausible.
#
# *By hand:* AUC 0.999, the final size costs most; without it 0.997, the size when out costs most; without both 0.91, and `too_good` is 0.95. Suspects: those two.
#
# <details><summary>Hint</summary>A <code>while</code> loop over a list of remaining inputs. Shuffling each column once is enough here.</details>

# %% exercise="suspects"
def suspects(fit, train, test, target, too_good):
    """List the inputs that make a model too good to be true.

    fit: function (rows, answers) -> predict. train, test: DataFrames with inputs and a boolean target.
    too_good: AUC above which a result is not believed. Returns a list of column names.
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(0)
    remaining = [column for column in train.columns if column != target]
    found = []
    while remaining:
        predict = fit(train[remaining], train[target])
        if roc_auc_score(test[target], predict(test[remaining])) <= too_good:
            break
        after = {}
        for column in remaining:
            mixed = test[remaining].assign(**{column: rng.permutation(test[column].to_numpy())})
            after[column] = roc_auc_score(test[target], predict(mixed))
        worst = min(after, key=after.get)
        found.append(worst)
        remaining.remove(worst)
    return found
    ### END SOLUTION

# %% free="suspects"
columns = ["large", "spread_rate", "wind_speed", "humidity", *sizes]
suspects(fit, train_sizes[columns], test_sizes[columns].head(3000), "large", too_good=0.95)

# %% check="suspects" points=3
# Checks simulated tables: a leak with a twin, and an honest input that is merely strong.
def simulated_(seed, leaks):
    rng = np.random.default_rng(seed)
    strong, weak, end = rng.normal(size=(3, 1500))
    end = end + 1.5 * strong + 0.5 * weak
    table = pd.DataFrame({"strong": strong, "weak": weak, "dull": rng.normal(size=1500)})
    if leaks:
        table["final"], table["when_out"] = np.exp(end), np.exp(end + 0.05 * rng.normal(size=1500))
    return table.assign(goal=end > 1)
def fit_tree_(rows, answers):
    tree = DecisionTreeRegressor(max_depth=4, random_state=0).fit(rows, answers)
    return lambda rows: tree.predict(rows)
got = suspects(fit_tree_, simulated_(1, False)[:1000], simulated_(1, False)[1000:], "goal", 0.96)
assert isinstance(got, list), f"suspects should return a list, it returned a {type(got).__name__}"
assert got == [], f"the AUC is plausible (0.89), so nobody is a suspect, you list {got}. Important is not suspicious"
got = suspects(fit_tree_, simulated_(1, True)[:1000], simulated_(1, True)[1000:], "goal", 0.96)
assert "final" in got or "when_out" in got, f"'final' gives the answer away (AUC 1.0) and should be a suspect, you list {got}"
assert {"final", "when_out"} <= set(got), f"'final' and 'when_out' both give the answer away, you list {got}. Train again without the first: is the AUC plausible now?"
assert len(got) == 2, f"without 'final' and 'when_out' the AUC is plausible: stop there. You list {got}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd
from mlelabs.data import load_wildfires
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

def _simulate(seed, leaks):
    rng = np.random.default_rng(seed)
    strong, weak, end = rng.normal(size=(3, 3000))
    end = end + 1.5 * strong + 0.5 * weak
    table = pd.DataFrame({"c1": weak, "c2": rng.normal(size=3000), "c3": strong}, index=rng.permutation(3000))
    kinds = {"sum": end * 7 - 3, "copy": end * 7 - 3, "distance": np.abs(end - 40), "noisy": end + 0.05 * rng.normal(size=3000), "code": np.where(end > 1, 2.0, rng.choice([1.0, 3.0], 3000))}
    for number, kind in enumerate(leaks):
        table.insert(0, f"x{number}", kinds[kind])
    return table.assign(outcome=end > 1)

def _shallow(rows, answers):
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(rows, answers)
    return lambda rows: tree.predict_proba(rows)[:, 1]

def _memorise(rows, answers):
    tree = DecisionTreeClassifier(random_state=0).fit(rows, answers)
    return lambda rows: tree.predict_proba(rows)[:, 1]

for seed_, leaks_ in ((11, []), (12, ["sum"]), (13, ["sum", "copy"]), (14, ["distance", "code"]), (15, ["noisy", "sum", "code"])):
    data_ = _simulate(seed_, leaks_)
    train_, test_ = data_[:1800].copy(), data_[1800:].copy()
    before_ = train_.copy(), test_.copy()
    got_ = suspects(_shallow, train_, test_, "outcome", 0.96)
    assert train_.equals(before_[0]) and test_.equals(before_[1]), "suspects changes a table it was given: work on a copy"
    expected_ = {f"x{number}" for number in range(len(leaks_))}
    assert expected_ <= set(got_), f"{len(leaks_)} inputs give the answer away on fresh data ({', '.join(leaks_)}), you found {len(expected_ & set(got_))} of them"
    assert set(got_) == expected_, f"inputs that are honest are listed on fresh data: {sorted(set(got_) - expected_)}. Stop when the AUC on test is plausible"
    assert len(got_) == len(expected_), "each suspect should be listed once"
honest_ = _simulate(16, [])
got_ = suspects(_memorise, honest_[:1800], honest_[1800:], "outcome", 0.96)
assert got_ == [], f"a tree that memorises has an AUC of 1 on its training data, but not on test: nobody is a suspect, you list {got_}"
half_ = _simulate(17, [])
auc_ = roc_auc_score(half_["outcome"][1800:], _shallow(half_[:1800].drop(columns="outcome"), half_["outcome"][:1800])(half_[1800:].drop(columns="outcome")))
got_ = suspects(_shallow, half_[:1800], half_[1800:], "outcome", auc_ - 0.0005)
assert got_, f"the AUC is {auc_:.5f}, above too_good ({auc_ - 0.0005:.5f}): somebody is a suspect. Do not round the AUC"
rng_ = np.random.default_rng(19)
end_, mask_ = rng_.normal(size=3000), 5 * rng_.normal(size=3000)
split_ = pd.DataFrame({"alone": end_ + 0.8 * rng_.normal(size=3000), "half": end_ + mask_, "other": mask_}).assign(outcome=end_ > 0)
def _line(rows, answers):
    weights = np.linalg.lstsq(rows.to_numpy(), np.asarray(answers, dtype=float) - 0.5, rcond=None)[0]
    return lambda rows: rows.to_numpy() @ weights
got_ = suspects(_line, split_[:1800], split_[1800:], "outcome", 0.96)
assert got_ == ["half"], f"'half' gives the answer away, but only together with 'other'; 'alone' is strong and honest. You list {got_}. The suspect is the input whose shuffling costs most"
heart_ = _simulate(20, ["copy"]).assign(ticket=np.arange(3000))
def _by_heart(rows, answers):
    learned = dict(zip(rows["ticket"], answers)) if "ticket" in rows else {}
    def say(rows):
        rest = rows["x0"] / 100 if "x0" in rows else rows["c3"]
        return np.array([100.0 * learned[key] if key in learned else number for key, number in zip(rows.get("ticket", rest), rest)])
    return say
got_ = suspects(_by_heart, heart_[:1800], heart_[1800:], "outcome", 0.96)
assert got_ == ["x0"], f"'x0' gives the answer away on new fires; 'ticket' tells something about the training rows only. You list {got_}. Shuffle in test"
copy_ = _simulate(18, ["copy"])
got_ = suspects(lambda rows, answers: lambda rows: rows.iloc[:, 0], copy_[:1800], copy_[1800:], "outcome", 1.0)
assert got_ == [], f"the AUC is 1 and too_good is 1: not above it, so nobody is a suspect, you list {got_}"
log_ = load_wildfires().sample(9000, random_state=5)
real_ = pd.DataFrame({"h1": log_["temperature"], "h2": log_["first_uc_size"], "h3": log_["fire_spread_rate"], "h4": log_["current_size"], "h5": log_["wind_speed"], "goal": log_["current_size"] > 4})
def _boost(rows, answers):
    trained = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(rows, answers)
    return lambda rows: trained.predict_proba(rows)[:, 1]
got_ = suspects(_boost, real_[:6000], real_[6000:], "goal", 0.95)
assert set(got_) == {"h2", "h4"}, f"in the real log with its names hidden, two columns are sizes known only later; you list {len(set(got_) & {'h2', 'h4'})} of them and {len(set(got_) - {'h2', 'h4'})} others"
### END HIDDEN TESTS

# %% [markdown]
# On the real log, all six sizes are suspects. Five are guilty: they are known only later, so the model would be excellent in every test and useless on the day. The
# sixth, `assessment_hectares`, is known at the first assessment. It is an honest input and a matter of judgement: it says "this fire is already large", and a model
# that ranks by it sends crews to fires that have grown, not to those that will. No metric decides that. People who know the process do.

# %% [markdown]
# ## Two that know the same
#
# Suppose a second observer estimates the spread rate, too, within some ten percent. (The second estimate is **simulated**; the log has only one.) **Before running:**
# shuffling the spread rate cost 0.18 to 0.19 of AUC. How much will each of the two estimates cost, when the model has both?

# %%
second = table["spread_rate"] * np.exp(np.random.default_rng(1).normal(0, 0.1, len(table)))
twin_train, twin_test = train.assign(second_estimate=second), test.assign(second_estimate=second)
twin = HistGradientBoostingClassifier(max_leaf_nodes=8, random_state=0).fit(twin_train.drop(columns="large"), train["large"])
shuffled = permutation_importance(twin, twin_test.drop(columns="large"), test["large"], scoring="roc_auc", n_repeats=1, random_state=0)
print("AUC:", round(roc_auc_score(test["large"], twin.predict_proba(twin_test.drop(columns="large"))[:, 1]), 3))
pd.Series(shuffled.importances_mean, index=[*inputs, "second_estimate"]).nlargest(4).round(3)

# %% [markdown]
# The model is as good as before, and the spread rate seems to have lost four fifths of its importance. It has not: while one estimate is shuffled, the other still
# tells. Inputs that know the same divide the importance, and each looks small. Whoever removes "unimportant" inputs by such a list may remove both. The remedy is to shuffle
# them **together**.

# %% [markdown]
# ## Exercise 3: Shuffle a group together (2 points, about 10 minutes)
#
# Write `group_drops(predict, rows, answers, score, groups, repeats=5, seed=0)`. `groups` maps a name to a list of columns of `rows`. It returns a Series: for each
# group the score **minus** the score after shuffling the group, averaged over `repeats` different shuffles.
#
# All columns of a group get the **same** shuffling: each fire receives the group's values of *one* other fire, so that they still fit together. A column may be in more
# than one group. `rows` stays as it is.
#
# *By hand:* fires 1, 2, 3 with temperatures 5, 20, 30 and humidities 90, 50, 20. If fire 1 gets the temperature of fire 3, 30, it also gets the humidity 20.

# %% exercise="group-drops"
def group_drops(predict, rows, answers, score, groups, repeats=5, seed=0):
    """Measure how much the score falls when a group of columns is shuffled together.

    predict: function rows -> predictions. rows: DataFrame. answers: one per row.
    score: function (answers, predictions) -> number. groups: dict, name -> list of columns.
    Returns a Series, one entry per group: mean drop of the score.
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    whole = score(answers, predict(rows))
    drops = {}
    for name, columns in groups.items():
        scores = []
        for _ in range(repeats):
            order = rng.permutation(len(rows))
            mixed = rows.copy()
            mixed[columns] = rows[columns].to_numpy()[order]
            scores.append(score(answers, predict(mixed)))
        drops[name] = whole - np.mean(scores)
    return pd.Series(drops)
    ### END SOLUTION

# %% free="group-drops"
weather = ["temperature", "humidity", "wind_speed"]
groups = {" + ".join(group): list(group) for size in (1, 2, 3) for group in combinations(weather, size)}
together = group_drops(predict, test[inputs], test["large"], roc_auc_score, groups, repeats=10)
one_by_one = pd.Series({name: together[group].sum() for name, group in groups.items()})
pd.DataFrame({"together": together, "one by one": one_by_one}).round(4)

# %% check="group-drops" points=2
# Checks a rule that averages two equal columns: together they lose 2, shuffled apart only 1.5.
rng_ = np.random.default_rng(4)
known = pd.DataFrame({"a": rng_.normal(size=4000), "b": rng_.normal(size=4000)}, index=np.arange(4000) + 50)
known["copy"] = known["a"]
def average_(rows):
    return (rows["a"] + rows["copy"]) / 2
def minus_error(answers, predictions):
    return -np.mean((np.asarray(answers) - np.asarray(predictions)) ** 2)
before_ = known.copy()
drops = group_drops(average_, known, before_["a"], minus_error, {"both": ["a", "copy"], "one": ["a"], "b": ["b"]})
assert isinstance(drops, pd.Series), f"group_drops should return a Series, it returned a {type(drops).__name__}"
assert sorted(drops.index) == ["b", "both", "one"], f"expected one entry per group, got {list(drops.index)}"
assert known.equals(before_), "group_drops changes the rows it was given: shuffle in a copy"
assert drops.notna().all(), "drops are NaN. pandas puts shuffled columns to the rows with the same index, and rows that find none get NaN: assign an array"
assert not np.allclose(drops, 0, atol=1e-9), "all drops are 0: was anything shuffled? pandas aligns by index when you assign columns of a table"
assert drops["one"] > 0, f"the score falls when a is shuffled, so its drop should be positive, got {drops['one']:.2f}: before minus after"
assert abs(drops["one"] - 2.5) > 0.3, f"a alone should lose about 0.5, got {drops['one']:.2f}, the sum over the 5 repeats: take the mean"
assert abs(drops["one"] - 2) > 0.2 and abs(drops["one"] - 1.5) > 0.2, f"a alone should lose about 0.5, got {drops['one']:.2f}: the group before it is still shuffled. Start each time from the rows as they were"
assert abs(drops["one"] - 0.5) < 0.06, f"a alone should lose about 0.5, got {drops['one']:.2f}: shuffle only its own column, not its copy"
assert abs(drops["b"]) < 1e-9, f"b is not used and should lose 0, got {drops['b']:.2f}"
assert abs(drops["both"] - 1.0) > 0.1, "the group loses what its columns lose one by one: 0.5 + 0.5. Shuffle them at the same time, then score once"
assert abs(drops["both"] - 1.5) > 0.1, "the group loses 1.5: each column was shuffled in its own way. Use the same order for all columns of a group"
assert abs(drops["both"] - 2) < 0.2, f"the group should lose about 2, got {drops['both']:.2f}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

def _minus_error(answers, predictions):
    return -np.mean((np.asarray(answers) - np.asarray(predictions)) ** 2)

for seed_ in (31, 32, 33):
    rng_ = np.random.default_rng(seed_)
    base_ = rng_.normal(size=(5000, 3))
    rows_ = pd.DataFrame({"u": base_[:, 0], "v": base_[:, 1], "w": base_[:, 2], "u2": base_[:, 0], "v2": -base_[:, 1]}, index=rng_.permutation(5000))
    c_, d_ = rng_.uniform(1, 3, 2)
    def _predict(rows, c_=c_, d_=d_):
        return c_ * (rows["u"] + rows["u2"]) / 2 + d_ * (rows["v"] - rows["v2"]) / 2 + rows["w"]
    answers_ = _predict(rows_)
    groups_ = {"uu": ["u", "u2"], "vv": ["v2", "v"], "w": ["w"], "all": ["u", "v", "w", "u2", "v2"], "u": ["u"]}
    expected_ = pd.Series({"uu": 2 * c_**2, "vv": 2 * d_**2, "w": 2.0, "all": 2 * (c_**2 + d_**2 + 1), "u": c_**2 / 2})
    before_ = rows_.copy()
    scores_ = set()
    def _noted(answers, predictions, scores_=scores_):
        scores_.add(round(_minus_error(answers, predictions), 9))
        return _minus_error(answers, predictions)
    got_ = group_drops(_predict, rows_, answers_, _noted, groups_, repeats=4, seed=seed_)
    assert len(scores_) >= 1 + 5 * 4, f"5 groups and repeats=4: at least 20 different shufflings should be scored, there were {len(scores_) - 1}. Each repeat shuffles anew"
    assert rows_.equals(before_), "group_drops changes the rows it was given: shuffle in a copy"
    assert set(got_.index) == set(groups_), f"expected one entry per group, got {list(got_.index)}"
    for name_, value_ in expected_.items():
        assert abs(got_[name_] - value_) < 0.15 * value_, f"group {groups_[name_]} of a known rule should lose about {value_:.2f}, got {got_[name_]:.2f}. All columns of a group get the same shuffling"
    again_ = group_drops(_predict, rows_, answers_, _minus_error, groups_, repeats=4, seed=seed_)
    assert np.allclose(again_[got_.index], got_), "the same seed should give the same drops"
same_ = pd.DataFrame({"left": np.arange(300.0), "right": np.arange(300.0)})
got_ = group_drops(lambda rows: (rows["left"] == rows["right"]) * 1.0, same_, np.ones(300), _minus_error, {"pair": ["left", "right"]})
assert abs(got_["pair"]) < 1e-9, "values of a group should stay together: each row gets those of one other row"
### END HIDDEN TESTS

# %% [markdown]
# Humidity and wind belong together: one by one they cost about 0.026, together about 0.034. While one is shuffled, the other still tells part of it. The temperature is
# another matter. Alone it costs less than 0.001, and beside the others it adds little, a few thousandths at most, about what chance adds. So this model hardly ranks by
# the temperature; here the small number was right. With the two estimates of the spread rate it was wrong. One number per input cannot tell the two apart; groups can.

# %% [markdown]
# ## How does the prediction change with an input?
#
# Importance says *how much*, not *in which direction*. **Partial dependence** sets one input to the same value in every row, lets the model predict, and takes the
# mean; then the next value. (We use rows without gaps and the scale of log-odds, on which this model adds up: its `decision_function` returns them. 0 is a probability of one half, −2 one of 12 %.) **Before
# running:** which of the two will rise, wind or temperature?

# %%
complete = test.dropna().sample(300, random_state=0)
figure, axes = plt.subplots(1, 2, sharey=True)
options = {"response_method": "decision_function", "percentiles": (0.02, 0.98), "grid_resolution": 25}
PartialDependenceDisplay.from_estimator(model, complete[inputs], ["wind_speed", "temperature"], ax=axes, **options)
axes[0].set(title="More wind, higher prediction", xlabel="wind speed (km/h)", ylabel="mean prediction (log-odds)")
axes[1].set(title="Temperature: no clear direction", xlabel="temperature (°C)", ylabel="")
plt.show()

# %% [markdown]
# The curve on the left climbs by more than one unit of log-odds. The one on the right wanders within half a unit and ends where it began. Does the temperature do next
# to nothing, or different things for different fires? A mean cannot tell. One curve for each fire can: **individual conditional expectation**, ICE.

# %% [markdown]
# ## Exercise 4: Draw a curve for each fire (2 points, about 10 minutes)
#
# Write `ice(predict, rows, column, grid, centred=False)`. It returns a DataFrame: one line for each row of `rows` (its index), one column for each value of `grid` (in
# the same order). The entry is what the model predicts for that row if `column` has that value and everything else is as it was.
#
# With `centred=True`, subtract from each line its own entry at the **first** value of `grid`, so that all curves start at 0 and their shapes can be compared. `rows`
# stays as it is. The mean over the lines is the partial dependence, so you get that for free.
#
# *By hand:* for `predict` = wind × dry, a fire with dry = 2 and the grid `[0, 10, 30]`, the line is 0, 20, 60, whatever wind the fire really had.

# %% exercise="ice"
def ice(predict, rows, column, grid, centred=False):
    """Predict for every row and every value of one column.

    predict: function rows -> one number per row. rows: DataFrame. grid: list of values for column.
    Returns a DataFrame: index as rows, one column per value of the grid.
    """
    ### BEGIN SOLUTION
    curves = {value: predict(rows.assign(**{column: value})) for value in grid}
    curves = pd.DataFrame({value: np.asarray(curve) for value, curve in curves.items()}, index=rows.index)
    return curves.sub(curves.iloc[:, 0], axis=0) if centred else curves
    ### END SOLUTION

# %% free="ice"
curves = ice(lambda rows: model.decision_function(rows), complete[inputs].head(40), "temperature", list(range(0, 36, 5)), centred=True)
curves.T.plot(legend=False, color="grey", linewidth=0.7, title="My ICE curves", xlabel="temperature (°C)", ylabel="change in log-odds")
plt.show()

# %% check="ice" points=2
# Checks wind x dry for three fires, as it is and centred.
example = pd.DataFrame({"wind": [5.0, 7.0, 9.0], "dry": [2.0, 0.0, -1.0]}, index=[8, 3, 5])
before_ = example.copy()
curves = ice(lambda rows: rows["wind"] * rows["dry"] + 1, example, "wind", [10, 0, 30])
assert isinstance(curves, pd.DataFrame), f"ice should return a DataFrame, it returned a {type(curves).__name__}"
assert example.equals(before_), "ice changes the rows it was given: work on a copy"
assert curves.shape == (3, 3), f"3 rows and 3 values make a 3 x 3 table, got {curves.shape}. The mean over rows would be the partial dependence"
assert list(curves.index) == [8, 3, 5] and list(curves.columns) == [10, 0, 30], "the index should be that of rows, the columns the values of the grid, in their order"
assert np.allclose(curves.loc[8], [21, 1, 61]), f"the fire with dry = 2 should give 21, 1, 61, got {list(curves.loc[8])}"
assert np.allclose(curves.loc[5], [-9, 1, -29]), f"the fire with dry = -1 should give -9, 1, -29, got {list(curves.loc[5])}"
curves = ice(lambda rows: rows["wind"] * rows["dry"] + 1, example, "wind", [10, 0, 30], centred=True)
assert isinstance(curves, pd.DataFrame) and curves.shape == (3, 3), "with centred=True the table has the same shape"
assert np.allclose(curves.loc[8], [0, -20, 40]), f"centred, the fire with dry = 2 should give 0, -20, 40, got {list(curves.loc[8])}: subtract its own first entry"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

for seed_ in (41, 42, 43):
    rng_ = np.random.default_rng(seed_)
    rows_ = pd.DataFrame(rng_.normal(size=(60, 3)), columns=["k", "l", "m"], index=rng_.permutation(60) + 9)
    rows_["n"] = np.where(rng_.random(60) < 0.3, np.nan, 1.0)
    grid_ = [float(value) for value in rng_.permutation(np.linspace(-2, 2, 7))]
    wave_ = rng_.uniform(1, 3)
    for answer_ in ("series", "array"):
        def _predict(rows, wave_=wave_, answer_=answer_):
            values = np.sin(wave_ * rows["l"]) * rows["k"] + rows["m"] + rows["n"].fillna(0.5)
            return values if answer_ == "series" else values.to_numpy()
        rest_ = (rows_["m"] + rows_["n"].fillna(0.5)).to_numpy()[:, None]
        truth_ = np.outer(rows_["k"], np.sin(wave_ * np.array(grid_))) + rest_
        before_ = rows_.copy()
        got_ = ice(_predict, rows_, "l", grid_)
        assert rows_.equals(before_), "ice changes the rows it was given: work on a copy"
        assert list(got_.index) == list(rows_.index) and np.allclose(list(got_.columns), grid_), "index as rows, columns as grid, in their order"
        assert got_.shape == truth_.shape and np.allclose(got_.to_numpy(float), truth_), "the curves of a known rule on fresh rows are wrong: only the one column changes, for every row and every value"
        got_ = ice(_predict, rows_, "l", grid_, centred=True)
        assert np.allclose(got_.to_numpy(float), truth_ - truth_[:, :1]), "centred curves of a known rule are wrong: each line minus its own entry at the first value of the grid, which need not be the smallest"
### END HIDDEN TESTS

# %% [markdown]
# The same with scikit-learn, on the real model: thin lines are single fires, the dashed one is their mean.

# %%
display = PartialDependenceDisplay.from_estimator(
    model, complete[inputs].head(80), ["temperature"], kind="both", centered=True, ice_lines_kw={"alpha": 0.35}, **options)
display.axes_[0, 0].set(title="The mean hides that fires differ", xlabel="temperature (°C)", ylabel="change in log-odds")
plt.show()

# %% [markdown]
# As it gets warmer, the prediction falls for most fires, for some by a whole unit, and rises for others, for one by more than 0.8. The mean shows none of this: it
# stays within 0.4. What warmth does in this model depends on the other inputs; that is an **interaction**. How far can it go? Until nothing of a strong effect is left
# in the mean.

# %% [markdown]
# ## Exercise 5: Construct an effect that averages to nothing (2 points, about 8 minutes)
#
# Write `flat_effect()`. It returns a pair `(rows, predict)`: a DataFrame of at least 100 rows with the column `wind` and others of your choice, and a function that
# predicts a number for each row, such that
#
# - the partial dependence on `wind` is **flat**: on a grid from the smallest to the largest wind it varies by less than 5 % of the standard deviation of the predictions,
# - and yet `wind` **matters**: shuffling it changes the predictions by more than 25 % of that standard deviation, on average,
# - a row's prediction depends on that row alone, and is the same at each call.
#
# <details><summary>Hint</summary>Let a second column decide whether wind raises or lowers the prediction. How many rows of each kind do you need?</details>

# %% exercise="flat-effect"
def flat_effect():
    """Return (rows, predict): wind matters, and its partial dependence is flat."""
    ### BEGIN SOLUTION
    wind = np.tile(np.linspace(0, 30, 50), 2)
    uphill = np.repeat([1.0, -1.0], 50)  # as many fires run uphill as downhill
    rows = pd.DataFrame({"wind": wind, "uphill": uphill})
    return rows, lambda rows: rows["wind"] * rows["uphill"]
    ### END SOLUTION

# %% free="flat-effect"
rows, rule = flat_effect()
rows.assign(prediction=rule(rows)).sample(5, random_state=0)

# %% check="flat-effect" points=2
# Checks the three properties above. There are no further tests for this exercise.
import numpy as np
import pandas as pd

built = flat_effect()
assert isinstance(built, (tuple, list)) and len(built) == 2, "flat_effect should return a pair: (rows, predict)"
rows_, rule_ = built
assert isinstance(rows_, pd.DataFrame) and "wind" in rows_, "the first of the pair should be a DataFrame with the column wind"
assert callable(rule_), "the second of the pair should be a function that predicts for a DataFrame"
assert len(rows_) >= 100, f"at least 100 rows are needed, there are {len(rows_)}"
assert rows_["wind"].nunique() > 1, "wind should have different values"
usual_ = np.asarray(rule_(rows_.copy()), dtype=float)
assert usual_.shape == (len(rows_),), f"predict should return one number per row, it returned the shape {usual_.shape}"
assert np.allclose(usual_, np.asarray(rule_(rows_.copy()), dtype=float)), "predict should give the same numbers at each call"
alone_ = [float(np.asarray(rule_(rows_.iloc[[place]].copy())).ravel()[0]) for place in range(0, len(rows_), len(rows_) // 20)]
assert np.allclose(alone_, usual_[:: len(rows_) // 20]), "a row's prediction should depend on that row alone: it changes when the other rows are not there"
changes_ = []
for seed_ in range(5):
    shuffled_ = rows_.assign(wind=np.random.default_rng(seed_).permutation(rows_["wind"].to_numpy()))
    changes_.append(np.abs(np.asarray(rule_(shuffled_), dtype=float) - usual_).mean())
assert usual_.std() > 0 and np.mean(changes_) > 0.25 * usual_.std(), f"shuffling wind changes the predictions by {np.mean(changes_):.3g} on average: that is too little, wind does not matter"
def curve_(values):
    means = [np.mean(np.asarray(rule_(rows_.assign(wind=value)), dtype=float)) for value in values]
    return (max(means) - min(means)) / usual_.std()
spread_ = curve_(np.linspace(rows_["wind"].min(), rows_["wind"].max(), 31))
between_ = spread_ >= 0.05 and curve_(rows_["wind"].unique()[:200]) < 0.05
assert not between_, "flat at the winds that occur, but not between them: the grid has 31 steps from the smallest to the largest wind. Let your rule hold for any wind (> or <, not ==)"
assert spread_ < 0.05, f"the partial dependence varies by {spread_:.0%} of the standard deviation of the predictions: not flat. For how many rows does wind raise the prediction, for how many does it lower it?"

# %% [markdown]
# A flat curve is no proof that an input is without effect, and a steep one does not make an input important (it may hardly ever vary). Look at the single curves before
# you conclude.

# %% [markdown]
# ## Dividing one prediction
#
# The dispatcher asks about **one** fire: how much did each input contribute to this prediction? Inputs act together, so how to divide it among them? Game theory has the
# same question: players earn something together; how to divide it fairly? Here are three crews and the hectares that each team would save (**invented** for the example).
# **Before running:** what is fair for the pump crew, which can do nothing alone?

# %%
saved = {"": 0, "A": 4, "B": 6, "P": 0, "AB": 12, "AP": 10, "BP": 12, "ABP": 30}  # A, B: ground crews, P: pump crew
pd.Series(saved, name="hectares saved").to_frame().T

# %% [markdown]
# What the pump crew adds depends on who is there already: nothing at first, 6 to A, 6 to B, 18 to both. Shapley's answer (1953): let the players arrive one after the
# other, note by how much the value rises when a player comes, and take the mean over **all orders of arrival**. This mean is the player's **Shapley value**. It is the
# only way of dividing for which four things hold: the Shapley values add up to what all earn together (efficiency), equal players get the same (symmetry), who never adds
# anything gets nothing (dummy), and if two games are added, so are the Shapley values (linearity).

# %% [markdown]
# ## Exercise 6: Compute Shapley values exactly (3 points, about 12 minutes)
#
# Write `shapley(players, value)`. `players` is a list of up to five names, `value` a function that takes a `frozenset` of players and returns a number. Return a dict:
# player → Shapley value, the mean over all orders of arrival of what the player adds when he or she comes.
#
# The value of nobody, `value(frozenset())`, need not be 0: it is what is there before anyone comes, so it belongs to no player. The Shapley values add up to
# `value(all) - value(nobody)`.
#
# *By hand:* A alone earns 4, B alone 6, both 16, nobody 0. In the order A, B: A adds 4, B adds 12. In the order B, A: B adds 6, A adds 10. So A gets 7 and B gets 9.
#
# <details><summary>Hint</summary>Either go through <code>itertools.permutations(players)</code>, or through all teams S without the player and weigh what he adds to each by |S|! (n − |S| − 1)! / n!.</details>

# %% exercise="shapley"
def shapley(players, value):
    """Divide what all players earn together.

    players: list of names. value: function frozenset of players -> number.
    Returns a dict, player -> Shapley value.
    """
    ### BEGIN SOLUTION
    n = len(players)
    shares = {}
    for player in players:
        others = [other for other in players if other != player]
        share = 0.0
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for team in combinations(others, size):
                share += weight * (value(frozenset(team) | {player}) - value(frozenset(team)))
        shares[player] = share
    return shares
    ### END SOLUTION

# %% free="shapley"
shapley(["A", "B", "P"], lambda team: saved["".join(sorted(team))])

# %% check="shapley" points=3
# Checks the two crews by hand, the three of the table above, and that the value of nobody belongs to no player.
def game_(earned, nobody=0):
    def value_(team):
        assert isinstance(team, frozenset), f"value takes a frozenset of players, you call it with a {type(team).__name__}: value(frozenset(team))"
        return nobody + earned["".join(sorted(team))]
    return value_
two_ = {"": 0, "A": 4, "B": 6, "AB": 16}
shares = shapley(["A", "B"], game_(two_))
assert isinstance(shares, dict), f"shapley should return a dict, it returned a {type(shares).__name__}"
assert set(shares) == {"A", "B"}, f"expected a Shapley value for A and B, got {list(shares)}"
assert (shares["A"], shares["B"]) != (10, 12), "these are the gains of coming last. Take the mean over all orders of arrival"
assert (shares["A"], shares["B"]) != (4, 6), "these are the gains of coming first, alone. Take the mean over all orders of arrival"
assert abs(sum(shares.values()) - 16) < 1e-6, f"both earn 16 together, your Shapley values add up to {sum(shares.values()):.4g}: {shares}"
assert np.allclose([shares["A"], shares["B"]], [7, 9]), f"A should get 7 and B 9, you give {shares}"
shares = shapley(["A", "B"], game_(two_, nobody=100))
assert np.allclose([shares["A"], shares["B"]], [7, 9]), f"100 were there before anybody came and belong to no player: A should still get 7 and B 9, you give {shares}"
shares = shapley(["A", "B", "P"], game_({"": 0, "A": 4, "B": 6, "P": 0, "AB": 12, "AP": 10, "BP": 12, "ABP": 30}))
assert abs(sum(shares.values()) - 30) < 1e-6, f"A, B and P earn 30, your Shapley values add up to {sum(shares.values()):.4g}: {shares}. With three players, teams need their weights: in how many orders does just this team come before the player?"
assert np.allclose([shares["A"], shares["B"], shares["P"]], [10, 12, 8]), f"A should get 10, B 12 and P 8, you give {shares}. They add up, but the mean goes over all 6 orders of arrival"
### BEGIN HIDDEN TESTS
import numpy as np
from mlelabs.games import random_game

for seed_ in range(50, 62):
    names_ = [f"p{i}" for i in np.random.default_rng(seed_).permutation(9)[: 1 + seed_ % 5]]
    idle_ = names_[1:2] if len(names_) > 2 else []
    value_, truth_ = random_game(names_, seed_, start=5.0, idle=idle_)
    got_ = shapley(list(names_), value_)
    assert set(got_) == set(names_), f"every player gets a share: expected {names_}, got {list(got_)}"
    total_ = value_(frozenset(names_)) - value_(frozenset())
    assert abs(sum(got_.values()) - total_) < 1e-6, f"a random game of {len(names_)} players: the shares add up to {sum(got_.values()):.3f}, not to {total_:.3f}, what all earn together. With three players and more, teams need their weights"
    assert all(abs(got_[name_]) < 1e-6 for name_ in idle_), "a player who never adds anything should get 0 (dummy)"
    assert all(abs(got_[name_] - truth_[name_]) < 1e-6 for name_ in names_), f"a random game of {len(names_)} players: expected {truth_}, got {got_}"
    other_ = random_game(names_, seed_ + 1000)[0]
    def _both(team, one=value_, other=other_):
        return 2 * one(team) + other(team)
    first_, second_ = shapley(list(names_), other_), shapley(list(names_), _both)
    assert all(abs(second_[name_] - 2 * got_[name_] - first_[name_]) < 1e-6 for name_ in names_), "shares of a sum of games should be the sums of the shares (linearity)"
even_ = shapley(["k", "l", "m"], lambda team: len(team) ** 2)
assert np.allclose(list(even_.values()), 3), f"three equal players who earn 9 should get 3 each (symmetry), got {even_}"
### END HIDDEN TESTS

# %% [markdown]
# The pump crew gets 8 of the 30 hectares, though it can do nothing alone: in four of the six orders somebody is there already whom it helps.
#
# ## From a game to a prediction
#
# Now let the inputs be the players. The value of a team of inputs is what the model predicts **if only they are known**. A model cannot leave inputs out, so the
# unknown ones are filled with values of other fires, the *background*, and the predictions are averaged. With nobody known that is the mean prediction; with all known
# it is the prediction for this fire.

# %% [markdown]
# ## Exercise 7: Turn a model into a game (2 points, about 8 minutes)
#
# Write `coalition_value(predict, fire, background)`. `fire` is a Series (input → value), `background` a DataFrame with the same inputs. It **returns a function**
# `value(team)`: for a collection of input names, the mean prediction over all rows of `background` in which the inputs of the team have the values of `fire`.
# `predict` gets the columns of `background` in their order, as a trained model expects, and every row counts, equal ones too. `background` stays as it is.
#
# *By hand:* `predict` = wind × dry, background rows (0, 1) and (10, 3), fire (20, 5). Nobody known: (0 + 30) / 2 = 15. Wind known: (20 × 1 + 20 × 3) / 2 = 40. Both
# known: 100.

# %% exercise="coalition-value"
def coalition_value(predict, fire, background):
    """Return the game that a model plays for one fire.

    predict: function rows -> predictions. fire: Series, input -> value. background: DataFrame.
    Returns a function: collection of inputs -> mean prediction if only these are known.
    """
    ### BEGIN SOLUTION
    def mean_prediction(team):
        known = {name: fire[name] for name in team}
        return float(np.mean(predict(background.assign(**known))))

    return mean_prediction
    ### END SOLUTION

# %% free="coalition-value"
background = train[inputs].sample(100, random_state=0)
value = coalition_value(predict, test[inputs].iloc[2], background)
value([]), value(["spread_rate"]), value(inputs)

# %% check="coalition-value" points=2
# Checks the example by hand: four teams of two inputs.
background_ = pd.DataFrame({"wind": [0.0, 10.0], "dry": [1.0, 3.0]})
before_ = background_.copy()
value_ = coalition_value(lambda rows: rows["wind"] * rows["dry"], pd.Series({"wind": 20.0, "dry": 5.0}), background_)
assert callable(value_), f"coalition_value should return a function, it returned a {type(value_).__name__}"
got = {team: value_(frozenset(team)) for team in [(), ("wind",), ("dry",), ("wind", "dry")]}
assert all(isinstance(number, (int, float, np.number)) for number in got.values()), "value(team) should be one number, the mean over the background"
assert background_.equals(before_), "value changes the background it was given: the next team then starts from a wrong one"
assert abs(got[()] - 10) > 1e-6, "with nobody known you get 10: that is the prediction for the mean row. Predict for every row, then take the mean"
assert abs(got[()] - 100) > 1e-6, "with nobody known you get the prediction for the fire itself: the known inputs take the fire's values, the others those of the background"
expected = {(): 15, ("wind",): 40, ("dry",): 25, ("wind", "dry"): 100}
for team, number in expected.items():
    assert abs(got[team] - number) < 1e-6, f"known: {team or 'nobody'}: expected {number}, got {got[team]:.4g}"
### BEGIN HIDDEN TESTS
import itertools
import numpy as np
import pandas as pd

for seed_ in (71, 72, 73):
    rng_ = np.random.default_rng(seed_)
    names_ = ["q", "r", "s", "t"]
    back_ = pd.DataFrame(rng_.normal(size=(40, 4)), columns=names_, index=rng_.permutation(40) + 3)
    case_ = pd.Series(rng_.normal(size=4), index=names_[::-1])
    def _predict(rows, names_=names_):
        assert list(rows.columns) == names_, f"predict should get the columns in the order of the background, {names_}; it got {list(rows.columns)}"
        return np.exp(rows["q"] * rows["r"]).to_numpy() + rows["s"].to_numpy() ** 2 + 2 * rows["t"].to_numpy()
    before_ = back_.copy(), case_.copy()
    value_ = coalition_value(_predict, case_, back_)
    for size_ in range(5):
        for team_ in itertools.combinations(names_, size_):
            q_, r_, s_, t_ = (case_[name] if name in team_ else back_[name].to_numpy() for name in names_)
            truth_ = np.mean(np.exp(q_ * r_) + s_**2 + 2 * t_ + np.zeros(40))
            got_ = value_(frozenset(team_))
            assert abs(got_ - truth_) < 1e-6, f"known {list(team_)} on fresh data: expected {truth_:.4f}, got {got_:.4f}. Every row of the background counts, and one team must not change the next"
    assert back_.equals(before_[0]) and case_.equals(before_[1]), "coalition_value changes the tables it was given"
integer_ = pd.DataFrame({"q": [1, 2, 3], "r": [0, 0, 1]})
got_ = coalition_value(lambda rows: rows["q"] * 1.0, pd.Series({"q": 0.5, "r": 1.0}), integer_)(["q"])
assert abs(got_ - 0.5) < 1e-9, f"a column of whole numbers may get the value 0.5: expected 0.5, got {got_}"
got_ = coalition_value(lambda rows: rows["r"] * 3.0, pd.Series({"q": 0.5, "r": 1.0}), integer_)(["q"])
assert abs(got_ - 1) < 1e-9, f"background rows that become equal still count one by one: expected 1, got {got_}"
### END HIDDEN TESTS

# %% [markdown]
# ## The tool, and what scale it speaks
#
# Fourteen inputs make 16,384 teams; for trees, **shap** computes the same kind of numbers fast. (Without a background, as here, it fills unknown inputs with the help of
# the counts that the trees remember from training.) It gives a **base**, what the model says when nothing is known, and for each input a **contribution**, its Shapley
# value. It never says on which scale, so we check. **Before running:** will base plus contributions give the probability?

# %%
explanation = shap.TreeExplainer(model)(test[inputs])
total = np.ravel(explanation.base_values) + explanation.values.sum(axis=1)
base = float(np.ravel(explanation.base_values)[0])
print("contributions:", explanation.values.shape, f" base: {base:.2f}, a probability of {1 / (1 + np.exp(-base)):.1%}")
print(f"mean on the training fires: log-odds {model.decision_function(train[inputs]).mean():.2f}, probability {predict(train[inputs]).mean():.1%}")
print("first fire: total", round(total[0], 3), " probability", round(predict(test[inputs])[0], 3))
print("largest gap to the log-odds of a large fire:", f"{np.abs(total - model.decision_function(test[inputs])).max():.6f}")
print("largest gap to the probability, after 1 / (1 + exp(-total)):", f"{np.abs(1 / (1 + np.exp(-total)) - predict(test[inputs])).max():.6f}")

# %% [markdown]
# The contributions of this model add up in **log-odds**, exactly, for every fire. The base, −3.95, is the mean of the log-odds in training, a probability of 1.9 %. The
# mean *probability* there is 7.4 %: most fires are far below it, and the mean of log-odds is not that of probabilities. (In Exercise 7 nobody known gave 5.3 %: that was a
# mean probability, of only 100 fires.) Only a *total* can be turned into a probability;
# a single contribution cannot: +1 multiplies the odds by 2.7, wherever they are. And there is a second trap, the class: this model has one column of contributions, for
# `True`. Others have one per class.
#
# Now all of it at once. Each dot is a fire, to the right are contributions that raise its risk; red dots have a high value of the input, blue ones a low value, **grey
# ones none**.

# %%
np.random.seed(0)  # the plot shakes its dots a little
shap.plots.beeswarm(explanation[:1500], max_display=9, show=False, plot_size=(7, 3.6))
plt.title("Humidity: no reading (grey) lowers the risk most")
plt.xlabel("contribution (log-odds)")
plt.show()
unread = test["humidity"].isna()
humidity_part = pd.Series(explanation.values[:, inputs.index("humidity")], index=test.index)
print(f"humidity missing: {unread.sum()} fires, {test.loc[unread, 'large'].sum()} of them large, mean contribution {humidity_part[unread].mean():.2f}")
print(f"humidity there: {(~unread).sum()} fires, {test.loc[~unread, 'large'].sum()} of them large, lowest contribution {humidity_part[~unread].min():.2f}")
print(f"of the {unread.sum()} fires without humidity, {test.loc[unread, 'temperature'].isna().sum()} have no temperature either, {test.loc[unread, 'wind_speed'].isna().sum()} no wind")
chance, line = predict(test[inputs]), np.quantile(predict(test[inputs]), 0.9)
first = test["large"] & (chance >= line) & ~unread
blank = {"humidity": np.nan, "temperature": np.nan, "wind_speed": np.nan}
def lost_if(**entered):
    """How many of the large fires in the top tenth would not be there with these entries."""
    return (first & (predict(test[inputs].assign(**entered)) < line)).sum()
print(f"{first.sum()} large fires are in the top tenth; without the three readings {lost_if(**blank)} would not be, without humidity alone {lost_if(humidity=np.nan)}")

# %% [markdown]
# Fast fires, wind and dry air raise the risk: sound reasons. But look at the dots at the far left of humidity (grey). No reading at all lowers the risk more than the dampest
# air does. The model has learned how the log is **kept**: for the smallest fires nobody writes the weather down, so all three readings are missing together. In the log
# that is true. On the day it is dangerous: whoever is too busy to read the instruments sends her own fire down the list. Of 389 large fires in the top tenth, 317 would
# drop out of it without the three readings. (Without humidity alone it would be 250, but it is hardly ever missing alone.) Nothing in the AUC warns of that.
#
# The most important input has an odd place, too. **Before running:** how should the contribution change as the spread rate rises?

# %%
rate = test["spread_rate"]
rate_part = pd.Series(explanation.values[:, inputs.index("spread_rate")], index=test.index)
filled = rate == 0.9
figure, axes = plt.subplots()
axes.scatter(rate[~filled], rate_part[~filled], s=6, rasterized=True, label="other fires")
axes.scatter(rate[filled], rate_part[filled], s=6, rasterized=True, label="exactly 0.9")
axes.set(title="Faster is riskier, except at exactly 0.9", xlabel="spread rate (m/min)", ylabel="contribution (log-odds)", xlim=(-0.2, 4.2))
axes.legend()
plt.show()
bands = pd.cut(rate, [0.3, 0.6, 0.89, 0.91, 1.0], labels=["0.3 to 0.6", "to 0.89", "0.9", "to 1.0"])
bare = filled & unread
print(f"{filled.sum()} fires have exactly 0.9, {test.loc[filled, 'large'].sum()} of them are large")
print(f"{bare.sum()} of them have no humidity either: mean contribution of the 0.9 there {rate_part[bare].mean():.3f}")
print(f"with humidity there are {(filled & ~unread).sum()}: mean contribution {rate_part[filled & ~unread].mean():.3f}")
print(f"of the {first.sum()} large fires in the top tenth, {lost_if(spread_rate=0.9, **blank)} would drop out with 0.9 and without the three readings")
pd.DataFrame({"fires": bands.value_counts(sort=False), "mean contribution": rate_part.groupby(bands, observed=False).mean().round(2)})

# %% [markdown]
# The curve rises, as it should, but for a hole at 0.9: 0.5 m/min counts for nearly nothing, 1.0 raises the risk by about one unit, and 0.9 *lowers* it. No fire behaves
# like that. 0.9 is the mean of the column, filled in for gaps before the file was published. It is not a second habit, but the same one: 479 of these 491 fires also lack
# the humidity. They are the fires about which nobody filled in the form, and all but 2 stayed small. The model reads an empty form as "harmless": with it, **none** of
# the 389 would be in the top tenth. The explanation is right about the model; it is the model that is wrong about fire. That is what explanations are best at: finding faults.

# %% [markdown]
# Now the trap of the class. This forest predicts three sizes, and its explanation has **three axes**: fires, inputs and classes, the classes in the order of
# `classes_`. It adds up in probabilities. **Before running:** which place has "large" among small, medium and large?

# %%
extent = pd.cut(fires["current_size"], [0, 4, 40, np.inf], labels=["small", "medium", "large"]).astype(str)
forest = RandomForestClassifier(20, max_depth=5, random_state=0).fit(train[inputs], extent[train.index])
print(shap.TreeExplainer(forest)(test[inputs].head(50)).values.shape, forest.classes_)

# %% [markdown]
# ## Exercise 8: The right class and the right scale (3 points, about 14 minutes)
#
# Write two functions.
#
# - `class_contributions(forest, rows, target)`: explain the probability of the class `target` with shap's `TreeExplainer`. Return `(base, contributions)`: one number,
# and a DataFrame with index and columns of `rows`. For each row, base plus contributions is the probability that `forest` gives to `target`.
# - `to_probability(base, contributions)`: for a model that adds up in **log-odds**. `base` is a number, `contributions` a DataFrame, one line per fire. Return a Series
# of probabilities, with the same index.
#
# *By hand:* base −2 and the contributions 1.5 and 0.5 make log-odds of 0, a probability of 0.5.
#
# <details><summary>Hint</summary>An explanation has <code>.values</code> and <code>.base_values</code>, and both have the axis of classes last. Do not trust that "large" comes first, or last.</details>

# %% exercise="class-contributions"
def class_contributions(forest, rows, target):
    """Explain the probability of one class.

    forest: fitted RandomForestClassifier. rows: DataFrame. target: one of forest.classes_.
    Returns (base, contributions): a number and a DataFrame like rows; they add up to the probability.
    """
    ### BEGIN SOLUTION
    explained = shap.TreeExplainer(forest)(rows)
    place = list(forest.classes_).index(target)
    contributions = pd.DataFrame(explained.values[:, :, place], index=rows.index, columns=rows.columns)
    return float(explained.base_values[0, place]), contributions
    ### END SOLUTION


def to_probability(base, contributions):
    """Turn log-odds into probabilities.

    base: number, log-odds. contributions: DataFrame of log-odds, one line per fire.
    Returns a Series of probabilities, one per fire.
    """
    ### BEGIN SOLUTION
    log_odds = base + contributions.sum(axis=1)
    return 1 / (1 + np.exp(-log_odds))
    ### END SOLUTION

# %% free="class-contributions"
base_large, shares = class_contributions(forest, test[inputs].head(50), "large")
print("base", round(base_large, 4), " first fire", round(base_large + shares.iloc[0].sum(), 4), " forest says", forest.predict_proba(test[inputs].head(1)).round(4))
to_probability(base, pd.DataFrame(explanation.values[:3], index=test.index[:3])).round(3)

# %% check="class-contributions" points=3
# Checks a small simulated forest for two of its classes, and three totals in log-odds.
rng_ = np.random.default_rng(3)
known = pd.DataFrame(rng_.normal(size=(400, 2)), columns=["heat", "unused"], index=np.arange(400) + 1000)
small_forest = RandomForestClassifier(10, max_depth=3, random_state=0).fit(known, np.select([known["heat"] > 1, known["heat"] > -1], ["severe", "mild"], "none"))
for target_ in ("severe", "mild"):
    answer_ = class_contributions(small_forest, known.head(30), target_)
    assert isinstance(answer_, (tuple, list)) and len(answer_) == 2, "class_contributions should return a pair: (base, contributions)"
    base_, shares_ = answer_
    assert base_ is not None and np.size(base_) == 1, f"class_contributions: base should be one number, that of the class {target_!r}, got {np.size(base_)} numbers"
    assert isinstance(shares_, pd.DataFrame), f"class_contributions: contributions should be a DataFrame, you return a {type(shares_).__name__}"
    assert shares_.shape == (30, 2) and list(shares_.index) == list(known.index[:30]) and list(shares_.columns) == ["heat", "unused"], "class_contributions: contributions should have index and columns of rows"
    said_ = pd.DataFrame(small_forest.predict_proba(known.head(30)), columns=small_forest.classes_, index=known.index[:30])
    total_ = np.ravel(base_)[0] + shares_.sum(axis=1)
    other_ = [name for name in said_ if name != target_ and np.allclose(total_, said_[name])]
    assert not other_, f"class_contributions: asked for {target_!r}, you explain {other_[0]!r}. In which order does the forest hold its classes?"
    gap_ = said_[target_] - shares_.sum(axis=1)
    assert np.ptp(gap_) > 1e-6 or np.allclose(total_, said_[target_]), f"class_contributions: the contributions to {target_!r} are right, the base is not: expected {gap_.mean():.4f}, got {np.ravel(base_)[0]:.4f}. It belongs to the class, too"
    assert np.allclose(total_, said_[target_]), f"class_contributions: base plus contributions should be the forest's probability of {target_!r}"
chances_ = to_probability(-2, pd.DataFrame({"a": [1.0, 0.0, -1.0], "b": [0.5, 0.0, -1.0], "c": [0.5, 0.0, -2.0]}, index=[7, 8, 9]))
assert isinstance(chances_, pd.Series) and list(chances_.index) == [7, 8, 9], "to_probability should return a Series with the index of contributions"
assert not np.allclose(chances_, [1, 0.1353, 0.0025], atol=1e-4), "to_probability: these are odds, exp(total). The probability is odds / (1 + odds)"
assert chances_.between(0, 1).all(), f"to_probability: probabilities lie between 0 and 1, got {chances_.tolist()}. Add up first, then convert the total"
assert not np.allclose(chances_, [0.5, 0.8808, 0.9975], atol=1e-4), "to_probability: you give the probability of the contrary: look at the sign in the exponent"
assert not np.allclose(chances_, [0.8808, 0.5, 0.018], atol=1e-3), "to_probability: the base is missing. The base is a part of the total"
assert np.allclose(chances_, [0.5, 0.1192, 0.0025], atol=1e-4), f"to_probability: expected 0.5, 0.1192 and 0.0025, got {chances_.round(4).tolist()}. Add up base and all contributions; only the total is converted"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd
from mlelabs.data import load_wildfires
from sklearn.ensemble import RandomForestClassifier

log_ = load_wildfires().dropna(subset=["temperature", "relative_humidity", "wind_speed"]).sample(1500, random_state=8)
rows_ = log_[["fire_spread_rate", "wind_speed", "relative_humidity", "temperature"]].assign(constant=1.0)
big_ = log_["current_size"] > 4
for labels_ in (np.where(big_, "large", "small"), np.where(big_, "yes", "no"), big_.to_numpy(), np.where(big_, 2, 9), np.where(big_, "big", np.where(log_["current_size"] > 0.1, "mid", "tiny"))):
    forest_ = RandomForestClassifier(10, max_depth=4, random_state=1).fit(rows_, labels_)
    some_ = rows_.sample(25, random_state=2)
    before_ = some_.copy()
    for target_ in forest_.classes_:
        base_, shares_ = class_contributions(forest_, some_, target_)
        assert some_.equals(before_), "class_contributions changes the rows it was given"
        truth_ = forest_.predict_proba(some_)[:, list(forest_.classes_).index(target_)]
        total_ = np.ravel(base_)[0] + shares_.sum(axis=1).to_numpy()
        assert np.allclose(total_, truth_, atol=1e-6), f"a forest on real fires with the classes {list(forest_.classes_)}: base plus contributions is not the probability of {target_!r}"
        assert np.allclose(shares_["constant"], 0, atol=1e-9), "an input that never varies should contribute 0"
        frequency_ = np.mean(labels_ == target_)
        assert abs(np.ravel(base_)[0] - frequency_) < 0.05, f"the base should be the forest's mean probability of {target_!r} in training, about {frequency_:.2f}, got {np.ravel(base_)[0]:.2f}"
rng_ = np.random.default_rng(6)
for _ in range(5):
    base_, parts_ = rng_.normal(-2, 2), pd.DataFrame(rng_.normal(size=(9, 4)), index=rng_.permutation(9))
    odds_ = np.exp(base_ + parts_.to_numpy().sum(axis=1))
    assert np.allclose(to_probability(base_, parts_), odds_ / (1 + odds_)), "log-odds on fresh data: the probability is odds / (1 + odds), with odds = exp(base plus all contributions)"
### END HIDDEN TESTS

# %% [markdown]
# ## An answer for the dispatcher
#
# Back to her question. This is the fire, and this is what shap's own picture says about it. **Before running:** would you put this on a dispatcher's screen?

# %%
case = test.index[np.argmax((test["latitude"] > 59.7) & (test["crown_fire"] == 1) & (test["wind_speed"] == 0))]
place = test.index.get_loc(case)
fire, contributions = test.loc[case, inputs], pd.Series(explanation.values[place], index=inputs)
print(f"predicted probability of a large fire: {predict(test.loc[[case], inputs])[0]:.0%}")
shap.plots.waterfall(explanation[place], max_display=7, show=False)
plt.title("One fire, explained for engineers")
plt.gcf().set_size_inches(7, 3.6)
plt.show()

# %% [markdown]
# Read from the bottom: the model starts at the base, −3.95, its mean log-odds in training; each bar adds one input's contribution; at the top stands the total for this fire, in log-odds. The
# figure is right, and no help in the ten seconds a dispatcher has. She needs a few **reason codes**: the strongest reasons first, in words, with their direction. These
# words are given:

# %%
TEMPLATES = {"latitude": "latitude {:.1f}° N", "longitude": "longitude {:.1f}°", "month": "month {:.0f}", "hour": "{:.0f} o'clock", "spread_rate": "spreads {:.1f} m/min",
             "temperature": "{:.0f} °C", "humidity": "humidity {:.0f} %", "wind_speed": "wind {:.0f} km/h"}
YES_NO = {"crown_fire": ("not in the crowns", "in the crowns"), "lightning": ("not lightning", "lightning"), "grass": ("not in grass", "in grass"), "conifer": ("not in conifers", "in conifers"),
          "lookout": ("not seen by a lookout", "seen by a lookout"), "aircraft": ("not seen from the air", "seen from the air")}

def describe(column, value):
    """Say in words what an input's value is."""
    if pd.isna(value):
        return f"{column} not reported"
    if column in YES_NO:
        return YES_NO[column][int(value)]
    return TEMPLATES[column].format(value)

print([describe(column, fire[column]) for column in inputs])

# %% [markdown]
# ## Exercise 9: Write reason codes (3 points, about 10 minutes)
#
# Write `reason_codes(contributions, fire, describe, k=3)`. `contributions` and `fire` are Series by input: its contribution in log-odds, and its value. Return a list of
# at most `k` texts, the strongest reason first:
#
# - strongest means the largest contribution **regardless of its sign**; between equals the input whose name comes first in the alphabet,
# - each text is `"raises: "` or `"lowers: "`, by the sign of the contribution, followed by `describe(input, value)`,
# - an input that contributes exactly 0 is no reason, however small the others are; so the list may be shorter than `k`.
#
# *By hand:* a rate of 5 and no wind, with the contributions rate 2.1, wind −0.8, month 0.1, give for `k` = 2 `["raises: spreads 5.0 m/min", "lowers: wind 0 km/h"]`.
#
# <details><summary>Hint</summary><code>sorted</code> with a key that is a pair: minus the absolute contribution, then the name.</details>

# %% exercise="reason-codes"
def reason_codes(contributions, fire, describe, k=3):
    """Say in words what moved a prediction most.

    contributions, fire: Series, input -> contribution (log-odds) and value.
    describe: function (input, value) -> text. k: how many reasons at most.
    Returns a list of texts, the strongest reason first.
    """
    ### BEGIN SOLUTION
    reasons = [name for name in contributions.index if contributions[name] != 0]
    reasons.sort(key=lambda name: (-abs(contributions[name]), name))
    words = []
    for name in reasons[:k]:
        direction = "raises" if contributions[name] > 0 else "lowers"
        words.append(f"{direction}: {describe(name, fire[name])}")
    return words
    ### END SOLUTION

# %% [markdown]
# Your reasons, on a card as the dispatcher would see it:

# %% free="reason-codes"
card = [f"Why {predict(test.loc[[case], inputs])[0]:.0%}?  (start: {1 / (1 + np.exp(-base)):.0%})", *reason_codes(contributions, fire, describe, k=4)]
figure, axes = plt.subplots()
axes.set(title="One fire, explained for a dispatcher", xticks=[], yticks=[], ylim=(len(card), -0.5), facecolor="whitesmoke")
for line, text in enumerate(card):
    colour = {"r": "C1", "l": "C0"}.get(text[0], "black")
    axes.text(0.04, line + 0.3, text, color=colour, fontsize=14, weight="bold" if line == 0 else "normal")
plt.show()

# %% check="reason-codes" points=3
# Checks the order, the direction, a tie and a contribution of 0.
parts_ = pd.Series({"month": 0.1, "wind": -0.8, "rate": 2.1, "crown": 0.0, "hour": -0.1})
case_ = pd.Series({"rate": 5.0, "wind": 10.0, "month": 7.0, "crown": 1.0, "hour": 0.0})
def spell_(name, value):
    return f"{name} {value:.0f}"
words = reason_codes(parts_, case_, spell_, k=2)
assert isinstance(words, list) and all(isinstance(text, str) for text in words), f"reason_codes should return a list of texts, got {words!r}"
assert len(words) == 2, f"k is 2 and there are enough reasons: expected 2 texts, got {len(words)}"
assert words[0] == "raises: rate 5", f"the strongest reason is the rate of 5, which raises the risk by 2.1. Expected 'raises: rate 5', got {words[0]!r}"
assert words[1] != "raises: month 7", "second comes the wind: -0.8 is a stronger reason than +0.1. Sort by size, regardless of sign"
assert words[1] != "raises: wind 10", "the wind of 10 contributes -0.8, so it lowers. The direction is the sign of the contribution, not of the value"
assert words[1] == "lowers: wind 10", f"expected 'lowers: wind 10' in second place, got {words[1]!r}"
words = reason_codes(parts_, case_, spell_, k=5)
assert not any(text.endswith("crown 1") for text in words), f"the crown contributes exactly 0 and is no reason: expected 4 texts, got {words}"
assert len(words) == 4, f"four inputs contribute, so k = 5 should give 4 texts, got {words}. An hour of 0 is midnight, not a missing reason"
assert words[2:] == ["lowers: hour 0", "raises: month 7"], f"month and hour are equally strong, so the alphabet decides: hour before month. Got {words[2:]}. (nlargest and sort_values need not keep the order of equals)"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

for seed_ in range(80, 90):
    rng_ = np.random.default_rng(seed_)
    names_ = list(rng_.permutation(list("abcdefgh")))
    parts_ = pd.Series(rng_.choice([-2.0, -1.5, -0.5, 0.0, 0.5, 1.0, 2.0], 8), index=names_)
    case_ = pd.Series(rng_.normal(size=8), index=rng_.permutation(names_))
    case_.iloc[0] = np.nan
    parts_.iloc[:3] += rng_.choice([-0.003, 0.0, 0.003], 3)  # nearly equal is not equal, nearly 0 is not 0
    def _say(name, value):
        return f"{name} not reported" if value != value else f"{name} is {value:.3f}"
    before_ = parts_.copy(), case_.copy()
    for k_ in (1, 3, 8, 20):
        got_ = reason_codes(parts_, case_, _say, k=k_)
        assert parts_.equals(before_[0]) and case_.equals(before_[1]), "reason_codes changes a Series it was given"
        left_ = {name: float(part) for name, part in parts_.items() if part != 0}
        expected_ = []
        while left_ and len(expected_) < k_:
            top_ = min(name for name in left_ if abs(left_[name]) == max(abs(part) for part in left_.values()))
            expected_.append(("raises: " if left_.pop(top_) > 0 else "lowers: ") + _say(top_, case_[top_]))
        assert list(got_) == expected_, f"contributions {parts_.to_dict()}, k = {k_}: expected {expected_}, got {list(got_)}. The value belongs to the input by name, not by place"
assert reason_codes(pd.Series({"a": 0.0}), pd.Series({"a": 1.0}), _say) == [], "if nothing contributes, the list is empty"
### END HIDDEN TESTS

# %% [markdown]
# (The start on the card is the base, −3.95, as a probability: the 2 % are not the share of large fires.) That card can be read, and argued with: "the wind is calm, but a front comes at four" is a reason to overrule the model. It can also mislead, because it lists what
# moved the **model**. "Latitude 59.8° N raises" is true of the model, and no place burns because of its latitude: the number stands for something else, perhaps for how
# far away the crews are. The explanation cannot tell.

# %% [markdown]
# ## What would have to be different?
#
# Reasons say what pushed. A **counterfactual** says what it would take to decide otherwise: "with a spread rate of 1 instead of 5, no crew would go". Here it serves as
# a warning: *the decision hangs on this one estimate; check it*. Not every change makes sense. The place and the month are what they are; only the readings could have
# been different. And readings belong together: 35 °C and 90 % humidity hardly ever come together. **Before running:** if each reading may move alone to any value that
# occurs, is one enough to bring this fire below, say, 25 %?

# %%
readings = ["spread_rate", "temperature", "humidity", "wind_speed"]
reference = train[inputs].dropna().sample(400, random_state=0)
for reading in readings:
    lowest = min(predict(pd.DataFrame([fire] * len(reference)).assign(**{reading: reference[reading].to_numpy()})))
    print(f"{reading:12} now {fire[reading]:5.1f}, lowest probability when it alone changes: {lowest:.0%}")

# %% [markdown]
# The crew stands or falls with the spread rate, one number that somebody reported in a hurry. No other reading alone can take this fire off the list.

# %% [markdown]
# ## Exercise 10: Find a counterfactual (3 points, about 14 minutes)
#
# Write `counterfactual(predict, fire, reference, mutable, limit)`. It returns a dict {input: new value} with the changes that bring `predict` **below** `limit`:
#
# - *untouched:* only inputs in the list `mutable` (at most four) change; values that stay the same are not in the dict,
# - *plausible:* the new values come **together** from one row of `reference`, a DataFrame of real fires,
# - *sparse:* **as few inputs as possible** change; among equally few, any solution is right,
# - a fire that is below `limit` already needs no change: return `{}`. If nothing helps, return `None`.
#
# `fire` is a Series, input → value. Neither `fire` nor `reference` has gaps. `predict` takes a DataFrame. Nothing that you were given changes.
#
# *By hand:* `predict` = rate × wind, `fire` = (5, 20), `limit` 30, reference rows (4, 10) and (3, 15). Rate alone: 80 or 60; wind alone: 50 or 75. Both from the first
# row: 40; from the second: 45. So: `None`.
#
# <details><summary>Hint</summary>Go through the numbers of changes 0, 1, 2, … and through all <code>combinations</code> of that size. For one combination, predict a table that is <code>fire</code> in every row, with the chosen columns from <code>reference</code>.</details>

# %% exercise="counterfactual"
def counterfactual(predict, fire, reference, mutable, limit):
    """Find the smallest plausible change that brings a prediction below a limit.

    predict: function rows -> numbers. fire: Series, input -> value. reference: DataFrame of real fires.
    mutable: list of inputs that may change. limit: number.
    Returns a dict, input -> new value; empty if none is needed; None if none is found.
    """
    ### BEGIN SOLUTION
    same = pd.DataFrame([fire] * len(reference), index=reference.index)
    for size in range(len(mutable) + 1):
        for chosen in combinations(mutable, size):
            chosen = list(chosen)
            changed = same.assign(**{column: reference[column] for column in chosen})
            below = changed[np.asarray(predict(changed)) < limit]
            if len(below):
                new = below.iloc[0]
                return {column: float(new[column]) for column in chosen if new[column] != fire[column]}
    return None
    ### END SOLUTION

# %% free="counterfactual"
for limit in (0.70, 0.25, 0.05, 0.001):
    print(f"below {limit:.1%}:", counterfactual(predict, fire, reference, readings, limit))

# %% check="counterfactual" points=3
# Checks rate x wind + slope: no change needed, one, two from one row, and none possible. Then a sum, where three must change.
def product_(rows):
    assert isinstance(rows, pd.DataFrame), f"predict takes a DataFrame, you give it a {type(rows).__name__}"
    return rows["rate"] * rows["wind"] + rows["slope"]
def sum_(rows):
    return rows["rate"] + rows["wind"] + rows["heat"]
case_ = pd.Series({"slope": 50.0, "rate": 5.0, "wind": 20.0})
real_ = pd.DataFrame({"slope": [0.0, 0.0, 0.0], "rate": [4.0, 3.0, 9.0], "wind": [10.0, 15.0, 1.0]}, index=[6, 4, 9])
def ask_(limit, case=case_, real=real_, predict=product_, mutable=("rate", "wind")):
    before = case.copy(), real.copy()
    got = counterfactual(predict, case, real, list(mutable), limit)
    assert case.equals(before[0]), "counterfactual changes the fire it was given: work on a copy"
    assert real.equals(before[1]), "counterfactual changes the reference it was given: work on a copy"
    assert got is None or isinstance(got, dict), f"counterfactual should return a dict or None, it returned a {type(got).__name__}"
    return got
got = ask_(200)
assert got is not None and len(got) == 0, f"the prediction is 150, below 200 already: expected an empty dict, got {got}"
got = ask_(105)
assert got is not None, "a wind of 10 or 1 brings the prediction below 105, you found nothing"
assert "slope" not in got, "the slope is not in mutable: a hill cannot be made flat to get another answer"
assert set(got) == {"wind"}, f"changing the wind alone is enough to get below 105, you change {sorted(got)}. Try fewer changes first"
assert got["wind"] in (10, 1), f"a wind of 10 or 1 brings the prediction below 105 and occurs in reference, you propose {got['wind']}"
got = ask_(92, real=real_.drop(9))
assert got is not None, "rate 4 with wind 10, both from the first row, give 90, below 92: one change is not enough, two are"
assert "slope" not in got, "the slope is not in mutable: a hill cannot be made flat to get another answer"
assert got != {"rate": 3, "wind": 10}, "rate 3 and wind 10 occur, but not together in one fire: take all new values from the same row"
assert got == {"rate": 4, "wind": 10}, f"expected rate 4 and wind 10 from one row, got {got}"
got = ask_(90, real=real_.drop(9))
assert got is None or sum(got.values()) != 14, "rate 4 and wind 10 give exactly 90, which is not below 90: expected None"
assert got is None, f"no single fire brings the prediction below 90 (the best gives 90): expected None, got {got}"
case_ = pd.Series({"rate": 10.0, "wind": 10.0, "heat": 10.0})
real_ = pd.DataFrame({"rate": [0.0, 9.0], "wind": [10.0, 3.0], "heat": [10.0, 3.0]}, index=[2, 1])
got = ask_(18, case_, real_, sum_, ("rate", "wind", "heat"))
assert got == {"wind": 3, "heat": 3}, f"wind 3 and heat 3 give 16, below 18, with two changes; got {got}. The best single change (rate 0) need not belong to the best pair"
got = ask_(15.5, case_, real_, sum_, ("rate", "wind", "heat"))
assert got == {"rate": 9, "wind": 3, "heat": 3}, f"all three from the second row give 15, below 15.5, and nothing less does; got {got}"
got = ask_(20.5, case_, real_, sum_, ("rate", "wind", "heat"))
assert got == {"rate": 0}, f"the rate of the first row is enough, and its wind and heat are those of the fire: expected one change, got {got}"
### BEGIN HIDDEN TESTS
import itertools
import numpy as np
import pandas as pd

found_ = {0: 0, 1: 0, 2: 0, 3: 0, None: 0}
for seed_ in range(200, 245):
    rng_ = np.random.default_rng(seed_)
    names_ = list(rng_.permutation(["e", "f", "g", "h", "i"]))
    weights_ = pd.Series(rng_.uniform(0.2, 1.5, 5), index=names_)
    def _predict(rows, weights_=weights_):
        return (rows[weights_.index] * weights_).sum(axis=1).to_numpy() + (rows["e"] * rows["f"]).to_numpy()
    others_ = pd.DataFrame(rng_.integers(0, 6, (8, 5)).astype(float), columns=names_, index=rng_.permutation(8))
    case_ = pd.Series(rng_.integers(3, 7, 5).astype(float), index=rng_.permutation(names_))
    may_ = sorted(names_)[: 3 + seed_ % 2]
    now_ = float(_predict(case_.to_frame().T)[0])
    limit_ = now_ * rng_.choice([1.05, 0.85, 0.6, 0.45, 0.3])
    fewest_ = None
    for size_ in range(len(may_) + 1):
        for chosen_ in itertools.combinations(may_, size_):
            trial_ = pd.DataFrame([case_] * 8, index=others_.index)
            trial_[list(chosen_)] = others_[list(chosen_)]
            if fewest_ is None and (_predict(trial_) < limit_).any():
                fewest_ = size_
    before_ = case_.copy(), others_.copy()
    got_ = counterfactual(_predict, case_, others_, list(may_), limit_)
    assert case_.equals(before_[0]) and others_.equals(before_[1]), "the fire and the reference should stay as they are"
    found_[fewest_ if fewest_ in found_ else 3] += 1
    if fewest_ is None:
        assert got_ is None, f"no row of the reference brings a fresh fire below the limit: expected None, got {got_}"
        continue
    assert got_ is not None, f"{fewest_} changes bring a fresh fire below the limit, you found nothing. Go through every combination of inputs"
    assert set(got_) <= set(may_), f"only {may_} may change, you change {sorted(got_)}"
    assert all(value != case_[name] for name, value in got_.items()), "a value that stays the same is no change: leave it out"
    after_ = case_.copy()
    for name_, value_ in got_.items():
        after_[name_] = value_
    assert _predict(after_.to_frame().T)[0] < limit_, "your changes do not bring the prediction of a fresh fire below the limit"
    assert len(got_) == fewest_, f"{fewest_} changes are enough for a fresh fire, you make {len(got_)}"
    assert not got_ or (others_[list(got_)] == pd.Series(got_)).all(axis=1).any(), "your new values do not occur together in any row of the reference"
assert min(found_.values()) > 0
### END HIDDEN TESTS

# %% [markdown]
# To get below 5 %, the model wants 0.5 m/min, 80 % humidity and 2 °C, on a fire in July. The three occurred together in some fire, and that is all that this rule for
# "plausible" promises: not that they fit this month and place. A reference of July fires would be the better one.
#
# ## A simple model of the model
#
# The auditors want one page that they can read: a small tree that imitates the model, a **surrogate**. The only question is whether it says what *the model* says: its
# **fidelity**. Here is a tree that was trained on what truly happened. **Before running:** will it agree more with the truth or with the model, which it has never
# seen?

# %%
truthful = DecisionTreeRegressor(max_depth=8, random_state=0).fit(train[inputs], train["large"])
guess = truthful.predict(test[inputs])
print(f"R² against the truth: {r2_score(test['large'], guess):.2f}, against the model: {r2_score(predict(test[inputs]), guess):.2f}")

# %% [markdown]
# Against the truth it looks poor, as a probability rarely meets a yes or no. That number says nothing about a surrogate; the second one does, and 0.56 is a poor
# imitation. A tree of the same depth does much better when it is taught what the model says.

# %% [markdown]
# ## Exercise 11: Build a surrogate and score its fidelity (2 points, about 8 minutes)
#
# Write `surrogate(predict, train, test, inputs, depth)`. `train` and `test` hold the `inputs` and other columns, among them what truly happened. Return a pair
# `(tree, fidelity)`:
#
# - `tree`: a fitted `DecisionTreeRegressor` that imitates `predict(train[inputs])`. It may ask `depth` questions on the way to a leaf (`max_depth`), and it should use
# them: leave the other settings as they are,
# - `fidelity`: its R² on `test[inputs]`, with what the **model** says there as the truth. 1 is a perfect copy, 0 no better than the model's mean.
#
# *By hand:* the model says 0.1, 0.5, 0.9, the tree 0.2, 0.5, 0.8: R² = 1 − (0.01 + 0 + 0.01) / (0.16 + 0 + 0.16) = 0.94.

# %% exercise="surrogate"
def surrogate(predict, train, test, inputs, depth):
    """Imitate a model by a small tree.

    predict: function rows -> predictions. train, test: DataFrames. inputs: list of columns.
    depth: largest depth of the tree. Returns (tree, fidelity): fitted on train, R² on test.
    """
    ### BEGIN SOLUTION
    tree = DecisionTreeRegressor(max_depth=depth, random_state=0)
    tree.fit(train[inputs], predict(train[inputs]))
    return tree, r2_score(predict(test[inputs]), tree.predict(test[inputs]))
    ### END SOLUTION

# %% free="surrogate"
for depth in (1, 3, 8):
    print(f"depth {depth}: fidelity {surrogate(predict, train, test, inputs, depth)[1]:.2f}")
print(export_text(surrogate(predict, train, test, inputs, 2)[0], feature_names=inputs))

# %% check="surrogate" points=2
# Checks a simulated model that says something else than what truly happened.
rng_ = np.random.default_rng(5)
known = pd.DataFrame(rng_.normal(size=(900, 2)), columns=["heat", "wind"])
known["happened"] = known["wind"] > 0
def stubborn_(rows):
    return np.where(rows["heat"] > 0.5, 0.9, 0.1) + 0.05 * np.sin(3 * rows["heat"]) + 0.1 * rows["wind"]
answer = surrogate(stubborn_, known[:600], known[600:], ["heat", "wind"], 2)
assert isinstance(answer, (tuple, list)) and len(answer) == 2, "surrogate should return a pair: (tree, fidelity)"
tree_, fidelity_ = answer
assert isinstance(tree_, DecisionTreeRegressor), f"the first of the pair should be a DecisionTreeRegressor, it is a {type(tree_).__name__}"
assert isinstance(fidelity_, (int, float, np.number)), f"fidelity should be one number, got {fidelity_!r}"
assert tree_.get_depth() <= 2, f"the tree may have 2 levels, it has {tree_.get_depth()}"
far_ = pd.DataFrame({"heat": np.arange(80.0), "wind": 0.0, "happened": np.arange(80) % 2 == 0})
reach_ = surrogate(lambda rows: np.asarray(rows["heat"]), far_[:40], far_[40:], ["heat", "wind"], 2)[0].predict(far_.loc[40:, ["heat", "wind"]]).max()
assert reach_ <= 39, "the tree knows what the model says on test. Train it on train only: test shows whether it is right about new rows"
says_, guess_ = np.asarray(stubborn_(known[600:])), tree_.predict(known.loc[600:, ["heat", "wind"]])
assert r2_score(says_, guess_) > 0.5, "the tree does not imitate the model. What did you train it on: what the model says, or what truly happened?"
assert tree_.get_depth() == 2, f"the tree should use the 2 levels that it may have, it has {tree_.get_depth()}. depth is max_depth, not a number of leaves"
assert abs(fidelity_ - r2_score(guess_, says_)) > 1e-6, "r2_score takes the truth first, and here the truth is what the model says: you have them the wrong way round"
assert abs(fidelity_ - np.corrcoef(says_, guess_)[0, 1] ** 2) > 1e-9, "this is the squared correlation. It forgives a tree that is right but for a factor; R² does not"
assert abs(fidelity_ - r2_score(says_, guess_)) < 1e-6, f"fidelity should be {r2_score(says_, guess_):.6f}, R² on test with the model's predictions as the truth, got {fidelity_:.6f}"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.tree import DecisionTreeRegressor, export_text

for seed_ in (21, 22, 23, 24):
    rng_ = np.random.default_rng(seed_)
    data_ = pd.DataFrame(rng_.normal(size=(2000, 3)), columns=["one", "two", "three"], index=rng_.permutation(2000))
    data_["truth"] = data_["three"] + rng_.normal(size=2000) > 0
    data_["year"] = rng_.integers(2000, 2020, 2000)
    a_, b_ = rng_.uniform(0.5, 2, 2)
    def _predict(rows, a_=a_, b_=b_):
        assert list(rows.columns) == ["two", "one", "three"], "give the model its inputs only, in their order"
        return 1 / (1 + np.exp(-a_ * rows["one"] * rows["two"] - b_ * rows["one"])).to_numpy()
    train_, test_ = data_[:1400].copy(), data_[1400:].copy()
    before_ = train_.copy(), test_.copy()
    names_ = ["two", "one", "three"]
    for depth_ in (1, 3, 6):
        tree_, fidelity_ = surrogate(_predict, train_, test_, names_, depth_)
        assert train_.equals(before_[0]) and test_.equals(before_[1]), "surrogate changes a table it was given"
        assert 1 <= tree_.get_depth() <= depth_, f"the tree may have {depth_} levels, it has {tree_.get_depth()}"
        says_, guess_ = _predict(test_[names_]), tree_.predict(test_[names_])
        real_ = 1 - ((says_ - guess_) ** 2).sum() / ((says_ - says_.mean()) ** 2).sum()
        assert abs(fidelity_ - real_) < 1e-6, f"depth {depth_}: the R² on test against the model is {real_:.3f}, you report {fidelity_:.3f}"
        plain_ = DecisionTreeRegressor(max_depth=depth_, min_samples_leaf=20, random_state=0).fit(train_[names_], _predict(train_[names_]))
        possible_ = r2_score(says_, plain_.predict(test_[names_]))
        assert fidelity_ > possible_ - 0.1, f"a tree of {depth_} levels can reach a fidelity of {possible_:.2f}, yours has {fidelity_:.2f}. It should learn what the model says"
### END HIDDEN TESTS

# %% [markdown]
# A tree that fits on a page tells a good part of what the model says, and never all of it. So a decision on one fire must not be justified by the surrogate: it may
# belong to the rest.

# %% [markdown]
# ## Would the explanation be the same tomorrow?
#
# The model is retrained each winter. If its reasons change with every retraining, although the ranking of fires does not, they are an accident of the sample. We train
# six models on samples drawn from the training fires with replacement, and explain all of them. **Before running:** which inputs will keep their place?

# %%
importances, reasons = [], []
for seed in range(6):
    drawn = train.sample(len(train), replace=True, random_state=seed)
    again = HistGradientBoostingClassifier(max_leaf_nodes=8, random_state=0).fit(drawn[inputs], drawn["large"])
    parts = shap.TreeExplainer(again)(pd.concat([test.loc[[case], inputs], test[inputs].head(600)])).values
    reasons.append(parts[0])
    importances.append(np.abs(parts[1:]).mean(axis=0))
importances, reasons = pd.DataFrame(importances, columns=inputs), pd.DataFrame(reasons, columns=inputs)
shown = ["crown_fire", *importances.mean().nlargest(8).index[::-1]]
figure, axes = plt.subplots(1, 2, sharey=True)
for axis, numbers in zip(axes, (importances, reasons)):
    for number, one in numbers[shown].iterrows():  # a line of dots per model, a little apart
        axis.plot(one, np.arange(len(shown)) + 0.1 * (number - 2.5), "o", color="C0", alpha=0.6, markersize=3.5)
axes[0].set_yticks(range(len(shown)), shown)
axes[1].axvline(0, color="black", linewidth=1)
axes[0].set(title="All fires: the first place is firm", xlabel="mean size of contribution")
axes[1].set(title="One fire: small reasons change sides", xlabel="contribution (log-odds)")
plt.show()
print("places in the six models, over all fires:")
importances.rank(axis=1, ascending=False)[shown[:-5:-1]].astype(int).T

# %% [markdown]
# Each dot is one of the six models. The spread rate is always first. Wind is second in five models and latitude in one: their dots overlap, so the second place is likely,
# not certain. For the one fire on the right, the four strong reasons (spread rate, latitude, crown fire, wind) keep their sign in all six models, and weak ones such as
# the temperature lie on both sides of zero. A card should show the first kind only.

# %% [markdown]
# ## Exercise 12: Measure the agreement (1 point, about 8 minutes)
#
# Write `agreement(importances, k)`. Each row of the DataFrame `importances` holds one model's importances, each column is an input; there are at least two rows and no
# ties. For each **pair** of different models, take the share of the `k` most important inputs of one that are also among the `k` most important of the other. Return
# the mean over all pairs. The most important have the largest numbers; an importance below 0, as in Exercise 1, is less than 0, whatever its size. The order within
# the `k` does not matter.
#
# *By hand:* the two most important inputs of four models are {rate, wind}, {rate, wind}, {rate, month}, {rate, hour}. Of the six pairs one shares 2/2 and five share
# 1/2, so the agreement is (1 + 5 × 1/2) / 6 = 7/12.

# %% exercise="agreement"
def agreement(importances, k):
    """Measure how far models agree on their k most important inputs.

    importances: DataFrame, one row per model, one column per input. k: how many inputs count.
    Returns the mean share of common inputs over all pairs of models, from 0 to 1.
    """
    ### BEGIN SOLUTION
    tops = [set(row.nlargest(k).index) for _, row in importances.iterrows()]
    return float(np.mean([len(first & second) / k for first, second in combinations(tops, 2)]))
    ### END SOLUTION

# %% free="agreement"
pd.Series({k: agreement(importances, k) for k in (1, 2, 3, 4, 5, 8)}).round(2)

# %% check="agreement" points=1
# Checks the example by hand: four models, five inputs, some importances below 0.
from numbers import Real

numbers_ = [[9, 5, 3, 1, -6], [6, 8, 2, 1, -9], [9, 2, 5, 1, 0.2], [7, 1, 2, 4, -0.1]]
example = pd.DataFrame(numbers_, columns=["rate", "wind", "month", "hour", "grass"], index=["m1", "m2", "m3", "m4"])
got = agreement(example, 2)
assert isinstance(got, Real), f"agreement should return one number, got {got!r}"
assert abs(got - 11 / 16) > 1e-6, "you count each model's agreement with itself as well, which is always 1: take pairs of different models"
assert abs(got - 8 / 18) > 1e-6, "divide what a pair has in common by k, not by all inputs that at least one of the two has"
assert abs(got - 3.5 / 4) > 1e-6 and abs(got - 3.5 / 3) > 1e-6, "four models make six pairs: divide by the number of pairs"
assert abs(got - 4.5 / 6) > 1e-6, "these are the two least important inputs of each model: the largest numbers are the most important"
assert abs(got - 2 / 6) > 1e-6, "an importance of -6 is not large: the most important have the largest numbers, not the largest size"
assert abs(got - 1 / 2) > 1e-6, "you count what all models have in common: take each pair for itself"
assert abs(got - 7 / 12) < 1e-6, f"the agreement of the example should be 7/12 = 0.583, got {got:.3f}. All six pairs count, and the order within the top 2 does not"
assert abs(agreement(example, 5) - 1) < 1e-9, "with k = 5 all inputs are in every top, so the agreement is 1"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

for seed_ in range(5):
    rng_ = np.random.default_rng(300 + seed_)
    count_ = int(rng_.integers(2, 9))
    data_ = pd.DataFrame(rng_.random((count_, 7)) + [2, 1.5, 1, 0.5, 0.2, -1, -3], columns=list("tuvwxyz"), index=rng_.permutation(count_))
    before_ = data_.copy()
    for k_ in (1, 2, 4, 7):
        inside_ = (data_.rank(axis=1) > 7 - k_).to_numpy(dtype=float)
        common_ = inside_ @ inside_.T / k_
        truth_ = (common_.sum() - np.trace(common_)) / (count_ * (count_ - 1))
        got_ = agreement(data_, k_)
        assert abs(got_ - truth_) < 1e-6, f"{count_} fresh models, k = {k_}: expected {truth_:.3f}, got {got_:.3f}"
    assert data_.equals(before_), "agreement changes the table it was given"
### END HIDDEN TESTS

# %% [markdown]
# ## Decision memo (3 points, about 20 minutes)
#
# Ms Okafor heads the provincial dispatch centre. She is no engineer. Her dispatchers demand that the screen says *why* a fire is at the top. Her analyst proposes to
# add the size of the fire when firefighting started, because "the test result rises to 0.96". She wants to know whether to do either before next season. Write her
# **half a page** (about 150 to 250 words): your recommendation on both, the two or three findings that matter most *for her decision* with a number from this notebook
# each, and what the explanations cannot tell her. No jargon.

# %% [markdown] memo="memo" points=3
# **Rubric** (1 point each)
#
# 1. *Decision:* a clear recommendation on both questions in the first sentences, and a condition under which it would change.
# 2. *Evidence:* two or three findings that bear on the decision (size known too late; an empty form lowers the risk; firm and accidental reasons), each
# with a correct number of the student's own and its consequence.
# 3. *Honesty and language:* says that an explanation shows the model and not what makes fires grow, proposes an action with an owner, uses no unexplained technical term.
#
# **Example.** Show reasons on the screen, at most three for each fire; and do not add the size. The size when firefighting began is written down after the crew has
# left, so on the day it is not there: the better test result would not arrive in your centre. Six such columns would even raise it to
# 0.99999, too good to be true. The reasons are worth showing because they let your dispatchers object. For the fire in our example, the estimate of the spread rate
# alone decides: had it been lower, no crew would have gone first. A card that says so tells the crew what to check. But the reasons also show a fault, which must be
# mended first. When nobody enters the weather, the computer takes the fire for harmless, more than in the dampest air, because in old records only the smallest fires
# had no readings. Of 389 large fires at the top, 317 would have slipped down for the want of three numbers. Until our team has retrained without this habit, please
# make the three weather fields compulsory; your duty officers should own that rule. We retrained the model six times: the strong reasons stay, the weak ones change
# sides, so we leave those out. What a reason cannot tell: why fires grow. "Far north" raises the estimate, and we do not know what stands behind it. If dispatchers
# begin to follow the card without looking, we would take it away again.

# %% [markdown]
# ## What you have learned
#
# - Permutation importance is measured on data that the model has not seen; inputs that know the same must be shuffled together.
# - A result that is too good is an alarm. Leaks come in families: remove one, train again, look again.
# - A flat mean curve can hide a strong effect. Importance is not causality, a slope is not importance.
# - Shapley values divide one prediction among its inputs; check that they add up, for the right class and on the right scale.
# - Reasons, counterfactuals and surrogates are products: each has properties that can be tested, stability among them.
#
# **In practice** explanations are used most by the team itself, to find faults like the empty form. Users see few of them, in words, and somebody
# must check whether they decide better with them than without: a convincing explanation of a wrong prediction does harm. Exact sums say nothing about whether the model
# is right.
#
# **Go further**
#
# - Kästner, *Machine Learning in Production*, chapter "Explainability": who needs an explanation, and for what.
# - Molnar, *Interpretable Machine Learning*: every method of this lab, with its strengths and traps, free to read online.
# - Lundberg and Lee, *A Unified Approach to Interpreting Model Predictions* (NeurIPS 2017): the paper behind shap.
# - Rudin, *Stop explaining black box machine learning models for high stakes decisions* (Nature Machine Intelligence 2019): the case for models that need no explanation.
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
