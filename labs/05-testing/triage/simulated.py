"""Simulated fires to test with: never real, and different for every seed."""

import numpy as np
import pandas as pd


def fires(size=1500, seed=0):
    """Return simulated fires of 2010 to 2019; about one in seven grows large."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "fire_number": [f"C{number:04}" for number in range(size)],
            "year": rng.integers(2010, 2020, size),
            "temperature": rng.normal(18, 7, size),
            "relative_humidity": rng.uniform(15, 95, size),
            "wind_speed": rng.gamma(3, 4, size),
            "fire_spread_rate": rng.gamma(1, 3, size),
        }
    )
    danger = table["fire_spread_rate"] + table["wind_speed"] / 4 + rng.normal(0, 1, size)
    table["current_size"] = np.exp(danger - 8)
    table["large"] = table["current_size"] > 4
    return table
