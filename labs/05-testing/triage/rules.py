"""Rules: from a risk to what the dispatcher is told."""

import math


def priority(risk, size, near_town):
    """Return how urgent a fire is: "now", "next" or "watch".

    "now" with a risk of at least 0.5, or above 4 hectares, or near a town with a risk of at least
    0.2; otherwise "next" with a risk of at least 0.1; otherwise "watch". A missing risk (NaN) is
    "now": no number is no all-clear.
    """
    if math.isnan(risk) or risk >= 0.5 or size > 4:
        return "now"
    if near_town and risk >= 0.2:
        return "now"
    if risk >= 0.1:
        return "next"
    return "watch"


def crews(size):
    """Return how many crews a fire of this size (ha) gets: 1 to 4 ha, 2 to 40, 3 to 200, else 4."""
    return 1 + (size > 4) + (size > 40) + (size > 200)
