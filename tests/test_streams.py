"""The simulated streams do what their docstrings say, and nothing depends on the policy's state."""

import numpy as np
import pytest

from mlelabs import streams


def never(known, trained, usual, cost):
    return False


def always(known, trained, usual, cost):
    return True


def test_a_seed_is_a_stream():
    first, again, other = (streams.daily_stream(seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])
    assert [len(part) for part in first] == [1000, 300]


def test_the_ramp_begins_on_its_day_and_has_its_slope():
    for seed in range(20):
        reference, calm = streams.daily_stream(seed)
        same, ramp = streams.daily_stream(seed, start=100)
        moved = ramp - calm
        assert np.array_equal(reference, same), "the past is the same with and without a drift"
        assert not moved[:101].any() and moved[101:].all()
        assert abs(moved[-1]) == pytest.approx(0.02 * 199 * reference.std(), rel=0.1)


def test_streams_drift_in_both_directions():
    last = [
        streams.daily_stream(s, start=0)[1][-1] > streams.daily_stream(s)[1][-1] for s in range(20)
    ]
    assert 3 < sum(last) < 17


def test_a_policy_sees_no_outcome_before_it_exists():
    seen = []

    def look(known, trained, usual, cost):
        seen.append((len(known), trained))
        known[:] = 0  # a policy that writes into what it sees changes nothing
        return len(seen) in (40, 80)

    months = streams.run_policy(look, seed=3)
    lengths = [length for length, _ in seen]
    assert lengths == [max(month - streams.DELAY, 0) for month in range(streams.MONTHS)]
    assert [trained for _, trained in seen] == [0] * 40 + [39] * 40 + [79] * 40
    assert (months["loss"] > 0.2).all()


def test_costs_add_up():
    for policy, times in ((never, 0), (always, streams.MONTHS)):
        months = streams.run_policy(policy, seed=5)
        assert months["retrained"].sum() == times
        expected = (months["loss"] - streams.USUAL).sum() + streams.COST * times
        assert months["cost"].sum() == pytest.approx(expected)


def test_the_simple_policies_cost_what_running_them_costs():
    def at_each_alarm(known, trained, usual, cost):
        return len(known) > 0 and known.iloc[-1] > usual + 0.5

    expected = [streams.total_cost(policy, range(30)) for policy in (never, always, at_each_alarm)]
    assert streams.simple_costs(range(30)) == pytest.approx(expected, rel=1e-12)


def test_the_world_does_not_depend_on_the_policy():
    """Shocks and jumps are the same, so policies can be compared on the same worlds."""
    one, two = streams.run_policy(never, seed=8), streams.run_policy(never, seed=8)
    assert one.equals(two)
    gap = streams.run_policy(always, seed=8)["loss"] - one["loss"]
    assert gap[:6].abs().max() < 0.2, "before the first jump a new model changes next to nothing"


def test_a_new_model_helps_after_a_jump():
    assert streams.total_cost(never, range(20)) > 150
    fresh = np.mean([streams.run_policy(always, s)["loss"].mean() for s in range(20)])
    stale = np.mean([streams.run_policy(never, s)["loss"].mean() for s in range(20)])
    assert fresh < stale - 1
