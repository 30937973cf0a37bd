# %% accept="count-missing" name="replaces placeholders by NaN, then counts"
def count_missing(table, placeholders):
    table = table.copy()
    for name in table.select_dtypes("object"):
        table[name] = table[name].replace(r"^\s+|\s+$", "", regex=True).replace("", np.nan)
    for name, codes in placeholders.items():
        if name in table:
            table[name] = table[name].replace(dict.fromkeys(codes, np.nan))
    return table.isna().sum()

# %% accept="count-missing" name="loops over the cells"
def count_missing(table, placeholders):
    def is_missing(value, codes):
        if isinstance(value, str):
            return value.strip() == "" or value.strip() in codes
        return pd.isna(value) or value in codes

    return pd.Series(
        {
            name: sum(is_missing(v, placeholders.get(name, [])) for v in table[name])
            for name in table
        }
    )

# %% reject="count-missing" name="changes the table it was given" message="changes the table"
def count_missing(table, placeholders):
    for name in table:
        if table[name].dtype == object:
            table[name] = table[name].replace(r"^\s+|\s+$", "", regex=True).replace("", np.nan)
        table[name] = table[name].where(~table[name].isin(placeholders.get(name, [])))
    return table.isna().sum()

# %% reject="count-missing" name="counts only what pandas calls missing" message="'type' misses 3 cells"
def count_missing(table, placeholders):
    return table.isna().sum()

# %% reject="count-missing" name="one list of placeholders for all columns" message="real temperature"
def count_missing(table, placeholders):
    codes = [code for values in placeholders.values() for code in values]
    stripped = table.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    return (stripped.isna() | stripped.isin(codes) | (stripped == "")).sum()

# %% reject="count-missing" name="forgets spaces around a placeholder" message="'type' misses 3 cells"
def count_missing(table, placeholders):
    counts = {}
    for name in table:
        values = table[name]
        blank = values.map(lambda v: isinstance(v, str) and not v.strip())
        counts[name] = (values.isna() | blank | values.isin(placeholders.get(name, []))).sum()
    return pd.Series(counts)

# %% reject="count-missing" name="loses numbers by stripping" message="but not the 12"
def count_missing(table, placeholders):
    counts = {}
    for name in table:
        values = table[name].str.strip() if table[name].dtype == object else table[name]
        counts[name] = (values.isna() | values.isin(["", *placeholders.get(name, [])])).sum()
    return pd.Series(counts)

# %% accept="tidy" name="joins on a lookup of lower-case forms"
def tidy(values, allowed):
    key = values.str.strip().str.lower()
    found = key.map({value.lower(): value for value in allowed})
    return found.fillna(values.mask(key == "")).where(values.notna())

# %% accept="tidy" name="loops over the allowed values"
def tidy(values, allowed):
    result = values.copy()
    for value in allowed:
        same = values.str.strip().str.casefold() == value.casefold()
        result[same] = value
    result[values.str.strip() == ""] = None
    return result

# %% reject="tidy" name="strips every value" message="left exactly as it was"
def tidy(values, allowed):
    canonical = {value.lower(): value for value in allowed}
    stripped = values.str.strip()
    return stripped.map(
        lambda v: canonical.get(v.lower(), v) if isinstance(v, str) and v else np.nan
    )

# %% reject="tidy" name="title case fixes everything" message="'SW' is allowed and should stay"
def tidy(values, allowed):
    titled = values.str.strip().str.title()
    return titled.where(
        titled.isin([a.title() for a in allowed]), values.where(values.str.strip() != "")
    )

# %% reject="tidy" name="unknown values become missing" message="not allowed and should be left"
def tidy(values, allowed):
    return values.str.strip().str.lower().map({value.lower(): value for value in allowed})

# %% reject="tidy" name="substring instead of equality" message="should stay untouched"
def tidy(values, allowed):
    result = values.mask(values.str.strip() == "")
    for value in allowed:
        result[values.str.contains(value, case=False, regex=False, na=False)] = value
    return result

# %% accept="violations" name="loops over rows and cells"
def violations(table, contract):
    found = []
    for column, rules in contract.items():
        if column not in table:
            found.append((None, column, "present"))
            continue
        for row, value in table[column].items():
            if pd.isna(value):
                if rules.get("required"):
                    found.append((row, column, "required"))
                continue
            if "allowed" in rules and value not in rules["allowed"]:
                found.append((row, column, "allowed"))
            try:
                number = float(value)
            except ValueError:
                if rules.get("number"):
                    found.append((row, column, "number"))
                continue
            if number < rules.get("min", -float("inf")):
                found.append((row, column, "min"))
            if number > rules.get("max", float("inf")):
                found.append((row, column, "max"))
    return found

# %% accept="violations" name="one function per rule"
def violations(table, contract):
    def numeric(values):
        return pd.to_numeric(values, errors="coerce")

    rules = {
        "required": lambda values, setting: values.isna(),
        "number": lambda values, setting: numeric(values).isna() & values.notna(),
        "min": lambda values, setting: numeric(values).lt(setting),
        "max": lambda values, setting: numeric(values).gt(setting),
        "allowed": lambda values, setting: ~values.isin(setting) & values.notna(),
    }
    result = [(None, column, "present") for column in contract if column not in table]
    for column in contract.keys() & set(table.columns):
        for rule, setting in contract[column].items():
            broken = rules[rule](table[column], setting)
            result.extend((row, column, rule) for row in broken[broken].index)
    return result

# %% reject="violations" name="stops at the first violation" message="Go on after the first violation"
def violations(table, contract):
    for column, rules in contract.items():
        if column not in table:
            return [(None, column, "present")]
        number = pd.to_numeric(table[column], errors="coerce")
        for row in table.index:
            if "min" in rules and number[row] < rules["min"]:
                return [(row, column, "min")]
            if "max" in rules and number[row] > rules["max"]:
                return [(row, column, "max")]
    return []

# %% reject="violations" name="a missing cell breaks the range" message="A missing cell breaks only"
def violations(table, contract):
    found = []
    for column, rules in contract.items():
        if column not in table:
            found.append((None, column, "present"))
            continue
        values = table[column]
        number = pd.to_numeric(values, errors="coerce")
        for row in table.index:
            if rules.get("required") and pd.isna(values[row]):
                found.append((row, column, "required"))
            if rules.get("number") and pd.isna(number[row]) and pd.notna(values[row]):
                found.append((row, column, "number"))
            if "min" in rules and not number[row] >= rules["min"]:
                found.append((row, column, "min"))
            if "max" in rules and not number[row] <= rules["max"]:
                found.append((row, column, "max"))
            if "allowed" in rules and values[row] not in rules["allowed"] and pd.notna(values[row]):
                found.append((row, column, "allowed"))
    return found

# %% reject="violations" name="the bound itself is a violation" message="a bound itself is fine"
def violations(table, contract):
    found = []
    for column, rules in contract.items():
        if column not in table:
            found.append((None, column, "present"))
            continue
        values, number = table[column], pd.to_numeric(table[column], errors="coerce")
        broken = {
            "required": values.isna(),
            "number": values.notna() & number.isna(),
            "min": number <= rules.get("min", -np.inf),
            "max": number >= rules.get("max", np.inf),
            "allowed": values.notna() & ~values.isin(rules.get("allowed", [])),
        }
        found += [(row, column, rule) for rule in rules for row in table.index[broken[rule]]]
    return found

# %% reject="violations" name="learns what is allowed from the file" message="not reported"
def violations(table, contract):
    found = []
    for column, rules in contract.items():
        if column not in table:
            found.append((None, column, "present"))
            continue
        values, number = table[column], pd.to_numeric(table[column], errors="coerce")
        low, high = number.quantile(0.0), number.quantile(1.0)
        found += [(row, column, "min") for row in table.index[number < low]]
        found += [(row, column, "max") for row in table.index[number > high]]
        found += [
            (row, column, "required") for row in table.index[values.isna()] if rules.get("required")
        ]
    return found

# %% accept="copied-columns" name="compares with itertools and a mask for missing cells"
def copied_columns(table):
    from itertools import combinations

    def same(a, b):
        return ((table[a] == table[b]) | (table[a].isna() & table[b].isna())).all()

    return [(a, b) for a, b in combinations(table.columns, 2) if same(a, b)]

# %% accept="copied-columns" name="fills the gaps with a marker and compares lists"
def copied_columns(table):
    filled = {
        name: table[name].astype(object).where(table[name].notna(), "<gap>").tolist()
        for name in table
    }
    names = list(table.columns)
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if filled[a] == filled[b]]

# %% reject="copied-columns" name="two missing cells count as different" message="two missing cells agree"
def copied_columns(table):
    names = list(table.columns)
    return [
        (a, b) for i, a in enumerate(names) for b in names[i + 1 :] if (table[a] == table[b]).all()
    ]

# %% reject="copied-columns" name="correlation of 1 is a copy" message="only a, c and e, f agree"
def copied_columns(table):
    corr = table.select_dtypes("number").corr()
    names = list(corr.columns)
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if corr.loc[a, b] > 0.999]

# %% reject="copied-columns" name="same distribution is a copy" message="only a, c and e, f agree"
def copied_columns(table):
    def key(column):
        return sorted(column.dropna())

    names = list(table.columns)
    return [
        (a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if key(table[a]) == key(table[b])
    ]

# %% reject="copied-columns" name="compares how values are stored" message="1 and 1.0 are the same value"
def copied_columns(table):
    names = list(table.columns)
    return [
        (a, b) for i, a in enumerate(names) for b in names[i + 1 :] if table[a].equals(table[b])
    ]

# %% reject="copied-columns" name="reports each pair twice" message="each pair once"
def copied_columns(table):
    return [(a, b) for a in table for b in table if a != b and table[a].equals(table[b])]

# %% accept="time-faults" name="adds columns to an empty frame with gt and max"
def time_faults(times, today):
    result = pd.DataFrame(index=times.index)
    result["early_arrival"] = times["start"].gt(times["arrival"])
    result["early_control"] = times["arrival"].gt(times["control"])
    result["future"] = times[["start", "arrival", "control"]].max(axis=1).gt(today)
    return result

# %% accept="time-faults" name="goes through the rows"
def time_faults(times, today):
    rows = []
    for start, arrival, control in times[["start", "arrival", "control"]].itertuples(index=False):
        rows.append(
            [
                arrival < start,
                control < arrival,
                start > today or arrival > today or control > today,
            ]
        )
    return pd.DataFrame(
        rows, columns=["early_arrival", "early_control", "future"], index=times.index
    )

# %% reject="time-faults" name="a missing date is a fault" message="a missing date breaks no rule"
def time_faults(times, today):
    return pd.DataFrame(
        {
            "early_arrival": ~(times["arrival"] >= times["start"]),
            "early_control": ~(times["control"] >= times["arrival"]),
            "future": ~(times[["start", "arrival", "control"]] <= today).all(axis=1),
        }
    )

# %% reject="time-faults" name="the same moment is a fault" message="Equal moments"
def time_faults(times, today):
    return pd.DataFrame(
        {
            "early_arrival": times["arrival"] <= times["start"],
            "early_control": times["control"] <= times["arrival"],
            "future": (times[["start", "arrival", "control"]] >= today).any(axis=1),
        }
    )

# %% reject="time-faults" name="drops the rows with missing dates" message="index should be that of times"
def time_faults(times, today):
    times = times.dropna()
    return pd.DataFrame(
        {
            "early_arrival": times["arrival"] < times["start"],
            "early_control": times["control"] < times["arrival"],
            "future": (times[["start", "arrival", "control"]] > today).any(axis=1),
        }
    )

# %% reject="time-faults" name="only the last date can lie in the future" message="future misses"
def time_faults(times, today):
    return pd.DataFrame(
        {
            "early_arrival": times["arrival"] < times["start"],
            "early_control": times["control"] < times["arrival"],
            "future": times["control"] > today,
        }
    )

# %% accept="contradictions" name="searches the class of each size"
def contradictions(table, limits):
    names, tops = np.array(list(limits)), np.array(list(limits.values()))
    belongs = names[np.searchsorted(tops, table["current_size"].to_numpy(), side="left")]
    return (table["size_class"] != belongs) | (table["assessment_hectares"] > table["current_size"])

# %% accept="contradictions" name="asks row by row for the first limit that holds the size"
def contradictions(table, limits):
    def is_odd(fire):
        right = next(name for name, top in limits.items() if fire["current_size"] <= top)
        return right != fire["size_class"] or fire["assessment_hectares"] > fire["current_size"]

    return table.apply(is_odd, axis=1)

# %% reject="contradictions" name="an outlier is an error" message="4.5 ha belongs to class C"
def contradictions(table, limits):
    size = table["current_size"]
    q1, q3 = size.quantile([0.25, 0.75])
    return size > q3 + 1.5 * (q3 - q1)

# %% reject="contradictions" name="the limit belongs to the next class" message="a limit belongs to its class"
def contradictions(table, limits):
    belongs = pd.cut(
        table["current_size"], bins=[0, *limits.values()], labels=list(limits), right=False
    )
    return (belongs.astype(object) != table["size_class"]) | (
        table["assessment_hectares"] > table["current_size"]
    )

# %% reject="contradictions" name="both rules must be broken" message="a contradiction"
def contradictions(table, limits):
    belongs = pd.cut(table["current_size"], bins=[0, *limits.values()], labels=list(limits))
    return (belongs.astype(object) != table["size_class"]) & (
        table["assessment_hectares"] > table["current_size"]
    )

# %% reject="contradictions" name="a fire that grew is a contradiction" message="a fire may grow"
def contradictions(table, limits):
    belongs = pd.cut(table["current_size"], bins=[0, *limits.values()], labels=list(limits))
    return (belongs.astype(object) != table["size_class"]) | (
        table["assessment_hectares"] != table["current_size"]
    )

# %% accept="misleading-log" name="loops and appends rows"
def misleading_log():
    rows = []
    for i in range(1000):
        large = i % 10 == 0
        rows.append({"temperature": None if large and i % 100 else 12.5, "large": large})
    return pd.DataFrame(rows).astype({"temperature": float})

# %% accept="misleading-log" name="draws at random, then removes the weather of large fires"
def misleading_log():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "large": rng.permutation(np.repeat([True, False], [40, 460])),
            "temperature": rng.normal(15, 5, 500),
        }
    )
    lost = frame[frame["large"]].sample(30, random_state=0).index
    frame.loc[lost, "temperature"] = np.nan
    return frame

# %% reject="misleading-log" name="missing completely at random" message="Which fires lose their temperature"
def misleading_log():
    rng = np.random.default_rng(0)
    temperature = rng.normal(15, 5, 500)
    temperature[rng.choice(500, 40, replace=False)] = np.nan
    return pd.DataFrame({"temperature": temperature, "large": np.arange(500) % 10 == 0})

# %% reject="misleading-log" name="no large fire is left" message="no large fire is left"
def misleading_log():
    large = np.arange(200) < 20
    return pd.DataFrame({"temperature": np.where(large, np.nan, 15.0), "large": large})

# %% reject="misleading-log" name="missing at the small fires" message="Which fires lose their temperature"
def misleading_log():
    large = np.arange(200) < 20
    temperature = np.full(200, 15.0)
    temperature[-20:] = np.nan
    return pd.DataFrame({"temperature": temperature, "large": large})

# %% reject="misleading-log" name="half of all rows are missing" message="at most 10 %"
def misleading_log():
    large = np.arange(200) < 110
    temperature = np.where(np.arange(200) < 100, np.nan, 15.0)
    return pd.DataFrame({"temperature": temperature, "large": large})

# %% accept="add-columns" name="maps column by column"
def add_columns(table, lookup, key):
    twice = lookup[key].value_counts()
    twice = twice[twice > 1]
    if not twice.empty:
        raise ValueError("repeated in the lookup: " + ", ".join(twice.index))
    indexed = lookup.set_index(key)
    return table.assign(**{name: table[key].map(indexed[name]) for name in indexed})

# %% reject="add-columns" name="trusts merge to name the keys" message="should name the repeated key"
def add_columns(table, lookup, key):
    merged = table.merge(lookup, on=key, how="left", validate="many_to_one")
    merged.index = table.index
    return merged

# %% accept="add-columns" name="joins on the lookup's index"
def add_columns(table, lookup, key):
    doubled = set(lookup[key][lookup[key].duplicated(keep=False)])
    if doubled:
        raise ValueError(f"the lookup is ambiguous for {sorted(doubled)}")
    return table.join(lookup.set_index(key), on=key)

# %% reject="add-columns" name="inner join" message="a fire without a match must stay"
def add_columns(table, lookup, key):
    if lookup[key].duplicated().any():
        raise ValueError(f"repeated: {lookup[key][lookup[key].duplicated()].tolist()}")
    return table.merge(lookup, on=key)

# %% reject="add-columns" name="loses the index" message="the index should be"
def add_columns(table, lookup, key):
    if lookup[key].duplicated().any():
        raise ValueError(f"repeated: {lookup[key][lookup[key].duplicated()].tolist()}")
    return table.merge(lookup, on=key, how="left")

# %% reject="add-columns" name="drops repeated keys silently" message="should raise a ValueError"
def add_columns(table, lookup, key):
    return table.join(lookup.drop_duplicates(key).set_index(key), on=key)

# %% reject="add-columns" name="raises without saying what" message="should name the repeated key"
def add_columns(table, lookup, key):
    if lookup[key].duplicated().any():
        raise ValueError("duplicate keys")
    return table.join(lookup.set_index(key), on=key)

# %% reject="add-columns" name="notices only duplicates that multiply rows" message="no fire needs it"
def add_columns(table, lookup, key):
    result = table.merge(lookup, on=key, how="left")
    if len(result) != len(table):
        raise ValueError(f"repeated: {lookup[key][lookup[key].duplicated()].unique().tolist()}")
    return result.set_index(table.index)

# %% accept="repair-year" name="vectorised candidates"
def repair_year(date, earliest, latest):
    def with_year(year):
        parts = pd.DataFrame({"year": year, "month": date.dt.month, "day": date.dt.day})
        return pd.to_datetime(parts, errors="coerce") + (date - date.dt.normalize())

    first, last = with_year(earliest.dt.year), with_year(latest.dt.year)
    first, last = (c.where((c >= earliest) & (c <= latest)) for c in (first, last))
    only = first.where(last.isna() | (first == last), pd.NaT).fillna(last.where(first.isna()))
    known = date.notna() & earliest.notna() & latest.notna()
    wrong = known & ~((date >= earliest) & (date <= latest))
    return date.mask(wrong & only.notna(), only)

# %% accept="repair-year" name="row-wise apply with a DateOffset"
def repair_year(date, earliest, latest):
    def repair(row):
        if row.isna().any() or row.e <= row.d <= row.l:
            return row.d
        fits = []
        for year in range(row.e.year, row.l.year + 1):
            if year not in (row.e.year, row.l.year):
                continue
            try:
                moved = pd.Timestamp(year, row.d.month, row.d.day) + (row.d - row.d.normalize())
            except ValueError:
                continue
            if row.e <= moved <= row.l:
                fits.append(moved)
        return fits[0] if len(fits) == 1 else row.d

    return pd.DataFrame({"d": date, "e": earliest, "l": latest}).apply(repair, axis=1)

# %% reject="repair-year" name="always takes the year of earliest" message="row 2"
def repair_year(date, earliest, latest):
    return pd.Series(
        [
            d if pd.isna(d) or pd.isna(e) or pd.isna(l) or e <= d <= l else d.replace(year=e.year)
            for d, e, l in zip(date, earliest, latest)
        ],
        index=date.index,
    )

# %% reject="repair-year" name="forces the date into the interval" message="only 2009 fits"
def repair_year(date, earliest, latest):
    early, late = date < earliest, date > latest
    return date.mask(early, earliest).mask(late, latest)

# %% reject="repair-year" name="deletes what it cannot repair" message="should stay as it is"
def repair_year(date, earliest, latest):
    result = date.copy()
    for i in date.index:
        d, e, l = date[i], earliest[i], latest[i]
        if pd.isna(d) or pd.isna(e) or pd.isna(l) or e <= d <= l:
            continue
        fixed = d.replace(year=e.year)
        result[i] = fixed if e <= fixed <= l else pd.NaT
    return result

# %% reject="repair-year" name="tries only the year of earliest" message="over New Year"
def repair_year(date, earliest, latest):
    def one(d, e, l):
        if pd.isna(d) or pd.isna(e) or pd.isna(l) or e <= d <= l:
            return d
        try:
            moved = d.replace(year=e.year)
        except ValueError:
            return d
        return moved if e <= moved <= l else d

    return pd.Series([one(*row) for row in zip(date, earliest, latest)], index=date.index)

# %% reject="repair-year" name="takes the first year that fits" message="nothing says which is right"
def repair_year(date, earliest, latest):
    def one(d, e, l):
        if pd.isna(d) or pd.isna(e) or pd.isna(l) or e <= d <= l:
            return d
        for year in (e.year, l.year):
            try:
                moved = d.replace(year=year)
            except ValueError:
                continue
            if e <= moved <= l:
                return moved
        return d

    return pd.Series([one(*row) for row in zip(date, earliest, latest)], index=date.index)

# %% accept="fill-in" name="scikit-learn's imputer, fitted on train"
def fill_in(train, test, columns):
    from sklearn.impute import SimpleImputer

    imputer = SimpleImputer(strategy="median").fit(train[columns])

    def apply(table):
        result = table.copy()
        result[columns] = imputer.transform(table[columns])
        for column in columns:
            result[column + "_missing"] = table[column].isna()
        return result

    return apply(train), apply(test)

# %% accept="fill-in" name="loops over the columns"
def fill_in(train, test, columns):
    train, test = train.copy(), test.copy()
    for column in columns:
        median = np.nanmedian(train[column])
        for table in (train, test):
            gap = table[column].isna()
            table[column + "_missing"] = gap
            table.loc[gap, column] = median
    return train, test

# %% reject="fill-in" name="learns from train and test together" message="train should be [10, 20, 15]"
def fill_in(train, test, columns):
    medians = pd.concat([train, test])[columns].median()
    return tuple(
        t.fillna(medians).join(t[columns].isna().add_suffix("_missing")) for t in (train, test)
    )

# %% reject="fill-in" name="fills test with its own median" message="filled with the training median"
def fill_in(train, test, columns):
    return tuple(
        t.fillna(t[columns].median()).join(t[columns].isna().add_suffix("_missing"))
        for t in (train, test)
    )

# %% reject="fill-in" name="drops incomplete test rows" message="no row may be lost"
def fill_in(train, test, columns):
    marks = train[columns].isna().add_suffix("_missing")
    test = test.dropna(subset=columns)
    return train.fillna(train[columns].median()).join(marks), test.join(
        test[columns].isna().add_suffix("_missing")
    )

# %% reject="fill-in" name="does not mark what it filled" message="t_missing should say"
def fill_in(train, test, columns):
    medians = train[columns].median()
    return train.fillna(medians), test.fillna(medians)

# %% reject="fill-in" name="fills every column of the table" message="was not named"
def fill_in(train, test, columns):
    medians = train.median(numeric_only=True)
    return tuple(
        t.fillna(medians).join(t[columns].isna().add_suffix("_missing")) for t in (train, test)
    )

# %% accept="gate" name="a table of limits per column, wide tolerances"
def learn(history):
    limits = []
    for name in history:
        column = history[name]
        numeric = pd.api.types.is_numeric_dtype(column)
        limits.append(
            {
                "name": name,
                "gap": column.isna().mean(),
                "range": (column.min(), column.max()) if numeric else None,
                "values": None if numeric or column.nunique() > 40 else column.unique(),
            }
        )
    return limits


def alarms(batch, learned):
    messages = []
    if not batch["fire_number"].is_unique:
        messages.append("repeated fires")
    for limit in learned:
        if limit["name"] not in batch:
            messages.append("lost: " + limit["name"])
            continue
        column = batch[limit["name"]]
        if column.isna().mean() - limit["gap"] > 0.25:
            messages.append("gaps: " + limit["name"])
        if limit["range"] and (~column.dropna().between(*limit["range"])).mean() > 0.2:
            messages.append("range: " + limit["name"])
        if limit["values"] is not None and (~column.isin(limit["values"])).mean() > 0.3:
            messages.append("values: " + limit["name"])
    return messages

# %% accept="gate" name="quantiles and total variation instead of ranges and sets"
def learn(history):
    return history.copy()


def alarms(batch, learned):
    found = [f"no column {name}" for name in learned.columns.difference(batch.columns)]
    both = learned.columns.intersection(batch.columns)
    gaps = batch[both].isna().mean() - learned[both].isna().mean()
    found += [f"gaps in {name}" for name in gaps.index[gaps > 0.2]]
    for name in both:
        if learned[name].dtype != object:
            low, high = learned[name].quantile([0.001, 0.999])
            if ((batch[name] < low) | (batch[name] > high)).mean() > 0.15:
                found.append(f"range of {name}")
        elif learned[name].nunique() < 30:
            share = (
                batch[name]
                .value_counts(normalize=True)
                .subtract(learned[name].value_counts(normalize=True), fill_value=0)
            )
            if share.abs().sum() / 2 > 0.5:
                found.append(f"other values in {name}")
    if len(batch) > batch["fire_number"].nunique():
        found.append("sent twice")
    return found

# %% reject="gate" name="one value out of range is enough" message="Single unusual values are no fault"
def learn(history):
    numbers = history.select_dtypes("number")
    return numbers.min(), numbers.max(), history.columns, history.isna().mean()


def alarms(batch, learned):
    low, high, columns, gaps = learned
    found = [f"{name} is gone" for name in columns if name not in batch]
    for name in low.index.intersection(batch.columns):
        if (batch[name] < low[name]).any() or (batch[name] > high[name]).any():
            found.append(f"{name} out of range")
    return found

# %% reject="gate" name="never raises an alarm" message="passes the gate"
def learn(history):
    return None


def alarms(batch, learned):
    return []

# %% reject="gate" name="always raises an alarm" message="a clean batch"
def learn(history):
    return None


def alarms(batch, learned):
    return ["better safe than sorry"]

# %% reject="gate" name="looks at the first rows only" message="passes the gate"
def learn(history):
    return history


def alarms(batch, learned):
    head = batch.head()
    found = [f"{name} is gone" for name in learned if name not in batch]
    found += [
        f"{name} is empty"
        for name in head
        if head[name].isna().all() and not learned[name].isna().any()
    ]
    if head["fire_number"].duplicated().any():
        found.append("sent twice")
    return found

# %% reject="gate" name="duplicates on all columns, missing ignored" message="passes the gate"
def learn(history):
    numbers = history.select_dtypes("number")
    seen = {
        name: set(history[name])
        for name in history.select_dtypes("object")
        if history[name].nunique() < 50
    }
    return numbers.min(), numbers.max(), seen, list(history.columns)


def alarms(batch, learned):
    low, high, seen, columns = learned
    found = [f"{name} is gone" for name in columns if name not in batch]
    for name in low.index.intersection(batch.columns):
        if ((batch[name] < low[name]) | (batch[name] > high[name])).mean() > 0.1:
            found.append(f"{name} out of range")
    for name in seen:
        if name in batch and (~batch[name].isin(seen[name])).mean() > 0.1:
            found.append(f"{name} has new values")
    if batch.duplicated().any():
        found.append("repeated rows")
    return found

# %% accept="failed-tests" name="counts instead of shares, with names by column"
def failed_tests(batch):
    few = lte(len(batch) // 20)
    metrics = [
        MissingValueCount(column="temperature", tests=[lte(0.3 * len(batch))]),
        OutRangeValueCount(column="temperature", left=-60, right=55, tests=[few]),
        OutRangeValueCount(column="latitude", left=48, right=61, tests=[few]),
        OutListValueCount(
            column="fire_type", values=["Surface", "Ground", "Crown", "Unknown"], tests=[few]
        ),
        DuplicatedRowCount(tests=[lte(2)]),
    ]
    snapshot = Report(metrics).run(batch, None)
    return [
        test["description"] for test in snapshot.dict()["tests"] if test["status"].name == "FAIL"
    ]

# %% accept="failed-tests" name="means and a list of known values with a reference"
def failed_tests(batch):
    from evidently.metrics import InListValueCount, MeanValue
    from evidently.tests import gte

    report = Report(
        [
            MissingValueCount(column="temperature", share_tests=[lte(0.35)]),
            MeanValue(column="temperature", tests=[lte(40)]),
            MeanValue(column="latitude", tests=[gte(45)]),
            InListValueCount(
                column="fire_type",
                values=["Surface", "Ground", "Crown", "Unknown"],
                share_tests=[gte(0.8)],
            ),
            DuplicatedRowCount(tests=[eq(0)]),
        ]
    )
    return [
        r.description for r in report.run(batch, None).tests_results if r.status.name != "SUCCESS"
    ]

# %% reject="failed-tests" name="returns all tests, passed or not" message="a clean batch"
def failed_tests(batch):
    report = Report(
        [
            MissingValueCount(column="temperature", share_tests=[lte(0.3)]),
            DuplicatedRowCount(tests=[eq(0)]),
        ]
    )
    return [result.description for result in report.run(batch, None).tests_results]

# %% reject="failed-tests" name="not one odd value is tolerated" message="two odd temperatures"
def failed_tests(batch):
    report = Report(
        [
            MissingValueCount(column="temperature", share_tests=[lte(0.3)]),
            OutRangeValueCount(column="temperature", left=-50, right=50, tests=[eq(0)]),
            OutRangeValueCount(column="latitude", left=49, right=60, tests=[eq(0)]),
            OutListValueCount(
                column="fire_type", values=["Surface", "Ground", "Crown", "Unknown"], tests=[eq(0)]
            ),
            DuplicatedRowCount(tests=[eq(0)]),
        ]
    )
    return [
        r.description for r in report.run(batch, None).tests_results if r.status.name != "SUCCESS"
    ]

# %% reject="failed-tests" name="forgets the missing values" message="not noticed"
def failed_tests(batch):
    report = Report(
        [
            OutRangeValueCount(column="temperature", left=-50, right=50, share_tests=[lte(0.1)]),
            OutRangeValueCount(column="latitude", left=49, right=60, share_tests=[lte(0.1)]),
            OutListValueCount(
                column="fire_type",
                values=["Surface", "Ground", "Crown", "Unknown"],
                share_tests=[lte(0.1)],
            ),
            DuplicatedRowCount(tests=[eq(0)]),
        ]
    )
    return [
        r.description for r in report.run(batch, None).tests_results if r.status.name != "SUCCESS"
    ]

# %% reject="failed-tests" name="reports metrics without tests" message="not noticed"
def failed_tests(batch):
    report = Report(
        [
            MissingValueCount(column="temperature"),
            OutRangeValueCount(column="temperature", left=-50, right=50),
            DuplicatedRowCount(),
        ]
    )
    return [
        r.description for r in report.run(batch, None).tests_results if r.status.name != "SUCCESS"
    ]
