"""Simulated streams for the lab on drift: a daily measurement, and a product in a moving world.

Everything here is simulated: no fire of the log is behind these numbers.
"""

import numpy as np
import pandas as pd

MONTHS = 120  # length of a world: ten years
DELAY = 2  # months until the outcomes of a month are known
USUAL = 1.0  # mean loss of a month with a model that fits the world
COST = 5.0  # cost of one retraining, in the same unit as the loss


def daily_stream(seed, start=None, days=300, slope=0.02):
    """Return (reference, values): 1,000 values of a calm past, and `days` new ones in order.

    Both are normal with the same mean and spread, which differ from seed to seed. If `start` is a
    day (from 0), the level drifts away from that day on by `slope` spreads per day, up or down.
    """
    rng = np.random.default_rng(seed)
    mean, spread = rng.normal(0, 10), rng.uniform(0.5, 4)
    reference, values = rng.normal(mean, spread, 1000), rng.normal(mean, spread, days)
    direction = rng.choice([-1, 1])
    if start is not None:
        ramp = np.clip(np.arange(days) - start, 0, None)
        values = values + direction * slope * spread * ramp
    return reference, values


def run_policy(policy, seed):
    """Run a retraining policy through a simulated world; return a DataFrame with a row per month.

    policy: function (known, trained, usual, cost) -> True to retrain before this month. `known` is
    a Series, month -> loss, of the months whose outcomes are known: all but the last DELAY.
    `trained` is the first month of the model in service. Columns: loss, retrained, cost (the loss
    above USUAL, plus COST for a retraining).
    """
    world, freak, noise, error = _world(seed)
    losses, retrained = np.zeros(MONTHS), np.zeros(MONTHS, dtype=bool)
    model, trained = world[0], 0
    for month in range(MONTHS):
        seen = max(month - DELAY, 0)  # months whose outcomes are known
        known = pd.Series(losses[:seen].copy())
        if policy(known, trained, USUAL, COST):
            model, trained = world[max(seen - 1, 0)] + error[month], month
            retrained[month] = True
        gap = min((world[month] - model) ** 2, 4.0)
        losses[month] = USUAL + gap + freak[month] + noise[month]
    cost = losses - USUAL + COST * retrained
    return pd.DataFrame({"loss": losses, "retrained": retrained, "cost": cost})


def total_cost(policy, seeds):
    """Mean total cost of a policy over the worlds of several seeds, a float."""
    return float(np.mean([run_policy(policy, seed)["cost"].sum() for seed in seeds]))


def simple_costs(seeds):
    """Mean total costs of three simple policies: never to retrain, always, and at each alarm.

    An alarm is a last known loss of more than USUAL + 0.5. Returns a tuple of three floats, the
    same as `total_cost` of each policy; all worlds are run at once, which is much faster.
    """
    world, freak, noise, error = np.stack([_world(seed) for seed in seeds], axis=-1)
    costs = []
    for policy in ("never", "always", "at each alarm"):
        losses, retrained = np.zeros_like(world), np.zeros_like(world, dtype=bool)
        model = world[0]
        for month in range(MONTHS):
            seen = max(month - DELAY, 0)
            if policy == "always":
                retrained[month] = True
            elif policy == "at each alarm" and seen:
                retrained[month] = losses[seen - 1] > USUAL + 0.5
            fresh = world[max(seen - 1, 0)] + error[month]
            model = np.where(retrained[month], fresh, model)
            gap = np.minimum((world[month] - model) ** 2, 4.0)
            losses[month] = USUAL + gap + freak[month] + noise[month]
        cost = losses - USUAL + COST * retrained
        costs.append(float(cost.sum(axis=0).mean()))
    return tuple(costs)


def _world(seed):
    """What a seed decides, whatever the policy: world, freak months, noise, errors of models."""
    rng = np.random.default_rng(seed)
    jumps = (rng.random(MONTHS) < 0.05) * rng.choice([-1, 1], MONTHS) * rng.uniform(1, 2.5, MONTHS)
    jumps[:6] = 0  # the first model has some months of peace
    world = np.cumsum(jumps)
    freak = (rng.random(MONTHS) < 0.08) * rng.uniform(1, 3, MONTHS)  # bad months that pass
    noise, error = rng.normal(0, 0.15, MONTHS), rng.normal(0, 0.1, MONTHS)
    return world, freak, noise, error
