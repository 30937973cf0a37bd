"""Simulated cooperative games with known Shapley values: an oracle for Lab 3.

The games are made of gifts: a set of players receives its gift as soon as all of them have joined.
By symmetry the players of a set share its gift equally, so the Shapley values are known without the
formula that students write.
"""

from itertools import chain, combinations

import numpy as np


def random_game(players, seed, start=0.0, idle=()):
    """Return (value, shapley) of a random game.

    value: function of a collection of players, returns a number; of nobody it is `start`.
    shapley: dict, player -> Shapley value. Players in `idle` never change the value: theirs is 0.
    """
    rng = np.random.default_rng(seed)
    active = [player for player in players if player not in idle]
    sizes = range(1, len(active) + 1)
    groups = chain.from_iterable(combinations(active, size) for size in sizes)
    gifts = {frozenset(group): float(rng.normal(0, 3)) for group in groups}

    def value(coalition):
        present = frozenset(coalition)
        return start + sum(gift for group, gift in gifts.items() if group <= present)

    shapley = dict.fromkeys(players, 0.0)
    for group, gift in gifts.items():
        for player in group:
            shapley[player] += gift / len(group)
    return value, shapley
