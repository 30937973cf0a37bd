"""Traffic, simulated days and the reader of Dockerfiles do what their docstrings say."""

import numpy as np
import pytest

from mlelabs import traffic
from mlelabs.data import load_wildfires
from mlelabs.dockerfile import copied, final_stage, is_code, read_dockerfile, variables


def test_replay_is_the_real_log_in_order():
    log = load_wildfires()
    fires = traffic.replay(log, 2023, 2000)
    assert len(fires) == (log["year"].eq(2023) & log["fire_start_date"].notna()).sum()
    assert [fire["reported"] for fire in fires] == sorted(fire["reported"] for fire in fires)
    assert len({fire["fire_id"] for fire in fires}) == len(fires)
    assert all(value == value for fire in fires for value in fire.values()), "None, not NaN"
    assert any(fire["temperature"] is None for fire in fires)


def test_a_rollout_grows_look_by_look():
    looks = list(traffic.rollout(3, 0.02, 0.5))
    assert [len(canary) for _, canary in looks] == list(range(100, 2001, 100))
    assert all(len(stable) == 9 * len(canary) for stable, canary in looks)
    last = looks[-1][1]
    assert all(np.array_equal(canary, last[: len(canary)]) for _, canary in looks)
    assert abs(last.mean() - 0.5) < 0.05


@pytest.mark.parametrize("seed", range(10))
def test_days_have_their_incidents(seed):
    day, incidents = traffic.day_with_incidents(seed)
    assert len(day) == 1440 and len(incidents) == 3
    assert (day["errors"] <= day["requests"]).all()
    inside = np.zeros(1440, dtype=bool)
    for first, last in incidents:
        assert 0 <= first < last < 1440
        inside[first : last + 1] = True
    share = day["errors"].groupby(inside).sum() / day["requests"].groupby(inside).sum()
    assert share[True] > 0.06 and share[False] < 0.02


def test_alerts_are_scored():
    precision, recall, delay = traffic.score_alerts([[5, 105, 300]], [[(100, 130), (500, 530)]])
    assert (precision, recall, delay) == (1 / 3, 1 / 2, 5)
    assert np.isnan(traffic.score_alerts([[]], [[(1, 2)]])[0])


def test_dockerfile_is_read():
    text = '# base\nFROM a\nrun x \\\n  # no\n  && y\n\nCMD ["z"]\n'
    assert read_dockerfile(text) == [("FROM", "a"), ("RUN", "x  && y"), ("CMD", '["z"]')]


def test_the_final_stage_is_found():
    text = "ARG V=3.12\nFROM --platform=linux/arm64 python:${V}-slim AS base\nUSER app\n"
    text += "FROM other\n"
    assert final_stage(read_dockerfile(text))[0] == "other"
    image, steps = final_stage(read_dockerfile(text + "FROM base AS last\nCMD x\n"))
    assert image == "python:3.12-slim" and ("USER", "app") in steps
    assert [name for name, _ in steps].count("CMD") == 1
    text = "FROM a:1 AS build\nUSER app\nFROM a:1\nCOPY --from=build /x /y\n"
    image, steps = final_stage(read_dockerfile(text))
    assert image == "a:1" and "USER" not in [name for name, _ in steps]
    assert final_stage(read_dockerfile("FROM $IMAGE\n"))[0] == "$IMAGE"


def test_copies_and_variables_are_read():
    assert copied("constraints.txt requirements.txt ./") == ["constraints.txt", "requirements.txt"]
    assert copied('["requirements.txt", "/tmp/"]') == ["requirements.txt"]
    assert copied("--chown=app:app . .") == ["."]
    assert copied("--from=build /x /y") == []
    for source in (".", "./", "src", "src/", "app.py", "*", "*.py", "./app/"):
        assert is_code(source), source
    for source in ("requirements.txt", "./constraints.txt", "requirements/", "pip.conf"):
        assert not is_code(source), source
    assert variables("MODEL=/a/monkey.pkl X='a b=c'") == ["MODEL", "X"]
    assert variables("API_KEY 8f2c") == ["API_KEY"]
    assert variables("TOKEN") == ["TOKEN"]
