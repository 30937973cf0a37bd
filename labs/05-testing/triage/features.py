"""Features: what the model gets to see."""

DIRECTIONS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]


def direction(degrees):
    """Return the nearest of the eight directions for an angle, clockwise from north.

    Any number from -100,000 to 100,000 will do: 370 and -350 are the same as 10. Exactly between
    two directions (such as 22.5) either of them is right.
    """
    return DIRECTIONS[round(degrees / 45) % 8]


def degrees(direction):
    """Return the angle of a direction, clockwise from north: 0 for "N", 90 for "E"."""
    return DIRECTIONS.index(direction) * 45
