"""The simulated people of the lab on fairness: the truth that the simulation promises."""

import numpy as np

from mlelabs.populations import applicants, scored

OFFICES = {"A": (0.2, -1.0, 1.2), "B": (0.6, 0.5, 2.0)}


def test_scores_have_the_promised_shares_and_separation():
    people = scored(OFFICES, 40_000, seed=1)
    assert list(people) == ["office", "needs", "score"]
    assert people["score"].between(0, 1, inclusive="neither").all()
    log_odds = np.log(people["score"] / (1 - people["score"]))
    centres = log_odds.groupby([people["office"], people["needs"]]).mean()
    for office, (in_need, shift, separation) in OFFICES.items():
        members = people[people["office"] == office]
        assert abs(members["needs"].mean() - in_need) < 0.02
        assert abs(centres[office, 0] - shift) < 0.05
        assert abs(centres[office, 1] - shift - separation) < 0.07


def test_second_office_records_a_part_of_the_months():
    people = applicants(40_000, seed=2, offices=("X", "Y"), recorded=0.5)
    assert list(people) == ["office", "months", "distance", "age", "needs"]
    months = people.groupby(["needs", "office"])["months"].mean()
    for needs in (0, 1):
        assert abs(months[needs, "Y"] / months[needs, "X"] - 0.5) < 0.02
    distance = people.groupby("office")["distance"].mean()
    assert distance["Y"] > distance["X"] + 10
    assert people["age"].between(25, 59).all()
    in_need = people.groupby("office")["needs"].mean()
    assert abs(in_need["X"] - 0.30) < 0.02 and abs(in_need["Y"] - 0.35) < 0.02


def test_the_seed_decides_everything():
    for simulate in (lambda seed: scored(OFFICES, 100, seed), lambda seed: applicants(100, seed)):
        assert simulate(3).equals(simulate(3))
        assert not simulate(3).equals(simulate(4))
