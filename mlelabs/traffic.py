"""Traffic for lab 6: a replay of the real log, and simulated streams of failing requests."""

import numpy as np
import pandas as pd

FIELDS = ["latitude", "longitude", "temperature", "relative_humidity", "wind_speed", "fuel_type"]


def replay(log, year, size):
    """The first fires of a year as bodies of requests (dicts), in the order in which they started.

    log: what `load_wildfires` returns. What is missing is None; `Unknown` stays as it is.
    """
    season = log[log["year"] == year].dropna(subset="fire_start_date")
    season = season.sort_values(["fire_start_date", "fire_number"], kind="stable").head(size)
    fires = season[FIELDS].astype(object).where(season[FIELDS].notna(), None)
    fires.insert(0, "fire_id", f"{year}-" + season["fire_number"])
    fires.insert(1, "reported", season["fire_start_date"].str[:16])
    return fires.to_dict("records")


def rollout(seed, stable_rate, canary_rate, looks=20):
    """Simulated: a canary beside the stable version, 100 requests of its own before each look.

    Gives, for each look, two arrays of all outcomes so far (True = the request failed): of the
    stable version, which gets nine times as many requests, and of the canary.
    """
    rng = np.random.default_rng(seed)
    stable = rng.random(900 * looks) < stable_rate
    canary = rng.random(100 * looks) < canary_rate
    for look in range(1, looks + 1):
        yield stable[: 900 * look].copy(), canary[: 100 * look].copy()


def day_with_incidents(seed, incidents=3):
    """Simulated: one day of a service, minute by minute, and its incidents.

    Returns a table with the columns `requests` and `errors`, one row per minute (1,440), and a
    list of incidents, pairs (first minute, last minute). Traffic follows the hour of the day.
    Outside incidents one request in 200 fails, apart from 12 bursts of a minute; within an
    incident, which takes 20 to 60 minutes, 8 to 30 of 100 do.
    """
    rng = np.random.default_rng(seed)
    minutes = np.arange(1440)
    requests = rng.poisson(30 + 25 * np.sin((minutes - 480) / 1440 * 2 * np.pi))
    rate = np.full(1440, 0.005)
    rate[rng.choice(1440, 12, replace=False)] = rng.uniform(0.1, 0.3)  # over before anyone looks
    found = []
    for number in range(incidents):
        width = 1440 // incidents
        first = number * width + int(rng.integers(60, width - 90))
        last = first + int(rng.integers(20, 60))
        rate[first : last + 1] = rng.uniform(0.08, 0.3)
        found.append((first, last))
    return pd.DataFrame({"requests": requests, "errors": rng.binomial(requests, rate)}), found


def score_alerts(minutes, incidents):
    """Precision, recall and mean delay (minutes) of alerts on one or several days.

    minutes: list of lists, the minutes of the alerts of each day. incidents: list of lists of
    pairs. An alert is right if it comes during an incident or within 10 minutes after it.
    """
    right, alerts, caught, delays, total = 0, 0, 0, [], 0
    for day, (times, spans) in enumerate(zip(minutes, incidents, strict=True)):
        assert len(set(times)) == len(times), f"day {day}: two alerts in the same minute"
        alerts, total = alerts + len(times), total + len(spans)
        right += sum(any(a <= t <= b + 10 for a, b in spans) for t in times)
        for first, last in spans:
            within = [t for t in times if first <= t <= last + 10]
            caught += bool(within)
            delays += [min(within) - first] if within else []
    precision = right / alerts if alerts else float("nan")
    return precision, caught / total, float(np.mean(delays)) if delays else float("nan")
