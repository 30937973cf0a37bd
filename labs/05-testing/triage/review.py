"""Review: people look at some of the model's decisions."""

import numpy as np

waiting = []  # the fires that wait for a person, as long as this process runs


def enqueue(fire):
    """Let a fire wait for a person."""
    waiting.append(fire)


def next_fire():
    """Take out the fire that has waited longest; None if none waits."""
    return waiting.pop(0) if waiting else None


def is_night(moment):
    """True from 22:00 to before 6:00, when only the duty officer reviews."""
    return moment.hour >= 22 or moment.hour < 6


def draw(fires, share, rng=None):
    """Return a random sample of a list of fires, each taken with probability `share`.

    rng: a numpy Generator; without one, a new one is made.
    """
    rng = rng or np.random.default_rng()
    return [fire for fire in fires if rng.random() < share]
