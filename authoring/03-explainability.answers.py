# %% accept="permutation-drops" name="scikit-learn's permutation_importance around fit"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    class Wrapped:
        def fit(self, rows, answers):
            return self

    names = [c for c in train.columns if c != target]
    predict = fit(train[names], train[target])
    found = permutation_importance(
        Wrapped(), test[names], test[target], n_repeats=repeats, random_state=seed,
        scoring=lambda model, rows, answers: score(answers, predict(rows)))
    return pd.Series(found["importances_mean"], index=names)

# %% accept="permutation-drops" name="takes another row's value by position"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    predict = fit(train.drop(columns=[target]), train[target])
    answers, table = test[target], test.drop(columns=[target])
    np.random.seed(seed)
    base = score(answers, predict(table))
    result = pd.Series(0.0, index=table.columns)
    for _ in range(repeats):
        for column in table.columns:
            copy = table.copy()
            copy[column] = table[column].iloc[np.random.permutation(len(table))].values
            result[column] += (base - score(answers, predict(copy))) / repeats
    return result

# %% reject="permutation-drops" name="measures on the training data" message="Measure on test"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    rows, answers = train.drop(columns=target), train[target]
    predict = fit(rows, answers)
    whole = score(answers, predict(rows))
    return pd.Series({
        c: whole - np.mean([score(answers, predict(rows.assign(**{c: rng.permutation(rows[c])}))) for _ in range(repeats)])
        for c in rows
    })

# %% reject="permutation-drops" name="assigns a shuffled Series, which pandas aligns" message="pandas aligns by index"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rows, answers = test.drop(columns=target), test[target]
    predict = fit(train.drop(columns=target), train[target])
    whole = score(answers, predict(rows))
    drops = {}
    for column in rows:
        after = []
        for i in range(repeats):
            mixed = rows.copy()
            mixed[column] = rows[column].sample(frac=1, random_state=seed + i)
            after.append(score(answers, predict(mixed)))
        drops[column] = whole - np.mean(after)
    return pd.Series(drops)

# %% reject="permutation-drops" name="sets the column to its mean instead of shuffling" message="set to its mean"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rows, answers = test.drop(columns=target), test[target]
    predict = fit(train.drop(columns=target), train[target])
    whole = score(answers, predict(rows))
    return pd.Series({c: whole - score(answers, predict(rows.assign(**{c: rows[c].mean()}))) for c in rows})

# %% reject="permutation-drops" name="after minus before" message="before minus after"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    rows, answers = test.drop(columns=target), test[target]
    predict = fit(train.drop(columns=target), train[target])
    whole = score(answers, predict(rows))
    drops = {}
    for c in rows:
        drops[c] = np.mean([score(answers, predict(rows.assign(**{c: rng.permutation(rows[c])}))) for _ in range(repeats)]) - whole
    return pd.Series(drops)

# %% reject="permutation-drops" name="columns stay shuffled" message="Shuffle one column at a time"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    rows, answers = test.drop(columns=target), test[target]
    predict = fit(train.drop(columns=target), train[target])
    whole = score(answers, predict(rows))
    drops = {}
    for c in rows:
        after = []
        for _ in range(repeats):
            rows[c] = rng.permutation(rows[c])
            after.append(score(answers, predict(rows)))
        drops[c] = whole - np.mean(after)
    return pd.Series(drops)

# %% reject="permutation-drops" name="trains again on shuffled data" message="fit should be called once"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    rows, answers = test.drop(columns=target), test[target]
    whole = score(answers, fit(train.drop(columns=target), train[target])(rows))
    drops = {}
    for c in rows:
        after = []
        for _ in range(repeats):
            predict = fit(train.drop(columns=target), train[target])
            after.append(score(answers, predict(rows.assign(**{c: rng.permutation(rows[c])}))))
        drops[c] = whole - np.mean(after)
    return pd.Series(drops)

# %% accept="permutation-drops" name="hands the answers to fit as an array"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    rows, answers = test.drop(columns=target), test[target].to_numpy()
    predict = fit(train.drop(columns=target), train[target].to_numpy())
    whole = score(answers, predict(rows))
    return pd.Series({
        c: np.mean([whole - score(answers, predict(rows.assign(**{c: rng.permutation(rows[c])}))) for _ in range(repeats)])
        for c in rows
    })

# %% reject="permutation-drops" name="a negative drop becomes 0" message="Keep the sign"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    rows, answers = test.drop(columns=target), test[target]
    predict = fit(train.drop(columns=target), train[target])
    whole = score(answers, predict(rows))
    drops = {}
    for c in rows:
        after = [score(answers, predict(rows.assign(**{c: rng.permutation(rows[c].to_numpy())}))) for _ in range(repeats)]
        drops[c] = max(0, whole - np.mean(after))
    return pd.Series(drops)

# %% reject="permutation-drops" name="the same shuffle in every repeat" message="Each repeat shuffles anew"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rows, answers = test.drop(columns=target), test[target]
    predict = fit(train.drop(columns=target), train[target])
    whole = score(answers, predict(rows))
    drops = {}
    for c in rows:
        after = []
        for _ in range(repeats):
            rng = np.random.default_rng(seed)
            after.append(score(answers, predict(rows.assign(**{c: rng.permutation(rows[c].to_numpy())}))))
        drops[c] = whole - np.mean(after)
    return pd.Series(drops)

# %% reject="permutation-drops" name="index of the shuffled column reset" message="drops are NaN"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rows, answers = test.drop(columns=target), test[target]
    predict = fit(train.drop(columns=target), train[target])
    whole = score(answers, predict(rows))
    drops = {}
    for c in rows:
        after = []
        for i in range(repeats):
            mixed = rows.copy()
            mixed[c] = rows[c].sample(frac=1, random_state=seed + i).reset_index(drop=True)
            after.append(score(answers, predict(mixed)))
        drops[c] = whole - np.mean(after)
    return pd.Series(drops)

# %% reject="permutation-drops" name="drop as a share of the score" message="not a share"
def permutation_drops(fit, train, test, target, score, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    rows, answers = test.drop(columns=target), test[target]
    predict = fit(train.drop(columns=target), train[target])
    whole = score(answers, predict(rows))
    drops = {}
    for c in rows:
        after = [score(answers, predict(rows.assign(**{c: rng.permutation(rows[c].to_numpy())}))) for _ in range(repeats)]
        drops[c] = (whole - np.mean(after)) / whole
    return pd.Series(drops)

# %% accept="suspects" name="calls itself without the worst input"
def suspects(fit, train, test, target, too_good):
    names = [c for c in train if c != target]
    if not names:
        return []
    predict = fit(train[names], train[target])
    if not roc_auc_score(test[target], predict(test[names])) > too_good:
        return []
    rng = np.random.default_rng(1)
    losses = []
    for name in names:
        rows = test[names].copy()
        rows[name] = rng.permutation(rows[name].values)
        losses.append(roc_auc_score(test[target], predict(rows)))
    first = names[int(np.argmin(losses))]
    return [first] + suspects(fit, train.drop(columns=first), test.drop(columns=first), target, too_good)

# %% accept="suspects" name="three shuffles each, collected in a table"
def suspects(fit, train, test, target, too_good):
    left, guilty = train.columns.drop(target), []
    while len(left):
        predict = fit(train[left], train[target])
        auc = roc_auc_score(test[target], predict(test[left]))
        if auc <= too_good:
            return guilty
        drops = pd.Series(0.0, index=left)
        for seed in range(3):
            order = np.random.default_rng(seed).permutation(len(test))
            for name in left:
                drops[name] += auc - roc_auc_score(test[target], predict(test[left].assign(**{name: test[name].to_numpy()[order]})))
        guilty.append(drops.idxmax())
        left = left.drop(guilty[-1])
    return guilty

# %% reject="suspects" name="only the most important input" message="Train again without the first"
def suspects(fit, train, test, target, too_good):
    names = [c for c in train if c != target]
    predict = fit(train[names], train[target])
    auc = roc_auc_score(test[target], predict(test[names]))
    if auc <= too_good:
        return []
    rng = np.random.default_rng(0)
    drops = {n: auc - roc_auc_score(test[target], predict(test[names].assign(**{n: rng.permutation(test[n])}))) for n in names}
    return [max(drops, key=drops.get)]

# %% reject="suspects" name="important is suspicious" message="Important is not suspicious"
def suspects(fit, train, test, target, too_good):
    names = [c for c in train if c != target]
    predict = fit(train[names], train[target])
    auc = roc_auc_score(test[target], predict(test[names]))
    rng = np.random.default_rng(0)
    drops = {n: auc - roc_auc_score(test[target], predict(test[names].assign(**{n: rng.permutation(test[n])}))) for n in names}
    return [n for n in names if drops[n] > 0.1]

# %% reject="suspects" name="judges by the AUC on training data" message="but not on test"
def suspects(fit, train, test, target, too_good):
    names, found = [c for c in train if c != target], []
    rng = np.random.default_rng(0)
    while names:
        predict = fit(train[names], train[target])
        if roc_auc_score(train[target], predict(train[names])) <= too_good:
            break
        left = {n: roc_auc_score(train[target], predict(train[names].assign(**{n: rng.permutation(train[n])}))) for n in names}
        found.append(min(left, key=left.get))
        names.remove(found[-1])
    return found

# %% reject="suspects" name="keeps what helps on test" message="gives the answer away"
def suspects(fit, train, test, target, too_good):
    names = [c for c in train if c != target]
    def auc(columns):
        return roc_auc_score(test[target], fit(train[columns], train[target])(test[columns]))
    whole = auc(names)
    return [n for n in names if whole > too_good and auc([c for c in names if c != n]) > whole + 0.01]

# %% reject="suspects" name="correlation with the target" message="gives the answer away"
def suspects(fit, train, test, target, too_good):
    names = [c for c in train if c != target]
    related = train[names].corrwith(train[target].astype(float)).abs()
    return [n for n in names if related[n] > 0.9]

# %% reject="suspects" name="goes on until nothing is left" message="stop there"
def suspects(fit, train, test, target, too_good):
    names, found = [c for c in train if c != target], []
    rng = np.random.default_rng(0)
    predict = fit(train[names], train[target])
    if roc_auc_score(test[target], predict(test[names])) <= too_good:
        return []
    while len(names) > 1:
        predict = fit(train[names], train[target])
        left = {n: roc_auc_score(test[target], predict(test[names].assign(**{n: rng.permutation(test[n])}))) for n in names}
        found.append(min(left, key=left.get))
        names.remove(found[-1])
    return found

# %% reject="suspects" name="an AUC at the limit is too good" message="not above it"
def suspects(fit, train, test, target, too_good):
    rng = np.random.default_rng(0)
    found, left = [], [c for c in train if c != target]
    while left:
        predict = fit(train[left], train[target])
        auc = roc_auc_score(test[target], predict(test[left]))
        if auc < too_good:
            return found
        after = {c: roc_auc_score(test[target], predict(test[left].assign(**{c: rng.permutation(test[c].to_numpy())}))) for c in left}
        found.append(min(after, key=after.get))
        left.remove(found[-1])
    return found

# %% reject="suspects" name="rounds the AUC" message="Do not round"
def suspects(fit, train, test, target, too_good):
    rng = np.random.default_rng(0)
    found, left = [], [c for c in train if c != target]
    while left:
        predict = fit(train[left], train[target])
        auc = round(roc_auc_score(test[target], predict(test[left])), 2)
        if auc <= too_good:
            return found
        after = {c: roc_auc_score(test[target], predict(test[left].assign(**{c: rng.permutation(test[c].to_numpy())}))) for c in left}
        found.append(min(after, key=after.get))
        left.remove(found[-1])
    return found

# %% reject="suspects" name="shuffles the training data" message="Shuffle in test"
def suspects(fit, train, test, target, too_good):
    rng = np.random.default_rng(0)
    found, left = [], [c for c in train if c != target]
    while left:
        predict = fit(train[left], train[target])
        auc = roc_auc_score(test[target], predict(test[left]))
        if auc <= too_good:
            return found
        after = {c: roc_auc_score(train[target], predict(train[left].assign(**{c: rng.permutation(train[c].to_numpy())}))) for c in left}
        found.append(min(after, key=after.get))
        left.remove(found[-1])
    return found

# %% reject="suspects" name="the input that is best alone" message="whose shuffling costs most"
def suspects(fit, train, test, target, too_good):
    found, left = [], [c for c in train if c != target]
    while left:
        predict = fit(train[left], train[target])
        auc = roc_auc_score(test[target], predict(test[left]))
        if auc <= too_good:
            return found
        after = {c: -roc_auc_score(test[target], fit(train[[c]], train[target])(test[[c]])) for c in left}
        found.append(min(after, key=after.get))
        left.remove(found[-1])
    return found

# %% accept="group-drops" name="draws other rows with iloc and concatenates"
def group_drops(predict, rows, answers, score, groups, repeats=5, seed=0):
    base, result = score(answers, predict(rows)), {}
    for name, columns in groups.items():
        losses = []
        for i in range(repeats):
            donors = rows[columns].sample(frac=1, random_state=seed + i).set_axis(rows.index)
            mixed = pd.concat([rows.drop(columns=columns), donors], axis=1)[rows.columns]
            losses.append(base - score(answers, predict(mixed)))
        result[name] = sum(losses) / repeats
    return pd.Series(result)

# %% accept="group-drops" name="one order for all groups of a repeat"
def group_drops(predict, rows, answers, score, groups, repeats=5, seed=0):
    rng = np.random.RandomState(seed)
    table = pd.DataFrame(index=range(repeats), columns=list(groups), dtype=float)
    for i in range(repeats):
        order = rng.permutation(len(rows))
        for name in groups:
            new = {column: rows[column].values[order] for column in groups[name]}
            table.loc[i, name] = score(answers, predict(rows.assign(**new)))
    return score(answers, predict(rows)) - table.mean()

# %% reject="group-drops" name="sum of the single drops" message="one by one"
def group_drops(predict, rows, answers, score, groups, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    whole = score(answers, predict(rows))
    def single(column):
        return np.mean([whole - score(answers, predict(rows.assign(**{column: rng.permutation(rows[column])}))) for _ in range(repeats)])
    return pd.Series({name: sum(single(column) for column in columns) for name, columns in groups.items()})

# %% reject="group-drops" name="each column in its own order" message="same order for all columns"
def group_drops(predict, rows, answers, score, groups, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    whole = score(answers, predict(rows))
    drops = {}
    for name, columns in groups.items():
        after = []
        for _ in range(repeats):
            mixed = rows.copy()
            for column in columns:
                mixed[column] = rng.permutation(rows[column])
            after.append(score(answers, predict(mixed)))
        drops[name] = whole - np.mean(after)
    return pd.Series(drops)

# %% reject="group-drops" name="the largest single drop" message="the group should lose about 2"
def group_drops(predict, rows, answers, score, groups, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    whole = score(answers, predict(rows))
    def single(column):
        return np.mean([whole - score(answers, predict(rows.assign(**{column: rng.permutation(rows[column])}))) for _ in range(repeats)])
    return pd.Series({name: max(single(column) for column in columns) for name, columns in groups.items()})

# %% reject="group-drops" name="shuffles in the table that was given" message="changes the rows"
def group_drops(predict, rows, answers, score, groups, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    whole = score(answers, predict(rows))
    drops = {}
    for name, columns in groups.items():
        after = []
        for _ in range(repeats):
            rows[columns] = rows[columns].to_numpy()[rng.permutation(len(rows))]
            after.append(score(answers, predict(rows)))
        drops[name] = whole - np.mean(after)
    return pd.Series(drops)

# %% reject="group-drops" name="turns the rows upside down" message="Each repeat shuffles anew"
def group_drops(predict, rows, answers, score, groups, repeats=5, seed=0):
    whole = score(answers, predict(rows))
    return pd.Series({
        name: whole - score(answers, predict(rows.assign(**{c: rows[c].to_numpy()[::-1] for c in columns})))
        for name, columns in groups.items()
    })

# %% reject="group-drops" name="after minus before" message="before minus after"
def group_drops(predict, rows, answers, score, groups, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    whole = score(answers, predict(rows))
    drops = {}
    for name, columns in groups.items():
        drops[name] = 0.0
        for _ in range(repeats):
            order = rng.permutation(len(rows))
            mixed = rows.assign(**{c: rows[c].to_numpy()[order] for c in columns})
            drops[name] += (score(answers, predict(mixed)) - whole) / repeats
    return pd.Series(drops)

# %% reject="group-drops" name="groups stay shuffled" message="still shuffled"
def group_drops(predict, rows, answers, score, groups, repeats=5, seed=0):
    rng = np.random.default_rng(seed)
    whole, mixed = score(answers, predict(rows)), rows.copy()
    drops = {}
    for name, columns in groups.items():
        after = []
        for _ in range(repeats):
            order = rng.permutation(len(rows))
            mixed[columns] = mixed[columns].to_numpy()[order]
            after.append(score(answers, predict(mixed)))
        drops[name] = whole - np.mean(after)
    return pd.Series(drops)

# %% accept="ice" name="one long table, one call of predict"
def ice(predict, rows, column, grid, centred=False):
    grid = list(grid)
    long = pd.concat([rows.assign(**{column: value}) for value in grid], ignore_index=True)
    values = np.asarray(predict(long), dtype=float).reshape(len(grid), len(rows)).T
    if centred:
        values = values - values[:, [0]]
    return pd.DataFrame(values, index=rows.index, columns=grid)

# %% accept="ice" name="row by row"
def ice(predict, rows, column, grid, centred=False):
    result = pd.DataFrame(index=rows.index, columns=grid, dtype=float)
    for label in rows.index:
        copies = rows.loc[[label] * len(grid)].copy()
        copies[column] = list(grid)
        line = np.array(predict(copies))
        result.loc[label] = line - line[0] if centred else line
    return result

# %% reject="ice" name="changes the table that was given" message="changes the rows"
def ice(predict, rows, column, grid, centred=False):
    curves = pd.DataFrame(index=rows.index)
    for value in grid:
        rows[column] = value
        curves[value] = np.asarray(predict(rows))
    return curves.sub(curves.iloc[:, 0], axis=0) if centred else curves

# %% reject="ice" name="the partial dependence" message="The mean over rows"
def ice(predict, rows, column, grid, centred=False):
    curve = pd.DataFrame({value: [np.mean(predict(rows.assign(**{column: value})))] for value in grid})
    return curve - curve.iloc[0, 0] if centred else curve

# %% reject="ice" name="centres on the mean curve" message="its own first entry"
def ice(predict, rows, column, grid, centred=False):
    curves = pd.DataFrame({value: np.asarray(predict(rows.assign(**{column: value}))) for value in grid}, index=rows.index)
    return curves - curves.mean() if centred else curves

# %% reject="ice" name="sorts the grid" message="in their order"
def ice(predict, rows, column, grid, centred=False):
    curves = pd.DataFrame({value: np.asarray(predict(rows.assign(**{column: value}))) for value in sorted(grid)}, index=rows.index)
    return curves.sub(curves.iloc[:, 0], axis=0) if centred else curves

# %% reject="ice" name="centres on the prediction for the real value" message="its own first entry"
def ice(predict, rows, column, grid, centred=False):
    curves = pd.DataFrame({value: np.asarray(predict(rows.assign(**{column: value}))) for value in grid}, index=rows.index)
    return curves.sub(np.asarray(predict(rows)), axis=0) if centred else curves

# %% accept="flat-effect" name="season turns the sign"
def flat_effect():
    grid = [(wind, spring) for wind in range(0, 40) for spring in (True, False)] * 2
    rows = pd.DataFrame(grid, columns=["wind", "spring"])
    return rows, lambda table: np.where(table["spring"], table["wind"] - 20, 20 - table["wind"])

# %% accept="flat-effect" name="three kinds of ground with slopes that cancel"
def flat_effect():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"wind": rng.uniform(0, 30, 300), "ground": np.repeat(["peat", "grass", "rock"], 100)})
    slope = {"peat": 2.0, "grass": -1.0, "rock": -1.0}
    return rows, lambda table: table["ground"].map(slope) * table["wind"] + 5

# %% reject="flat-effect" name="two winds compared for equality" message="not between them"
def flat_effect():
    rows = pd.DataFrame({"wind": [0, 1] * 60, "kind": [0, 0, 1, 1] * 30})
    return rows, lambda rows: (rows["wind"] == rows["kind"]) * 1.0

# %% reject="flat-effect" name="wind has no effect at all" message="wind does not matter"
def flat_effect():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"wind": rng.uniform(0, 30, 200), "dry": rng.uniform(0, 1, 200)})
    return rows, lambda table: table["dry"] * 10

# %% reject="flat-effect" name="a U shape is flat on average" message="not flat"
def flat_effect():
    rows = pd.DataFrame({"wind": np.linspace(0, 30, 200)})
    return rows, lambda table: (table["wind"] - 15) ** 2

# %% reject="flat-effect" name="random directions balance only roughly" message="not flat"
def flat_effect():
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"wind": rng.uniform(0, 30, 200), "uphill": rng.choice([1, -1], 200)})
    return rows, lambda table: table["wind"] * table["uphill"]

# %% reject="flat-effect" name="subtracts the mean of the batch" message="depend on that row alone"
def flat_effect():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"wind": rng.uniform(0, 30, 200)})
    return rows, lambda table: table["wind"] - table["wind"].mean()

# %% reject="flat-effect" name="random predictions" message="same numbers at each call"
def flat_effect():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"wind": rng.uniform(0, 30, 200)})
    return rows, lambda table: table["wind"] * rng.choice([1, -1], len(table))

# %% accept="shapley" name="all orders of arrival"
def shapley(players, value):
    from itertools import permutations

    shares, orders = dict.fromkeys(players, 0), list(permutations(players))
    for order in orders:
        here = frozenset()
        for player in order:
            shares[player] += (value(here | {player}) - value(here)) / len(orders)
            here = here | {player}
    return shares

# %% accept="shapley" name="shares each team's own gift equally"
def shapley(players, value):
    teams = [frozenset(t) for size in range(1, len(players) + 1) for t in combinations(players, size)]
    gifts, shares = {}, {player: 0.0 for player in players}
    for team in teams:
        smaller = sum(gift for other, gift in gifts.items() if other < team)
        gifts[team] = value(team) - value(frozenset()) - smaller
        for player in team:
            shares[player] += gifts[team] / len(team)
    return shares

# %% accept="shapley" name="bit masks"
def shapley(players, value):
    n = len(players)
    result = {}
    for i, player in enumerate(players):
        total = 0
        for mask in range(2**n):
            if mask >> i & 1:
                continue
            team = frozenset(players[j] for j in range(n) if mask >> j & 1)
            total += factorial(len(team)) * factorial(n - len(team) - 1) * (value(team | frozenset([player])) - value(team))
        result[player] = total / factorial(n)
    return result

# %% reject="shapley" name="what is lost without the player" message="gains of coming last"
def shapley(players, value):
    everyone = frozenset(players)
    return {player: value(everyone) - value(everyone - {player}) for player in players}

# %% reject="shapley" name="what the player earns alone" message="gains of coming first"
def shapley(players, value):
    return {player: value(frozenset([player])) - value(frozenset()) for player in players}

# %% reject="shapley" name="plain mean over all teams" message="teams need their weights"
def shapley(players, value):
    shares = {}
    for player in players:
        others = [p for p in players if p != player]
        gains = [value(frozenset(t) | {player}) - value(frozenset(t)) for size in range(len(others) + 1) for t in combinations(others, size)]
        shares[player] = np.mean(gains)
    return shares

# %% reject="shapley" name="nobody is worth 0" message="belong to no player"
def shapley(players, value):
    from itertools import permutations

    shares, orders = dict.fromkeys(players, 0), list(permutations(players))
    for order in orders:
        here, earned = frozenset(), 0
        for player in order:
            here = here | {player}
            shares[player] += (value(here) - earned) / len(orders)
            earned = value(here)
    return shares

# %% reject="shapley" name="only the order that was given" message="A should get 7"
def shapley(players, value):
    shares, here = {}, frozenset()
    for player in players:
        shares[player] = value(here | {player}) - value(here)
        here = here | {player}
    return shares

# %% reject="shapley" name="calls value with a list" message="call it with a list"
def shapley(players, value):
    n, shares = len(players), {}
    for player in players:
        others = [other for other in players if other != player]
        shares[player] = sum(
            factorial(size) * factorial(n - size - 1) / factorial(n) * (value([*team, player]) - value(list(team)))
            for size in range(n) for team in combinations(others, size))
    return shares

# %% reject="shapley" name="only rotations of the list" message="all 6 orders"
def shapley(players, value):
    shares = dict.fromkeys(players, 0.0)
    for start in range(len(players)):
        team = frozenset()
        for player in players[start:] + players[:start]:
            shares[player] += (value(team | {player}) - value(team)) / len(players)
            team |= {player}
    return shares

# %% accept="coalition-value" name="copies the background and overwrites columns"
def coalition_value(predict, fire, background):
    def worth(team):
        rows = background.copy()
        for name in team:
            rows[name] = fire[name]
        return np.asarray(predict(rows)).mean()
    return worth

# %% accept="coalition-value" name="starts from the fire and fills in the unknown"
def coalition_value(predict, fire, background):
    def worth(team):
        rows = pd.DataFrame([fire[background.columns]] * len(background), index=background.index)
        unknown = [name for name in background.columns if name not in set(team)]
        rows[unknown] = background[unknown]
        return float(sum(predict(rows)) / len(rows))
    return worth

# %% accept="coalition-value" name="a lambda over rows as dictionaries"
def coalition_value(predict, fire, background):
    rows = background.to_dict("records")
    return lambda team: np.mean(predict(pd.DataFrame([row | {name: fire[name] for name in team} for row in rows])))

# %% reject="coalition-value" name="predicts for the mean row" message="prediction for the mean row"
def coalition_value(predict, fire, background):
    def worth(team):
        row = background.mean()
        for name in team:
            row[name] = fire[name]
        return float(np.asarray(predict(row.to_frame().T))[0])
    return worth

# %% reject="coalition-value" name="known and unknown the wrong way round" message="the known inputs take the fire's values"
def coalition_value(predict, fire, background):
    def worth(team):
        unknown = {name: fire[name] for name in background if name not in team}
        return float(np.mean(predict(background.assign(**unknown))))
    return worth

# %% reject="coalition-value" name="unknown inputs are 0" message="expected 15"
def coalition_value(predict, fire, background):
    def worth(team):
        row = pd.DataFrame([{name: fire[name] if name in team else 0.0 for name in background}])
        return float(np.asarray(predict(row))[0])
    return worth

# %% reject="coalition-value" name="overwrites the background" message="changes the background"
def coalition_value(predict, fire, background):
    def worth(team):
        for name in team:
            background[name] = fire[name]
        return float(np.mean(predict(background)))
    return worth

# %% reject="coalition-value" name="one prediction per row" message="one number"
def coalition_value(predict, fire, background):
    return lambda team: predict(background.assign(**{name: fire[name] for name in team}))

# %% reject="coalition-value" name="equal rows of the background count once" message="count one by one"
def coalition_value(predict, fire, background):
    return lambda team: float(np.mean(predict(background.assign(**{name: fire[name] for name in team}).drop_duplicates())))

# %% reject="coalition-value" name="known columns come first" message="in the order of the background"
def coalition_value(predict, fire, background):
    def value(team):
        known = pd.DataFrame({name: fire[name] for name in team}, index=background.index)
        return float(np.mean(predict(known.join(background.drop(columns=list(team))))))

    return value

# %% accept="class-contributions" name="shap_values and expected_value"
def class_contributions(forest, rows, target):
    explainer = shap.TreeExplainer(forest)
    k = int(np.flatnonzero(forest.classes_ == target)[0])
    values = np.asarray(explainer.shap_values(rows))[..., k]
    return explainer.expected_value[k], pd.DataFrame(values, rows.index, rows.columns)

def to_probability(base, contributions):
    odds = np.exp(contributions.sum(axis=1) + base)
    return odds / (1 + odds)

# %% accept="class-contributions" name="slices the explanation, loops over the fires"
def class_contributions(forest, rows, target):
    part = shap.TreeExplainer(forest)(rows)[:, :, forest.classes_.tolist().index(target)]
    return part.base_values.mean(), pd.DataFrame(part.values, columns=list(rows), index=rows.index)

def to_probability(base, contributions):
    from math import exp

    chances = {}
    for fire, line in contributions.iterrows():
        chances[fire] = 1 / (1 + exp(-(base + sum(line))))
    return pd.Series(chances)

# %% reject="class-contributions" name="class 1 is the one we want" message="In which order"
def class_contributions(forest, rows, target):
    explained = shap.TreeExplainer(forest)(rows)
    return explained.base_values[0, 1], pd.DataFrame(explained.values[:, :, 1], rows.index, rows.columns)

def to_probability(base, contributions):
    return 1 / (1 + np.exp(-(base + contributions.sum(axis=1))))

# %% reject="class-contributions" name="the last class is the one we want" message="In which order"
def class_contributions(forest, rows, target):
    explained = shap.TreeExplainer(forest)(rows)
    return explained.base_values[0, -1], pd.DataFrame(explained.values[:, :, -1], rows.index, rows.columns)

def to_probability(base, contributions):
    return 1 / (1 + np.exp(-(base + contributions.sum(axis=1))))

# %% reject="class-contributions" name="base of all classes" message="base should be one number"
def class_contributions(forest, rows, target):
    explained = shap.TreeExplainer(forest)(rows)
    place = list(forest.classes_).index(target)
    return explained.base_values[0], pd.DataFrame(explained.values[:, :, place], rows.index, rows.columns)

def to_probability(base, contributions):
    return 1 / (1 + np.exp(-(base + contributions.sum(axis=1))))

# %% reject="class-contributions" name="converts each contribution" message="Add up first"
def class_contributions(forest, rows, target):
    explained = shap.TreeExplainer(forest)(rows)
    place = list(forest.classes_).index(target)
    return explained.base_values[0, place], pd.DataFrame(explained.values[:, :, place], rows.index, rows.columns)

def to_probability(base, contributions):
    return 1 / (1 + np.exp(-base)) + (1 / (1 + np.exp(-contributions))).sum(axis=1)

# %% reject="class-contributions" name="forgets the base" message="The base is a part of the total"
def class_contributions(forest, rows, target):
    explained = shap.TreeExplainer(forest)(rows)
    place = list(forest.classes_).index(target)
    return explained.base_values[0, place], pd.DataFrame(explained.values[:, :, place], rows.index, rows.columns)

def to_probability(base, contributions):
    return 1 / (1 + np.exp(-contributions.sum(axis=1)))

# %% reject="class-contributions" name="sign turned round" message="sign in the exponent"
def class_contributions(forest, rows, target):
    explained = shap.TreeExplainer(forest)(rows)
    place = list(forest.classes_).index(target)
    return explained.base_values[0, place], pd.DataFrame(explained.values[:, :, place], rows.index, rows.columns)

def to_probability(base, contributions):
    return 1 / (1 + np.exp(base + contributions.sum(axis=1)))

# %% reject="class-contributions" name="odds instead of probabilities" message="these are odds"
def class_contributions(forest, rows, target):
    explained = shap.TreeExplainer(forest)(rows)
    place = list(forest.classes_).index(target)
    return explained.base_values[0, place], pd.DataFrame(explained.values[:, :, place], index=rows.index, columns=rows.columns)

def to_probability(base, contributions):
    return np.exp(base + contributions.sum(axis=1))

# %% reject="class-contributions" name="base of the first class" message="the base is not"
def class_contributions(forest, rows, target):
    explained = shap.TreeExplainer(forest)(rows)
    place = list(forest.classes_).index(target)
    return explained.base_values[0, 0], pd.DataFrame(explained.values[:, :, place], index=rows.index, columns=rows.columns)

def to_probability(base, contributions):
    return 1 / (1 + np.exp(-base - contributions.sum(axis=1)))

# %% accept="reason-codes" name="sorts a table"
def reason_codes(contributions, fire, describe, k=3):
    table = pd.DataFrame({"part": contributions, "value": fire.reindex(contributions.index)})
    table = table[table["part"] != 0]
    table = table.assign(size=table["part"].abs(), name=table.index)
    table = table.sort_values(["size", "name"], ascending=[False, True]).head(k)
    direction = np.where(table["part"] > 0, "raises: ", "lowers: ")
    return [way + describe(name, value) for way, name, value in zip(direction, table["name"], table["value"])]

# %% accept="reason-codes" name="alphabet first, then a stable sort by size"
def reason_codes(contributions, fire, describe, k=3):
    names = sorted(contributions.index)
    names = sorted(names, key=lambda n: abs(contributions[n]), reverse=True)
    words = {True: "raises: ", False: "lowers: "}
    return [words[bool(contributions[n] > 0)] + describe(n, fire[n]) for n in names if contributions[n]][:k]

# %% reject="reason-codes" name="sorts by the signed contribution" message="regardless of sign"
def reason_codes(contributions, fire, describe, k=3):
    names = contributions[contributions != 0].sort_values(ascending=False).index[:k]
    return [f"{'raises' if contributions[n] > 0 else 'lowers'}: {describe(n, fire[n])}" for n in names]

# %% reject="reason-codes" name="only reasons for a high risk" message="enough reasons"
def reason_codes(contributions, fire, describe, k=3):
    names = [n for n in sorted(contributions.index, key=lambda n: -contributions[n]) if contributions[n] > 1]
    return [f"raises: {describe(n, fire[n])}" for n in names[:k]]

# %% reject="reason-codes" name="describes the contribution instead of the value" message="rate of 5"
def reason_codes(contributions, fire, describe, k=3):
    names = sorted((n for n in contributions.index if contributions[n] != 0), key=lambda n: (-abs(contributions[n]), n))
    return [f"{'raises' if contributions[n] > 0 else 'lowers'}: {describe(n, contributions[n])}" for n in names[:k]]

# %% reject="reason-codes" name="ties in the order of the columns" message="the alphabet decides"
def reason_codes(contributions, fire, describe, k=3):
    names = sorted((n for n in contributions.index if contributions[n] != 0), key=lambda n: -abs(contributions[n]))
    return [f"{'raises' if contributions[n] > 0 else 'lowers'}: {describe(n, fire[n])}" for n in names[:k]]

# %% reject="reason-codes" name="a contribution of 0 is a reason" message="no reason"
def reason_codes(contributions, fire, describe, k=3):
    names = sorted(contributions.index, key=lambda n: (-abs(contributions[n]), n))
    return [f"{'raises' if contributions[n] > 0 else 'lowers'}: {describe(n, fire[n])}" for n in names[:k]]

# %% reject="reason-codes" name="direction from the value" message="not of the value"
def reason_codes(contributions, fire, describe, k=3):
    names = sorted((n for n in contributions.index if contributions[n] != 0), key=lambda n: (-abs(contributions[n]), n))
    return [f"{'raises' if fire[n] >= 0 else 'lowers'}: {describe(n, fire[n])}" for n in names[:k]]

# %% reject="reason-codes" name="nearly 0 is no reason" message="expected"
def reason_codes(contributions, fire, describe, k=3):
    names = [name for name in contributions.index if abs(contributions[name]) > 0.01]
    names.sort(key=lambda name: (-abs(contributions[name]), name))
    return [("raises: " if contributions[name] > 0 else "lowers: ") + describe(name, fire[name]) for name in names[:k]]

# %% reject="reason-codes" name="nlargest after sorting by name" message="the order of equals"
def reason_codes(contributions, fire, describe, k=3):
    sizes = contributions[contributions != 0].sort_index(ascending=False).abs().nlargest(k)
    return [("raises: " if contributions[name] > 0 else "lowers: ") + describe(name, fire[name]) for name in sizes.index]

# %% accept="counterfactual" name="looks at all changes and keeps the shortest"
def counterfactual(predict, fire, reference, mutable, limit):
    def risk(changes):
        return np.asarray(predict(pd.DataFrame([{**fire, **changes}])))[0]

    best = {} if risk({}) < limit else None
    if best is not None:
        return best
    for size in range(1, len(mutable) + 1):
        for names in combinations(mutable, size):
            for _, row in reference.iterrows():
                changes = {name: row[name] for name in names if row[name] != fire[name]}
                if risk(changes) < limit and (best is None or len(changes) < len(best)):
                    best = changes
    return best

# %% accept="counterfactual" name="one table per row of the reference with all masks"
def counterfactual(predict, fire, reference, mutable, limit):
    found = []
    masks = [mask for size in range(len(mutable) + 1) for mask in combinations(mutable, size)]
    for row in reference.to_dict("records"):
        table = pd.DataFrame([fire.to_dict() | {name: row[name] for name in mask} for mask in masks])[list(fire.index)]
        risks = np.asarray(predict(table))
        for mask, risk in zip(masks, risks):
            if risk < limit:
                found.append({name: row[name] for name in mask if row[name] != fire[name]})
    return min(found, key=len, default=None)

# %% accept="counterfactual" name="takes the nearest of the fires that are enough"
def counterfactual(predict, fire, reference, mutable, limit):
    if list(predict(fire.to_frame().T))[0] < limit:
        return {}
    for n in range(1, len(mutable) + 1):
        options = []
        for names in map(list, combinations(mutable, n)):
            rows = reference.copy()
            keep = [c for c in fire.index if c not in names]
            rows[keep] = fire[keep].to_numpy()
            rows = rows[fire.index]
            good = rows[np.array(predict(rows)) < limit]
            for label in good.index:
                distance = (good.loc[label] - fire).abs().sum()
                options.append((distance, {name: good.loc[label, name] for name in names}))
        if options:
            changes = min(options, key=lambda option: option[0])[1]
            return {name: new for name, new in changes.items() if new != fire[name]}
    return None

# %% reject="counterfactual" name="changes what cannot change" message="hill cannot be made flat"
def counterfactual(predict, fire, reference, mutable, limit):
    if np.asarray(predict(fire.to_frame().T))[0] < limit:
        return {}
    rows = reference[np.asarray(predict(reference)) < limit]
    if rows.empty:
        return None
    new = rows.iloc[0]
    return {name: new[name] for name in fire.index if new[name] != fire[name]}

# %% reject="counterfactual" name="takes over all readings at once" message="Try fewer changes first"
def counterfactual(predict, fire, reference, mutable, limit):
    if np.asarray(predict(fire.to_frame().T))[0] < limit:
        return {}
    for _, row in reference.iterrows():
        changed = fire.copy()
        changed[mutable] = row[mutable]
        if np.asarray(predict(changed.to_frame().T))[0] < limit:
            return {name: row[name] for name in mutable}
    return None

# %% reject="counterfactual" name="best value of each reading, from different fires" message="not together in one fire"
def counterfactual(predict, fire, reference, mutable, limit):
    changed, changes = fire.copy(), {}
    if np.asarray(predict(fire.to_frame().T))[0] < limit:
        return {}
    for name in mutable:
        table = pd.DataFrame([changed] * len(reference)).assign(**{name: reference[name].to_numpy()})
        risks = np.asarray(predict(table))
        if risks.min() < limit and not changes:
            return {name: table[name].iloc[risks.argmin()]}
    for name in mutable:
        table = pd.DataFrame([changed] * len(reference)).assign(**{name: reference[name].to_numpy()})
        changed[name] = changes[name] = table[name].iloc[np.asarray(predict(table)).argmin()]
        if np.asarray(predict(changed.to_frame().T))[0] < limit:
            return changes
    return None

# %% reject="counterfactual" name="gives up after single changes" message="one change is not enough"
def counterfactual(predict, fire, reference, mutable, limit):
    if np.asarray(predict(fire.to_frame().T))[0] < limit:
        return {}
    for name in mutable:
        for new in reference[name]:
            changed = fire.copy()
            changed[name] = new
            if np.asarray(predict(changed.to_frame().T))[0] < limit:
                return {name: new}
    return None

# %% reject="counterfactual" name="the nearest fire that is enough, however much differs" message="Try fewer changes first"
def counterfactual(predict, fire, reference, mutable, limit):
    if np.asarray(predict(fire.to_frame().T))[0] < limit:
        return {}
    rows = pd.DataFrame([fire] * len(reference), index=reference.index)
    rows[mutable] = reference[mutable]
    rows = rows[np.asarray(predict(rows)) < limit]
    if rows.empty:
        return None
    near = rows.loc[((rows - fire).abs().sum(axis=1)).idxmin()]
    return {name: near[name] for name in mutable if near[name] != fire[name]}

# %% reject="counterfactual" name="a fire below the limit needs a change as well" message="expected an empty dict"
def counterfactual(predict, fire, reference, mutable, limit):
    for size in range(1, len(mutable) + 1):
        for names in map(list, combinations(mutable, size)):
            rows = pd.DataFrame([fire] * len(reference), index=reference.index)
            rows[names] = reference[names]
            rows = rows[np.asarray(predict(rows)) < limit]
            if len(rows):
                return {name: rows[name].iloc[0] for name in names}
    return None

# %% reject="counterfactual" name="at the limit is below it" message="exactly 90"
def counterfactual(predict, fire, reference, mutable, limit):
    for size in range(len(mutable) + 1):
        for chosen in combinations(mutable, size):
            for _, other in reference.iterrows():
                new = fire.copy()
                new[list(chosen)] = other[list(chosen)]
                if np.asarray(predict(pd.DataFrame([new])))[0] <= limit:
                    return {name: new[name] for name in chosen}
    return None

# %% reject="counterfactual" name="single changes and pairs only" message="all three"
def counterfactual(predict, fire, reference, mutable, limit):
    for size in range(3):
        for chosen in combinations(mutable, size):
            for _, other in reference.iterrows():
                new = fire.copy()
                new[list(chosen)] = other[list(chosen)]
                if np.asarray(predict(pd.DataFrame([new])))[0] < limit:
                    return {name: new[name] for name in chosen}
    return None

# %% reject="counterfactual" name="adds to the best single change" message="best pair"
def counterfactual(predict, fire, reference, mutable, limit):
    same = pd.DataFrame([fire] * len(reference), index=reference.index)
    if np.asarray(predict(same))[0] < limit:
        return {}
    chosen = []
    while len(chosen) < len(mutable):
        trials = []
        for name in [name for name in mutable if name not in chosen]:
            columns = [*chosen, name]
            changed = same.assign(**{column: reference[column] for column in columns})
            says = np.asarray(predict(changed))
            trials.append((says.min(), columns, changed.iloc[says.argmin()][columns].to_dict()))
        lowest, chosen, new = min(trials, key=lambda trial: trial[0])
        if lowest < limit:
            return new
    return None

# %% reject="counterfactual" name="changes the fire it was given" message="changes the fire"
def counterfactual(predict, fire, reference, mutable, limit):
    old = fire.copy()
    for size in range(len(mutable) + 1):
        for chosen in combinations(mutable, size):
            for _, other in reference.iterrows():
                for name in fire.index:
                    fire[name] = other[name] if name in chosen else old[name]
                if np.asarray(predict(pd.DataFrame([fire])))[0] < limit:
                    return {name: other[name] for name in chosen}
    return None

# %% accept="surrogate" name="tree's own score"
def surrogate(predict, train, test, inputs, depth):
    tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=10).fit(train[inputs], predict(train[inputs]))
    return tree, tree.score(test[inputs], predict(test[inputs]))

# %% accept="surrogate" name="R² by hand"
def surrogate(predict, train, test, inputs, depth):
    X, Z = train.loc[:, inputs], test.loc[:, inputs]
    copy = DecisionTreeRegressor(max_depth=depth, random_state=7)
    copy.fit(X, np.asarray(predict(X)))
    model_says = np.asarray(predict(Z))
    left = np.sum((model_says - copy.predict(Z)) ** 2)
    return copy, 1 - left / np.sum((model_says - np.mean(model_says)) ** 2)

# %% reject="surrogate" name="trained on what happened" message="what truly happened"
def surrogate(predict, train, test, inputs, depth):
    truth = [c for c in train if c not in inputs][0]
    tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(train[inputs], train[truth])
    return tree, r2_score(predict(test[inputs]), tree.predict(test[inputs]))

# %% reject="surrogate" name="scored on what happened" message="the model's predictions as the truth"
def surrogate(predict, train, test, inputs, depth):
    truth = [c for c in train if c not in inputs][0]
    tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(train[inputs], predict(train[inputs]))
    return tree, r2_score(test[truth], tree.predict(test[inputs]))

# %% reject="surrogate" name="scored on the training data" message="R² on test"
def surrogate(predict, train, test, inputs, depth):
    says = predict(train[inputs])
    tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(train[inputs], says)
    return tree, tree.score(train[inputs], says)

# %% reject="surrogate" name="model and tree the wrong way round in R²" message="takes the truth first"
def surrogate(predict, train, test, inputs, depth):
    tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(train[inputs], predict(train[inputs]))
    return tree, r2_score(tree.predict(test[inputs]), predict(test[inputs]))

# %% reject="surrogate" name="depth is ignored" message="2 levels"
def surrogate(predict, train, test, inputs, depth):
    tree = DecisionTreeRegressor(random_state=0).fit(train[inputs], predict(train[inputs]))
    return tree, r2_score(predict(test[inputs]), tree.predict(test[inputs]))

# %% reject="surrogate" name="trained on all rows" message="Train it on train only"
def surrogate(predict, train, test, inputs, depth):
    rows = pd.concat([train, test])[inputs]
    tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(rows, predict(rows))
    return tree, tree.score(test[inputs], predict(test[inputs]))

# %% reject="surrogate" name="squared correlation" message="squared correlation"
def surrogate(predict, train, test, inputs, depth):
    tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(train[inputs], predict(train[inputs]))
    return tree, np.corrcoef(predict(test[inputs]), tree.predict(test[inputs]))[0, 1] ** 2

# %% accept="agreement" name="membership matrix"
def agreement(importances, k):
    inside = importances.rank(axis=1, ascending=False).le(k).to_numpy(int)
    n = len(inside)
    common = inside @ inside.T
    return common[np.triu_indices(n, 1)].mean() / k

# %% accept="agreement" name="two loops over positions"
def agreement(importances, k):
    total, pairs = 0, 0
    for i in range(len(importances)):
        for j in range(i):
            first = importances.iloc[i].sort_values().tail(k).index
            second = importances.iloc[j].sort_values().tail(k).index
            total += len([name for name in first if name in second]) / k
            pairs += 1
    return total / pairs

# %% accept="agreement" name="exact fractions"
def agreement(importances, k):
    from fractions import Fraction

    tops = [set(row.nlargest(k).index) for _, row in importances.iterrows()]
    pairs = [Fraction(len(one & two), k) for one, two in combinations(tops, 2)]
    return sum(pairs) / len(pairs)

# %% reject="agreement" name="size regardless of sign" message="not the largest size"
def agreement(importances, k):
    tops = [set(row.abs().nlargest(k).index) for _, row in importances.iterrows()]
    return np.mean([len(one & two) / k for one, two in combinations(tops, 2)])

# %% reject="agreement" name="the least important" message="least important"
def agreement(importances, k):
    tops = [set(np.argsort(row)[:k]) for row in importances.to_numpy()]
    return np.mean([len(one & two) / k for one, two in combinations(tops, 2)])

# %% reject="agreement" name="divides by the number of models" message="six pairs"
def agreement(importances, k):
    tops = [set(row.nlargest(k).index) for _, row in importances.iterrows()]
    return sum(len(one & two) / k for one, two in combinations(tops, 2)) / len(tops)

# %% reject="agreement" name="a model agrees with itself" message="agreement with itself"
def agreement(importances, k):
    tops = [set(row.nlargest(k).index) for _, row in importances.iterrows()]
    return np.mean([len(a & b) / k for a in tops for b in tops])

# %% reject="agreement" name="divides by the union" message="divide what a pair has in common by k"
def agreement(importances, k):
    tops = [set(row.nlargest(k).index) for _, row in importances.iterrows()]
    return np.mean([len(a & b) / len(a | b) for a, b in combinations(tops, 2)])

# %% reject="agreement" name="the same place in the ranking" message="the order within the top 2 does not"
def agreement(importances, k):
    tops = [list(row.nlargest(k).index) for _, row in importances.iterrows()]
    return np.mean([np.mean([x == y for x, y in zip(a, b)]) for a, b in combinations(tops, 2)])

# %% reject="agreement" name="compares with the first model only" message="All six pairs"
def agreement(importances, k):
    tops = [set(row.nlargest(k).index) for _, row in importances.iterrows()]
    return np.mean([len(tops[0] & top) / k for top in tops[1:]])
