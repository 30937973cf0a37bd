"""Model: split, train and evaluate."""

from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

FEATURES = ["temperature", "relative_humidity", "wind_speed", "fire_spread_rate"]


def split(fires, last_year):
    """Return (train, test): the fires up to and including `last_year`, and those after it.

    Every fire is in exactly one of them. Order and index are not promised.
    """
    is_past = fires["year"] <= last_year
    return fires[is_past], fires[~is_past]


def train(fires, seed=0):
    """Return a classifier for `large`, trained on the FEATURES of these fires."""
    forest = RandomForestClassifier(n_estimators=10, random_state=seed)
    return forest.fit(fires[FEATURES], fires["large"])


def evaluate(fires, last_year, seed=0):
    """Return the area under the ROC curve (AUC) after `last_year`, for a model trained up to it.

    The same seed gives the same number.
    """
    past, future = split(fires, last_year)
    risk = train(past, seed).predict_proba(future[FEATURES])[:, 1]
    return roc_auc_score(future["large"], risk)
