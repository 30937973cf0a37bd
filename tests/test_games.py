"""The simulated games of Lab 3 keep what their Shapley values promise."""

from itertools import permutations

import pytest

from mlelabs.games import random_game


@pytest.mark.parametrize("seed", range(5))
def test_values_agree_with_the_average_over_all_orders(seed):
    players = ["a", "b", "c", "d"]
    value, shapley = random_game(players, seed, start=2.0, idle=["c"])
    orders = list(permutations(players))
    for player in players:
        gains = []
        for order in orders:
            before = set(order[: order.index(player)])
            gains.append(value(before | {player}) - value(before))
        assert sum(gains) / len(gains) == pytest.approx(shapley[player])
    assert sum(shapley.values()) == pytest.approx(value(players) - value([]))
    assert shapley["c"] == 0


def test_a_game_is_the_same_for_the_same_seed():
    first, second = random_game("abc", 1)[0], random_game("abc", 1)[0]
    assert first({"a", "c"}) == second(["c", "a"]) != random_game("abc", 2)[0]({"a", "c"})
    assert random_game("abc", 1, start=7.0)[0]([]) == 7.0
