"""Simulated daily batches of the wildfire log, clean or with one known fault.

The fires in a batch are real; that they arrive as a batch, and the fault in it, is simulated.
"""

import numpy as np
import pandas as pd

WEATHER = ["temperature", "relative_humidity", "wind_speed"]


def clean_batch(log, seed, size=200):
    """Return `size` fires drawn from `log` without replacement, numbered from 0.

    Raises ValueError if the log has fewer than `size` rows.
    """
    return log.sample(size, random_state=seed, ignore_index=True)


def inject(batch, fault, seed):
    """Return a copy of `batch` with one fault, a name from FAULTS. Raises KeyError for another."""
    return FAULTS[fault](batch.copy(), np.random.default_rng(seed))


def _some_rows(batch, rng, low=0.4, high=0.8):
    """Index labels of a random part of the rows: a fault seldom hits all of a batch."""
    size = int(len(batch) * rng.uniform(low, high))
    return rng.choice(batch.index, size, replace=False)


def _fahrenheit(batch, rng):
    batch["temperature"] = batch["temperature"] * 9 / 5 + 32
    return batch


def _lost_column(batch, rng):
    return batch.drop(columns=rng.choice(["temperature", "wind_speed", "fire_type", "latitude"]))


def _sensor_outage(batch, rng):
    column = rng.choice(WEATHER)
    batch.loc[_some_rows(batch, rng), column] = np.nan
    return batch


def _sent_twice(batch, rng):
    again = batch.loc[_some_rows(batch, rng)]
    return pd.concat([batch, again], ignore_index=True)


def _placeholders(batch, rng):
    column, code = rng.choice(WEATHER), rng.choice([-999.0, 9999.0])
    batch.loc[_some_rows(batch, rng), column] = code
    return batch


def _recoded(batch, rng):
    column = rng.choice(["fire_type", "wind_direction", "weather_conditions_over_fire"])
    batch[column] = batch[column].str.lower() + "_v2"
    return batch


def _swapped_coordinates(batch, rng):
    batch[["latitude", "longitude"]] = batch[["longitude", "latitude"]].to_numpy()
    return batch


FAULTS = {
    "fahrenheit": _fahrenheit,
    "lost column": _lost_column,
    "sensor outage": _sensor_outage,
    "sent twice": _sent_twice,
    "placeholders": _placeholders,
    "recoded": _recoded,
    "swapped coordinates": _swapped_coordinates,
}
