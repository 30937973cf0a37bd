# %% accept="psi" name="loops over the bins"
def psi(reference, current, bins=10):
    reference, current = reference.dropna(), current.dropna()
    edges = sorted({reference.quantile(i / bins) for i in range(1, bins)})
    edges = [float("-inf"), *edges, float("inf")]
    total = 0.0
    for low, high in zip(edges, edges[1:]):
        p = max(((reference > low) & (reference <= high)).mean(), 0.0001)
        q = max(((current > low) & (current <= high)).mean(), 0.0001)
        total += (q - p) * np.log(q / p)
    return total

# %% accept="psi" name="cut of pandas, left-closed"
def psi(reference, current, bins=10):
    inner = reference.quantile(np.linspace(0, 1, bins + 1)[1:-1]).unique()
    edges = np.concatenate([[-np.inf], inner, [np.inf]])
    p, q = (pd.cut(x, edges, right=False).value_counts(normalize=True, sort=False).clip(lower=1e-4) for x in (reference, current))
    p, q = p.to_numpy(), q.to_numpy()
    return (q - p) @ np.log(q / p)

# %% reject="psi" name="bins from pooled data" message="the example by hand gives 0.275"
def psi(reference, current, bins=10):
    reference, current = reference.dropna(), current.dropna()
    edges = np.quantile(pd.concat([reference, current]), np.arange(1, bins) / bins)
    p, q = (np.maximum(np.bincount(np.searchsorted(edges, x), minlength=bins) / len(x), 1e-4) for x in (reference, current))
    return float(((q - p) * np.log(q / p)).sum())

# %% reject="psi" name="bins from the current data" message="the example by hand gives 0.275"
def psi(reference, current, bins=10):
    reference, current = reference.dropna(), current.dropna()
    edges = np.quantile(current, np.arange(1, bins) / bins)
    p, q = (np.maximum(np.bincount(np.searchsorted(edges, x), minlength=bins) / len(x), 1e-4) for x in (reference, current))
    return float(((q - p) * np.log(q / p)).sum())

# %% reject="psi" name="closed outer bins lose new values" message="the last, open bin"
def psi(reference, current, bins=10):
    edges = np.quantile(reference.dropna(), np.linspace(0, 1, bins + 1))
    p = np.histogram(reference.dropna(), edges)[0] / reference.notna().sum()
    q = np.histogram(current.dropna(), edges)[0] / current.notna().sum()
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return float(((q - p) * np.log(q / p)).sum())

# %% reject="psi" name="skips empty bins" message="the last, open bin"
def psi(reference, current, bins=10):
    reference, current = reference.dropna(), current.dropna()
    edges = np.unique(np.quantile(reference, np.arange(1, bins) / bins))
    p, q = (np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1) / len(x) for x in (reference, current))
    both = (p > 0) & (q > 0)
    p, q = p[both], q[both]
    return float(((q - p) * np.log(q / p)).sum())

# %% reject="psi" name="nothing against empty bins" message="an empty bin must not lead to"
def psi(reference, current, bins=10):
    reference, current = reference.dropna(), current.dropna()
    edges = np.unique(np.quantile(reference, np.arange(1, bins) / bins))
    p, q = (np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1) / len(x) for x in (reference, current))
    with np.errstate(divide="ignore"):
        return float(((q - p) * np.log(q / p)).sum())

# %% reject="psi" name="bins of equal width" message="are the edges quantiles?"
def psi(reference, current, bins=10):
    reference, current = reference.dropna(), current.dropna()
    edges = np.linspace(reference.min(), reference.max(), bins + 1)[1:-1]
    p, q = (np.maximum(np.bincount(np.searchsorted(edges, x), minlength=bins) / len(x), 1e-4) for x in (reference, current))
    return float(((q - p) * np.log(q / p)).sum())

# %% accept="verdict" name="two questions in a dictionary"
def verdict(reference, current, smallest=0.1):
    a, b = reference[reference.notna()], current[current.notna()]
    test = stats.ks_2samp(a, b)
    n, m = len(a), len(b)
    words = {
        (True, True): "drift",
        (True, False): "small",
        (False, True): "stable",
        (False, False): "unclear",
    }
    significant = test.pvalue < 0.01
    second = test.statistic >= smallest if significant else 1.63 * ((n + m) / (n * m)) ** 0.5 <= smallest
    return float(test.statistic), float(test.pvalue), words[bool(significant), bool(second)]

# %% accept="verdict" name="early returns"
def verdict(reference, current, smallest=0.1):
    a, b = reference.dropna().to_numpy(), current.dropna().to_numpy()
    result = stats.ks_2samp(a, b, method="asymp")
    distance, p = result.statistic, result.pvalue
    if p < 0.01 and distance < smallest:
        return distance, p, "small"
    if p < 0.01:
        return distance, p, "drift"
    if 1.63 * np.sqrt(1 / a.size + 1 / b.size) > smallest:
        return distance, p, "unclear"
    return distance, p, "stable"

# %% reject="verdict" name="p above the level, so no drift" message="too few to rule a drift out"
def verdict(reference, current, smallest=0.1):
    distance, p = stats.ks_2samp(reference.dropna(), current.dropna())
    if p < 0.01:
        return distance, p, "drift" if distance >= smallest else "small"
    return distance, p, "stable"

# %% reject="verdict" name="significant means drift" message="it does not matter"
def verdict(reference, current, smallest=0.1):
    reference, current = reference.dropna(), current.dropna()
    distance, p = stats.ks_2samp(reference, current)
    chance = 1.63 * np.sqrt(1 / len(reference) + 1 / len(current))
    word = "drift" if p < 0.01 else "stable" if chance <= smallest else "unclear"
    return distance, p, word

# %% reject="verdict" name="only the size counts" message="the word should be"
def verdict(reference, current, smallest=0.1):
    distance, p = stats.ks_2samp(reference.dropna(), current.dropna())
    return distance, p, "drift" if distance >= smallest else "stable"

# %% reject="verdict" name="missing cells counted as values" message="only values count"
def verdict(reference, current, smallest=0.1):
    middle = reference.median()
    reference, current = reference.fillna(middle), current.fillna(middle)
    distance, p = stats.ks_2samp(reference, current)
    chance = 1.63 * np.sqrt(1 / len(reference) + 1 / len(current))
    if p < 0.01:
        return distance, p, "drift" if distance >= smallest else "small"
    return distance, p, "stable" if chance <= smallest else "unclear"

# %% reject="verdict" name="the distance alone says whether it is unclear" message="equal samples prove nothing"
def verdict(reference, current, smallest=0.1):
    distance, p = stats.ks_2samp(reference.dropna(), current.dropna())
    if p < 0.01:
        return distance, p, "drift" if distance >= smallest else "small"
    return distance, p, "unclear" if distance >= smallest else "stable"

# %% reject="verdict" name="five per cent" message="p = 0.02"
def verdict(reference, current, smallest=0.1):
    reference, current = reference.dropna(), current.dropna()
    distance, p = stats.ks_2samp(reference, current)
    chance = 1.63 * np.sqrt(1 / len(reference) + 1 / len(current))
    if p < 0.05:
        return distance, p, "drift" if distance >= smallest else "small"
    return distance, p, "stable" if chance <= smallest else "unclear"

# %% reject="verdict" name="missing cells raise the number of values" message="only values count"
def verdict(reference, current, smallest=0.1):
    distance, p = stats.ks_2samp(reference.dropna(), current.dropna())
    chance = 1.63 * np.sqrt(1 / len(reference) + 1 / len(current))
    if p < 0.01:
        return distance, p, "drift" if distance >= smallest else "small"
    return distance, p, "stable" if chance <= smallest else "unclear"

# %% accept="calibrate" name="bootstrap with DataFrame.sample"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    def worst(number):
        batch = reference.sample(size, replace=True, random_state=seed * 100_000 + number)
        return max(statistic(reference[name], batch[name]) for name in reference.columns)

    return pd.Series([worst(number) for number in range(repeats)]).quantile(1 - level)

# %% accept="calibrate" name="sorts the largest values"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    rng = np.random.default_rng(seed)
    tops = []
    for _ in range(repeats):
        rows = rng.integers(len(reference), size=size)
        tops.append(max(statistic(values, values.iloc[rows]) for _, values in reference.items()))
    tops.sort()
    return tops[int((1 - level) * repeats)]

# %% reject="calibrate" name="each column on its own" message="6 column(s)"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(repeats):
        batch = reference.iloc[rng.choice(len(reference), size)]
        values += [statistic(reference[name], batch[name]) for name in reference]
    return float(np.quantile(values, 1 - level))

# %% reject="calibrate" name="the mean of the columns" message="6 column(s)"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(repeats):
        batch = reference.iloc[rng.choice(len(reference), size)]
        values.append(np.mean([statistic(reference[name], batch[name]) for name in reference]))
    return float(np.quantile(values, 1 - level))

# %% reject="calibrate" name="rule of thumb" message="raise an alarm, wanted were about"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    return 0.1

# %% reject="calibrate" name="batches as large as half the reference" message="Batch size right?"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    rng = np.random.default_rng(seed)
    largest = []
    for _ in range(repeats):
        batch = reference.iloc[rng.choice(len(reference), len(reference) // 2)]
        largest.append(max(statistic(reference[name], batch[name]) for name in reference))
    return float(np.quantile(largest, 1 - level))

# %% reject="calibrate" name="the largest value ever seen" message="misses real drift"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    rng = np.random.default_rng(seed)
    largest = 0
    for _ in range(repeats):
        batch = reference.iloc[rng.choice(len(reference), size)]
        largest = max(largest, *(statistic(reference[name], batch[name]) for name in reference))
    return float(largest)

# %% reject="calibrate" name="the mean of the largest values" message="raise an alarm, wanted were about"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    rng = np.random.default_rng(seed)
    largest = []
    for _ in range(repeats):
        batch = reference.iloc[rng.choice(len(reference), size)]
        largest.append(max(statistic(reference[name], batch[name]) for name in reference))
    return float(np.mean(largest))

# %% accept="judge-mapping" name="counts with a Counter and a loop"
def judge_mapping(reference, current, mapping):
    from collections import Counter

    def index(old, new):
        old, new = Counter(old), Counter(new)
        n, m, total = sum(old.values()), sum(new.values()), 0
        for code in old.keys() | new.keys():
            p, q = max(old[code] / n, 1e-4), max(new[code] / m, 1e-4)
            total += (q - p) * np.log(q / p)
        return total

    old, new = list(reference.dropna()), list(current.dropna())
    mapped = [[mapping.get(code, code) for code in codes] for codes in (old, new)]
    return index(old, new), index(*mapped), not set(mapping) & set(new)

# %% accept="judge-mapping" name="aligns two Series of shares"
def judge_mapping(reference, current, mapping):
    def index(a, b):
        p, q = a.value_counts(normalize=True).align(b.value_counts(normalize=True), fill_value=0)
        p, q = p.clip(lower=1e-4), q.clip(lower=1e-4)
        return np.sum((q - p) * np.log(q / p))

    def recode(values):
        return values.map(mapping).fillna(values)

    gone = all((current != code).all() for code in mapping)
    return index(reference, current), index(recode(reference), recode(current)), gone

# %% reject="judge-mapping" name="ignores new categories" message="C is new"
def judge_mapping(reference, current, mapping):
    def index(a, b):
        p, q = a.value_counts(normalize=True), b.value_counts(normalize=True)
        q = q.reindex(p.index, fill_value=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(((q - p) * np.log(q / p)).sum())

    return index(reference, current), index(reference.replace(mapping), current.replace(mapping)), not current.isin(list(mapping)).any()

# %% reject="judge-mapping" name="only codes that both periods know" message="with A and C both counted"
def judge_mapping(reference, current, mapping):
    def index(a, b):
        p, q = a.value_counts(normalize=True), b.value_counts(normalize=True)
        both = p.index.intersection(q.index)
        p, q = p[both], q[both]
        return float(((q - p) * np.log(q / p)).sum())

    return index(reference, current), index(reference.replace(mapping), current.replace(mapping)), not current.isin(list(mapping)).any()

# %% reject="judge-mapping" name="maps the reference only" message="applies to both periods"
def judge_mapping(reference, current, mapping):
    def index(a, b):
        codes = sorted(set(a.dropna()) | set(b.dropna()))
        p, q = (x.value_counts(normalize=True).reindex(codes, fill_value=0).clip(lower=1e-4) for x in (a, b))
        return float(((q - p) * np.log(q / p)).sum())

    return index(reference, current), index(reference.replace(mapping), current), not current.isin(list(mapping)).any()

# %% reject="judge-mapping" name="honest whenever the drift is gone" message="not honest"
def judge_mapping(reference, current, mapping):
    def index(a, b):
        codes = sorted(set(a.dropna()) | set(b.dropna()))
        p, q = (x.value_counts(normalize=True).reindex(codes, fill_value=0).clip(lower=1e-4) for x in (a, b))
        return float(((q - p) * np.log(q / p)).sum())

    after = index(reference.replace(mapping), current.replace(mapping))
    return index(reference, current), after, after < 0.1

# %% accept="what-changed" name="filters with a list comprehension"
def what_changed(reference, current, placeholders=()):
    codes = set(placeholders)
    old, new = ([v for v in values if not pd.isna(v) and v not in codes] for values in (reference, current))
    lost = [1 - len(kept) / len(values) for kept, values in ((old, reference), (new, current))]
    words = []
    if abs(lost[0] - lost[1]) >= 0.05:
        words.append("missing")
    if old and new and stats.ks_2samp(old, new)[0] >= 0.1:
        words.append("moved")
    return set(words)

# %% accept="what-changed" name="replaces, then builds the distance by hand"
def what_changed(reference, current, placeholders=()):
    a, b = (values.replace(dict.fromkeys(placeholders, np.nan)) for values in (reference, current))
    changed = {"missing": abs(a.isna().mean() - b.isna().mean()) >= 0.05, "moved": False}
    a, b = np.sort(a.dropna()), np.sort(b.dropna())
    if a.size and b.size:
        points = np.concatenate([a, b])
        gap = np.searchsorted(a, points, "right") / a.size - np.searchsorted(b, points, "right") / b.size
        changed["moved"] = np.abs(gap).max() >= 0.1
    return {word for word, yes in changed.items() if yes}

# %% reject="what-changed" name="fills the gaps with the mean first" message="the others are as before"
def what_changed(reference, current, placeholders=()):
    mean = reference.mean()
    a, b = reference.fillna(mean), current.fillna(mean)
    return {"moved"} if stats.ks_2samp(a, b).statistic >= 0.1 else set()

# %% reject="what-changed" name="placeholders are values" message="filled with the placeholder"
def what_changed(reference, current, placeholders=()):
    words = set()
    if abs(reference.isna().mean() - current.isna().mean()) >= 0.05:
        words.add("missing")
    a, b = reference.dropna(), current.dropna()
    if len(a) and len(b) and stats.ks_2samp(a, b).statistic >= 0.1:
        words.add("moved")
    return words

# %% reject="what-changed" name="only more missing counts" message="fewer missing than before"
def what_changed(reference, current, placeholders=()):
    a, b = (values.mask(values.isin(placeholders)) for values in (reference, current))
    words = {"missing"} if b.isna().mean() - a.isna().mean() >= 0.05 else set()
    a, b = a.dropna(), b.dropna()
    if len(a) and len(b) and stats.ks_2samp(a, b).statistic >= 0.1:
        words.add("moved")
    return words

# %% reject="what-changed" name="one or the other, never both" message="expected ['missing', 'moved']"
def what_changed(reference, current, placeholders=()):
    a, b = (values.mask(values.isin(placeholders)) for values in (reference, current))
    if abs(a.isna().mean() - b.isna().mean()) >= 0.05:
        return {"missing"}
    return {"moved"} if stats.ks_2samp(a.dropna(), b.dropna()).statistic >= 0.1 else set()

# %% accept="season-reference" name="concatenates one slice per year"
def season_reference(fires, day, years=5, window=30):
    parts = []
    for back in range(1, years + 1):
        middle = day - pd.DateOffset(years=back)
        parts.append(fires[fires["start"].between(middle - pd.Timedelta(days=window), middle + pd.Timedelta(days=window + 1))])
    return pd.concat(parts)

# %% accept="season-reference" name="asks fire by fire"
def season_reference(fires, day, years=5, window=30):
    def belongs(start):
        if pd.isna(start):
            return False
        away = [abs((start - day).days + 365.25 * back) for back in range(1, years + 1)]
        return min(away) <= window

    return fires.loc[[belongs(start) for start in fires["start"]]]

# %% reject="season-reference" name="the whole year" message="expected the fires 100 and 101"
def season_reference(fires, day, years=5, window=30):
    first = day - pd.DateOffset(years=years)
    return fires[(fires["start"] >= first - pd.Timedelta(days=window)) & (fires["start"] < day - pd.Timedelta(days=window))]

# %% reject="season-reference" name="the same season of all years, the future too" message="lies in the future"
def season_reference(fires, day, years=5, window=30):
    away = (fires["start"].dt.dayofyear - day.dayofyear).abs()
    away = np.minimum(away, 365 - away)
    return fires[(away <= window) & (fires["start"].dt.year != day.year)]

# %% reject="season-reference" name="forgets New Year" message="eight days before"
def season_reference(fires, day, years=5, window=30):
    near = (fires["start"].dt.dayofyear - day.dayofyear).abs() <= window
    return fires[near & fires["start"].dt.year.between(day.year - years, day.year - 1)]

# %% reject="season-reference" name="the calendar month" message="around 5 January 2019"
def season_reference(fires, day, years=5, window=30):
    return fires[(fires["start"].dt.month == day.month) & fires["start"].dt.year.between(day.year - years, day.year - 1)]

# %% reject="season-reference" name="the current window is part of its reference" message="belongs to the current window"
def season_reference(fires, day, years=5, window=30):
    chosen = pd.Series(False, index=fires.index)
    for back in range(years + 1):
        chosen |= (fires["start"] - (day - pd.DateOffset(years=back))).abs() <= pd.Timedelta(days=window)
    return fires[chosen]

# %% accept="tell-apart" name="one shuffled split and a forest"
def tell_apart(reference, current, seed=0):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    X = np.vstack([reference.fillna(reference.median()), current.fillna(reference.median())])
    y = np.array([0] * len(reference) + [1] * len(current))
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=seed)
    forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=seed).fit(X_train, y_train)
    return roc_auc_score(y_test, forest.predict_proba(X_test)[:, 1])

# %% accept="tell-apart" name="folds by hand"
def tell_apart(reference, current, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.concat([reference.assign(_current=0), current.assign(_current=1)]).reset_index(drop=True)
    X, y = table.drop(columns="_current"), table["_current"]
    fold, scores = rng.integers(0, 4, len(table)), np.zeros(len(table))
    for k in range(4):
        model = HistGradientBoostingClassifier(max_iter=30, random_state=seed)
        scores[fold == k] = model.fit(X[fold != k], y[fold != k]).predict_proba(X[fold == k])[:, 1]
    return roc_auc_score(y, scores)

# %% reject="tell-apart" name="judged on the rows it was trained on" message="a model that has not seen it"
def tell_apart(reference, current, seed=0):
    rows = pd.concat([reference, current], ignore_index=True)
    y = np.repeat([0, 1], [len(reference), len(current)])
    model = HistGradientBoostingClassifier(random_state=seed).fit(rows, y)
    return roc_auc_score(y, model.predict_proba(rows)[:, 1])

# %% reject="tell-apart" name="a linear model" message="see a relation between two columns"
def tell_apart(reference, current, seed=0):
    from sklearn.linear_model import LogisticRegression

    rows = pd.concat([reference, current], ignore_index=True)
    rows = ((rows - rows.mean()) / rows.std()).fillna(0)
    y = np.repeat([0, 1], [len(reference), len(current)])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    chance = cross_val_predict(LogisticRegression(), rows, y, cv=folds, method="predict_proba")[:, 1]
    return roc_auc_score(y, chance)

# %% reject="tell-apart" name="accuracy instead of AUC" message="Accuracy is not AUC"
def tell_apart(reference, current, seed=0):
    rows = pd.concat([reference, current], ignore_index=True)
    y = np.repeat([0, 1], [len(reference), len(current)])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = HistGradientBoostingClassifier(max_iter=40, random_state=seed)
    return float((cross_val_predict(model, rows, y, cv=folds) == y).mean())

# %% reject="tell-apart" name="the row number is a feature" message="cannot be told apart"
def tell_apart(reference, current, seed=0):
    rows = pd.concat([reference, current], ignore_index=True).reset_index()
    y = np.repeat([0, 1], [len(reference), len(current)])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = HistGradientBoostingClassifier(max_iter=40, random_state=seed)
    return roc_auc_score(y, cross_val_predict(model, rows, y, cv=folds, method="predict_proba")[:, 1])

# %% accept="worse-world" name="searches the shift of the log-odds"
def worse_world(p, seed):
    from scipy.optimize import brentq

    logit = np.log(p / (1 - p))
    shift = brentq(lambda b: np.mean(1 / (1 + np.exp(-logit - b))) - 2 * p.mean(), 0, 10)
    return np.random.default_rng(seed).binomial(1, 1 / (1 + np.exp(-logit - shift)))

# %% accept="worse-world" name="a second chance for each fire, half of it blind"
def worse_world(p, seed):
    rng = np.random.default_rng(seed)
    again = 1 - (1 - p) ** 2.7  # 2.7 chances to grow instead of one
    again = 0.93 * again + 0.07 * again.mean()
    return (rng.random(len(p)) < again).astype(float)

# %% reject="worse-world" name="doubles the chance" message="the ranking is better"
def worse_world(p, seed):
    return (np.random.default_rng(seed).random(len(p)) < np.clip(2 * p, 0, 1)).astype(int)

# %% reject="worse-world" name="some small fires turn large at random" message="the ranking is worse"
def worse_world(p, seed):
    rng = np.random.default_rng(seed)
    y = rng.random(len(p)) < p
    return (y | (rng.random(len(p)) < p.mean())).astype(int)

# %% reject="worse-world" name="a threshold instead of chance" message="the ranking is better"
def worse_world(p, seed):
    return (p > np.quantile(p, 1 - 2 * p.mean())).astype(int)

# %% reject="worse-world" name="the world that was predicted" message="1.8"
def worse_world(p, seed):
    return np.random.default_rng(seed).binomial(1, p)

# %% reject="worse-world" name="ignores the seed" message="another seed"
def worse_world(p, seed):
    odds = 3.5 * p / (1 - p)
    return (np.random.default_rng(0).random(len(p)) < odds / (1 + odds)).astype(int)

# %% accept="first-alarm" name="CUSUM as sum minus its running minimum"
def first_alarm(reference, values):
    z = (np.asarray(values) - np.mean(reference)) / np.std(reference, ddof=1)
    high = None
    for sign in (1, -1):
        path = np.concatenate([[0], np.cumsum(sign * z - 0.5)])
        over = np.flatnonzero((path - np.minimum.accumulate(path))[1:] > 9)
        if len(over) and (high is None or over[0] < high):
            high = int(over[0])
    return high

# %% accept="first-alarm" name="moving average of 30 days with a strict limit"
def first_alarm(reference, values):
    z = (values - reference.mean()) / reference.std()
    for day in range(29, len(z)):
        if abs(z[day - 29:day + 1].mean()) * np.sqrt(30) > 4:
            return day
    return None

# %% accept="first-alarm" name="exponentially weighted average"
def first_alarm(reference, values):
    level, weight = 0.0, 0.05
    spread = np.sqrt(weight / (2 - weight))
    for day, value in enumerate(values):
        level = (1 - weight) * level + weight * (value - np.mean(reference)) / np.std(reference)
        if abs(level) > 3.9 * spread:
            return day

# %% reject="first-alarm" name="three standard deviations on a single day" message="calm streams have an alarm"
def first_alarm(reference, values):
    beyond = np.flatnonzero(np.abs(values - reference.mean()) > 3 * reference.std())
    return int(beyond[0]) if len(beyond) else None

# %% reject="first-alarm" name="four standard deviations on a single day" message="none within 75 days"
def first_alarm(reference, values):
    beyond = np.flatnonzero(np.abs(values - reference.mean()) > 4 * reference.std())
    return int(beyond[0]) if len(beyond) else None

# %% reject="first-alarm" name="tests each week at the 5 per cent level" message="calm streams have an alarm"
def first_alarm(reference, values):
    for day in range(6, len(values)):
        if stats.ttest_1samp(values[day - 6:day + 1], reference.mean()).pvalue < 0.05:
            return day
    return None

# %% reject="first-alarm" name="no slack" message="calm streams have an alarm"
def first_alarm(reference, values):
    up = down = 0.0
    for day, z in enumerate((values - reference.mean()) / reference.std()):
        up, down = max(0, up + z), max(0, down - z)
        if max(up, down) > 10:
            return day
    return None

# %% reject="first-alarm" name="the sum may fall below zero" message="never below 0"
def first_alarm(reference, values):
    up = down = 0.0
    for day, z in enumerate((values - reference.mean()) / reference.std()):
        up, down = up + z - 0.5, down - z - 0.5
        if max(up, down) > 10:
            return day
    return None

# %% reject="first-alarm" name="upwards only" message="in both directions"
def first_alarm(reference, values):
    up = 0.0
    for day, z in enumerate((values - reference.mean()) / reference.std()):
        up = max(0, up + z - 0.5)
        if up > 10:
            return day
    return None

# %% accept="first-alarm" name="exponentially weighted average near the target of false alarms"
def first_alarm(reference, values):
    weight, limit = 0.08, 3.6
    level, bound = 0.0, limit * np.sqrt(weight / (2 - weight))
    for day, value in enumerate(values):
        level = (1 - weight) * level + weight * (value - reference.mean()) / reference.std()
        if abs(level) > bound:
            return day
    return None

# %% reject="first-alarm" name="counts from 1" message="The first day has the position 0"
def first_alarm(reference, values):
    up = down = 0.0
    for day, z in enumerate((values - reference.mean()) / reference.std(), 1):
        up, down = max(0, up + z - 0.5), max(0, down - z - 0.5)
        if max(up, down) > 9:
            return day
    return None

# %% reject="first-alarm" name="-1 for no alarm" message="Without an alarm the answer is None"
def first_alarm(reference, values):
    up = down = 0.0
    for day, z in enumerate((values - reference.mean()) / reference.std()):
        up, down = max(0, up + z - 0.5), max(0, down - z - 0.5)
        if max(up, down) > 9:
            return day
    return -1

# %% reject="first-alarm" name="limit too low" message="calm streams have an alarm"
def first_alarm(reference, values):
    up = down = 0.0
    for day, z in enumerate((values - reference.mean()) / reference.std()):
        up, down = max(0, up + z - 0.5), max(0, down - z - 0.5)
        if max(up, down) > 6:
            return day
    return None

# %% reject="first-alarm" name="standardised by the stream itself" message="of 40 creeping streams"
def first_alarm(reference, values):
    up = down = 0.0
    for day, z in enumerate((values - values.mean()) / values.std()):
        up, down = max(0, up + z - 0.5), max(0, down - z - 0.5)
        if max(up, down) > 10:
            return day
    return None

# %% reject="first-alarm" name="looks one week ahead" message="values from the future"
def first_alarm(reference, values):
    smooth = pd.Series((values - reference.mean()) / reference.std()).rolling(15, center=True, min_periods=1).mean()
    up = down = 0.0
    for day, z in enumerate(smooth):
        up, down = max(0, up + z - 0.5), max(0, down - z - 0.5)
        if max(up, down) > 8:
            return day
    return None

# %% accept="rate-bounds" name="fills the open labels both ways"
def rate_bounds(fires, today):
    begun = fires.loc[fires["start"] <= today]
    if len(begun) == 0:
        return (0.0, 1.0)
    label = begun["large"].astype(float).where(begun["control"] <= today)
    return label.fillna(0).mean(), label.fillna(1).mean()

# %% accept="rate-bounds" name="goes through the fires"
def rate_bounds(fires, today):
    large = small = burning = 0
    for fire in fires.itertuples():
        if not fire.start <= today:
            continue
        if fire.control <= today:
            large += bool(fire.large)
            small += not fire.large
        else:
            burning += 1
    n = large + small + burning
    return (large / n, 1 - small / n) if n else (0, 1)

# %% reject="rate-bounds" name="uses labels before they exist" message="is known to be large"
def rate_bounds(fires, today):
    begun = fires[fires["start"] <= today]
    if begun.empty:
        return 0, 1
    return begun["large"].mean(), begun["large"].mean()

# %% reject="rate-bounds" name="only the fires under control" message="all five fires count"
def rate_bounds(fires, today):
    known = fires[fires["control"] <= today]
    if known.empty:
        return 0, 1
    return known["large"].mean(), known["large"].mean()

# %% reject="rate-bounds" name="fires that have not started yet are open as well" message="you get"
def rate_bounds(fires, today):
    known = fires["control"] <= today
    large = (fires["large"] & known).sum()
    return large / len(fires), (large + (~known).sum()) / len(fires)

# %% reject="rate-bounds" name="a missing end counts as known" message="may become large"
def rate_bounds(fires, today):
    begun = fires[fires["start"] <= today]
    if begun.empty:
        return 0, 1
    known = ~(begun["control"] > today)
    large = (begun["large"] & known & begun["control"].notna()).sum()
    return large / len(begun), (large + (~known).sum()) / len(begun)

# %% accept="retrain" name="sums the excess loss of the present model"
def retrain(known, trained, usual, cost):
    own = known.loc[trained:]
    return bool((own - usual).clip(lower=-0.5).sum() > cost)

# %% accept="retrain" name="median of its last three months"
def retrain(known, trained, usual, cost):
    own = [loss for month, loss in known.items() if month >= trained]
    if len(own) < 3:
        return False
    return sorted(own[-3:])[1] > usual + 0.5

# %% reject="retrain" name="at each alarm" message="wait for its own losses"
def retrain(known, trained, usual, cost):
    return len(known) > 0 and bool(known.iloc[-1] > usual + 0.5)

# %% reject="retrain" name="two bad months, of whichever model" message="wait for its own losses"
def retrain(known, trained, usual, cost):
    return len(known) >= 2 and bool((known.iloc[-2:] > usual + 0.5).all())

# %% reject="retrain" name="one bad month of the present model" message="it has passed"
def retrain(known, trained, usual, cost):
    return bool((known[known.index >= trained] > usual + 0.5).any())

# %% reject="retrain" name="the last month of the present model" message="for a month that passes"
def retrain(known, trained, usual, cost):
    own = known[known.index >= trained]
    return len(own) > 0 and bool(own.iloc[-1] > usual + 0.5)

# %% reject="retrain" name="once a year" message="You return"
def retrain(known, trained, usual, cost):
    return len(known) + 2 - trained >= 12

# %% reject="retrain" name="never" message="this does not pass by itself"
def retrain(known, trained, usual, cost):
    return False

# %% accept="drift-scores" name="one metric per column"
def drift_scores(reference, current):
    from evidently.metrics import ValueDrift

    result = pd.Series(np.nan, index=reference.columns)
    for column in reference.columns.intersection(current.columns):
        pair = reference[[column]].dropna(), current[[column]].dropna()
        if len(pair[0]) and len(pair[1]):
            method = "wasserstein" if pd.api.types.is_numeric_dtype(reference[column]) else "psi"
            snapshot = Report([ValueDrift(column=column, method=method)]).run(pair[1], pair[0])
            result[column] = snapshot.dict()["metrics"][0]["value"]
    return result

# %% accept="drift-scores" name="drops empty columns, then reindexes"
def drift_scores(reference, current):
    old, new = reference.dropna(axis=1, how="all"), current.dropna(axis=1, how="all")
    shared = [name for name in old if name in new]
    preset = DataDriftPreset(columns=shared, num_method="wasserstein", cat_method="psi")
    found = {}
    for metric in Report([preset]).run(new[shared], old[shared]).dict()["metrics"][1:]:
        found[metric["config"]["column"]] = metric["value"]
    return pd.Series(found, dtype=float).reindex(reference.columns)

# %% reject="drift-scores" name="current and reference swapped" message="Which data does run take first?"
def drift_scores(reference, current):
    usable = [c for c in reference if c in current and reference[c].notna().any() and current[c].notna().any()]
    report = Report([DataDriftPreset(num_method="wasserstein", cat_method="psi")])
    metrics = report.run(reference[usable], current[usable]).dict()["metrics"][1:]
    scores = pd.Series({metric["config"]["column"]: metric["value"] for metric in metrics}, dtype=float)
    return scores.reindex(reference.columns)

# %% reject="drift-scores" name="forgets the columns that cannot be compared" message="one entry per column of the reference"
def drift_scores(reference, current):
    usable = [c for c in reference if c in current and reference[c].notna().any() and current[c].notna().any()]
    report = Report([DataDriftPreset(num_method="wasserstein", cat_method="psi")])
    metrics = report.run(current[usable], reference[usable]).dict()["metrics"][1:]
    return pd.Series({metric["config"]["column"]: metric["value"] for metric in metrics})

# %% reject="drift-scores" name="the default p-values and distances" message="Is the method 'wasserstein'?"
def drift_scores(reference, current):
    usable = [c for c in reference if c in current and reference[c].notna().any() and current[c].notna().any()]
    metrics = Report([DataDriftPreset()]).run(current[usable], reference[usable]).dict()["metrics"][1:]
    scores = pd.Series({metric["config"]["column"]: metric["value"] for metric in metrics}, dtype=float)
    return scores.reindex(reference.columns)

# %% reject="drift-scores" name="a column that cannot be compared has not drifted" message="its score is NaN"
def drift_scores(reference, current):
    usable = [c for c in reference if c in current and reference[c].notna().any() and current[c].notna().any()]
    report = Report([DataDriftPreset(num_method="wasserstein", cat_method="psi")])
    metrics = report.run(current[usable], reference[usable]).dict()["metrics"][1:]
    scores = pd.Series({metric["config"]["column"]: metric["value"] for metric in metrics}, dtype=float)
    return scores.reindex(reference.columns, fill_value=0)

# %% reject="drift-scores" name="hands every column to Evidently" message="Compare only what can be compared"
def drift_scores(reference, current):
    report = Report([DataDriftPreset(columns=list(reference), num_method="wasserstein", cat_method="psi")])
    metrics = report.run(current, reference).dict()["metrics"][1:]
    return pd.Series({metric["config"]["column"]: metric["value"] for metric in metrics}, dtype=float)

# %% accept="psi" name="right-open bins by digitize"
def psi(reference, current, bins=10):
    reference, current = reference.dropna(), current.dropna()
    edges = np.unique(np.percentile(reference, 100 * np.arange(1, bins) / bins))
    old, new = (np.bincount(np.digitize(x, edges), minlength=len(edges) + 1) / len(x) for x in (reference, current))
    old, new = old.clip(1e-4), new.clip(1e-4)
    return ((new - old) * np.log(new / old)).sum()

# %% reject="psi" name="counts without the empty last bins" message="Are the shares of all bins there"
def psi(reference, current, bins=10):
    reference, current = reference.dropna(), current.dropna()
    edges = np.unique(np.quantile(reference, np.arange(1, bins) / bins))
    p, q = (np.maximum(np.bincount(np.searchsorted(edges, x)) / len(x), 1e-4) for x in (reference, current))
    return float(((q - p) * np.log(q / p)).sum())

# %% reject="calibrate" name="without replacement" message="drawn with replacement?"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    tops = []
    for number in range(repeats):
        batch = reference.sample(size, random_state=seed + number)
        tops.append(max(statistic(reference[name], batch[name]) for name in reference))
    return float(np.quantile(tops, 1 - level))

# %% reject="calibrate" name="always the same level" message="Is the level used that is given?"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    tops = []
    for number in range(repeats):
        batch = reference.sample(size, replace=True, random_state=seed + number)
        tops.append(max(statistic(reference[name], batch[name]) for name in reference))
    return float(np.quantile(tops, 0.9))

# %% reject="calibrate" name="a formula that knows one statistic" message="Is the statistic used that is given?"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    return float(stats.norm.ppf(1 - level / reference.shape[1] / 2) / np.sqrt(size))

# %% reject="calibrate" name="the lower quantile" message="above the threshold, not below it"
def calibrate(reference, size, statistic, level=0.1, repeats=500, seed=0):
    tops = []
    for number in range(repeats):
        batch = reference.sample(size, replace=True, random_state=seed + number)
        tops.append(max(statistic(reference[name], batch[name]) for name in reference))
    return float(np.quantile(tops, level))

# %% reject="judge-mapping" name="honest only if the new code is new" message="Nothing else matters"
def judge_mapping(reference, current, mapping):
    def index(a, b):
        codes = sorted(set(a.dropna()) | set(b.dropna()))
        p, q = (x.value_counts(normalize=True).reindex(codes, fill_value=0).clip(lower=1e-4) for x in (a, b))
        return float(((q - p) * np.log(q / p)).sum())

    honest = not reference.isin(mapping.values()).any() and not current.isin(list(mapping)).any()
    return index(reference, current), index(reference.replace(mapping), current.replace(mapping)), honest

# %% reject="judge-mapping" name="looks at the first key only" message="D is still in use"
def judge_mapping(reference, current, mapping):
    def index(a, b):
        codes = sorted(set(a.dropna()) | set(b.dropna()))
        p, q = (x.value_counts(normalize=True).reindex(codes, fill_value=0).clip(lower=1e-4) for x in (a, b))
        return float(((q - p) * np.log(q / p)).sum())

    first = next(iter(mapping))
    return index(reference, current), index(reference.replace(mapping), current.replace(mapping)), first not in set(current)

# %% reject="judge-mapping" name="replaces parts of codes" message="Replace whole codes"
def judge_mapping(reference, current, mapping):
    def index(a, b):
        codes = sorted(set(a.dropna()) | set(b.dropna()))
        p, q = (x.value_counts(normalize=True).reindex(codes, fill_value=0).clip(lower=1e-4) for x in (a, b))
        return float(((q - p) * np.log(q / p)).sum())

    a, b = reference, current
    for old, new in mapping.items():
        a, b = a.str.replace(old, new), b.str.replace(old, new)
    return index(reference, current), index(a, b), not current.isin(list(mapping)).any()

# %% reject="judge-mapping" name="missing codes count" message="missing codes are left out"
def judge_mapping(reference, current, mapping):
    def index(a, b):
        codes = sorted(set(a.dropna()) | set(b.dropna()))
        p, q = (np.maximum([(x == code).mean() for code in codes], 1e-4) for x in (a, b))
        return float(((q - p) * np.log(q / p)).sum())

    return index(reference, current), index(reference.replace(mapping), current.replace(mapping)), not current.isin(list(mapping)).any()

# %% reject="what-changed" name="the first placeholder only" message="second of two placeholders"
def what_changed(reference, current, placeholders=()):
    a, b = (values.mask(values.isin(list(placeholders)[:1])) for values in (reference, current))
    words = {"missing"} if abs(b.isna().mean() - a.isna().mean()) >= 0.05 else set()
    a, b = a.dropna(), b.dropna()
    if len(a) and len(b) and stats.ks_2samp(a, b).statistic >= 0.1:
        words.add("moved")
    return words

# %% reject="what-changed" name="no value left counts as moved" message="nothing can have moved"
def what_changed(reference, current, placeholders=()):
    a, b = (values.mask(values.isin(placeholders)) for values in (reference, current))
    words = {"missing"} if abs(b.isna().mean() - a.isna().mean()) >= 0.05 else set()
    a, b = a.dropna(), b.dropna()
    if not len(a) or not len(b) or stats.ks_2samp(a, b).statistic >= 0.1:
        words.add("moved")
    return words

# %% reject="season-reference" name="29 February of every year" message="pd.DateOffset knows it"
def season_reference(fires, day, years=5, window=30):
    chosen = pd.Series(False, index=fires.index)
    for back in range(1, years + 1):
        chosen |= (fires["start"] - day.replace(year=day.year - back)).abs() <= pd.Timedelta(days=window)
    return fires[chosen]

# %% reject="tell-apart" name="as many rows of both" message="Do all rows take part?"
def tell_apart(reference, current, seed=0):
    n = min(len(reference), len(current))
    rows, y = pd.concat([reference.head(n), current.head(n)], ignore_index=True), np.repeat([0, 1], n)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = HistGradientBoostingClassifier(max_iter=40, random_state=seed)
    return roc_auc_score(y, cross_val_predict(model, rows, y, cv=folds, method="predict_proba")[:, 1])

# %% reject="tell-apart" name="folds in the order of the rows" message="Are the folds shuffled?"
def tell_apart(reference, current, seed=0):
    rows = pd.concat([reference, current], ignore_index=True)
    y = np.repeat([0, 1], [len(reference), len(current)])
    model = HistGradientBoostingClassifier(max_iter=40, random_state=seed)
    return roc_auc_score(y, cross_val_predict(model, rows, y, cv=5, method="predict_proba")[:, 1])

# %% reject="rate-bounds" name="nothing known while all burn on" message="one fire has started and burns on"
def rate_bounds(fires, today):
    begun = fires[fires["start"] <= today]
    known = begun[begun["control"] <= today]
    if known.empty:
        return (0, 0) if len(begun) else (0, 1)
    low = known["large"].sum() / len(begun)
    return low, low + 1 - len(known) / len(begun)

# %% reject="rate-bounds" name="one minus the lower bound" message="each of them may become large"
def rate_bounds(fires, today):
    begun = fires[fires["start"] <= today]
    if begun.empty:
        return 0, 1
    low = (begun["large"] & (begun["control"] <= today)).mean()
    return low, 1 - low

# %% reject="rate-bounds" name="the whole day counts" message="At 0:00 it has not started"
def rate_bounds(fires, today):
    begun = fires[fires["start"].dt.normalize() <= today]
    if begun.empty:
        return 0, 1
    known = begun["control"] <= today
    large = (begun["large"] & known).sum()
    return large / len(begun), (large + (~known).sum()) / len(begun)

# %% accept="retrain" name="four bad months of the present model in a row"
def retrain(known, trained, usual, cost):
    own = known[known.index >= trained].tail(4)
    return bool(len(own) == 4 and (own > usual + 0.5).all())

# %% reject="drift-scores" name="columns without a value are compared" message="Compare only what can be compared"
def drift_scores(reference, current):
    usable = [c for c in reference if c in current]
    report = Report([DataDriftPreset(num_method="wasserstein", cat_method="psi")])
    metrics = report.run(current[usable], reference[usable]).dict()["metrics"][1:]
    scores = pd.Series({metric["config"]["column"]: metric["value"] for metric in metrics}, dtype=float)
    return scores.reindex(reference.columns)

# %% reject="drift-scores" name="complete rows only" message="of all its rows"
def drift_scores(reference, current):
    usable = [c for c in reference if c in current and reference[c].notna().any() and current[c].notna().any()]
    report = Report([DataDriftPreset(num_method="wasserstein", cat_method="psi")])
    metrics = report.run(current[usable].dropna(), reference[usable].dropna()).dict()["metrics"][1:]
    scores = pd.Series({metric["config"]["column"]: metric["value"] for metric in metrics}, dtype=float)
    return scores.reindex(reference.columns)

# %% reject="drift-scores" name="whether there is drift" message="instead of the score"
def drift_scores(reference, current):
    usable = [c for c in reference if c in current and reference[c].notna().any() and current[c].notna().any()]
    report = Report([DataDriftPreset(num_method="wasserstein", cat_method="psi")])
    metrics = report.run(current[usable], reference[usable]).dict()["metrics"][1:]
    flags = {m["config"]["column"]: float(m["value"] >= m["config"]["threshold"]) for m in metrics}
    return pd.Series(flags).reindex(reference.columns)
