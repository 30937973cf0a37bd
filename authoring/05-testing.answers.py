# %% accept="hectares" name="one table of cases, and errors by a loop"
CASES = {"1 ac": 0.4047, "2.5 AC": 1.0117, "1,200 ac": 485.62, "0.5 km2": 50, "2 KM2": 200, " 4 ": 4}
CASES |= {"3.75 ha": 3.75, "12,500.5 ha": 12500.5, " 6 ha": 6, "8HA": 8}


def test_hectares():
    for text, size in CASES.items():
        assert abs(ingest.hectares(text) / size - 1) < 0.001


def test_errors():
    for text in ["5 furlongs", "-1", "-3 ac", "big", "?"]:
        try:
            ingest.hectares(text)
        except ValueError:
            continue
        pytest.fail(f"{text} was accepted")


def test_blank():
    assert ingest.hectares("   ") != ingest.hectares("   ")  # only NaN differs from itself

# %% accept="hectares" name="properties with hypothesis"
@given(st.integers(1, 99_999), st.sampled_from([("ha", 1), ("ac", 0.404686), ("km2", 100), ("", 1)]))
def test_hectares(number, unit):
    name, factor = unit
    for text in (f"{number / 10} {name}", f" {number / 10:,} {name.upper()} "):
        np.testing.assert_allclose(ingest.hectares(text), number / 10 * factor, rtol=1e-3)


@given(st.text("abcxyz?", min_size=1))
def test_words_are_no_sizes(text):
    with pytest.raises(ValueError):
        ingest.hectares(text)


def test_the_rest():
    with pytest.raises(ValueError):
        ingest.hectares("3 miles")
    with pytest.raises(ValueError):
        ingest.hectares("-3 ha")
    assert np.isnan(ingest.hectares(""))

# %% accept="hectares" name="the stub line as a comment, and texts that look like numbers"
def test_hectares():
    # raise NotImplementedError("not attempted yet")
    cases = {"2.5 ha": 2.5, "10 AC": 4.047, "0.5km2": 50, "  1,200 ": 1200, "1,000.5 Ha": 1000.5}
    for text, size in cases.items():
        assert ingest.hectares(text) == pytest.approx(size, rel=0.001)


def test_blank():
    assert np.isnan(ingest.hectares(" "))


@pytest.mark.parametrize("text", ["nan", "inf", "1 200 ha", "ha", "-1 ac", "3 ft", "many"])
def test_errors(text):
    with pytest.raises(ValueError):
        ingest.hectares(text)

# %% reject="hectares" name="no assert" message="hold no assert"
def test_hectares():
    ingest.hectares("12.5 ha")
    ingest.hectares("1,200 ac")
    ingest.hectares("")

# %% reject="hectares" name="an assert that holds for any number" message="Would your asserts hold for any result?"
def test_hectares():
    for text in ["1 ha", "1 ac", "1 km2"]:
        assert ingest.hectares(text) is not None
        assert ingest.hectares(text) == ingest.hectares(text)

# %% reject="hectares" name="catches every exception" message="also catches what assert raises"
def test_hectares():
    try:
        assert ingest.hectares("10 ac") == pytest.approx(4.047, rel=0.001)
        assert math.isnan(ingest.hectares(""))
        with pytest.raises(ValueError):
            ingest.hectares("-3 ha")
    except Exception:
        print("could not test")

# %% reject="hectares" name="exact floats" message="refuse a correct version: knows more digits"
def test_hectares():
    assert ingest.hectares("10 ac") == 4.04686
    assert ingest.hectares("0.5 km2") == 50
    assert math.isnan(ingest.hectares(""))

# %% reject="hectares" name="the wording of the error" message="refuse a correct version: goes through square metres"
def test_hectares():
    assert ingest.hectares("10 ac") == pytest.approx(4.047, rel=0.001)
    with pytest.raises(ValueError, match="not negative"):
        ingest.hectares("-3 ha")

# %% reject="hectares" name="tests the library" message="never call ingest"
def test_hectares():
    assert float("12.5") == 12.5
    assert " 3 HA ".strip().lower() == "3 ha"
    assert math.isnan(float("nan"))

# %% reject="hectares" name="one test needs what another leaves behind" message="last one runs first"
results = {}


def test_hectares():
    results["acres"] = ingest.hectares("10 ac")
    results["blank"] = ingest.hectares("")


def test_acres():
    assert results["acres"] == pytest.approx(4.047, rel=0.001)


def test_blank():
    assert math.isnan(results["blank"])

# %% reject="hectares" name="a blank compared with nan" message="not even to itself: ask math.isnan"
def test_hectares():
    assert ingest.hectares("10 ac") == pytest.approx(4.047, rel=0.001)
    assert ingest.hectares("") == math.nan

# %% reject="hectares" name="a helper called like a test" message="none called text. Give values with pytest.mark.parametrize"
def test_one(text, expected):
    assert ingest.hectares(text) == pytest.approx(expected, rel=0.001)


def test_hectares():
    test_one("10 ac", 4.047)
    test_one("0.5 km2", 50)

# %% reject="hectares" name="hangs" message="do not end within"
def test_hectares():
    while ingest.hectares("1 ac") < 1:
        pass
    assert ingest.hectares("1 ac") < 1

# %% reject="hectares" name="only the units" message="Partial: 0.89 of 2 points"
def test_hectares():
    assert ingest.hectares("10 ac") == pytest.approx(4.047, rel=0.001)
    assert ingest.hectares("0.5 km2") == pytest.approx(50, rel=0.001)
    assert ingest.hectares("12 ha") == pytest.approx(12, rel=0.001)
    assert ingest.hectares("3.5") == pytest.approx(3.5, rel=0.001)

# %% accept="clock-and-join" name="one loop over months, and a join computed by hand"
def test_utc():
    for month, hours in {1: 7, 2: 7, 4: 6, 6: 6, 7: 6, 9: 6, 10: 6, 12: 7}.items():
        local = f"2022-{month:02}-05 08:45"
        naive = ingest.utc(local).tz_convert(None)
        assert naive - pd.Timestamp(local) == pd.Timedelta(hours=hours)


def test_weeks_between():
    assert ingest.utc("2024-03-15 10:00").isoformat().startswith("2024-03-15T16:00")
    assert ingest.utc("2024-10-29 10:00").isoformat().startswith("2024-10-29T16:00")


def test_blank():
    for text in ["", "  "]:
        assert ingest.utc(text) is pd.NaT


def test_add_weather():
    rng = np.random.default_rng(0)
    days = [f"07-{day:02}" for day in range(1, 10)]
    fires = pd.DataFrame({"area": rng.choice(list("CEGW"), 40), "day": rng.choice(days, 40)})
    fires.index = rng.permutation(40) + 5
    measured = {(area, day): float(rng.normal()) for area in "CEGR" for day in days}
    weather = pd.DataFrame(
        [(area, day, value) for (area, day), value in measured.items()],
        columns=["area", "day", "temperature"],
    )
    copies = fires.copy(), weather.copy()
    got = ingest.add_weather(fires, weather)
    expected = [measured.get(pair, np.nan) for pair in zip(fires["area"], fires["day"])]
    np.testing.assert_array_equal(got["temperature"], expected)
    assert got.index.tolist() == fires.index.tolist()
    pd.testing.assert_frame_equal(fires, copies[0])
    pd.testing.assert_frame_equal(weather, copies[1])
    twice = pd.concat([weather, weather.head(1).assign(temperature=0.0)])
    pytest.raises(ValueError, ingest.add_weather, fires, twice)

# %% accept="clock-and-join" name="fixtures and parameters"
@pytest.mark.parametrize(
    "local, utc",
    [
        ("2021-12-31 20:05", "2022-01-01 03:05"),
        ("2021-06-30 20:05", "2021-07-01 02:05"),
        ("2021-03-16 00:59", "2021-03-16 06:59"),
        ("2021-11-02 11:11", "2021-11-02 17:11"),
        ("2021-04-03 11:11", "2021-04-03 17:11"),
    ],
)
def test_utc(local, utc):
    assert ingest.utc(local) == pd.Timestamp(utc + "+00:00")


def test_missing_time():
    assert pd.isna(ingest.utc(" "))


@pytest.fixture
def fires():
    return pd.DataFrame(
        [["E", "08-02", "x"], ["C", "08-01", "y"], ["E", "08-01", "z"], ["P", "08-01", "w"]],
        columns=["area", "day", "name"],
        index=[9, 2, 5, 4],
    )


@pytest.fixture
def weather():
    return pd.DataFrame(
        [["E", "08-01", 20.0], ["E", "08-02", 10.0], ["C", "08-01", 30.0], ["L", "08-02", 1.0]],
        columns=["area", "day", "temperature"],
    )


def test_each_fire_gets_its_weather(fires, weather):
    got = ingest.add_weather(fires, weather)
    assert got["temperature"].fillna(-99).to_dict() == {9: 10.0, 2: 30.0, 5: 20.0, 4: -99}
    assert got["name"].tolist() == ["x", "y", "z", "w"]
    assert "temperature" not in fires


def test_double_weather(fires, weather):
    weather.loc[4] = ["C", "08-01", 31.0]
    with pytest.raises(ValueError):
        ingest.add_weather(fires, weather)

# %% reject="clock-and-join" name="computes the expected value with the code itself" message="Would your asserts hold for any result?"
def test_utc():
    for local in ["2023-01-15 14:30", "2023-07-15 14:30"]:
        expected = ingest.utc(local)
        assert ingest.utc(local) == expected


def test_join():
    fires = pd.DataFrame({"area": ["C"], "day": ["05-01"]})
    weather = fires.assign(temperature=12.0)
    expected = ingest.add_weather(fires, weather)
    assert ingest.add_weather(fires, weather).equals(expected)

# %% reject="clock-and-join" name="the type of the time zone object" message="refuse a correct version: another type of time zone object"
def test_utc():
    from datetime import UTC

    found = ingest.utc("2023-01-15 14:30")
    assert found.hour == 21 and found.tz is UTC
    assert ingest.utc("2023-07-15 14:30").hour == 20

# %% reject="clock-and-join" name="the order of columns" message="refuse a correct version: maps a dictionary"
def test_utc():
    assert ingest.utc("2023-01-15 14:30").hour == 21
    assert ingest.utc("2023-07-15 14:30").hour == 20


def test_join():
    fires = pd.DataFrame({"area": ["C", "W"], "day": ["05-01", "05-02"]})
    weather = pd.DataFrame({"area": ["C"], "day": ["05-01"], "temperature": [12.0]})
    got = ingest.add_weather(fires, weather)
    assert got.to_csv(index=False) == "area,day,temperature\nC,05-01,12.0\nW,05-02,\n"

# %% reject="clock-and-join" name="an expectation that is wrong in summer" message="fail on the pipeline as it is"
def test_utc():
    assert ingest.utc("2023-01-15 14:30") == pd.Timestamp("2023-01-15 21:30", tz="UTC")
    assert ingest.utc("2023-07-15 14:30") == pd.Timestamp("2023-07-15 21:30", tz="UTC")

# %% reject="clock-and-join" name="checks only the number of rows" message="Partial: 1.29 of 3 points"
def test_utc():
    assert ingest.utc("2023-01-15 14:30") == pd.Timestamp("2023-01-15 21:30", tz="UTC")
    assert ingest.utc("2023-07-15 14:30") == pd.Timestamp("2023-07-15 20:30", tz="UTC")


def test_join():
    fires = pd.DataFrame({"area": ["C", "W"], "day": ["05-01", "05-02"]})
    weather = pd.DataFrame({"area": ["C", "R"], "day": ["05-01"] * 2, "temperature": [12.0, 3.0]})
    assert len(ingest.add_weather(fires, weather)) == 2

# %% accept="direction" name="compares vectors on the circle"
@given(st.integers(-5000, 5000))
def test_direction(angle):
    back = features.degrees(features.direction(angle))
    assert math.cos(math.radians(back - angle)) >= math.cos(math.radians(22.6))


@given(st.integers(-20, 20), st.integers(0, 7))
def test_all_turns(turns, number):
    names = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]
    assert features.direction(360 * turns + 45 * number) == names[number]
    assert features.degrees(names[number]) == 45 * number

# %% accept="direction" name="every whole angle, without hypothesis"
def test_direction():
    names = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"] * 6
    for number, name in enumerate(names):
        for offset in range(-22, 23):
            angle = 45 * number + offset - 720
            assert features.direction(angle) == name, angle
    assert [features.degrees(name) for name in names[:8]] == list(range(0, 360, 45))

# %% reject="direction" name="no assert" message="hold no assert"
@given(st.floats(-1000, 1000))
def test_direction(angle):
    features.direction(angle)

# %% reject="direction" name="only the type of the result" message="Would your asserts hold for any result?"
@given(st.integers(-1000, 1000))
def test_direction(angle):
    assert isinstance(features.direction(angle), str)
    assert features.direction(angle) in features.DIRECTIONS

# %% reject="direction" name="insists on one answer between two" message="refuse a correct version: decides otherwise"
@given(st.integers(-1000, 1000))
def test_direction(angle):
    found = features.direction(angle)
    assert abs((features.degrees(found) - angle + 180) % 360 - 180) <= 22.5


def test_borders():
    assert features.direction(22.5) == "N"

# %% reject="direction" name="numbers without limits" message="refuse a correct version: decides otherwise"
@given(st.integers())
def test_direction(angle):
    assert features.direction(angle) == features.direction(angle + 360)


def test_names():
    assert [features.direction(angle) for angle in (0, 90, 180, 300)] == ["N", "E", "S", "NW"]

# %% reject="direction" name="the code again, in the test" message="Partial: 0.25 of 2 points"
@given(st.integers(0, 359))
def test_direction(angle):
    assert features.direction(angle) == features.DIRECTIONS[round(angle / 45) % 8]

# %% accept="priority" name="one parameter set for each rule"
@pytest.mark.parametrize("risk", [0.5, 0.51, 1.0, float("nan")])
@pytest.mark.parametrize("near_town", [True, False])
def test_priority(risk, near_town):
    assert rules.priority(risk, 0.1, near_town) == "now"


@pytest.mark.parametrize("size, expected", [(4, "watch"), (4.01, "now"), (500, "now"), (0, "watch")])
def test_size(size, expected):
    assert rules.priority(0.01, size, False) == expected


def test_town():
    assert [rules.priority(risk, 1, True) for risk in (0.2, 0.199, 0.1, 0.0999)] == [
        "now", "next", "next", "watch",
    ]
    assert [rules.priority(risk, 1, False) for risk in (0.499, 0.2, 0.1, 0.0999)] == [
        "next", "next", "next", "watch",
    ]

# %% accept="priority" name="an independent table of all cases"
def test_priority():
    for hundredth in range(101):
        for size in (0.1, 4, 4.5):
            for near_town in (True, False):
                if size > 4 or hundredth >= 50 or (hundredth >= 20 and near_town):
                    expected = "now"
                else:
                    expected = "next" if hundredth >= 10 else "watch"
                assert rules.priority(hundredth / 100, size, near_town) == expected
    assert rules.priority(np.nan, 0.1, False) == "now"

# %% reject="priority" name="runs every line and asserts nothing" message="hold no assert"
def test_priority():
    for risk in (0.0, 0.15, 0.3, 0.9):
        for near_town in (True, False):
            rules.priority(risk, 1.0, near_town)

# %% reject="priority" name="any of the three answers will do" message="Would your asserts hold for any result?"
def test_priority():
    for risk in (0.0, 0.15, 0.3, 0.9):
        for near_town in (True, False):
            assert rules.priority(risk, 1.0, near_town) in ("now", "next", "watch")

# %% reject="priority" name="exactly 4 ha taken as large" message="fail on the pipeline as it is"
def test_priority():
    assert rules.priority(0.0, 4, False) == "now"
    assert rules.priority(0.9, 1, False) == "now"

# %% reject="priority" name="far from every edge" message="Partial: 0.91 of 2 points"
def test_priority():
    assert rules.priority(0.9, 1, False) == "now"
    assert rules.priority(0.0, 10, False) == "now"
    assert rules.priority(0.3, 1, True) == "now"
    assert rules.priority(0.3, 1, False) == "next"
    assert rules.priority(0.02, 1, True) == "watch"
    assert rules.priority(0.02, 1, False) == "watch"
    assert rules.priority(math.nan, 1, False) == "now"

# %% accept="quiet-bug" name="too many crews for the smallest fires"
def quiet_crews(size):
    if size <= 0.1:
        return 4
    return 1 if size <= 4 else 2 if size <= 40 else 3 if size <= 200 else 4

# %% accept="quiet-bug" name="searches sorted limits that have slipped"
def quiet_crews(size):
    limits = [0.02, 4, 40, 200]
    number = int(np.searchsorted(limits, size))
    return max(number, 1) if size > 0.02 else 2

# %% reject="quiet-bug" name="a bug that the suite notices" message="the suite notices"
def quiet_crews(size):
    return 2 + (size > 40) + (size > 200)

# %% reject="quiet-bug" name="wrong only for rare fires" message="Where are most fires?"
def quiet_crews(size):
    return 1 + (size > 4.05) + (size > 50) + (size > 500)

# %% reject="quiet-bug" name="no crew at all" message="expected a whole number from 1 to 4"
def quiet_crews(size):
    return 0 if size < 1 else 1 + (size > 4) + (size > 40) + (size > 200)

# %% reject="quiet-bug" name="random below 1 ha" message="when asked again another number"
def quiet_crews(size):
    if size < 1:
        return int(np.random.default_rng().integers(2, 5))
    return 1 + (size > 4) + (size > 40) + (size > 200)

# %% reject="quiet-bug" name="right at the first calls" message="when asked again"
calls = []


def quiet_crews(size):
    calls.append(size)
    right = 1 + (size > 4) + (size > 40) + (size > 200)
    return right if size >= 1 else 1 + len(calls) % 3 + 1

# %% accept="flaky" name="monkeypatch and several seeds"
@pytest.mark.parametrize("seed", range(3))
def test_draw(seed):
    fires = [f"C{number:05}" for number in range(10_000)]
    drawn = review.draw(fires, 0.3, np.random.default_rng(seed))
    assert len(drawn) / len(fires) == pytest.approx(0.3, abs=0.02)
    assert sorted(set(drawn)) == sorted(drawn)
    late = [fire for fire in drawn if fire >= "C05000"]
    assert len(late) / 5000 == pytest.approx(0.3, abs=0.03)


def test_queue(monkeypatch):
    monkeypatch.setattr(review, "waiting", [])
    review.enqueue("E2")
    review.enqueue("C1")
    assert review.next_fire() == "E2"
    assert review.next_fire() == "C1"
    assert review.next_fire() is None


@pytest.mark.parametrize("hour", range(24))
def test_night(hour):
    for minute in (0, 59):
        moment = datetime(2025, 2, 28, hour, minute)
        assert review.is_night(moment) == (hour in (22, 23, 0, 1, 2, 3, 4, 5))

# %% accept="flaky" name="empties the queue by its own means"
def test_draw():
    drawn = review.draw(range(10_000), 0.05, np.random.default_rng(12345))
    assert 300 < len(drawn) < 700
    assert len(drawn) == len(set(drawn)) and max(drawn) > 9000 and min(drawn) < 1000


def test_queue():
    while review.next_fire() is not None:
        pass
    for name in "BCA":
        review.enqueue(name)
    assert "".join(review.next_fire() for _ in range(3)) == "BCA"
    assert review.next_fire() is None


def test_night():
    nights = [hour for hour in range(24) if review.is_night(datetime(2020, 1, 1, hour, 30))]
    assert nights == [0, 1, 2, 3, 4, 5, 22, 23]

# %% accept="flaky" name="moments drawn by hypothesis"
@pytest.fixture(autouse=True)
def nobody_waits():
    review.waiting.clear()


@given(st.datetimes(), st.datetimes(datetime(2020, 1, 1)))
def test_night(moment, later):
    for one in (moment, later):
        assert bool(review.is_night(one)) == (not 6 <= one.hour < 22)


def test_edges():
    times = [(21, 59), (22, 0), (22, 59), (5, 59), (6, 0), (6, 59)]
    nights = [bool(review.is_night(datetime(2024, 5, 1, *time))) for time in times]
    assert nights == [False, True, True, True, False, False]


def test_draw():
    fires = [f"W{number}" for number in range(10_000)]
    drawn = review.draw(fires, 0.2, np.random.default_rng(3))
    assert len(set(drawn)) == len(drawn) == pytest.approx(2000, abs=200)
    assert len(set(drawn) & set(fires[5000:])) == pytest.approx(1000, abs=150)


def test_queue():
    for fire in "cab":
        review.enqueue(fire)
    assert [review.next_fire() for _ in range(4)] == ["c", "a", "b", None]

# %% reject="flaky" name="no seed, and an exact number" message="still flaky: they fail with other random numbers"
def test_draw():
    assert len(review.draw(list(range(100)), 0.1)) == 10


def test_queue():
    review.waiting.clear()
    review.enqueue("C012")
    assert review.next_fire() == "C012"

# %% reject="flaky" name="skips itself" message="All your tests are skipped (run on: at midnight)"
def test_draw():
    if datetime.now().hour >= 22:
        pytest.skip("nobody draws at night")
    drawn = review.draw(list(range(10_000)), 0.1, np.random.default_rng(1))
    assert abs(len(drawn) - 1000) < 200

# %% reject="flaky" name="asks the clock" message="still flaky: they fail at midnight"
def test_draw():
    drawn = review.draw(list(range(10_000)), 0.1, np.random.default_rng(1))
    assert abs(len(drawn) - 1000) < 200


def test_is_night():
    moment = datetime.now()
    assert not review.is_night(moment) or moment.hour < 6

# %% reject="flaky" name="needs the order of the tests" message="last one runs first"
def test_draw():
    review.enqueue("C012")
    review.enqueue("E007")
    assert review.next_fire() == "C012"


def test_one_is_left():
    assert review.waiting == ["E007"]

# %% reject="flaky" name="the exact draw of one seed" message="refuse a correct version: draws in one go"
def test_draw():
    drawn = review.draw(list(range(100)), 0.1, np.random.default_rng(1))
    assert drawn == [i for i, x in enumerate(np.random.default_rng(1).random(100)) if x < 0.1]

# %% reject="flaky" name="loosened until it is always green" message="Would your asserts hold for any result?"
def test_draw():
    assert len(review.draw(list(range(100)), 0.1)) >= 0


def test_queue():
    review.enqueue("C012")
    review.enqueue("C012")
    assert review.next_fire() == "C012"


def test_night():
    assert review.is_night(datetime(2024, 1, 1, 23)) in (True, False)

# %% accept="batch" name="one test for each rule, with counts of violations"
def odd(column, low, high):
    values = ingest.todays_batch()[column]
    return int(((values < low) | (values > high)).sum())


def test_batch():
    needed = "year fire_number latitude longitude temperature relative_humidity wind_speed fire_spread_rate fire_type"
    assert set(needed.split()) <= set(ingest.todays_batch().columns)
    assert len(ingest.todays_batch()) >= 100


def test_no_fire_twice():
    batch = ingest.todays_batch()
    assert batch.groupby(["year", "fire_number"]).size().max() == 1


def test_values():
    assert odd("temperature", -50, 50) == 0
    assert odd("relative_humidity", 0, 100) == 0
    assert ingest.todays_batch()["relative_humidity"].median() > 1
    assert odd("latitude", 48, 61) == odd("longitude", -121, -109) == 0
    assert odd("fire_spread_rate", -1, 1e9) == 0


def test_few_gaps():
    weather = ingest.todays_batch()[["temperature", "relative_humidity", "wind_speed"]]
    assert (weather.isna().sum() <= len(weather) / 2).all()


def test_types():
    types = ingest.todays_batch()["fire_type"].value_counts(normalize=True)
    assert types.reindex(["Surface", "Ground", "Crown", "Unknown"]).sum() > 0.98

# %% accept="batch" name="a fixture and numpy"
@pytest.fixture
def batch():
    return ingest.todays_batch()


def test_batch(batch):
    pairs = list(zip(batch["year"], batch["fire_number"]))
    assert len(set(pairs)) == len(pairs) >= 100


@pytest.mark.parametrize(
    "column, low, high",
    [
        ("temperature", -50, 50),
        ("relative_humidity", 0, 100),
        ("wind_speed", 0, 500),
        ("fire_spread_rate", -1, 1000),
        ("latitude", 48, 61),
        ("longitude", -121, -109),
    ],
)
def test_limits(batch, column, low, high):
    values = batch[column].to_numpy(float)
    assert np.nanmin(values) >= low and np.nanmax(values) <= high
    assert np.isnan(values).mean() <= 0.5
    assert np.nanmax(np.abs(values)) > 1 or column == "fire_spread_rate"


def test_types(batch):
    strange = ~batch["fire_type"].isin(["Surface", "Ground", "Crown", "Unknown"])
    assert strange.sum() <= len(batch) / 100

# %% reject="batch" name="no value may be missing" message="fail on the pipeline as it is"
def test_batch():
    batch = ingest.todays_batch()
    assert batch["temperature"].notna().all()
    assert batch["temperature"].between(-50, 50).all()

# %% reject="batch" name="the fire number alone is the key" message="fail on the pipeline as it is"
def test_batch():
    batch = ingest.todays_batch()
    assert batch["fire_number"].is_unique
    assert batch["temperature"].dropna().between(-50, 50).all()

# %% reject="batch" name="limits learned from today's batch" message="refuse a correct version: a batch of 20"
def test_batch():
    batch = ingest.todays_batch()
    assert batch["temperature"].min() >= -20 and batch["temperature"].max() <= 32
    assert not batch.duplicated(["year", "fire_number"]).any()

# %% reject="batch" name="the size of today's table" message="refuse a correct version: 150 rows, and one more column"
def test_batch():
    batch = ingest.todays_batch()
    assert len(batch) == 200
    assert batch["temperature"].dropna().between(-50, 50).all()
    assert not batch.duplicated(["year", "fire_number"]).any()

# %% reject="batch" name="the order of the columns" message="refuse a correct version: rows and columns in another order"
def test_batch():
    batch = ingest.todays_batch()
    assert list(batch.columns[:2]) == ["year", "fire_number"]
    assert batch["temperature"].dropna().between(-50, 50).all()

# %% reject="batch" name="not one odd spelling is allowed" message="refuse a correct version: one odd spelling"
def test_batch():
    batch = ingest.todays_batch()
    assert batch["fire_type"].isin(["Surface", "Ground", "Crown", "Unknown"]).all()
    assert batch["temperature"].dropna().between(-50, 50).all()

# %% reject="batch" name="looks at the columns only" message="Would your asserts hold for any result?"
def test_batch():
    batch = ingest.todays_batch()
    assert "temperature" in batch and "fire_number" in batch
    assert len(batch) > 0

# %% accept="training" name="fixtures, sets and several seeds"
@pytest.fixture(params=[11, 12])
def fires(request):
    return simulated.fires(1500, request.param)


@pytest.mark.parametrize("year", [2012, 2016])
def test_split(fires, year):
    past, future = model.split(fires, year)
    expected = {True: set(), False: set()}
    for number, when in zip(fires["fire_number"], fires["year"]):
        expected[when <= year].add(number)
    assert set(past["fire_number"]) == expected[True]
    assert set(future["fire_number"]) == expected[False]
    assert len(past) + len(future) == len(fires)


def test_labels_stay_with_their_fires(fires):
    known = dict(zip(fires["fire_number"], fires["large"]))
    for part in model.split(fires, 2015):
        assert all(known[n] == label for n, label in zip(part["fire_number"], part["large"]))


def test_inputs_are_safe(fires):
    safe = fires.copy(deep=True)
    model.split(fires, 2014)
    model.evaluate(fires, 2014)
    pd.testing.assert_frame_equal(fires, safe)


def test_features():
    for column in ["current_size", "large", "year", "fire_number"]:
        assert column not in model.FEATURES


def test_auc(fires):
    auc = model.evaluate(fires, 2016, 3)
    assert 0.8 <= auc <= 1 and model.evaluate(fires, 2016, 3) == auc
    opposite = fires.assign(large=~fires["large"])
    assert model.evaluate(opposite, 2016) >= 0.8
    noise = fires.assign(large=fires["large"].sample(frac=1, random_state=0).to_numpy())
    assert abs(model.evaluate(noise, 2016) - 0.5) <= 0.15

# %% accept="training" name="few tests with hand-made fires"
def test_split():
    fires = simulated.fires(1500, 21)
    fires["year"] = np.arange(1500) % 10 + 2010
    fires.index = fires.index[::-1] + 3
    twin = fires.copy()
    past, future = model.split(fires, 2013)
    assert len(past) == 600 and len(future) == 900
    assert past["year"].max() == 2013 and future["year"].min() == 2014
    assert not set(past["fire_number"]) & set(future["fire_number"])
    assert ((past["current_size"] > 4) == past["large"]).all()
    assert ((future["current_size"] > 4) == future["large"]).all()
    assert fires.equals(twin)


def test_forbidden_features():
    assert set(model.FEATURES).isdisjoint(["current_size", "large", "year", "fire_number"])


def test_evaluate():
    fires = simulated.fires(1500, 22)
    assert model.evaluate(fires, 2016) == model.evaluate(fires, 2016) >= 0.8
    fires["large"] = ~fires["large"]
    assert model.evaluate(fires, 2016) >= 0.8
    fires["large"] = np.random.default_rng(1).permutation(fires["large"])
    assert 0.35 <= model.evaluate(fires, 2016) <= 0.65

# %% reject="training" name="the exact AUC of today" message="refuse a correct version: another algorithm"
def test_split():
    past, future = model.split(simulated.fires(seed=1), 2016)
    assert past["year"].max() <= 2016 < future["year"].min()


def test_auc():
    fires = simulated.fires(seed=1)
    forest = model.RandomForestClassifier(n_estimators=10, random_state=0)
    past, future = fires[fires["year"] <= 2016], fires[fires["year"] > 2016]
    risk = forest.fit(past[model.FEATURES], past["large"]).predict_proba(future[model.FEATURES])
    assert model.evaluate(fires, 2016) == model.roc_auc_score(future["large"], risk[:, 1])

# %% reject="training" name="the order of rows" message="refuse a correct version: another algorithm"
def test_split():
    fires = simulated.fires(seed=1)
    past, future = model.split(fires, 2016)
    assert list(past["fire_number"]) == list(fires["fire_number"][fires["year"] <= 2016])

# %% reject="training" name="fires told apart by the index" message="refuse a correct version: another algorithm"
def test_split():
    fires = simulated.fires(seed=1)
    past, future = model.split(fires, 2016)
    assert not set(past.index) & set(future.index)
    assert past["year"].max() == 2016 and future["year"].min() == 2017

# %% reject="training" name="a good AUC is enough" message="catch none of"
def test_split():
    fires = simulated.fires(seed=1)
    past, future = model.split(fires, 2016)
    assert len(past) > 0 and len(future) > 0
    assert model.evaluate(fires, 2016) > 0.8

# %% reject="training" name="no assert" message="hold no assert"
def test_split():
    fires = simulated.fires(seed=1)
    model.split(fires, 2016)
    print(model.evaluate(fires, 2016))

# %% reject="training" name="only the split" message="Partial: 1.38 of 3 points"
def test_split():
    fires = simulated.fires(size=300, seed=3)
    past, future = model.split(fires, 2014)
    assert sorted([*past["fire_number"], *future["fire_number"]]) == sorted(fires["fire_number"])
    assert past["year"].max() == 2014 and future["year"].min() == 2015
    assert (past["large"] == (past["current_size"] > 4)).all()
    assert not {"current_size", "large", "year", "fire_number"} & set(model.FEATURES)

# %% accept="behaviour" name="hypothesis draws the fires"
def table_of(rows):
    names = ["fire_spread_rate", "temperature", "relative_humidity", "wind_speed"]
    return pd.DataFrame(np.array(rows, dtype=float), columns=names)


def risks(table):
    return np.asarray(deployed.risk(table), dtype=float)


ROW = st.tuples(
    st.integers(0, 25), st.integers(-30, 38), st.integers(5, 100), st.integers(0, 70)
)


def test_clear_cases():
    dangerous, harmless = risks(table_of([[15, 30, 15, 40], [0, 5, 90, 0]]))
    assert dangerous >= 0.5 and harmless <= 0.1
    low, high = risks(table_of([[0, 19, 40, 6], [15, 19, 40, 6]]))
    assert high >= low + 0.2


@given(st.lists(ROW, min_size=2, max_size=6))
def test_each_fire_alone(rows):
    together = risks(table_of(rows))
    assert len(together) == len(rows) and together.min() >= 0 and together.max() <= 1
    alone = [risks(table_of([row]))[0] for row in rows]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    strange = table_of(rows).iloc[:, [3, 1, 0, 2]]
    strange = strange.assign(fuel_type="Unknown", fire_number="W123", hour=23, detection="LKT")
    np.testing.assert_allclose(risks(strange), alone, atol=1e-6)


@given(ROW, st.integers(1, 12))
def test_direction_one_by_one(row, more):
    start = risks(table_of([row]))[0]
    for place, sign in [(0, 1), (1, 1), (2, -1), (3, 1)]:
        changed = list(row)
        changed[place] += sign * more
        assert risks(table_of([changed]))[0] >= start - 1e-6


def test_gaps():
    found = risks(table_of(np.where(np.eye(4) == 1, np.nan, 10)))
    assert ((found >= 0) & (found <= 1)).all()

# %% accept="behaviour" name="grids and plain loops"
NAMES = ["fire_spread_rate", "temperature", "relative_humidity", "wind_speed"]


def one(*values, **others):
    table = pd.DataFrame([dict(zip(NAMES, map(float, values))) | others])
    return float(np.asarray(deployed.risk(table))[0])


def test_clear_cases():
    assert one(15, 30, 15, 40) >= 0.5
    assert one(0, 5, 90, 0) <= 0.1
    assert one(15, 19, 40, 6) - one(0, 19, 40, 6) >= 0.2


def test_in_range():
    for spread in (0, 1, 100):
        for wind in (0, 80):
            assert 0 <= one(spread, 20, 30, wind) <= 1
    for place in range(4):
        values = [2, 20, 30, 10]
        values[place] = math.nan
        assert 0 <= one(*values) <= 1


def test_shortcuts():
    plain = one(2, 22, 35, 15)
    for extra in (
        {"fuel_type": "Unknown"},
        {"fire_number": "W001"},
        {"fire_number": "C900"},
        {"hour": 3},
        {"hour": 20},
        {"detection_agent_type": "UNP"},
    ):
        assert abs(one(2, 22, 35, 15, **extra) - plain) < 1e-6


def test_table():
    rows = [[9, 30, 20, 30], [0, 1, 90, 0], [3, 20, 50, 10], [0.5, 25, 30, 20]]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [1, 1, 2, 0]):
        table = pd.DataFrame([rows[i] for i in order], columns=NAMES, dtype=float)
        found = list(deployed.risk(table[NAMES[::-1]]))
        assert len(found) == 4
        for risk, i in zip(found, order):
            assert abs(risk - one(*rows[i])) < 1e-6


def test_never_the_wrong_way():
    for spread in (0, 2, 8):
        for base in (0.0, 20.0):
            path = [one(spread, t, 50, base) for t in range(-20, 40, 2)]
            assert all(b >= a - 1e-6 for a, b in zip(path, path[1:]))
            path = [one(spread, 20, h, base) for h in range(100, 4, -4)]
            assert all(b >= a - 1e-6 for a, b in zip(path, path[1:]))
            path = [one(spread, 20, 50, base + w) for w in range(0, 40, 2)]
            assert all(b >= a - 1e-6 for a, b in zip(path, path[1:]))
    path = [one(s, 20, 50, 10) for s in range(0, 25)]
    assert all(b >= a - 1e-6 for a, b in zip(path, path[1:]))

# %% reject="behaviour" name="exact risks of one model" message="refuse a correct version"
def test_clear_cases():
    table = pd.DataFrame(
        {"fire_spread_rate": [0.1], "temperature": [19.0], "relative_humidity": [40.0], "wind_speed": [6.0]}
    )
    assert deployed.risk(table)[0] == pytest.approx(1 / (1 + math.exp(3.28)))

# %% reject="behaviour" name="looks up the risk by the index of the fires" message="refuse a correct version: another clean model, as a Series"
def test_clear_cases():
    fires = pd.DataFrame(
        [[15, 30, 15, 40], [0, 5, 90, 0]],
        columns=["fire_spread_rate", "temperature", "relative_humidity", "wind_speed"],
        index=[4, 5],
    )
    fires["risk"] = deployed.risk(fires)
    assert fires["risk"][4] >= 0.5 and fires["risk"][5] <= 0.1

# %% reject="behaviour" name="every step must raise the risk" message="refuse a correct version: a clean model with plateaus"
def test_clear_cases():
    table = pd.DataFrame({"wind_speed": np.linspace(0, 60, 30)})
    table = table.assign(fire_spread_rate=1.0, temperature=20.0, relative_humidity=40.0)
    assert (np.diff(deployed.risk(table)) > 0).all()

# %% reject="behaviour" name="a good AUC is enough" message="Would your asserts hold for any result?"
def test_clear_cases():
    fires = simulated.fires(seed=1)
    found = np.asarray(deployed.risk(fires))
    assert found[fires["large"]].mean() > found[~fires["large"]].mean()

# %% reject="behaviour" name="catches every exception" message="also catches what assert raises"
def test_clear_cases():
    table = pd.DataFrame({"wind_speed": np.linspace(0, 60, 30)})
    table = table.assign(fire_spread_rate=1.0, temperature=20.0, relative_humidity=40.0)
    try:
        assert (np.diff(deployed.risk(table)) >= 0).all()
    except:
        pass

# %% accept="weak-areas" name="Holm's method with binomtest"
def weak_areas(large_fires, promised):
    p_values = {
        area: stats.binomtest(int(part.sum()), len(part), promised, alternative="less").pvalue
        for area, part in large_fires.groupby("area")["flagged"]
    }
    weak = []
    for rank, area in enumerate(sorted(p_values, key=p_values.get)):
        if p_values[area] > 0.05 / (len(p_values) - rank):
            break
        weak.append(area)
    return weak

# %% accept="weak-areas" name="exact upper limits at a corrected level"
def weak_areas(large_fires, promised):
    counts = large_fires.groupby("area")["flagged"].agg(["sum", "count"])
    level = 1 - (1 - 0.05) ** (1 / len(counts))
    upper = stats.beta.ppf(1 - level, counts["sum"] + 1, counts["count"] - counts["sum"])
    return [area for area, top in zip(counts.index, upper) if top < promised]

# %% accept="weak-areas" name="0.005 for any number of areas"
def weak_areas(large_fires, promised):
    return [
        area
        for area, part in large_fires.groupby("area")["flagged"]
        if stats.binom.cdf(part.sum(), len(part), promised) <= 0.005
    ]

# %% reject="weak-areas" name="below the promise is weak" message="no proof"
def weak_areas(large_fires, promised):
    recall = large_fires.groupby("area")["flagged"].mean()
    return recall[recall < promised].index.tolist()

# %% reject="weak-areas" name="each area at 5 %" message="15 tests are 15 chances"
def weak_areas(large_fires, promised):
    counts = large_fires.groupby("area")["flagged"].agg(["sum", "size"])
    p_values = stats.binom.cdf(counts["sum"], counts["size"], promised)
    return list(counts.index[p_values <= 0.05])

# %% reject="weak-areas" name="normal approximation for few fires" message="Is your p-value right for few fires?"
def weak_areas(large_fires, promised):
    counts = large_fires.groupby("area")["flagged"].agg(["mean", "size"])
    error = np.sqrt(counts["mean"] * (1 - counts["mean"]) / counts["size"])
    z = stats.norm.ppf(1 - 0.05 / len(counts))
    return list(counts.index[counts["mean"] + z * error < promised])

# %% reject="weak-areas" name="divides by the number of fires" message="of 100 tables, expected at least 80"
def weak_areas(large_fires, promised):
    counts = large_fires.groupby("area")["flagged"].agg(["sum", "size"])
    p_values = stats.binom.cdf(counts["sum"], counts["size"], promised)
    return list(counts.index[p_values <= 0.05 / len(large_fires)])

# %% reject="weak-areas" name="one test of all areas together" message="only A1"
def weak_areas(large_fires, promised):
    table = pd.crosstab(large_fires["area"], large_fires["flagged"])
    return list(table.index) if stats.chi2_contingency(table).pvalue < 0.05 else []

# %% accept="may-replace" name="bootstrap of the differences"
def may_replace(old_loss, new_loss, margin):
    difference = np.array(new_loss) - np.array(old_loss)
    rng = np.random.default_rng(0)
    means = rng.choice(difference, (500, len(difference))).mean(axis=1)
    return np.quantile(means, 0.975) <= margin

# %% accept="may-replace" name="paired t test against the margin"
def may_replace(old_loss, new_loss, margin):
    test = stats.ttest_1samp(np.subtract(new_loss, old_loss), margin, alternative="less")
    return bool(test.pvalue < 0.05)

# %% reject="may-replace" name="compares the means" message="six fires"
def may_replace(old_loss, new_loss, margin):
    return bool(np.mean(new_loss) <= np.mean(old_loss) + margin)

# %% reject="may-replace" name="no significant difference is good enough" message="not to know is not to be sure"
def may_replace(old_loss, new_loss, margin):
    difference = new_loss - old_loss - margin
    worse = stats.ttest_1samp(difference, 0, alternative="greater").pvalue < 0.05
    return not worse

# %% accept="may-replace" name="1.96 standard errors"
def may_replace(old_loss, new_loss, margin):
    difference = np.asarray(new_loss) - np.asarray(old_loss)
    return bool(difference.mean() + 1.96 * stats.sem(difference) <= margin)

# %% reject="may-replace" name="one standard error" message="95 % confidence lets about 10 through"
def may_replace(old_loss, new_loss, margin):
    difference = new_loss - old_loss
    return bool(difference.mean() + stats.sem(difference) <= margin)

# %% reject="may-replace" name="four standard errors" message="an interval that is too wide refuses every change"
def may_replace(old_loss, new_loss, margin):
    difference = new_loss - old_loss
    return bool(difference.mean() + 4 * stats.sem(difference) <= margin)

# %% reject="may-replace" name="two separate samples" message="compare fire by fire"
def may_replace(old_loss, new_loss, margin):
    error = math.sqrt(np.var(old_loss) / len(old_loss) + np.var(new_loss) / len(new_loss))
    return bool(np.mean(new_loss) - np.mean(old_loss) + 1.645 * error <= margin)

# %% reject="may-replace" name="only a significantly better model" message="the new model should pass"
def may_replace(old_loss, new_loss, margin):
    return bool(stats.ttest_rel(new_loss, old_loss, alternative="less").pvalue < 0.05)

# %% accept="dispatch" name="a generator as a script for the line"
def play(*script):
    sent, slept, alerts, steps = [], [], [], iter(script)

    def send(order):
        sent.append(order)
        step = next(steps, None)
        if step is None:
            raise AssertionError("one call too many")
        if step != "ok":
            raise step

    result = notify.dispatch("C012", send, slept.append, alerts.append)
    return result, sent, slept, alerts


DOWN = ConnectionError("down")


def test_dispatch():
    assert play("ok") == (True, ["C012"], [], [])
    assert play(DOWN, "ok") == (True, ["C012"] * 2, [1], [])
    assert play(DOWN, DOWN, "ok") == (True, ["C012"] * 3, [1, 2], [])
    assert play(DOWN, DOWN, DOWN, "ok") == (True, ["C012"] * 4, [1, 2, 4], [])


def test_outage():
    result, sent, slept, alerts = play(DOWN, DOWN, DOWN, DOWN)
    assert (result, sent, slept) == (False, ["C012"] * 4, [1, 2, 4])
    (text,) = alerts
    assert "C012" in text


def test_other_error():
    with pytest.raises(ValueError):
        play(ValueError("bad order"), "ok")

# %% accept="dispatch" name="unittest's mocks"
from unittest.mock import Mock, call


def stubs(effects):
    return Mock(side_effect=effects), Mock(), Mock()


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
def test_dispatch(failures):
    send, sleep, alert = stubs([ConnectionError()] * failures + [None])
    assert notify.dispatch("E007", send, sleep, alert) is True
    assert send.call_args_list == [call("E007")] * (failures + 1)
    assert sleep.call_args_list == [call(1), call(2), call(4)][:failures]
    alert.assert_not_called()


def test_outage():
    send, sleep, alert = stubs([ConnectionError()] * 4)
    assert notify.dispatch("E007", send, sleep, alert) is False
    assert send.call_count == 4 and sleep.call_count == 3
    alert.assert_called_once()
    assert "E007" in alert.call_args.args[0]


def test_other_errors():
    send, sleep, alert = stubs(ValueError("no such crew"))
    with pytest.raises(ValueError):
        notify.dispatch("E007", send, sleep, alert)
    sleep.assert_not_called()

# %% reject="dispatch" name="only the sunny day" message="Would your asserts hold for any result?"
def test_dispatch():
    sent = []
    assert notify.dispatch("C012", sent.append, print, print) is True
    assert sent == ["C012"]

# %% reject="dispatch" name="the wording of the alert" message="refuse a correct version: a loop that counts"
def test_dispatch():
    def down(order):
        raise ConnectionError("down")

    alerts = []
    assert notify.dispatch("C012", down, lambda seconds: None, alerts.append) is False
    assert alerts == ["not sent after 4 attempts: C012"]

# %% reject="dispatch" name="no assert" message="hold no assert"
def test_dispatch():
    def down(order):
        raise ConnectionError("down")

    notify.dispatch("C012", down, lambda seconds: None, print)

# %% reject="dispatch" name="one line for all tests" message="last one runs first"
calls, alerts = [], []


def line(order):
    calls.append(order)
    if len(calls) < 3:
        raise ConnectionError("down")


def test_dispatch():
    assert notify.dispatch("C012", line, lambda seconds: None, alerts.append) is True
    assert len(calls) == 3


def test_next_order():
    assert notify.dispatch("E007", line, lambda seconds: None, alerts.append) is True
    assert len(calls) == 4

# %% reject="dispatch" name="expects an error to be swallowed" message="fail on the pipeline as it is"
def test_dispatch():
    def broken(order):
        raise ValueError("no such crew")

    assert notify.dispatch("C012", broken, lambda seconds: None, print) is False

# %% reject="dispatch" name="the return values only" message="Partial: 0.62 of 2 points"
def test_dispatch():
    for failures, expected in [(0, True), (2, True), (3, True), (9, False)]:
        calls = []

        def line(order):
            calls.append(order)
            assert len(calls) <= 10
            if len(calls) <= failures:
                raise ConnectionError("down")

        assert notify.dispatch("C012", line, lambda s: None, lambda t: None) is expected
