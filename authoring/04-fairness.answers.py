# %% accept="group-rates" name="boolean masks and np.average"
def group_rates(truth, flagged, group, weights=None):
    truth, flagged, group = np.asarray(truth), np.asarray(flagged), np.asarray(group)
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, dtype=float)

    def average(rows):
        return np.average(flagged[rows], weights=weights[rows]) if rows.any() else np.nan

    labels = pd.unique(group)
    rows = []
    for label in labels:
        mine = group == label
        rows.append([mine.sum(), average(mine), average(mine & (truth == 1)), average(mine & (truth == 0))])
    return pd.DataFrame(rows, index=labels, columns=["n", "selection_rate", "recall", "false_positive_rate"])

# %% accept="group-rates" name="sums of products per group"
def group_rates(truth, flagged, group, weights=None):
    t, f = np.asarray(truth, dtype=float), np.asarray(flagged, dtype=float)
    w = np.ones(len(t)) if weights is None else np.asarray(weights, dtype=float)
    sums = pd.DataFrame({"n": 1.0, "all": w, "all_f": w * f, "pos": w * t, "pos_f": w * t * f, "neg": w * (1 - t), "neg_f": w * (1 - t) * f})
    sums = sums.groupby(np.asarray(group)).sum()
    return pd.DataFrame({
        "n": sums["n"],
        "selection_rate": sums["all_f"] / sums["all"],
        "recall": sums["pos_f"] / sums["pos"],
        "false_positive_rate": sums["neg_f"] / sums["neg"],
    })

# %% reject="group-rates" name="divides by everyone in the group" message="recall divides by these"
def group_rates(truth, flagged, group, weights=None):
    t = pd.DataFrame({"t": np.asarray(truth), "f": np.asarray(flagged), "g": np.asarray(group)})
    t["w"] = 1 if weights is None else np.asarray(weights)
    result = {}
    for name, rows in t.groupby("g"):
        total = rows["w"].sum()
        result[name] = [len(rows), (rows["w"] * rows["f"]).sum() / total, (rows["w"] * rows["f"] * rows["t"]).sum() / total,
                        (rows["w"] * rows["f"] * (1 - rows["t"])).sum() / total]
    return pd.DataFrame.from_dict(result, orient="index", columns=["n", "selection_rate", "recall", "false_positive_rate"])

# %% reject="group-rates" name="precision for recall" message="recall divides by these"
def group_rates(truth, flagged, group, weights=None):
    t = pd.DataFrame({"t": np.asarray(truth), "f": np.asarray(flagged), "g": np.asarray(group)})
    by = t.groupby("g")
    return pd.DataFrame({"n": by.size(), "selection_rate": by["f"].mean(), "recall": t[t["f"] == 1].groupby("g")["t"].mean(),
                         "false_positive_rate": t[t["t"] == 0].groupby("g")["f"].mean()})

# %% reject="group-rates" name="nothing to divide by is 0" message="unknown (NaN)"
def group_rates(truth, flagged, group, weights=None):
    t = pd.DataFrame({"t": np.asarray(truth), "f": np.asarray(flagged), "g": np.asarray(group)})
    t["w"] = 1 if weights is None else np.asarray(weights)

    def share(rows):
        return (rows["w"] * rows["f"]).sum() / rows["w"].sum() if len(rows) else 0.0

    return pd.DataFrame({name: {"n": len(rows), "selection_rate": share(rows), "recall": share(rows[rows["t"] == 1]),
                                "false_positive_rate": share(rows[rows["t"] == 0])} for name, rows in t.groupby("g")}).T

# %% reject="group-rates" name="forgets the weights" message="with weights 3 and 1"
def group_rates(truth, flagged, group, weights=None):
    t = pd.DataFrame({"t": np.asarray(truth), "f": np.asarray(flagged), "g": np.asarray(group)})
    by = t.groupby("g")
    return pd.DataFrame({"n": by.size(), "selection_rate": by["f"].mean(), "recall": t[t["t"] == 1].groupby("g")["f"].mean(),
                         "false_positive_rate": t[t["t"] == 0].groupby("g")["f"].mean()})

# %% reject="group-rates" name="the names of the groups are those of the example" message="every group should have a row"
def group_rates(truth, flagged, group, weights=None):
    w = np.ones(len(truth)) if weights is None else np.asarray(weights)
    rows = {}
    for g in ["a", "b", "c"]:
        m = np.asarray(group) == g
        t, f = np.asarray(truth)[m], np.asarray(flagged)[m]
        ww = w[m]
        rows[g] = {"n": m.sum(), "selection_rate": np.average(f, weights=ww) if m.any() else np.nan,
                   "recall": (ww * f * t).sum() / (ww * t).sum() if t.any() else np.nan,
                   "false_positive_rate": (ww * f * (1 - t)).sum() / (ww * (1 - t)).sum() if (1 - t).any() else np.nan}
    return pd.DataFrame.from_dict({g: row for g, row in rows.items() if row["n"]}, orient="index", columns=["n", "selection_rate", "recall", "false_positive_rate"])

# %% reject="group-rates" name="loses groups without a flagged case" message="every group should have a row"
def group_rates(truth, flagged, group, weights=None):
    df = pd.DataFrame({"t": np.asarray(truth), "f": np.asarray(flagged), "g": np.asarray(group)})
    df["w"] = 1.0 if weights is None else np.asarray(weights, dtype=float)
    rows = {}
    for g in df.loc[df.f == 1, "g"].unique():
        d = df[df.g == g]

        def share(x):
            return (x.w * x.f).sum() / x.w.sum() if len(x) else np.nan

        rows[g] = [len(d), share(d), share(d[d.t == 1]), share(d[d.t == 0])]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["n", "selection_rate", "recall", "false_positive_rate"])

# %% reject="group-rates" name="repeats the rows, which works for whole weights only" message="with weights"
def group_rates(truth, flagged, group, weights=None):
    df = pd.DataFrame({"t": np.asarray(truth), "f": np.asarray(flagged), "g": np.asarray(group)})
    n = df.groupby("g").size()
    if weights is not None:
        df = df.loc[np.repeat(np.arange(len(df)), np.asarray(weights).astype(int))]
    return pd.DataFrame({"n": n, "selection_rate": df.groupby("g").f.mean(), "recall": df[df.t == 1].groupby("g").f.mean(), "false_positive_rate": df[df.t == 0].groupby("g").f.mean()})

# %% accept="rate-interval" name="scipy's exact interval (Clopper-Pearson)"
def rate_interval(successes, n):
    if n == 0:
        return (0, 1)
    interval = stats.binomtest(int(successes), int(n)).proportion_ci(0.95, method="exact")
    return interval.low, interval.high

# %% accept="rate-interval" name="quantiles of Jeffreys' posterior"
def rate_interval(successes, n):
    if not n:
        return [0.0, 1.0]
    return list(stats.beta.ppf([0.025, 0.975], successes + 0.5, n - successes + 0.5))

# %% accept="rate-interval" name="simulated draws from a posterior, seeded"
def rate_interval(successes, n):
    if n == 0:
        return 0.0, 1.0
    draws = np.random.default_rng(0).beta(successes + 0.5, n - successes + 0.5, 4000)
    return np.quantile(draws, [0.025, 0.975])

# %% accept="rate-interval" name="two successes and two failures more (Agresti-Coull)"
def rate_interval(successes, n):
    if n == 0:
        return 0.0, 1.0
    p = (successes + 2) / (n + 4)
    half = 1.96 * (p * (1 - p) / (n + 4)) ** 0.5
    return max(p - half, 0), min(p + half, 1)

# %% reject="rate-interval" name="rate plus and minus 1.96 standard errors" message="too sure of itself"
def rate_interval(successes, n):
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    half = 1.96 * np.sqrt(p * (1 - p) / n)
    return max(0.0, p - half), min(1.0, p + half)

# %% reject="rate-interval" name="percentile bootstrap of the sample" message="too sure of itself"
def rate_interval(successes, n):
    if n == 0:
        return 0.0, 1.0
    means = np.random.default_rng(0).binomial(n, successes / n, 2000) / n
    return np.quantile(means, 0.025), np.quantile(means, 0.975)

# %% reject="rate-interval" name="mends 0 of n only, else plain standard errors" message="at least 90 % are needed"
def rate_interval(successes, n):
    if n == 0:
        return 0.0, 1.0
    if successes == 0:
        return 0.0, min(1.0, 3 / n)
    p = successes / n
    half = 1.96 * np.sqrt(p * (1 - p) / n)
    return max(0.0, p - half), min(1.0, p + half)

# %% reject="rate-interval" name="one standard error" message="at least 90 % are needed"
def rate_interval(successes, n):
    if n == 0:
        return 0.0, 1.0
    p = (successes + 1) / (n + 2)
    half = np.sqrt(p * (1 - p) / (n + 2))
    return max(0.0, p - half), min(1.0, p + half)

# %% reject="rate-interval" name="always from 0 to 1" message="say too little"
def rate_interval(successes, n):
    return 0.0, 1.0

# %% reject="rate-interval" name="not cut off at 0 and 1" message="a rate lies between 0 and 1"
def rate_interval(successes, n):
    if n == 0:
        return 0.0, 1.0
    p = (successes + 2) / (n + 4)
    half = 1.96 * np.sqrt(p * (1 - p) / (n + 4))
    return p - half, p + half

# %% accept="rate-interval" name="a Series with low and high"
def rate_interval(successes, n):
    if n == 0:
        return pd.Series({"low": 0.0, "high": 1.0})
    z = 1.96
    c = (successes + z**2 / 2) / (n + z**2)
    h = z / (n + z**2) * np.sqrt(successes * (n - successes) / n + z**2 / 4)
    return pd.Series({"low": max(0, c - h), "high": min(1, c + h)})

# %% reject="rate-interval" name="no case for n = 0" message="divides by 0"
def rate_interval(successes, n):
    z = 1.96
    centre = (successes + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(successes * (n - successes) / n + z**2 / 4)
    return max(0, centre - half), min(1, centre + half)

# %% reject="rate-interval" name="z of an 80 % interval" message="too narrow everywhere"
def rate_interval(successes, n):
    if n == 0:
        return 0, 1
    z = 1.28
    centre = (successes + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(successes * (n - successes) / n + z**2 / 4)
    return max(0, centre - half), min(1, centre + half)

# %% reject="rate-interval" name="variance for the standard error" message="And the root?"
def rate_interval(successes, n):
    if n == 0:
        return 0, 1
    p = (successes + 2) / (n + 4)
    half = 1.96 * p * (1 - p) / (n + 4)
    return max(0, p - half), min(1, p + half)

# %% accept="gap-interval" name="Newcombe, from two Wilson intervals"
def gap_interval(successes_a, n_a, successes_b, n_b):
    if not n_a or not n_b:
        return -1, 1

    def wilson(k, n):
        low, high = stats.binomtest(int(k), int(n)).proportion_ci(0.95, method="wilson")
        return k / n, low, high

    a, low_a, high_a = wilson(successes_a, n_a)
    b, low_b, high_b = wilson(successes_b, n_b)
    return a - b - np.hypot(a - low_a, high_b - b), a - b + np.hypot(high_a - a, b - low_b)

# %% accept="gap-interval" name="difference of simulated rates from two posteriors"
def gap_interval(successes_a, n_a, successes_b, n_b):
    if min(n_a, n_b) == 0:
        return (-1.0, 1.0)
    rng = np.random.default_rng(7)
    draws = rng.beta(successes_a + 1, n_a - successes_a + 1, 2000) - rng.beta(successes_b + 1, n_b - successes_b + 1, 2000)
    return tuple(np.quantile(draws, [0.025, 0.975]))

# %% reject="gap-interval" name="difference plus and minus 1.96 standard errors" message="Small groups need more care"
def gap_interval(successes_a, n_a, successes_b, n_b):
    if n_a == 0 or n_b == 0:
        return -1.0, 1.0
    a, b = successes_a / n_a, successes_b / n_b
    half = 1.96 * np.sqrt(a * (1 - a) / n_a + b * (1 - b) / n_b)
    return max(-1.0, a - b - half), min(1.0, a - b + half)

# %% reject="gap-interval" name="low minus low, high minus high" message="at least 90 % are needed"
def gap_interval(successes_a, n_a, successes_b, n_b):
    if n_a == 0 or n_b == 0:
        return -1.0, 1.0
    a, b = (stats.binomtest(int(k), int(n)).proportion_ci(method="wilson") for k, n in ((successes_a, n_a), (successes_b, n_b)))
    return tuple(sorted((a.low - b.low, a.high - b.high)))

# %% reject="gap-interval" name="subtracts the far ends of two intervals" message="says too little"
def gap_interval(successes_a, n_a, successes_b, n_b):
    if n_a == 0 or n_b == 0:
        return -1.0, 1.0
    a, b = (stats.binomtest(int(k), int(n)).proportion_ci(method="wilson") for k, n in ((successes_a, n_a), (successes_b, n_b)))
    return a.low - b.high, a.high - b.low

# %% reject="gap-interval" name="b minus a" message="a minus b"
def gap_interval(successes_a, n_a, successes_b, n_b):
    if n_a == 0 or n_b == 0:
        return -1.0, 1.0
    a, b = (successes_a + 1) / (n_a + 2), (successes_b + 1) / (n_b + 2)
    half = 1.96 * np.sqrt(a * (1 - a) / (n_a + 2) + b * (1 - b) / (n_b + 2))
    return max(-1, b - a - half), min(1, b - a + half)

# %% reject="gap-interval" name="adds the standard errors instead of the variances" message="says too little"
def gap_interval(successes_a, n_a, successes_b, n_b):
    if n_a == 0 or n_b == 0:
        return -1.0, 1.0
    a, b = (successes_a + 1) / (n_a + 2), (successes_b + 1) / (n_b + 2)
    half = 1.96 * (np.sqrt(a * (1 - a) / n_a) + np.sqrt(b * (1 - b) / n_b))
    return max(-1, a - b - half), min(1, a - b + half)

# %% reject="gap-interval" name="looks only whether a is empty" message="if a or b is empty"
def gap_interval(successes_a, n_a, successes_b, n_b):
    if n_a == 0:
        return -1, 1
    pa, pb = (successes_a + 1) / (n_a + 2), (successes_b + 1) / (n_b + 2)
    half = 1.96 * np.sqrt(pa * (1 - pa) / (n_a + 2) + pb * (1 - pb) / (n_b + 2))
    return max(-1, pa - pb - half), min(1, pa - pb + half)

# %% reject="gap-interval" name="size of the gap without its sign" message="a minus b, not its size"
def gap_interval(successes_a, n_a, successes_b, n_b):
    if n_a == 0 or n_b == 0:
        return -1, 1
    pa, pb = (successes_a + 1) / (n_a + 2), (successes_b + 1) / (n_b + 2)
    half = 1.96 * np.sqrt(pa * (1 - pa) / (n_a + 2) + pb * (1 - pb) / (n_b + 2))
    gap = abs(pa - pb)
    return max(-1, gap - half), min(1, gap + half)

# %% accept="places" name="crosstab"
def places_by_group(offered, group):
    counts = pd.crosstab(np.asarray(group), np.asarray(offered))
    result = pd.DataFrame({"share": counts[1] / counts[1].sum(), "rate": counts[1] / counts.sum(axis=1)})
    result["ratio"] = result["rate"] / result["rate"].max()
    return result

# %% accept="places" name="loop with masks"
def places_by_group(offered, group):
    offered, group = np.array(offered), np.array(group)
    rates = {g: offered[group == g].mean() for g in set(group)}
    top = max(rates.values())
    rows = {g: {"share": offered[group == g].sum() / offered.sum(), "rate": rates[g], "ratio": rates[g] / top} for g in rates}
    return pd.DataFrame(rows).T

# %% reject="places" name="composition for the rate" message="the people of the group"
def places_by_group(offered, group):
    offered, group = pd.Series(np.asarray(offered)), pd.Series(np.asarray(group))
    share = group[offered == 1].value_counts(normalize=True).reindex(group.unique(), fill_value=0)
    return pd.DataFrame({"share": share, "rate": share, "ratio": share / share.max()})

# %% reject="places" name="ratio turned round" message="the highest rate"
def places_by_group(offered, group):
    by = pd.Series(np.asarray(offered)).groupby(np.asarray(group))
    return pd.DataFrame({"share": by.sum() / np.sum(offered), "rate": by.mean(), "ratio": by.mean().max() / by.mean()})

# %% reject="places" name="compared with the average instead of the best" message="the highest rate"
def places_by_group(offered, group):
    by = pd.Series(np.asarray(offered)).groupby(np.asarray(group))
    return pd.DataFrame({"share": by.sum() / np.sum(offered), "rate": by.mean(), "ratio": by.mean() / np.mean(offered)})

# %% reject="places" name="compared with the largest group" message="the highest rate"
def places_by_group(offered, group):
    by = pd.Series(np.asarray(offered)).groupby(np.asarray(group))
    return pd.DataFrame({"share": by.sum() / np.sum(offered), "rate": by.mean(), "ratio": by.mean() / by.mean()[by.size().idxmax()]})

# %% reject="places" name="loses the group without a place" message="every group should have a row"
def places_by_group(offered, group):
    offered, group = pd.Series(np.asarray(offered)), pd.Series(np.asarray(group))
    seats = group[offered == 1].value_counts()
    rate = seats / group.value_counts().loc[seats.index]
    return pd.DataFrame({"share": seats / seats.sum(), "rate": rate, "ratio": rate / rate.max()})

# %% accept="service-frame" name="plain functions on arrays"
def service_frame(needs, offered, group):
    metrics = {
        "n": lambda t, p: len(t),
        "selection_rate": lambda t, p: np.mean(p),
        "recall": lambda t, p: np.asarray(p)[np.asarray(t) == 1].mean() if np.sum(t) > 0 else float("nan"),
    }
    return MetricFrame(metrics=metrics, y_true=needs, y_pred=offered, sensitive_features=group)

# %% accept="service-frame" name="scikit-learn's recall_score with zero_division"
def service_frame(needs, offered, group):
    from sklearn.metrics import recall_score

    def recall_or_nan(y_true, y_pred):
        return recall_score(y_true, y_pred, zero_division=np.nan)

    return MetricFrame(metrics={"recall": recall_or_nan, "n": count, "selection_rate": selection_rate},
                       y_true=needs, y_pred=offered, sensitive_features=pd.Series(np.asarray(group), name="group"))

# %% reject="service-frame" name="trusts the tool's recall" message="unknown (NaN)"
def service_frame(needs, offered, group):
    return MetricFrame(metrics={"n": count, "selection_rate": selection_rate, "recall": true_positive_rate},
                       y_true=needs, y_pred=offered, sensitive_features=group)

# %% reject="service-frame" name="leaves out groups without need" message="should stay in by_group"
def service_frame(needs, offered, group):
    needs, offered, group = np.asarray(needs), np.asarray(offered), np.asarray(group)
    keep = np.isin(group, group[needs == 1])
    return MetricFrame(metrics={"n": count, "selection_rate": selection_rate, "recall": true_positive_rate},
                       y_true=needs[keep], y_pred=offered[keep], sensitive_features=group[keep])

# %% reject="service-frame" name="nobody in need counts as served perfectly" message="unknown (NaN)"
def service_frame(needs, offered, group):
    def recall_or_one(y_true, y_pred):
        return true_positive_rate(y_true, y_pred) if np.any(y_true) else 1.0

    return MetricFrame(metrics={"n": count, "selection_rate": selection_rate, "recall": recall_or_one},
                       y_true=needs, y_pred=offered, sensitive_features=group)

# %% reject="service-frame" name="exchanges truth and decision" message="1 of the 2 people in need"
def service_frame(needs, offered, group):
    def recall_or_nan(y_true, y_pred):
        return true_positive_rate(y_true, y_pred) if np.any(y_true) else np.nan

    return MetricFrame(metrics={"n": count, "selection_rate": selection_rate, "recall": recall_or_nan},
                       y_true=offered, y_pred=needs, sensitive_features=group)

# %% reject="service-frame" name="returns the table instead of the frame" message="should return a MetricFrame"
def service_frame(needs, offered, group):
    frame = MetricFrame(metrics={"n": count, "selection_rate": selection_rate, "recall": true_positive_rate},
                        y_true=needs, y_pred=offered, sensitive_features=group)
    table = frame.by_group
    table.loc[pd.Series(np.asarray(needs)).groupby(np.asarray(group)).sum() == 0, "recall"] = np.nan
    return table

# %% reject="service-frame" name="treats recall 0 as unknown" message="0 if nobody is"
def service_frame(needs, offered, group):
    def recall(y_true, y_pred):
        value = true_positive_rate(y_true, y_pred)
        return value if value > 0 else np.nan
    return MetricFrame(metrics={"n": count, "selection_rate": selection_rate, "recall": recall}, y_true=needs, y_pred=offered, sensitive_features=group)

# %% accept="worst-cell" name="dictionary of counts"
def worst_cell(needs, offered, traits, minimum):
    counts = {}
    for cell, need, offer in zip(traits.itertuples(index=False, name=None), needs, offered):
        if need:
            total, got = counts.get(cell, (0, 0))
            counts[cell] = (total + 1, got + offer)
    large_enough = [(got / total, total, cell) for cell, (total, got) in counts.items() if total >= minimum]
    if not large_enough:
        return None
    recall, total, cell = min(large_enough)
    return cell, recall, total

# %% accept="worst-cell" name="groupby on a joined table, tuples made by hand"
def worst_cell(needs, offered, traits, minimum):
    table = traits.assign(_needs=needs, _offered=offered)
    worst = None
    for cell, rows in table[table["_needs"] == 1].groupby(list(traits.columns)):
        if len(rows) >= minimum and (worst is None or rows["_offered"].mean() < worst[1]):
            worst = (tuple(cell), float(rows["_offered"].mean()), len(rows))
    return worst

# %% reject="worst-cell" name="no minimum" message="only 5 in need"
def worst_cell(needs, offered, traits, minimum):
    table = traits.assign(_offered=offered)[needs == 1]
    cells = table.groupby(list(traits.columns))["_offered"].agg(["mean", "size"])
    return cells["mean"].idxmin(), cells["mean"].min(), int(cells["size"][cells["mean"].idxmin()])

# %% reject="worst-cell" name="minimum of people instead of people in need" message="only 5 in need"
def worst_cell(needs, offered, traits, minimum):
    columns = list(traits.columns)
    people_in_cell = traits.groupby(columns).size()
    cells = traits.assign(_offered=offered)[needs == 1].groupby(columns)["_offered"].agg(["mean", "size"])
    cells = cells[people_in_cell.reindex(cells.index) >= minimum]
    if cells.empty:
        return None
    label = cells["mean"].idxmin()
    return label, cells.loc[label, "mean"], int(cells.loc[label, "size"])

# %% reject="worst-cell" name="each column alone, worst value of each" message="expected the cell"
def worst_cell(needs, offered, traits, minimum):
    cell, worst = [], 1.0
    for column in traits:
        recalls = offered[needs == 1].groupby(traits.loc[needs == 1, column]).mean()
        cell.append(recalls.idxmin())
        worst = min(worst, recalls.min())
    return tuple(cell), worst, int((needs == 1).sum())

# %% reject="worst-cell" name="lowest selection rate instead of recall" message="only 5 in need"
def worst_cell(needs, offered, traits, minimum):
    columns = list(traits.columns)
    table = traits.assign(_needs=needs, _offered=offered)
    cells = table.groupby(columns).agg(rate=("_offered", "mean"), size=("_offered", "size"), need=("_needs", "sum"))
    cells = cells[cells["size"] >= minimum]
    label = cells["rate"].idxmin()
    return label, cells.loc[label, "rate"], int(cells.loc[label, "need"])

# %% reject="worst-cell" name="takes what there is if no cell is large enough" message="return None"
def worst_cell(needs, offered, traits, minimum):
    table = traits.assign(_offered=offered)[needs == 1]
    cells = table.groupby(list(traits.columns))["_offered"].agg(["mean", "size"])
    fits = cells[cells["size"] >= minimum]
    fits = fits if len(fits) else cells
    label = fits["mean"].idxmin()
    return label, fits.loc[label, "mean"], int(fits.loc[label, "size"])

# %% reject="worst-cell" name="more than the minimum instead of at least" message="(at least)"
def worst_cell(needs, offered, traits, minimum):
    df = traits.assign(_n=needs, _o=offered)
    t = df[df._n == 1].groupby(list(traits.columns))._o.agg(["mean", "size"])
    t = t[t["size"] > minimum]
    if t.empty:
        return None
    cell = t["mean"].idxmin()
    return cell if isinstance(cell, tuple) else (cell,), t.loc[cell, "mean"], int(t.loc[cell, "size"])

# %% reject="worst-cell" name="passes over recall 0" message="recall 0:"
def worst_cell(needs, offered, traits, minimum):
    df = traits.assign(_n=needs, _o=offered)
    t = df[df._n == 1].groupby(list(traits.columns))._o.agg(["mean", "size"])
    t = t[(t["size"] >= minimum) & (t["mean"] > 0)]
    if t.empty:
        return None
    cell = t["mean"].idxmin()
    return cell if isinstance(cell, tuple) else (cell,), t.loc[cell, "mean"], int(t.loc[cell, "size"])

# %% reject="worst-cell" name="plain text for a single column" message="a tuple with one value"
def worst_cell(needs, offered, traits, minimum):
    df = traits.assign(_n=needs, _o=offered)
    t = df[df._n == 1].groupby(traits.columns.tolist() if traits.shape[1] > 1 else traits.columns[0])._o.agg(["mean", "size"])
    t = t[t["size"] >= minimum]
    if t.empty:
        return None
    cell = t["mean"].idxmin()
    return cell, t.loc[cell, "mean"], int(t.loc[cell, "size"])

# %% reject="worst-cell" name="works for two columns only" message="one column or more"
def worst_cell(needs, offered, traits, minimum):
    a, b = traits.columns[:2]
    best = None
    for x in traits[a].unique():
        for y in traits[b].unique():
            m = (traits[a] == x) & (traits[b] == y) & (needs == 1)
            if m.sum() >= minimum and (best is None or offered[m].mean() < best[1]):
                best = ((x, y), offered[m].mean(), int(m.sum()))
    return best

# %% accept="proxy-strength" name="dummies, as the hint says"
def proxy_strength(features, member):
    model = HistGradientBoostingClassifier(max_iter=40, max_depth=3, random_state=0)
    scores = cross_val_predict(model, pd.get_dummies(features), member, cv=5, method="predict_proba")
    return roc_auc_score(member, scores[:, 1])

# %% accept="proxy-strength" name="logistic regression, held-out third"
def proxy_strength(features, member):
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    coded = pd.get_dummies(features).astype(float)
    train_x, test_x, train_y, test_y = train_test_split(coded, member, test_size=1 / 3, random_state=0, stratify=member)
    scaler = StandardScaler().fit(train_x)
    model = LogisticRegression(max_iter=2000).fit(scaler.transform(train_x), train_y)
    return roc_auc_score(test_y, model.predict_proba(scaler.transform(test_x))[:, 1])

# %% accept="proxy-strength" name="cross_val_score with categorical columns"
def proxy_strength(features, member):
    from sklearn.model_selection import cross_val_score

    table = features.copy()
    for column in table.select_dtypes("object"):
        table[column] = table[column].astype("category")
    model = HistGradientBoostingClassifier(max_iter=50, max_depth=3, random_state=1)
    return float(cross_val_score(model, table, member, cv=4, scoring="roc_auc").mean())

# %% accept="proxy-strength" name="random forest, out-of-bag"
def proxy_strength(features, member):
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(80, min_samples_leaf=5, oob_score=True, random_state=0)
    forest.fit(pd.get_dummies(features), member)
    return roc_auc_score(member, forest.oob_decision_function_[:, 1])

# %% reject="proxy-strength" name="judged on the training rows" message="has not seen"
def proxy_strength(features, member):
    coded = pd.get_dummies(features)
    model = HistGradientBoostingClassifier(random_state=0).fit(coded, member)
    return roc_auc_score(member, model.predict_proba(coded)[:, 1])

# %% reject="proxy-strength" name="accuracy" message="accuracy is high"
def proxy_strength(features, member):
    from sklearn.model_selection import cross_val_score

    model = HistGradientBoostingClassifier(max_iter=30, random_state=0)
    return cross_val_score(model, pd.get_dummies(features), member, cv=5).mean()

# %% reject="proxy-strength" name="number columns only" message="Use all columns"
def proxy_strength(features, member):
    model = HistGradientBoostingClassifier(max_iter=40, max_depth=3, random_state=0)
    scores = cross_val_predict(model, features.select_dtypes("number"), member, cv=5, method="predict_proba")[:, 1]
    return roc_auc_score(member, scores)

# %% reject="proxy-strength" name="largest correlation with a single column" message="about 0.5 is expected"
def proxy_strength(features, member):
    coded = pd.get_dummies(features).astype(float)
    return float(coded.corrwith(member).abs().max())

# %% reject="proxy-strength" name="AUC of yes and no instead of scores" message="not its yes or no"
def proxy_strength(features, member):
    model = HistGradientBoostingClassifier(max_iter=40, max_depth=3, random_state=0)
    return roc_auc_score(member, cross_val_predict(model, pd.get_dummies(features), member, cv=5))

# %% reject="proxy-strength" name="text columns only" message="use all columns"
def proxy_strength(features, member):
    X = pd.get_dummies(features.select_dtypes(exclude="number"))
    return roc_auc_score(member, cross_val_predict(LogisticRegression(max_iter=1000), X, member, cv=5, method="predict_proba")[:, 1])

# %% reject="proxy-strength" name="codes text by the target before the split" message="coding text either"
def proxy_strength(features, member):
    X = features.copy()
    for c in X:
        if not pd.api.types.is_numeric_dtype(X[c]):
            X[c] = X[c].map(member.groupby(X[c]).mean())
    return roc_auc_score(member, cross_val_predict(LogisticRegression(max_iter=1000), X, member, cv=5, method="predict_proba")[:, 1])

# %% reject="proxy-strength" name="probability of class 0" message="probabilities of class 0"
def proxy_strength(features, member):
    X = pd.get_dummies(features)
    return roc_auc_score(member, cross_val_predict(LogisticRegression(max_iter=1000), X, member, cv=5, method="predict_proba")[:, 0])

# %% accept="fair-on-paper" name="built row by row"
def fair_on_paper():
    people = []
    for office, missed in (("North", 10), ("South", 60)):
        for person in range(200):
            needs = int(person < 100)
            recorded = int(missed <= person < 100)
            people.append({"office": office, "needs": needs, "recorded": recorded, "offered": recorded if person % 10 else 0})
    return pd.DataFrame(people)

# %% accept="fair-on-paper" name="offers to people who are recorded without being in need"
def fair_on_paper():
    north = pd.DataFrame({"needs": [1] * 60 + [0] * 60})
    north["recorded"] = north["needs"]
    south = pd.DataFrame({"needs": [1] * 60 + [0] * 60})
    south["recorded"] = [0] * 18 + [1] * 42 + [1] * 18 + [0] * 42
    both = pd.concat([north.assign(office="North"), south.assign(office="South")])
    return both.assign(offered=both["recorded"])

# %% reject="fair-on-paper" name="the record is right" message="Where does the record miss"
def fair_on_paper():
    one = pd.DataFrame({"needs": [1] * 50 + [0] * 50})
    both = pd.concat([one.assign(office="North"), one.assign(office="South")], ignore_index=True)
    return both.assign(recorded=both["needs"], offered=both["needs"])

# %% reject="fair-on-paper" name="unfair on paper too" message="Divide by the recorded ones"
def fair_on_paper():
    one = pd.DataFrame({"needs": [1] * 50 + [0] * 50})
    both = pd.concat([one.assign(office="North"), one.assign(office="South")], ignore_index=True)
    both["recorded"] = both["needs"]
    both["offered"] = both["needs"] * (both["office"] == "North")
    return both

# %% reject="fair-on-paper" name="equal selection rates taken for equal recall" message="Divide by the recorded ones"
def fair_on_paper():
    north = pd.DataFrame({"office": "North", "needs": [1] * 60 + [0] * 40, "offered": [1] * 30 + [0] * 70})
    south = pd.DataFrame({"office": "South", "needs": [1] * 30 + [0] * 70, "offered": [1] * 30 + [0] * 70})
    both = pd.concat([north, south], ignore_index=True)
    return both.assign(recorded=both["needs"])

# %% reject="fair-on-paper" name="the record misses both offices alike" message="Where does the record miss"
def fair_on_paper():
    one = pd.DataFrame({"needs": [1] * 50 + [0] * 50, "recorded": [1] * 30 + [0] * 70})
    both = pd.concat([one.assign(office="North"), one.assign(office="South")], ignore_index=True)
    return both.assign(offered=both["recorded"])

# %% accept="feasible" name="counts conditions against freedoms"
def feasible(base_rates, criteria):
    rates = list(base_rates.values())
    all_alike = all(abs(rate - rates[0]) < 1e-6 for rate in rates)
    if all_alike:
        return True
    freedoms = 2  # recall and false positive rate of each group
    return len(set(criteria)) <= freedoms

# %% accept="feasible" name="searches numerically"
def feasible(base_rates, criteria):
    # Each equal value is one line a * recall + b * false positive rate = c; two lines meet in one point.
    def line(name, value, pi):
        return {"recall": (1, 0, value), "false_positive_rate": (0, 1, value), "selection_rate": (pi, 1 - pi, value),
                "precision": (pi * (1 - value), -(1 - pi) * value, 0)}[name]

    rates = np.array(list(base_rates.values()))
    if np.ptp(rates) < 1e-6 or len(criteria) < 2:
        return True
    grid = np.concatenate([np.linspace(0.001, 0.1, 34), np.linspace(0.11, 0.999, 60)])
    for u in grid:
        for v in grid:
            points = []
            for pi in rates:
                (a, b, c), (d, e, f) = line(criteria[0], u, pi), line(criteria[1], v, pi)
                det = a * e - b * d
                if abs(det) < 1e-12:
                    break
                recall, fpr = (c * e - b * f) / det, (a * f - c * d) / det
                if not 0 < fpr < recall < 1:
                    break
                points.append((recall, fpr))
            if len(points) < len(rates):
                continue
            r, f_ = np.array(points).T
            selected = rates * r + (1 - rates) * f_
            values = {"recall": r, "false_positive_rate": f_, "selection_rate": selected, "precision": rates * r / selected}
            if all(np.ptp(values[name]) < 1e-6 for name in criteria):
                return True
    return False

# %% reject="feasible" name="any two criteria conflict" message="whatever the base rates"
def feasible(base_rates, criteria):
    values = list(base_rates.values())
    return max(values) - min(values) < 1e-6 or len(criteria) <= 1

# %% reject="feasible" name="everything is possible with enough data" message="make precision differ"
def feasible(base_rates, criteria):
    return True

# %% reject="feasible" name="looks at two groups only" message="look at all groups"
def feasible(base_rates, criteria):
    first, second = list(base_rates.values())[:2]
    return abs(first - second) < 1e-6 or len(criteria) <= 2

# %% reject="feasible" name="nearly equal base rates are good enough" message="are not equal"
def feasible(base_rates, criteria):
    values = list(base_rates.values())
    return max(values) - min(values) < 0.02 or len(criteria) <= 2

# %% reject="feasible" name="only precision conflicts with the error rates" message="cannot hold together"
def feasible(base_rates, criteria):
    values = list(base_rates.values())
    if max(values) - min(values) < 1e-6:
        return True
    return not {"recall", "false_positive_rate", "precision"} <= set(criteria)

# %% reject="feasible" name="equal floats without tolerance" message="but for rounding"
def feasible(base_rates, criteria):
    return len(set(base_rates.values())) == 1 or len(criteria) <= 2

# %% reject="feasible" name="each group agrees with some other" message="look at all groups"
def feasible(base_rates, criteria):
    v = list(base_rates.values())
    equal = all(any(abs(a - b) < 1e-6 for j, b in enumerate(v) if j != i) for i, a in enumerate(v))
    return equal or len(criteria) <= 2

# %% accept="thresholds" name="loop over 400 values of recall"
def thresholds(scores, needs, group, places):
    table = pd.DataFrame({"score": np.asarray(scores), "needs": np.asarray(needs), "group": np.asarray(group)})
    best = None
    for recall_wanted in np.linspace(0.002, 1, 400):
        cuts = table[table["needs"] == 1].groupby("group")["score"].quantile(1 - recall_wanted)
        if (table["score"] >= table["group"].map(cuts)).mean() > places:
            break
        best = cuts
    return best.to_dict()

# %% accept="thresholds" name="ranks everybody by the recall at which they come in"
def thresholds(scores, needs, group, places):
    table = pd.DataFrame({"score": np.asarray(scores), "needs": np.asarray(needs), "group": np.asarray(group)})
    table = table.sort_values("score", ascending=False)
    in_need = table.groupby("group")["needs"].transform("sum")
    table["recall"] = table.groupby("group")["needs"].cumsum() / in_need
    chosen = table.sort_values("recall", kind="stable").head(int(places * len(table)))
    return chosen.groupby("group")["score"].min().to_dict()

# %% reject="thresholds" name="one threshold for all" message="they may differ by at most 0.06"
def thresholds(scores, needs, group, places):
    cut = np.quantile(scores, 1 - places)
    return {name: cut for name in np.unique(group)}

# %% reject="thresholds" name="the same selection rate in each group" message="they may differ by at most 0.06"
def thresholds(scores, needs, group, places):
    return pd.Series(np.asarray(scores)).groupby(np.asarray(group)).quantile(1 - places).to_dict()

# %% reject="thresholds" name="equal recall, budget forgotten" message="there are places for"
def thresholds(scores, needs, group, places):
    table = pd.DataFrame({"s": np.asarray(scores), "n": np.asarray(needs), "g": np.asarray(group)})
    return table[table["n"] == 1].groupby("g")["s"].quantile(0.2).to_dict()

# %% reject="thresholds" name="takes the places for the recall" message="use all places"
def thresholds(scores, needs, group, places):
    table = pd.DataFrame({"s": np.asarray(scores), "n": np.asarray(needs), "g": np.asarray(group)})
    return table[table["n"] == 1].groupby("g")["s"].quantile(1 - places).to_dict()

# %% reject="thresholds" name="an equal number of places for each group" message="they may differ by at most 0.06"
def thresholds(scores, needs, group, places):
    scores, group = np.asarray(scores), np.asarray(group)
    names = np.unique(group)
    each = int(places * len(scores) / len(names))
    return {name: np.sort(scores[group == name])[-each] for name in names}

# %% reject="thresholds" name="budget averaged over the groups" message="there are places for"
def thresholds(scores, needs, group, places):
    s, n, g = map(np.asarray, (scores, needs, group))
    best = None
    for r in np.linspace(0.005, 1, 200):
        cuts = {k: np.quantile(s[(g == k) & (n == 1)], 1 - r) for k in np.unique(g)}
        if np.mean([(s[g == k] >= c).mean() for k, c in cuts.items()]) <= places:
            best = cuts
    return best

# %% reject="thresholds" name="quantile r for quantile 1 - r" message="leave 1 - r of them below"
def thresholds(scores, needs, group, places):
    s, n, g = map(np.asarray, (scores, needs, group))
    best = None
    for r in np.linspace(0.005, 1, 200):
        cuts = {k: np.quantile(s[(g == k) & (n == 1)], r) for k in np.unique(g)}
        if sum((s[g == k] >= c).sum() for k, c in cuts.items()) / len(s) <= places:
            best = cuts
    return best

# %% accept="fit-fair" name="small decision trees under the reduction"
def fit_fair(features, needs, group):
    from sklearn.tree import DecisionTreeClassifier

    reduction = ExponentiatedGradient(DecisionTreeClassifier(max_depth=4, random_state=0), TruePositiveRateParity(), max_iter=25)
    reduction.fit(features, needs, sensitive_features=group)
    return lambda new: np.asarray(reduction.predict(new, random_state=1))

# %% accept="fit-fair" name="fairlearn's grid search"
def fit_fair(features, needs, group):
    from fairlearn.reductions import GridSearch

    search = GridSearch(LogisticRegression(max_iter=1000), constraints=TruePositiveRateParity(), grid_size=41)
    search.fit(features, needs, sensitive_features=group)
    return search.predict

# %% reject="fit-fair" name="no constraint" message="Is recall what your constraint makes equal"
def fit_fair(features, needs, group):
    return LogisticRegression(max_iter=1000).fit(features, needs).predict

# %% reject="fit-fair" name="equal selection rates" message="Is recall what your constraint makes equal"
def fit_fair(features, needs, group):
    from fairlearn.reductions import DemographicParity

    reduction = ExponentiatedGradient(LogisticRegression(max_iter=1000), DemographicParity(), max_iter=30)
    reduction.fit(features, needs, sensitive_features=group)
    return lambda new: reduction.predict(new, random_state=0)

# %% reject="fit-fair" name="drops the column that tells the group" message="Is recall what your constraint makes equal"
def fit_fair(features, needs, group):
    columns = ["months", "age"]
    model = LogisticRegression(max_iter=1000).fit(features[columns], needs)
    return lambda new: model.predict(new[columns])

# %% reject="fit-fair" name="offers a place to everyone" message="everybody is offered a place"
def fit_fair(features, needs, group):
    return lambda new: np.ones(len(new), dtype=int)

# %% reject="fit-fair" name="returns the mitigator instead of a function" message="should return a function"
def fit_fair(features, needs, group):
    reduction = ExponentiatedGradient(LogisticRegression(max_iter=1000), TruePositiveRateParity(), max_iter=30)
    reduction.fit(features, needs, sensitive_features=group)
    return reduction

# %% accept="fit-fair" name="raises weights of its own until the recalls agree"
def fit_fair(features, needs, group):
    # raise the weight of the people in need of the group with the lower recall, until recalls are equal
    X, y, g = np.asarray(features, dtype=float), np.asarray(needs), np.asarray(group)
    mean, std = X.mean(axis=0), X.std(axis=0)
    X = (X - mean) / std
    weights = np.ones(len(y))
    best, best_gap = None, 9
    for _ in range(60):
        model = LogisticRegression(max_iter=1000).fit(X, y, sample_weight=weights)
        d = model.predict(X)
        recalls = {k: d[(y == 1) & (g == k)].mean() for k in set(g)}
        gap = max(recalls.values()) - min(recalls.values())
        if gap < best_gap:
            best, best_gap = model, gap
        if gap < 0.02:
            break
        worst, top = min(recalls, key=recalls.get), max(recalls, key=recalls.get)
        weights[(y == 1) & (g == worst)] *= 1.1
        weights[(y == 1) & (g == top)] *= 0.9
    return lambda features: best.predict((np.asarray(features, dtype=float) - mean) / std)

# %% reject="fit-fair" name="offers a place to nobody" message="nobody is offered a place"
def fit_fair(features, needs, group):
    return lambda features: np.zeros(len(features), dtype=int)

# %% reject="fit-fair" name="lower threshold for everyone" message="at most"
def fit_fair(features, needs, group):
    model = LogisticRegression(max_iter=1000).fit(features, needs)
    return lambda features: (model.predict_proba(features)[:, 1] > 0.3).astype(int)

# %% accept="worth-discussing" name="compares all pairs at once"
def worth_discussing(gap, utility):
    g, u = gap.to_numpy(), utility.to_numpy()
    as_good = (g[:, None] <= g) & (u[:, None] >= u)
    better = (g[:, None] < g) | (u[:, None] > u)
    return pd.Series(~(as_good & better).any(axis=0), index=gap.index)

# %% accept="worth-discussing" name="sorts by gap and keeps a running best"
def worth_discussing(gap, utility):
    points = pd.DataFrame({"gap": gap, "utility": utility}).sort_values(["gap", "utility"], ascending=[True, False])
    result, best, best_gap = {}, -np.inf, None
    for label, row in points.iterrows():
        keep = row["utility"] > best or (row["utility"] == best and row["gap"] == best_gap)
        result[label] = keep
        if row["utility"] > best:
            best, best_gap = row["utility"], row["gap"]
    return pd.Series(result).reindex(gap.index).astype(bool)

# %% reject="worth-discussing" name="dominated only if worse in both" message="worse in the other is enough"
def worth_discussing(gap, utility):
    beaten = [((gap < gap[i]) & (utility > utility[i])).any() for i in gap.index]
    return ~pd.Series(beaten, index=gap.index)

# %% reject="worth-discussing" name="equal candidates dominate each other" message="do not dominate each other"
def worth_discussing(gap, utility):
    kept = []
    for i in gap.index:
        others = [j for j in gap.index if j != i]
        kept.append(not any(gap[j] <= gap[i] and utility[j] >= utility[i] for j in others))
    return pd.Series(kept, index=gap.index)

# %% reject="worth-discussing" name="a large gap taken for good" message="both are worth discussing"
def worth_discussing(gap, utility):
    kept = [not (((gap >= gap[i]) & (utility >= utility[i])) & ((gap > gap[i]) | (utility > utility[i]))).any() for i in gap.index]
    return pd.Series(kept, index=gap.index)

# %% reject="worth-discussing" name="only the best of each" message="not dominated by any other"
def worth_discussing(gap, utility):
    best_gap, best_utility = gap.min(), utility.max()
    top = (utility == best_utility) & (gap == gap[utility == best_utility].min())
    left = (gap == best_gap) & (utility == utility[gap == best_gap].max())
    return top | left

# %% reject="worth-discussing" name="best weighted sum" message="not dominated by any other"
def worth_discussing(gap, utility):
    total = utility - gap
    return total == total.max()

# %% reject="worth-discussing" name="compares rounded numbers" message="is dominated among"
def worth_discussing(gap, utility):
    gap, utility = gap.round(2), utility.round(2)
    return pd.Series([not ((gap <= a) & (utility >= b) & ((gap < a) | (utility > b))).any() for a, b in zip(gap, utility)], index=gap.index)
