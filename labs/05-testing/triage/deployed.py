"""Deployed: the trained model as it runs at dispatch, a logistic regression written out."""

import numpy as np

INTERCEPT = -3.28
WEIGHTS = {  # column -> (weight per unit, typical value), fitted on the fires of 2006 to 2018
    "fire_spread_rate": (0.41, 0.1),
    "temperature": (0.038, 19),
    "relative_humidity": (-0.010, 40),
    "wind_speed": (0.050, 6),
}


def risk(fires):
    """Return the probability of growing beyond 4 hectares, one number for each fire.

    fires: table with fire_spread_rate (m/min), temperature (°C), relative_humidity (%) and
    wind_speed (km/h); other columns do not matter. Where a value is missing, the risk is a number
    all the same. What is returned is an array or a Series with any index: use np.asarray.
    """
    score = np.full(len(fires), INTERCEPT)
    for column, (weight, typical) in WEIGHTS.items():
        score += weight * (fires[column].fillna(typical).to_numpy() - typical)
    return 1 / (1 + np.exp(-score))
