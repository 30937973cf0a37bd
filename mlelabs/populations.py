"""Simulated people for the lab on fairness, with a truth that is known.

Nobody in here is real. The groups are offices of an agency, named by the caller: a simulation
invents no race, sex or disability.
"""

import numpy as np
import pandas as pd


def scored(offices, size, seed):
    """Return `size` people with the score that some model gave them.

    offices: dict, name -> (share in need, shift, separation): in log-odds, the score of people
    without need is centred on `shift`, that of people in need `separation` higher.
    Returns a DataFrame: office, needs (1 or 0), score (between 0 and 1).
    """
    rng = np.random.default_rng(seed)
    which = rng.choice(len(offices), size)
    in_need, shift, separation = np.array(list(offices.values()))[which].T
    needs = (rng.random(size) < in_need).astype(int)
    log_odds = rng.normal(shift + separation * needs)
    office, score = np.array(list(offices))[which], 1 / (1 + np.exp(-log_odds))
    return pd.DataFrame({"office": office, "needs": needs, "score": score})


def applicants(size, seed, offices=("North", "South"), recorded=0.3):
    """Return `size` people of two offices whose months without work are recorded unequally well.

    The second office writes down only the part `recorded` of the months; its people live further
    away and are a little more often in need. Returns a DataFrame: office, months (without work),
    distance (km), age (years), needs (1 or 0).
    """
    rng = np.random.default_rng(seed)
    second = rng.random(size) < 0.4
    needs = rng.random(size) < np.where(second, 0.35, 0.3)
    months = rng.gamma(3, 1, size) + needs * rng.gamma(5, 1.2, size)
    return pd.DataFrame(
        {
            "office": np.where(second, offices[1], offices[0]),
            "months": months * np.where(second, recorded, 1),
            "distance": rng.normal(np.where(second, 25, 10), 3).clip(0),
            "age": rng.integers(25, 60, size),
            "needs": needs.astype(int),
        }
    )
