# %% [markdown]
# # Lab 6: Put the model into service, and change it while it runs
#
# **What you'll do:** build the parts of a real prediction service, put them under real requests, watch them, and replace the model without losing an answer.
#
# **You will be able to**
#
# - package a model so that it can be loaded safely, and refuse requests that nobody should answer,
# - serve the same numbers that training computed, also while a model loads, hangs or fails,
# - measure a service (latency quantiles, Prometheus metrics, labels that come late),
# - release a new model step by step: shadow, canary with a stop rule, swap and rollback,
# - decide when somebody should be woken at night.
#
# **You need:** Python functions (also functions inside functions), dictionaries, pandas. Helpful: decorators, threads, what HTTP status codes are. No experience with FastAPI, Docker or YAML.
#
# **Time:** about 205 minutes · **Points:** 30 · **Course outcome:** bringing a model into operation, and keeping it there.

# %% [markdown]
# ## Where you stand
#
# Run this cell once. The table then follows your checks as you run them, and remembers them when you come back.

# %%
from mlelabs.progress import show_progress

show_progress()

# %% [markdown]
# ## The situation
#
# **Dispatch triage** predicts, when a wildfire in Alberta is reported, whether it will grow beyond 4 hectares, so that crews go there first. In the notebook it works. From next week dispatchers will call it
# over the network: in the middle of the night, fifty at once after a thunderstorm, with fields left empty, while a new model is being installed. A service that answers with a wrong number, late or not at all costs a
# crew's time or a forest. That a service works is not declared here. It is shown, by real requests.
#
# How this notebook works: **given** cells are locked; run them and read. In **exercise** cells you replace the line `raise NotImplementedError(...)`. The
# **check** below each exercise tells you at once what is right and what is not; when your lab is graded, further tests run on fresh data. Every exercise stands
# alone: a mistake in one costs no points in another.
#
# **How services run here.** Your exercise cell becomes a file of its own, with the imports of the next cell on top; a new Python process runs it, calls your function, and serves the app that it returns with uvicorn on a free port
# of this machine. `with running(your_function) as service:` starts the process and always ends it; the first start takes a few seconds. So your app must not use what other cells define. Of your cell, only imports, functions, classes and
# assignments on its top level make the file; calls, loops, `if`, `with` and `try` on the top level are left out, and with a magic such as `%%time` on top the cell cannot be read. What your app prints is not shown. To look at a value, put it into the answer for a
# moment, or raise an error that names it: the checks tell you what the app raised.

# %%
import asyncio
import hashlib
import json
import math
import pickle
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import prometheus_client
import sklearn
import yaml
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# %% [markdown]
# And what only this notebook needs, not a service:

# %%
import matplotlib.pyplot as plt

from mlelabs.data import load_wildfires
from mlelabs.dockerfile import copied, final_stage, is_code, read_dockerfile, variables
from mlelabs.service import eventually, running
from mlelabs.standins import Loader, Shelf, StandIn, noted
from mlelabs.traffic import day_with_incidents, replay, rollout, score_alerts

plt.style.use("mlelabs.figures")

log = load_wildfires()
log["large"] = log["current_size"] > 4  # hectares
log.shape

# %% [markdown]
# One row is one wildfire, 2006 to 2024, from the Government of Alberta. *Contains information licensed under the Open Government Licence – Alberta.* `data/README.md` explains the columns. The requests in this lab are a
# **replay**: real fires, in the order in which they started. Failures, slow models and incidents are invented, and called simulated.

# %%
fires = replay(log, year=2023, size=1200)
fires[100]

# %% [markdown]
# ## It works on my machine
#
# Here is the prototype that somebody wrote in an afternoon. `@app.post("/predict")` says: this function answers POST requests to that path. FastAPI turns the body of the request (JSON) into `fire`, and the returned dict into JSON.

# %%
def prototype():
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        risk = 0.02 * fire.get("temperature", 0) - 0.005 * fire.get("relative_humidity", 0)
        return {"probability": round(min(max(0.1 + risk, 0), 1), 3)}

    return app

# %% [markdown]
# **Before running:** the second request has a misspelt field, the third says `"warm"`. What will the service answer?

# %%
with running(prototype) as service:
    for body in [
        {"temperature": 25, "relative_humidity": 30},
        {"temprature": 25, "relative_humidity": 30},
        {"temperature": "warm", "relative_humidity": 30},
    ]:
        answer = service.post("/predict", body)
        print(answer.status_code, answer.text)

# %% [markdown]
# The first is fine. In the third it falls over: status 500 says "my fault", though it is the sender's, who does not learn what was wrong. The second is the dangerous one. A spelling mistake, and the service answers 200 with a probability of 0: `fire.get(..., 0)` has made
# a fire at 0 °C of it. The dispatcher sees a number like any other.

# %% [markdown]
# ## From a notebook to a package
#
# First the model itself. We train it on the fires up to 2018. `training_table` says how features are made of the log.

# %%
def training_table(log):
    """The features of fires, one row each, as the model is trained on them."""
    table = log[["temperature", "relative_humidity", "wind_speed"]].astype(float)
    table = table.fillna(table.median())
    table["fuel_type"] = log["fuel_type"].fillna("Unknown").str.strip()
    reported = pd.to_datetime(log["fire_start_date"])
    table["month"], table["hour"] = reported.dt.month, reported.dt.hour
    return table


past = log[log["year"] <= 2018].dropna(subset="fire_start_date")
numbers = ["temperature", "relative_humidity", "wind_speed", "month", "hour"]
pipeline = make_pipeline(
    make_column_transformer(
        (StandardScaler(), numbers),
        (OneHotEncoder(handle_unknown="ignore"), ["fuel_type"]),
    ),
    LogisticRegression(max_iter=1000),
)
table = training_table(past)
pipeline.fit(table, past["large"])
facts = {
    "features": list(table.columns),
    "medians": table[["temperature", "relative_humidity", "wind_speed"]].median().to_dict(),
}
facts

# %% [markdown]
# Usually it is now saved with `pickle`. A pickle is not data, though. It is a **program**, and loading runs it.
#
# **Before running:** the class below does nothing when it is saved. What happens when somebody loads the file?

# %%
class Harmless:
    def __reduce__(self):
        return print, ("Code from the file runs on your machine, before you have seen the model.",)


unpacked = pickle.loads(pickle.dumps(Harmless()))

# %% [markdown]
# It could have deleted your files just as well. Add the everyday accidents: the file was cut off while copying, another version of scikit-learn reads it, nobody remembers which columns it wants or what it was trained on. So
# a model travels with a **manifest**: who am I, what do I need, and the digest of my file. All of it is checked before the first byte is unpickled.

# %% [markdown]
# ## Exercise 1: Package a model and load it safely (2 points, about 11 minutes)
#
# Write `save_model(model, folder, facts)` and `load_model(folder)`. `folder` is a `Path` that exists. A manifest has at least these **six entries**:
#
# | entry | where it comes from |
# |---|---|
# | `"version"`, `"features"`, `"data_sha256"`, `"trained_until"` | from the parameter `facts`, a dict that may hold more |
# | `"sha256"` | the digest of the file `model.pkl`, as hexadecimal text |
# | `"sklearn"` | the installed version, `sklearn.__version__` |
#
# `save_model` writes two files: `model.pkl`, the pickle of the model, and `manifest.json`, **all** the facts and the two entries more. It raises `ValueError` if the facts lack one of the four. The given dict stays as it is.
#
# `load_model` returns the pair (model, manifest). It raises `ValueError`, **before anything in `model.pkl` is run**, if the manifest lacks one of the six entries, if the digest is another one, or if the installed scikit-learn is another version.
# (Both files are there, and the manifest is JSON. Whether an entry is there counts, not what it says.)
#
# <details><summary>Hint</summary><code>hashlib.sha256(data).hexdigest()</code> digests bytes, <code>path.read_bytes()</code> reads them. Unpickle the very bytes that you have digested: <code>pickle.loads(data)</code>.</details>

# %% exercise="package"
def save_model(model, folder, facts):
    """Write model.pkl and manifest.json into a folder. Raises ValueError if a fact is missing."""
    ### BEGIN SOLUTION
    missing = {"version", "features", "data_sha256", "trained_until"} - set(facts)
    if missing:
        raise ValueError(f"facts are missing: {sorted(missing)}")
    data = pickle.dumps(model)
    manifest = facts | {
        "sha256": hashlib.sha256(data).hexdigest(),
        "sklearn": sklearn.__version__,
    }
    (folder / "model.pkl").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    ### END SOLUTION


def load_model(folder):
    """Return (model, manifest) from a folder. Raises ValueError if it cannot be trusted."""
    ### BEGIN SOLUTION
    manifest = json.loads((folder / "manifest.json").read_text())
    entries = {"version", "features", "data_sha256", "trained_until", "sha256", "sklearn"}
    if entries - set(manifest):
        raise ValueError(f"the manifest lacks {sorted(entries - set(manifest))}")
    if manifest["sklearn"] != sklearn.__version__:
        raise ValueError(f"made with scikit-learn {manifest['sklearn']}")
    data = (folder / "model.pkl").read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise ValueError("model.pkl is not the file that was saved")
    return pickle.loads(data), manifest
    ### END SOLUTION

# %% free="package"
with tempfile.TemporaryDirectory() as folder:
    more = {"version": "2019-1", "data_sha256": "2881e385", "trained_until": "2018-12-31"}
    save_model(pipeline, Path(folder), facts | more)  # our facts: the features and the medians
    print((Path(folder) / "manifest.json").read_text())

# %% check="package" points=2
# Checks a round trip, a missing fact, a file of which one byte has changed, and another version of scikit-learn.
facts_of_it = {"version": "7", "features": ["a"], "data_sha256": "0f", "trained_until": "2018-12-31"}


def is_refused(folder):
    """True if load_model raises ValueError."""
    try:
        load_model(folder)
    except ValueError as error:
        assert not isinstance(error, UnicodeDecodeError), "raise a ValueError of your own, before you unpickle"
        return True
    except (pickle.UnpicklingError, EOFError, AttributeError, KeyError, TypeError, AssertionError) as error:
        raise AssertionError(
            f"load_model should raise ValueError, it raises {type(error).__name__}: "
            + ("an assert vanishes when Python runs with -O" if isinstance(error, AssertionError) else "it looked into the file or the manifest before it checked them")
        ) from None
    return False


with tempfile.TemporaryDirectory() as place:
    folder = Path(place)
    save_model({"weights": [1, 2]}, folder, facts_of_it)
    for name in ("model.pkl", "manifest.json"):
        assert (folder / name).is_file(), f"save_model should write {name}"
    got = load_model(folder)
    assert isinstance(got, tuple) and len(got) == 2, f"load_model should return a pair, got {type(got).__name__}"
    assert got[0] == {"weights": [1, 2]}, f"the model came back as {got[0]!r}"
    assert isinstance(got[1], dict), "the second of the pair is the manifest, a dict"
    assert got[1].get("features") == ["a"], f"the manifest should hold the facts, it holds {got[1]}"
    assert got[1].get("sha256") == hashlib.sha256((folder / "model.pkl").read_bytes()).hexdigest(), (
        "'sha256' should be the hexadecimal digest of the file model.pkl"
    )
    assert set(facts_of_it) == {"version", "features", "data_sha256", "trained_until"}, (
        "save_model changes the facts it was given: make a new dict"
    )
    try:
        save_model({}, folder, {"version": "8", "features": ["a"]})
        raise AssertionError("save_model accepts facts without data_sha256 and trained_until: nobody will know what it was trained on")
    except ValueError:
        pass
    save_model({"weights": [1, 2]}, folder, facts_of_it)
    data = bytearray((folder / "model.pkl").read_bytes())
    data[-3] ^= 1
    (folder / "model.pkl").write_bytes(bytes(data))
    assert is_refused(folder), "one bit of model.pkl has changed, and load_model accepts it: compare the digest"
    save_model({"weights": [1, 2]}, folder, facts_of_it)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"sklearn": "0.24.2"}))
    assert is_refused(folder), "saved with scikit-learn 0.24.2, which is not installed, and load_model accepts it"
### BEGIN HIDDEN TESTS
import hashlib
import json
import pickle
import tempfile
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression


class Bomb:
    def __init__(self, crater):
        self.crater = str(crater)

    def __reduce__(self):
        return exec, (f"open({self.crater!r}, 'w').close()",)


rng = np.random.default_rng(5)
inputs = rng.normal(size=(60, 3))
model = LogisticRegression().fit(inputs, inputs[:, 0] > 0)
about = {"version": "2020-4", "features": ["x", "y", "z"], "data_sha256": "ab" * 32, "trained_until": "2019-12-31", "note": "ü"}
with tempfile.TemporaryDirectory() as place:
    folder, crater = Path(place), Path(place) / "crater"
    save_model(model, folder, about)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.pkl"], "save_model should write two files, model.pkl and manifest.json"
    whole = json.loads((folder / "manifest.json").read_text())
    again, manifest = load_model(folder)
    assert np.array_equal(again.predict_proba(inputs), model.predict_proba(inputs)), "the model that came back predicts other numbers"
    assert {key: manifest.get(key) for key in about} == about, f"the manifest should hold all facts as they were given, it holds {manifest}"
    for key in ("version", "features", "data_sha256", "trained_until"):
        try:
            save_model(model, folder, {name: value for name, value in about.items() if name != key})
        except ValueError:
            continue
        raise AssertionError(f"save_model accepts facts without {key}")
    bomb = pickle.dumps(Bomb(crater))
    (folder / "model.pkl").write_bytes(bomb)
    cases = {"the digest of the saved file": whole}
    fitting = whole | {"sha256": hashlib.sha256(bomb).hexdigest()}
    cases["another version of scikit-learn"] = fitting | {"sklearn": "1.0.2"}
    cases["a later version of scikit-learn"] = fitting | {"sklearn": "99.0.0"}
    cases["another patch of scikit-learn"] = fitting | {"sklearn": ".".join([*whole["sklearn"].split(".")[:2], "77"])}
    cases["a digest that only begins like the right one"] = fitting | {"sha256": fitting["sha256"][:16] + "0" * 48}
    for key in whole:
        if key != "note":
            cases[f"no entry '{key}'"] = {k: v for k, v in fitting.items() if k != key}
    for name, manifest in cases.items():
        (folder / "manifest.json").write_text(json.dumps(manifest))
        try:
            load_model(folder)
            refused = False
        except ValueError:
            refused = True
        except Exception as error:
            raise AssertionError(f"a strange model.pkl, and a manifest with {name}: expected ValueError, got {type(error).__name__}") from None
        assert not crater.exists(), f"a strange model.pkl, and a manifest with {name}: the code in it was run. Check everything before you unpickle"
        assert refused, f"a strange model.pkl, and a manifest with {name}: it was loaded"
### END HIDDEN TESTS

# %% [markdown]
# A digest that lies beside the file helps against accidents. Whoever can replace the file can replace the manifest too; so in practice the digest comes another way (a registry, a signature), and formats that hold only numbers,
# such as ONNX or skops, replace the pickle.
#
# ## A request is a promise
#
# pydantic describes what a request must hold. Here is a class for another service: a crew reports in.

# %%
class Report(BaseModel):
    crew: str = Field(min_length=2, max_length=8)
    people: int = Field(ge=1, le=40)
    note: str | None = None  # may be left out: the default is there for all to see


def reports():
    app = FastAPI()

    @app.post("/report")
    def report(report: Report):
        return {"thanks": report.crew, "people": report.people}

    return app

# %%
with running(reports) as service:
    for body in [{"crew": "C7", "people": 4}, {"crew": "C7", "people": 99}, {"crew": "C7", "people": "4"}]:
        answer = service.post("/report", body)
        print(answer.status_code, answer.text[:180])
    print(service.post("/report", b'{"crew": "C7", "people": NaN}').status_code)

# %% [markdown]
# FastAPI refuses 99 people with status 422 ("I understand you, but this cannot be") and names field, limit and value. Two things to notice. The text `"4"` became the number 4: pydantic is helpful, unless you tell it to be strict. And the last
# request, `NaN`, which some programs write for "missing", made the *refusal itself* fail: 500. FastAPI puts the refused value into its answer, and JSON has no NaN.

# %% [markdown]
# ## Exercise 2: Refuse what should not be answered (3 points, about 23 minutes)
#
# Write `validating_app()`. It returns an app that answers `POST /predict`. A valid request gets 200 and `{"accepted": <its fire_id>}`. These six fields must all be **there**, also those that may be `null`, and no others:
#
# | field | type | limits |
# |---|---|---|
# | `fire_id` | text | 1 to 40 characters |
# | `latitude` | number | 49 to 60 |
# | `longitude` | number | −120 to −110 |
# | `temperature` | number or null | −50 to 50 |
# | `relative_humidity` | number or null | 0 to 100 |
# | `fuel_type` | text or null | at most 20 characters |
#
# A text is no number, nor is `true`, nor NaN, nor infinity. Whole numbers are numbers. Everything else gets 422, and the answer (JSON, in a form you like) contains the name of **each** wrong field and its value; of a missing or an unknown field the name is enough. What is no JSON object gets 400 or 422.
# Whatever comes (a number with 400 digits, half a character), the service never answers with 5xx.
#
# *By hand:* a latitude of 91 and a temperature of `"warm"` in one request: 422, and the answer contains `latitude`, `91`, `temperature` and `warm`.
#
# <details><summary>Hint</summary><code>model_config = ConfigDict(...)</code> in the class can make it <code>strict</code> and <code>extra="forbid"</code> what is unknown; a field without a default must be there. For NaN: the decorator <code>app.exception_handler</code>, for <code>RequestValidationError</code>, above a function <code>(request, error)</code> lets you write the 422 yourself: the function returns a <code>JSONResponse({...}, status_code=422)</code>, made from <code>error.errors()</code>, a list of dicts with <code>loc</code> and <code>input</code>. <code>repr</code> makes a harmless text of any value.</details>

# %% exercise="validate"
def validating_app():
    """Return a FastAPI app whose POST /predict accepts valid fires and refuses all others."""
    ### BEGIN SOLUTION
    class Fire(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid")

        fire_id: str = Field(min_length=1, max_length=40)
        latitude: float = Field(ge=49, le=60)
        longitude: float = Field(ge=-120, le=-110)
        temperature: float | None = Field(ge=-50, le=50)
        relative_humidity: float | None = Field(ge=0, le=100)
        fuel_type: str | None = Field(max_length=20)

    app = FastAPI()

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        problems = [
            {"field": repr(problem["loc"]), "value": repr(problem["input"]), "why": problem["msg"]}
            for problem in error.errors()
        ]
        return JSONResponse({"problems": problems}, status_code=422)

    @app.post("/predict")
    def predict(fire: Fire):
        return {"accepted": fire.fire_id}

    return app
    ### END SOLUTION

# %% free="validate"
fire = {"fire_id": "2023-CWF001", "latitude": 51.2, "longitude": -115, "temperature": None, "relative_humidity": 30, "fuel_type": "C2"}
with running(validating_app) as service:
    for change in [{}, {"latitude": 91, "temperature": "warm"}]:
        answer = service.post("/predict", fire | change)
        print(answer.status_code, answer.text)

# %% check="validate" points=3
# Checks a valid fire, one wrong field after another, a missing and an unknown field, and bodies that are no fire.
fire = {"fire_id": "2023-CWF001", "latitude": 51.2, "longitude": -115, "temperature": None, "relative_humidity": 30, "fuel_type": "C2"}
with running(validating_app) as service:
    got = service.ask("/predict", fire)
    assert got.get("accepted") == "2023-CWF001", f"a valid fire should get its fire_id as 'accepted', got {got}"
    wrong = {
        "latitude": [91, "51.2", None],
        "longitude": [115.5, True],
        "temperature": ["warm", -273],
        "relative_humidity": [140],
        "fuel_type": [7],
        "fire_id": [""],
    }
    for field, values in wrong.items():
        for value in values:
            answer = service.post("/predict", fire | {field: value})
            assert answer.status_code == 422, (
                f"{field} = {value!r} should be refused with 422, the answer is {answer.status_code} {answer.text[:100]} {service.why()}. "
                + ("An exception handler returns a response, such as JSONResponse({...}, status_code=422)" if answer.status_code >= 500 else "Is the check strict, and are the limits there?")
            )
            assert field in answer.text, f"the refusal of {field} = {value!r} should name the field: {answer.text[:200]}"
            shown = [str(value).lower(), json.dumps(value)]
            assert any(text in answer.text.lower() for text in shown), (
                f"the refusal of {field} = {value!r} should show the value, so that the sender finds it: {answer.text[:200]}"
            )
    for field in fire:
        answer = service.post("/predict", {name: fire[name] for name in fire if name != field})
        assert answer.status_code == 422 and field in answer.text, (
            f"without {field} the answer should be 422 and name it, it is {answer.status_code} {answer.text[:100]}. "
            "What may be null must still be sent: a default would hide that it was forgotten"
        )
    answer = service.post("/predict", fire | {"temprature": 25})
    assert answer.status_code == 422, f"the unknown field 'temprature' gets {answer.status_code}: it is a spelling mistake that somebody should hear of"
    assert "temprature" in answer.text, f"the refusal of the unknown field 'temprature' should name it: {answer.text[:200]}"
    answer = service.post("/predict", fire | {"temperature": float("nan")})
    assert answer.status_code == 422, (
        f"NaN should be refused with 422, the answer is {answer.status_code} {service.why()}. The refusal must not contain the NaN as a number"
    )
    for body in [b"", b"[]", b"{", b"null"]:
        answer = service.post("/predict", body)
        assert answer.status_code in (400, 422), f"the body {body!r} should get 400 or 422, it gets {answer.status_code}"
### BEGIN HIDDEN TESTS
import json

import numpy as np

from mlelabs.service import running

rng = np.random.default_rng(606)
LIMITS = {"latitude": (49, 60), "longitude": (-120, -110), "temperature": (-50, 50), "relative_humidity": (0, 100)}
TEXTS = {"fire_id": 40, "fuel_type": 20}


def a_fire():
    fire = {name: float(np.round(rng.uniform(*limits), 2)) for name, limits in LIMITS.items()}
    if rng.random() < 0.3:
        fire |= {name: int(round(fire[name])) for name in ("latitude", "temperature")}
    if rng.random() < 0.3:
        fire["relative_humidity"] = [None, 0, 100][rng.integers(3)]
    fire |= {"fire_id": "F" * int(rng.integers(1, 41)), "fuel_type": [None, "", "C2", "Ö" * 20][rng.integers(4)]}
    names = list(fire)
    rng.shuffle(names)
    return {name: fire[name] for name in names}


def spoilt(name):
    """A value that the field must refuse."""
    if name in TEXTS:
        return [7, True, ["a"], {"b": 1}, "x" * (TEXTS[name] + 1), 0.5][rng.integers(6)]
    low, high = LIMITS[name]
    values = [low - 1, high + 0.5, 1e300, -1e300, "1", "", True, False, [1], {"a": 2}, str(high)]
    values += [None] * 3 if name.endswith("tude") else []
    return values[rng.integers(len(values))]


with running(validating_app) as service:
    for _ in range(40):
        fire = a_fire()
        answer = service.post("/predict", fire)
        assert answer.status_code == 200, f"the valid fire {fire} is refused: {answer.status_code} {answer.text[:200]}"
        assert answer.json() == {"accepted": fire["fire_id"]}, f"expected the fire_id as 'accepted', got {answer.text[:100]}"
    for _ in range(80):
        fire = a_fire()
        names = [str(name) for name in rng.choice(list(fire), size=int(rng.integers(1, 3)), replace=False)]
        values = {name: spoilt(name) for name in names}
        answer = service.post("/predict", fire | values)
        assert answer.status_code == 422, f"{values} should be refused with 422, the answer is {answer.status_code} {answer.text[:100]}"
        for name, value in values.items():
            assert name in answer.text, f"{values} are both wrong, but the refusal does not name {name}: {answer.text[:200]}"
            if isinstance(value, (str, int)) and value != "":
                assert str(value).lower() in answer.text.lower(), f"the refusal of {name} = {value!r} does not show the value: {answer.text[:200]}"
    whole = json.dumps(a_fire() | {"temperature": 1.5})
    oddities = [b"\xff\xfe\x00", b"[" * 20_000, b'"text"', b"12", b"{}" * 2, b"nul", b'{"fire_id": ', b"\x00" * 30]
    oddities += [whole.replace("1.5", text).encode() for text in ("NaN", "-Infinity", "1e999", "1" + "0" * 400, "1" + "0" * 5000, "0x10", '"\\u0000"')]
    oddities += [whole.replace('"fire_id": "', '"fire_id": "\\ud800').encode(), whole.replace('"fuel_type": ', '"fuel_type": "\\udfff", "fuel_type": ').encode()]
    for body in oddities:
        answer = service.post("/predict", body)
        assert answer.status_code < 500, f"the body {body[:80]!r} makes the service answer {answer.status_code} {service.why()}: whatever comes, it must refuse, not fail"
        if body not in oddities[-2:]:  # half a character may stand in a text
            assert answer.status_code in (400, 422), f"the body {body[:80]!r} should be refused, it gets {answer.status_code}"
    assert service.ask("/predict", a_fire()), "after all that, a valid fire should still be accepted"
### END HIDDEN TESTS

# %% [markdown]
# ## The same number as in training
#
# In training a whole table goes through `training_table`. In the service one fire comes at a time, as a dict.
#
# **Before running:** a fire has no temperature. In training the gap is filled with the median of the table. What is the median of a table with one row, whose only value is missing?

# %%
may = log[log["fire_start_date"].str.startswith("2023-05", na=False)]
one = may[may["temperature"].isna()].head(1)
print("temperature in a table of its own:", training_table(one)["temperature"].to_list())
print("in a table of May 2023:           ", training_table(may)["temperature"][one.index].to_list())
print("in the training data:             ", facts["medians"]["temperature"])

# %% [markdown]
# Three tables, three values for the same fire, and only the last one is what the model has learnt with. This is **train/serve skew**: the code is the same, the numbers are not, and no error is raised. What was computed from
# the training data (medians, categories, scales) belongs to the model and travels with it. That is why `facts` holds the medians.

# %% [markdown]
# ## Exercise 3: Serve what training computed (2 points, about 12 minutes)
#
# Write `scoring_app(pipeline, facts)`. Its `POST /predict` gets a fire like `fires[100]` above and answers `{"probability": p}`: what the pipeline gives for the fire to be large (class True), within 0.000001. Assume that the fire is valid: the rules of exercise 2 are not part of this app.
#
# Features are made as in `training_table`, but a missing number (`null`) becomes the training median in `facts["medians"]`. A `fuel_type` of null becomes `"Unknown"`, spaces around it go, and a fuel that training has never seen is passed on as
# it is (the pipeline knows what to do). `month` and `hour` come from `reported`, such as `"2023-05-04 14:30"`. Keys come in any order, further keys may come along, whole numbers may come as `20` or `20.0`. No answer depends on earlier requests.
#
# <details><summary>Hint</summary>Build a dict with the six features, then <code>pd.DataFrame([row])[facts["features"]]</code>. <code>predict_proba</code> gives one column per class, in the order of <code>classes_</code>: False, True. Not all of numpy's numbers can be turned into JSON; <code>float(...)</code> is safe.</details>

# %% exercise="parity"
def scoring_app(pipeline, facts):
    """Return an app whose POST /predict answers with the probability of the pipeline.

    pipeline: fitted, wants a table with the columns facts["features"]. facts: see above.
    """
    ### BEGIN SOLUTION
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        row = {
            name: median if fire[name] is None else float(fire[name])
            for name, median in facts["medians"].items()
        }
        reported = pd.Timestamp(fire["reported"])
        fuel = "Unknown" if fire["fuel_type"] is None else fire["fuel_type"].strip()
        row |= {"fuel_type": fuel, "month": reported.month, "hour": reported.hour}
        table = pd.DataFrame([row])[facts["features"]]
        return {"probability": float(pipeline.predict_proba(table)[0, 1])}

    return app
    ### END SOLUTION

# %% free="parity"
with running(scoring_app, pipeline, facts) as service:
    for fire in fires[100:104]:
        print(fire["fire_id"], service.ask("/predict", fire))

# %% check="parity" points=2
# Checks 20 fires of 2023 against the table computed as a whole, then one fire in several disguises.
in_2023 = log.query("year == 2023").dropna(subset="fire_start_date")
numbers_of = ["temperature", "relative_humidity", "wind_speed"]
filled = in_2023.assign(**in_2023[numbers_of].fillna(pd.Series(facts["medians"])))
expected = dict(zip("2023-" + in_2023["fire_number"], pipeline.predict_proba(training_table(filled))[:, 1]))
with_gaps = [fire for fire in fires if fire["temperature"] is None][:6]
with running(scoring_app, pipeline, facts) as service:
    for fire in fires[100:114] + with_gaps:
        got = service.ask("/predict", fire).get("probability")
        assert isinstance(got, (int, float)), f"'probability' should be a number, it is {got!r}"
        right = expected[fire["fire_id"]]
        assert abs(got - right) < 1e-6, (
            f"{fire['fire_id']} should get {right:.6f}, as in training, the service answers {got:.6f}"
            + (". This fire misses its weather: are the gaps filled with the training medians?" if fire["temperature"] is None else "")
            + (". That is the probability of a small fire" if abs(1 - got - right) < 1e-6 else "")
        )
    fire = fires[100] | {"temperature": 21.0, "fuel_type": "C2"}
    right = service.ask("/predict", fire)["probability"]
    disguises = {
        "with its keys in another order": dict(reversed(fire.items())),
        "with a whole number as 21": fire | {"temperature": 21},
        "with spaces around the fuel": fire | {"fuel_type": " C2 "},
        "with a key more": {"note": "smoke"} | fire,
    }
    for name, body in disguises.items():
        got = service.ask("/predict", body)["probability"]
        assert abs(got - right) < 1e-6, f"the same fire {name} should get the same {right:.6f}, it gets {got:.6f}"
    got = service.ask("/predict", fire | {"fuel_type": "X9"})["probability"]
    row = filled[in_2023["fire_number"] == fire["fire_id"][5:]].assign(temperature=21.0, fuel_type="X9")
    right = pipeline.predict_proba(training_table(row))[0, 1]
    assert abs(got - right) < 1e-6, f"with the fuel 'X9', never seen in training, the pipeline gives {right:.6f}, the service {got:.6f}: pass it on as it is"
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlelabs.data import load_wildfires
from mlelabs.service import running
from mlelabs.traffic import replay

every = load_wildfires()
wanted = ["wind_speed", "hour", "fuel_type", "temperature", "month", "relative_humidity"]


def features_of(table, medians):
    """The features of many fires at once."""
    moments = pd.to_datetime(table["fire_start_date"])
    made = {name: table[name].fillna(medians[name]).astype(float) for name in medians}
    made |= {"fuel_type": table["fuel_type"].fillna("Unknown").str.strip(), "month": moments.dt.month, "hour": moments.dt.hour}
    return pd.DataFrame(made)[wanted]


early = every.query("2010 <= year <= 2014").dropna(subset="fire_start_date")
medians = {"temperature": 3.5, "relative_humidity": 71.0, "wind_speed": 17.0}
other = make_pipeline(
    make_column_transformer((StandardScaler(), ["wind_speed", "hour", "temperature", "month", "relative_humidity"]), (OneHotEncoder(handle_unknown="ignore"), ["fuel_type"])),
    LogisticRegression(max_iter=1000),
)
other.fit(features_of(early, medians), early["current_size"] > 4)
rng = np.random.default_rng(16)
rows = every.query("year in (2016, 2021)").dropna(subset="fire_start_date")
right = other.predict_proba(features_of(rows, medians))[:, 1]
right = dict(zip(rows["year"].astype(str) + "-" + rows["fire_number"], right))
bodies = replay(every, 2016, 1500) + replay(every, 2021, 1500)
chosen = [bodies[i] for i in rng.permutation(len(bodies))[:40]] + [body for body in bodies if body["wind_speed"] is None][:12]
with running(scoring_app, other, {"features": wanted, "medians": medians}) as service:
    for body in chosen:
        keys = list(body)
        rng.shuffle(keys)
        body = {key: body[key] for key in keys}
        if rng.random() < 0.3:
            body = {key: int(value) if isinstance(value, float) and value == int(value) else value for key, value in body.items()}
        got = service.ask("/predict", body)["probability"]
        assert abs(got - right[body["fire_id"]]) < 1e-6, f"another model and other fires: {body} should get {right[body['fire_id']]:.6f}, got {got:.6f}"
    body = chosen[0] | {"fuel_type": None}
    unknown = service.ask("/predict", chosen[0] | {"fuel_type": "Unknown"})["probability"]
    assert abs(service.ask("/predict", body)["probability"] - unknown) < 1e-6, "a fuel_type of null should count as 'Unknown'"
### END HIDDEN TESTS

# %% [markdown]
# ## Alive, and ready
#
# Whoever runs services (Kubernetes, a cloud, an operator) asks each of them two questions, again and again. `GET /live`: are you there? If not, it is killed and started anew. `GET /ready`: may I send you requests? If not, others get them. Confuse
# the two, and a service that needs a minute to load its model is killed every few seconds, for ever.
#
# So that you can build the service without a real model, **stand-ins** play its part. A `StandIn` has a `version` and a method `predict(fire)`, which returns a probability; a `Loader` is called to get one. Both can be told to be slow, to fail, or to
# wait for a file, and they note each call in the folder of the service. `noted(service, "v1.calls")` reads these notes: the list of all calls of the model v1 so far. `eventually(...)` asks again and again whether something holds, for 15 seconds
# at most, and says whether it came true. What follows is the mistake that everybody makes once: the function that answers is `async`, and its work is not.
#
# **Before running:** eight dispatchers ask at the same time, and the model takes a moment. How many of their requests are being computed in that moment?

# %%
def one_at_a_time(model):
    app = FastAPI()

    @app.post("/predict")
    async def predict(fire: dict):
        return {"probability": model.predict(fire)}

    return app

# %%
slow = StandIn("v1", waits_for="go")  # answers as soon as there is a file "go"
with running(one_at_a_time, slow) as service, ThreadPoolExecutor(8) as pool:
    asked = [pool.submit(service.post, "/predict", fire) for fire in fires[:8]]
    eventually(lambda: noted(service, "v1.calls"))
    time.sleep(0.5)
    print("asked:", len(asked), " being computed:", len(noted(service, "v1.calls")))
    (service.folder / "go").touch()

# %% [markdown]
# One of eight. An `async def` function promises to give way (`await`) whenever it waits. This one does not, so the whole service stands still while the model works, liveness included, and the last of eight waits eight times as long. FastAPI runs a function that is *not* `async` in a
# thread of its own, up to 40 at a time.

# %% [markdown]
# ## Exercise 4: Alive, ready and not blocked (2 points, about 17 minutes)
#
# Write `ready_app(load)`. `load()` takes long, returns a model (`version`, `predict(fire)`), and may fail. The app answers at once after its start, while the model is still loading:
#
# - `GET /live`: 200, always: while the model loads, when loading has failed, and while a few predictions are being computed,
# - `GET /ready`: 503 until the model is loaded, then 200; 503 for good if loading failed,
# - `POST /predict`: 503 until then; afterwards `{"probability": ..., "version": ...}`. **Four requests** at a time are computed at the same time, and each is answered as soon as
#   the model has its result.
#
# `load` is called once per service, not once per request.
#
# <details><summary>Hint</summary>A <code>threading.Thread(target=..., daemon=True)</code>, started in <code>ready_app</code>, can load the model and put it into a dict that all functions see. <code>raise HTTPException(503, "loading")</code> answers 503.</details>

# %% exercise="ready"
def ready_app(load):
    """Return an app with GET /live, GET /ready and POST /predict that loads its model beside.

    load: function without arguments, slow, returns a model or raises.
    """
    ### BEGIN SOLUTION
    app = FastAPI()
    state = {}

    def load_beside():
        state["model"] = load()

    threading.Thread(target=load_beside, daemon=True).start()

    @app.get("/live")
    def live():
        return {"alive": True}

    def loaded():
        if "model" not in state:
            raise HTTPException(503, "no model yet")
        return state["model"]

    @app.get("/ready")
    def ready():
        return {"version": loaded().version}

    @app.post("/predict")
    def predict(fire: dict):
        model = loaded()
        return {"probability": model.predict(fire), "version": model.version}

    return app
    ### END SOLUTION

# %% free="ready"
with running(ready_app, Loader(StandIn("v1"))) as service:
    print(eventually(lambda: service.get("/ready").status_code == 200))
    print(service.ask("/predict", fires[0]))

# %% check="ready" points=2
# Checks a service whose model is loading, loaded, busy with 4 requests at a time, and not to be loaded.
with running(ready_app, Loader(StandIn("v1", 0.25, meets=4), waits_for="go")) as service:
    for path, right in {"/live": 200, "/ready": 503}.items():
        status = service.get(path).status_code
        assert status == right, f"while the model is loading, GET {path} should answer {right}, it answers {status} {service.why()}"
    status = service.post("/predict", fires[0]).status_code
    assert status == 503, f"while the model is loading, POST /predict should answer 503, it answers {status} {service.why()}"
    (service.folder / "go").touch()
    assert eventually(lambda: service.get("/ready").status_code == 200), (
        "the model is loaded, but GET /ready does not become 200"
    )
    answers = service.load("/predict", fires[:4], at_once=4)
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200}, (
        f"4 requests at the same time are not computed at the same time: they get {sorted(statuses)} {service.why()}. "
        "Does a function that is async wait without await, or a lock let one in after the other?"
    )
    assert answers[0].json() == {"probability": 0.25, "version": "v1"}, f"expected probability 0.25 of version v1, got {answers[0].text}"
    assert len(noted(service, "loads")) == 1, f"the model was loaded {len(noted(service, 'loads'))} times: load it once, not for each request"
with running(ready_app, Loader(StandIn("v1", waits_for="answer"))) as service, ThreadPoolExecutor(1) as pool:
    service.scene = "a prediction is being computed, and takes a while"
    assert eventually(lambda: service.get("/ready").status_code == 200), "GET /ready does not become 200"
    waiting = pool.submit(service.post, "/predict", fires[0])
    assert eventually(lambda: noted(service, "v1.calls")), "POST /predict does not call the model"
    for path in ("/live", "/ready"):
        status = service.get(path).status_code
        assert status == 200, f"while a prediction is being computed, GET {path} should answer 200, it answers {status}"
    (service.folder / "answer").touch()
    assert waiting.result().status_code == 200, "a prediction that takes a while should be answered in the end"
with running(ready_app, Loader(StandIn("v1"), fails=True)) as service:
    assert eventually(lambda: noted(service, "loads")), "nobody calls load"
    for path, right in {"/live": 200, "/ready": 503}.items():
        status = service.get(path).status_code
        assert status == right, f"the model cannot be loaded: GET {path} should answer {right}, it answers {status}"
### BEGIN HIDDEN TESTS
import time

from mlelabs.service import eventually, quantile_ratio, running
from mlelabs.standins import Loader, StandIn, noted, sleeping_app

fire = {"fire_id": "2024-X1", "temperature": 20.5}
with running(ready_app, Loader(StandIn("w9", 0.75, sleeps=0.15), waits_for="go")) as service, running(sleeping_app, 0.15) as given:
    for _ in range(3):
        found = [service.get("/live").status_code, service.get("/ready").status_code, service.post("/predict", fire).status_code]
        assert found == [200, 503, 503], f"while the model loads, /live, /ready and /predict should answer 200, 503, 503, they answer {found}"
    (service.folder / "go").touch()
    assert eventually(lambda: service.get("/ready").status_code == 200), "the model is loaded, but GET /ready does not become 200"
    assert service.ask("/predict", fire) == {"probability": 0.75, "version": "w9"}, "expected probability 0.75 of version w9"
    ratio = quantile_ratio(service, given, "/predict", fire, at_once=4)
    assert ratio <= 3, f"with 4 requests at a time, the 95th percentile of the times is {ratio:.1f} times that of a service which computes four at a time and answers as soon as it can"
    assert service.get("/live").status_code == 200, "GET /live should answer 200"
    assert noted(service, "loads") == ["w9"], f"load should be called once, it was called {len(noted(service, 'loads'))} times"
    assert all(call == fire for call in noted(service, "w9.calls")), "the model should get the fire as it was sent"
with running(ready_app, Loader(StandIn("w9"), fails=True)) as service:
    assert eventually(lambda: noted(service, "loads")), "nobody calls load"
    time.sleep(1.2)
    assert len(noted(service, "loads")) == 1, "the model cannot be loaded, and load is called again: 503 for good, one call for each service"
    found = [service.get("/live").status_code, service.get("/ready").status_code, service.post("/predict", fire).status_code]
    assert found == [200, 503, 503], f"the model cannot be loaded: /live, /ready and /predict should answer 200, 503, 503, they answer {found}"
### END HIDDEN TESTS

# %% [markdown]
# ## The mean hides the tail
#
# How fast is a service? The figure shows two of them, 2,000 requests each (simulated). **Before looking:** both have the same mean. Which one would a dispatcher prefer?

# %%
rng = np.random.default_rng(7)
steady = rng.gamma(20, 3.0, 2000)  # milliseconds
moody = np.where(rng.random(2000) < 0.04, rng.uniform(700, 1300, 2000), rng.gamma(20, 1.0, 2000))
moody *= steady.mean() / moody.mean()
for name, times in {"steady": steady, "moody": moody}.items():
    p50, p95, p99 = np.quantile(times, [0.50, 0.95, 0.99])
    print(f"{name:7} mean {times.mean():4.0f} ms   p50 {p50:4.0f}   p95 {p95:4.0f}   p99 {p99:5.0f}")

# %%
figure, axis = plt.subplots()
for name, times in {"steady": steady, "moody": moody}.items():
    axis.hist(times, bins=np.arange(0, 1400, 20), histtype="step", linewidth=1.5, label=name)
axis.axvline(steady.mean(), color="black", linestyle=":", label="mean of both")
axis.set(title="Same mean: one service makes a few wait a second", xlabel="milliseconds", ylabel="requests")
axis.set_yscale("log")
axis.legend()
plt.show()

# %% [markdown]
# The moody service is faster for most, and for one request in 25 it takes around a second (the small hill on the right; the axis of counts is logarithmic): a dispatcher with fifty requests a day meets that twice. The mean is silent about it, and p95 too. p99 shows it: one per cent of the requests take longer.
#
# A monitored service cannot keep every time it has measured. It counts in **buckets**: how many requests took *at most* 10 ms, at most 50 ms, and so on up to infinity. Quantiles are estimated from these counts.

# %% [markdown]
# ## Exercise 5: Quantiles from buckets (2 points, about 12 minutes)
#
# Write `bucket_quantile(buckets, q)`. `buckets` maps an upper limit to the number of requests that took at most that long: the counts are **cumulative**, so that of `math.inf`, which is always there, is the total. There is at least one other limit, the dict is in any order and stays as it is. Find the first bucket whose count reaches `q` times the total. Return the
# value in it by a straight line between its lower limit (0 for the first) and its upper limit, as Prometheus does. If it is the bucket up to infinity, return the highest finite limit. Without any requests, return NaN.
#
# And construct: `two_services()` returns two lists of 1,000 times each, all above 0, whose means differ by at most 1 %, while the 99th percentile (`np.quantile`) of the first is at least **ten times** that of the second.
#
# *By hand:* `{10: 20, 50: 60, inf: 80}` and q = 0.5: 40 requests are wanted. The bucket from 10 to 50 holds the 21st to the 60th; 40 is half of the way: 30. For q = 0.9 the answer is 50.
#
# <details><summary>Hint</summary>Sort the limits first. Within a bucket the share of the way is (wanted − count below) / (count − count below). An empty bucket cannot be the first to reach the count.</details>

# %% exercise="quantiles"
def bucket_quantile(buckets, q):
    """Estimate a quantile from cumulative counts.

    buckets: dict, upper limit -> number of requests at or below it. q: above 0, at most 1.
    """
    ### BEGIN SOLUTION
    limits = sorted(buckets)
    total = buckets[math.inf]
    if total == 0:
        return math.nan
    wanted = q * total
    lower, below = 0.0, 0
    for limit in limits:
        if buckets[limit] >= wanted:
            if limit == math.inf:
                return lower
            return lower + (limit - lower) * (wanted - below) / (buckets[limit] - below)
        lower, below = limit, buckets[limit]
    ### END SOLUTION


def two_services():
    """Return two lists of 1,000 times with the same mean and very different 99th percentiles."""
    ### BEGIN SOLUTION
    tail = [1.0] * 980 + [1000.0] * 20
    return tail, [sum(tail) / len(tail)] * 1000
    ### END SOLUTION

# %% free="quantiles"
counts = {limit: int((moody <= limit).sum()) for limit in [10, 25, 50, 100, 500, 1000, math.inf]}
print(counts)
for q in [0.5, 0.95, 0.99]:
    print(q, "estimated:", bucket_quantile(counts, q), " true:", np.quantile(moody, q).round(1))

# %% check="quantiles" points=2
# Checks the worked example, an order, the open bucket, no requests, and the two services.
example = {50: 60, math.inf: 80, 10: 20}
got = bucket_quantile(example, 0.5)
assert isinstance(got, (int, float, np.number)), f"bucket_quantile should return a number, it returned {got!r}"
assert abs(got - 30) < 1e-9, (
    f"half of 80 requests is 40, half of the way from 10 to 50: expected 30, got {got}. The counts are cumulative already, and the limits come in any order"
)
assert abs(bucket_quantile(example, 0.125) - 5) < 1e-9, (
    f"10 of the 20 requests between 0 and 10: expected 5, got {bucket_quantile(example, 0.125)}"
)
got = bucket_quantile(example, 0.9)
assert not math.isinf(got) and not math.isnan(got) and abs(got - 50) < 1e-9, f"in the bucket up to infinity: expected the highest finite limit, 50, got {got}"
assert math.isnan(bucket_quantile({10: 0, math.inf: 0}, 0.5)), "without requests the quantile is not known: NaN"
pair = two_services()
assert len(pair) == 2 and all(len(times) == 1000 for times in pair), "two_services should return two lists of 1,000 times"
first, second = (np.asarray(times, dtype=float) for times in pair)
assert (first > 0).all() and (second > 0).all(), "times are above 0"
assert abs(first.mean() / second.mean() - 1) <= 0.01, f"the means should differ by at most 1 %: {first.mean():.2f} and {second.mean():.2f}"
ratio = np.quantile(first, 0.99) / np.quantile(second, 0.99)
assert ratio >= 10, f"the 99th percentile of the first should be ten times that of the second, it is {ratio:.1f} times. How many of 1,000 requests must be slow for the 99th percentile to see them?"
### BEGIN HIDDEN TESTS
import math

import numpy as np

rng = np.random.default_rng(99)
for _ in range(60):
    times = rng.lognormal(3, 1, int(rng.integers(1, 400)))
    limits = sorted(rng.choice([1.0, 2.0, 5.0, 10, 20, 30, 50, 75, 100, 200], int(rng.integers(1, 8)), replace=False))
    keys = [*limits, math.inf]
    counts = {limit: int((times <= limit).sum()) for limit in keys}
    shuffled = {keys[i]: counts[keys[i]] for i in rng.permutation(len(keys))}
    before = dict(shuffled)
    for q in (0.05, 0.5, 0.9, 0.95, 0.99, 1.0):
        got, goal = bucket_quantile(shuffled, q), q * len(times)
        place = next(i for i, limit in enumerate(keys) if counts[limit] >= goal - 1e-9)
        if place == len(limits):
            right = limits[-1]
        else:
            start, under = (limits[place - 1], counts[limits[place - 1]]) if place else (0, 0)
            right = float(np.interp(goal, [under, counts[limits[place]]], [start, limits[place]]))
        assert abs(got - right) < 1e-6 * max(1, right), f"buckets {counts}, q = {q}: expected {right:.4f}, got {got}"
    assert shuffled == before, "bucket_quantile changes the dict it was given"
    values = [bucket_quantile(counts, q) for q in np.linspace(0.01, 1, 25)]
    assert all(a <= b + 1e-9 for a, b in zip(values, values[1:])), "a higher quantile cannot be lower"
assert math.isnan(bucket_quantile({5: 0, 1: 0, math.inf: 0}, 0.9)), "without requests: NaN"
first, second = (np.asarray(times, dtype=float) for times in two_services())
assert len(first) == len(second) == 1000 and first.min() > 0 and second.min() > 0, "two lists of 1,000 times above 0"
assert abs(first.mean() / second.mean() - 1) <= 0.01 and np.quantile(first, 0.99) >= 10 * np.quantile(second, 0.99), "the same mean, and ten times the 99th percentile"
### END HIDDEN TESTS

# %% [markdown]
# ## When the model does not answer
#
# The model may hang, raise, or return nonsense, and the fire does not wait. A dispatcher needs *an* answer, and must know what kind of answer it is. So a service has a **fallback**: a rule so simple that it cannot fail. And it says when
# it was used. What it must not do is to ask the model again and again: each call of it is written to a register and billed, and when a model is overloaded, three tries for each request bury it for good.
#
# **Before running:** the first answer below should come after 0.2 seconds. When will it come?

# %%
hanging = threading.Event()
with ThreadPoolExecutor() as pool:
    future = pool.submit(hanging.wait, 1.0)  # a model that hangs for one second
    try:
        future.result(timeout=0.2)
    except TimeoutError:
        print("given up while the model still hangs:", not future.done())
print("behind the with block, the model has returned:", future.done())

# %% [markdown]
# We gave up in time, and waited all the same: at its end the `with` block of a pool waits for its threads. A thread cannot be stopped. It can only be left alone.

# %% [markdown]
# ## Exercise 6: A fallback that says so (2 points, about 14 minutes)
#
# Write `careful_app(model, limit)`. `POST /predict` answers 200 with `{"probability": p, "source": "model"}` if `model.predict(fire)` returns a number from 0 to 1 within `limit` seconds. If it takes longer, raises, or returns anything else (also NaN; a text is no number), it answers with
# `"source": "fallback"` and the rule's probability: 0.3 if `temperature` is at least 25 **and** `relative_humidity` at most 30, else 0.05 (also if one of them is null).
#
# The model is called at most once per request, never twice; a model that has raised is asked again by the next request. Four requests at a time are computed at the same time. While calls of the model hang, all requests, also ten at a time, get their answer after `limit` and little more, and `GET /live` answers 200. When the model is well again, it is used again.
#
# <details><summary>Hint</summary>Keep one <code>ThreadPoolExecutor</code> for the whole app, outside of the function that answers: <code>pool.submit(model.predict, fire).result(timeout=limit)</code>. In an <code>async</code> function, <code>await asyncio.wait_for(asyncio.to_thread(model.predict, fire), limit)</code> will do too (at least five threads). A comparison such as <code>0 <= "high"</code> raises a <code>TypeError</code>; it may do so inside of your <code>try</code>.</details>

# %% exercise="fallback"
def careful_app(model, limit):
    """Return an app whose POST /predict answers in any case, and says from where. Also GET /live.

    model: has predict(fire). limit: seconds that it is given.
    """
    ### BEGIN SOLUTION
    app = FastAPI()
    pool = ThreadPoolExecutor(20)

    def rule(fire):
        temperature, humidity = fire["temperature"], fire["relative_humidity"]
        known = temperature is not None and humidity is not None
        return 0.3 if known and temperature >= 25 and humidity <= 30 else 0.05

    @app.get("/live")
    def live():
        return {"alive": True}

    @app.post("/predict")
    def predict(fire: dict):
        try:
            probability = pool.submit(model.predict, fire).result(timeout=limit)
            if 0 <= probability <= 1:
                return {"probability": probability, "source": "model"}
        except Exception:
            pass  # also a TimeoutError: the rule answers
        return {"probability": rule(fire), "source": "fallback"}

    return app
    ### END SOLUTION

# %% free="fallback"
with running(careful_app, StandIn("v1", 0.6), 5) as service:
    print(service.ask("/predict", fires[100]))
with running(careful_app, StandIn("v1", fails=True), 5) as service:
    print(service.ask("/predict", fires[100]))

# %% check="fallback" points=2
# Checks a model that is well, one that fails, one that returns NaN, and one that hangs until a file lets it go on.
hot = fires[0] | {"temperature": 28.0, "relative_humidity": 22.0}
mild = fires[0] | {"temperature": 12.0, "relative_humidity": 22.0}
with running(careful_app, StandIn("v1", 0.6), 10) as service:
    got = service.ask("/predict", hot)
    assert got == {"probability": 0.6, "source": "model"}, f"the model answers 0.6: expected that, with source 'model', got {got}"
for name, model in {"raises": StandIn("v1", fails=True), "returns NaN": StandIn("v1", math.nan)}.items():
    with running(careful_app, model, 10) as service:
        for fire, risk in [(hot, 0.3), (mild, 0.05), (mild | {"temperature": None}, 0.05)]:
            got = service.ask("/predict", fire)
            assert got == {"probability": risk, "source": "fallback"}, (
                f"the model {name}, temperature {fire['temperature']}, humidity {fire['relative_humidity']}: expected {risk} with source 'fallback', got {got}"
            )
        calls = len(noted(service, "v1.calls"))
        assert calls == 3, f"3 requests, and the model was called {calls} times: one call per request, no second try"
with running(careful_app, StandIn("v1", 0.6, waits_for="well"), 0.3) as service:
    service.scene = "the model hangs"
    alone = service.post("/predict", hot).seconds
    answers = service.load("/predict", [hot] * 10, at_once=10)
    assert all(answer.status_code == 200 for answer in answers), f"the model hangs: expected 200, got {answers[0].status_code} {service.why()}"
    got = [answer.json() for answer in answers]
    assert got == [{"probability": 0.3, "source": "fallback"}] * 10, f"the model hangs: expected the rule's 0.3 with source 'fallback', got {got[0]}"
    assert service.get("/live").status_code == 200, "while the model hangs, GET /live should answer 200"
    calls = len(noted(service, "v1.calls"))
    assert calls <= 11, f"11 requests, and the model was called {calls} times: a hanging model gets no second try"
    ratios = [max(answer.seconds for answer in answers) / alone]  # the slowest of ten at a time, and one alone
    while min(ratios) > 4 and len(ratios) < 3:  # a busy machine gets three tries
        ratios.append(max(answer.seconds for answer in service.load("/predict", [hot] * 10, at_once=10)) / alone)
    assert min(ratios) <= 4, f"the model hangs: of ten requests at a time one waits {min(ratios):.0f} times as long as one alone. They wait for each other, not only until the limit"
    service.scene = "the model hung, and is well again"
    (service.folder / "well").touch()
    assert eventually(lambda: service.ask("/predict", hot)["source"] == "model"), (
        "the model is well again, but the service keeps answering with its rule"
    )
### BEGIN HIDDEN TESTS
import math
import threading
import time

import numpy as np

from mlelabs.service import eventually, running
from mlelabs.standins import StandIn, noted

rng = np.random.default_rng(36)


def the_rule(fire):
    given = [fire["temperature"], fire["relative_humidity"]]
    return 0.3 if None not in given and given[0] >= 25 and given[1] <= 30 else 0.05


some = [
    {"fire_id": f"f{i}", "temperature": [25, 24.9, None, float(rng.integers(-20, 40))][i % 4], "relative_humidity": [30, 30.1, None, float(rng.integers(5, 60))][i // 4 % 4]}
    for i in range(32)
]
for name, odd in {"returns 1.7": 1.7, "returns -0.1": -0.1, "returns nothing": None, "returns infinity": math.inf, "returns a text": "high", "returns the text '0.7'": "0.7"}.items():
    with running(careful_app, StandIn("m", odd), 10) as service:
        for fire in some[:4]:
            got = service.ask("/predict", fire)
            assert got == {"probability": the_rule(fire), "source": "fallback"}, f"the model {name}: that is no probability, expected the rule's {the_rule(fire)}, got {got}"
with running(careful_app, StandIn("m", 0.5, sleeps=1.2), 12) as service:
    got = service.ask("/predict", some[0])
    assert got == {"probability": 0.5, "source": "model"}, f"the model has 12 seconds and answers after 1.2: expected its answer, got {got}"
with running(careful_app, StandIn("m", 0.5, meets=4), 12) as service:
    found = [answer.json() for answer in service.load("/predict", some[:4], at_once=4)]
    assert found == [{"probability": 0.5, "source": "model"}] * 4, f"four requests at a time should be computed at the same time, got {found}"
with running(careful_app, StandIn("m", 0.0, fails=[fire["fire_id"] for fire in some[:8] + some[8::2]]), 10) as service:
    for number, fire in enumerate(some):
        got = service.ask("/predict", fire)
        right = {"probability": 0.0, "source": "model"} if number >= 8 and number % 2 else {"probability": the_rule(fire), "source": "fallback"}
        assert got == right, f"a model that fails for eight fires in a row, then for every second one: {fire} should get {right}, got {got}"
    assert len(noted(service, "m.calls")) == len(some), f"{len(some)} requests, and the model was called {len(noted(service, 'm.calls'))} times"
with running(careful_app, StandIn("m", 1.0, waits_for="well"), 0.1) as service:
    service.scene = "the model hangs"
    for _ in range(2):
        answers = service.load("/predict", some[:10], at_once=10)
        found = [answer.json() if answer.status_code == 200 else answer.status_code for answer in answers]
        assert found == [{"probability": the_rule(fire), "source": "fallback"} for fire in some[:10]], f"ten at a time while the model hangs: expected the rule, got {found[:2]}"
    assert service.get("/live").status_code == 200, "while the model hangs, GET /live should answer 200"
    assert len(noted(service, "m.calls")) <= 20, "a hanging model gets no second try"
    (service.folder / "well").touch()
    assert eventually(lambda: service.ask("/predict", some[0]) == {"probability": 1.0, "source": "model"}), "the model is well again, but it is not used again"
### END HIDDEN TESTS

# %% [markdown]
# ## What a service tells about itself
#
# A service under `/metrics` tells its numbers to whoever asks; Prometheus asks every few seconds and keeps them. A **counter** only ever grows: what happened between two visits is the difference. A **histogram** is a family of counters, the buckets from above. **Labels** split
# a number, and each value of a label is a series that is kept for months.
#
# **Before running:** the counter below has the fire's id as a label. How many series will a season make?

# %%
registry = prometheus_client.CollectorRegistry()
careless = prometheus_client.Counter("answers", "answers given", ["fire_id"], registry=registry)
for fire in fires[:3]:
    careless.labels(fire_id=fire["fire_id"]).inc()
told = prometheus_client.generate_latest(registry).decode()
print("\n".join(line for line in told.splitlines() if line.startswith("answers_total")))
print(f"series after {len(fires)} fires:", 2 * len({fire["fire_id"] for fire in fires}))

# %% [markdown]
# Two per fire (Prometheus' client tells beside each count when it began; these lines are left out above), and every one of them stays. A label may only have few values, known beforehand: an outcome, a version, never an id, a coordinate or an address that somebody typed.

# %% [markdown]
# ## Exercise 7: Metrics (2 points, about 19 minutes)
#
# Write `measured_app(model)`. `POST /predict` answers `{"probability": p}`; 422 if the body is no JSON object or its `temperature` is missing or no number, as in exercise 2 (no text, no `null`, no `true`; NaN and infinity do not come here, and other fields do not matter); 503 if the model raises. `GET /metrics` gives, in Prometheus' text format,
#
# - a counter `predictions_total` with this label only, `outcome`: `"ok"`, `"refused"` (422) or `"error"` (503). Each POST to `/predict` is counted exactly once,
# - a histogram `model_seconds` without labels: the seconds of **each call of the model**, also of those that raise, with the buckets 0.05, 0.1, 0.25, 0.5, 1, 2.5 (and infinity).
#
# Visits to `/metrics`, to unknown paths and with other methods are not counted, and the number of series does not grow with the requests.
#
# <details><summary>Hint</summary><code>prometheus_client.Counter("predictions", "...", ["outcome"])</code> appears as <code>predictions_total</code>. What FastAPI refuses never reaches your function. So take <code>request: Request</code> and check <code>await request.json()</code> yourself, or let pydantic check (<code>strict=True, extra="allow"</code>) and count in an exception handler. <code>with histogram.time():</code> measures. <code>prometheus_client.generate_latest()</code> returns the text, for a <code>PlainTextResponse</code>.</details>

# %% exercise="metrics"
def measured_app(model):
    """Return an app with POST /predict and GET /metrics.

    model: has predict(fire), which may raise.
    """
    ### BEGIN SOLUTION
    app = FastAPI()
    outcomes = prometheus_client.Counter("predictions", "POSTs to /predict", ["outcome"])
    seconds = prometheus_client.Histogram(
        "model_seconds", "time in the model", buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5]
    )

    class Body(BaseModel):
        model_config = ConfigDict(extra="allow", strict=True)
        temperature: float

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        outcomes.labels("refused").inc()
        return JSONResponse({"wrong": "temperature"}, status_code=422)

    @app.post("/predict")
    def predict(fire: Body):
        try:
            with seconds.time():
                probability = model.predict(fire.model_dump())
        except Exception:
            outcomes.labels("error").inc()
            raise HTTPException(503, "the model failed") from None
        outcomes.labels("ok").inc()
        return {"probability": probability}

    @app.get("/metrics")
    def metrics():
        return PlainTextResponse(prometheus_client.generate_latest())

    return app
    ### END SOLUTION

# %% free="metrics"
with running(measured_app, StandIn("v1", 0.4)) as service:
    service.ask("/predict", fires[100])
    service.post("/predict", {"temperature": "warm"})
    print("\n".join(line for line in service.get("/metrics").text.splitlines() if "predictions_total" in line))

# %% check="metrics" points=2
# Checks counts of 12 good, 5 refused and 2 failed requests, the histogram, and that requests make no new series.
from prometheus_client.parser import text_string_to_metric_families


def samples(service):
    """All numbers of GET /metrics: dict, (name, labels) -> value; Python's own are left out."""
    answer = service.get("/metrics")
    if answer.status_code == 307:  # Prometheus follows, too
        answer = service.get("/metrics/")
    assert answer.status_code == 200, f"GET /metrics should answer 200, it answers {answer.status_code} {service.why()}"
    try:
        families = list(text_string_to_metric_families(answer.text))
    except ValueError:
        raise AssertionError(f"GET /metrics is not in Prometheus' text format: {answer.text[:100]}. Return the text itself, not JSON") from None
    gauges = [s.name for family in families for s in family.samples if family.type == "gauge"]
    assert "predictions_total" not in gauges, "predictions_total is a gauge, which may fall: take a counter, which only ever grows"
    found = {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}
    return {key: value for key, value in found.items() if not key[0].startswith(("python_", "process_"))}


def count(found, outcome):
    return found.get(("predictions_total", (("outcome", outcome),)), 0)


with running(measured_app, StandIn("v1", 0.4, sleeps=0.06, fails=["bad"])) as service:
    samples(service)
    good = [{"fire_id": f"f{i}", "temperature": i} for i in range(12)]
    answers = service.load("/predict", good, at_once=4)
    assert all(answer.status_code == 200 for answer in answers), f"a good request gets {answers[0].status_code} {service.why()}"
    for body in [{"temperature": "warm"}, {"fire_id": "x"}, b"[", {"temperature": "25"}, {"temperature": None}]:
        status = service.post("/predict", body).status_code
        assert status == 422, f"{body} should get 422, it gets {status} {service.why()}"
    for _ in range(2):
        status = service.post("/predict", {"fire_id": "bad", "temperature": 3.5}).status_code
        assert status == 503, f"the model raises: expected 503, got {status}"
    service.get("/nowhere")
    found = samples(service)
    names = {name for series, labels in found if series.startswith(("predictions_", "model_seconds")) for name, _ in labels}
    assert names <= {"outcome", "le"}, (
        f"expected the labels outcome and le, got {sorted(names)}: each value of a label is a series that is kept for months"
    )
    for outcome, right in {"ok": 12, "refused": 5, "error": 2}.items():
        assert count(found, outcome) == right, (
            f"predictions_total with outcome '{outcome}' should be {right}, it is {count(found, outcome):g}. "
            "What FastAPI refuses on its own never reaches your function"
        )
    assert found.get(("model_seconds_count", ())) == 14, (
        f"the model was called 14 times (2 of them failed), model_seconds_count is {found.get(('model_seconds_count', ()))}"
    )
    buckets = {float(dict(labels)["le"]): value for (name, labels), value in found.items() if name == "model_seconds_bucket"}
    assert set(buckets) == {0.05, 0.1, 0.25, 0.5, 1, 2.5, math.inf}, f"expected the buckets of the task, got {sorted(buckets)}"
    assert buckets[0.05] == 0, (
        "each call takes at least 0.06 seconds, but the bucket up to 0.05 is not empty. Is the time of the model measured, in seconds?"
    )
    before = len(found)
    for i in range(8):
        service.post("/predict", {"fire_id": f"new-{i}", "temperature": i / 7})
        service.get(f"/unknown/{i}")
    after = samples(service)
    assert len(after) == before, f"8 more fires made {len(after) - before} more series: a label must not hold what differs from request to request"
### BEGIN HIDDEN TESTS
import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from mlelabs.service import running
from mlelabs.standins import StandIn


def numbers_now(service):
    answer = service.get("/metrics")
    answer = service.get("/metrics/") if answer.status_code == 307 else answer
    families = text_string_to_metric_families(answer.text)
    found = {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}
    return {key: value for key, value in found.items() if not key[0].startswith(("python_", "process_"))}


rng = np.random.default_rng(8)
for calm in (0, 0.11):
    with running(measured_app, StandIn("q", 0.9, sleeps=calm, fails=["bad"])) as service:
        last, sums, total = numbers_now(service), {"ok": 0, "refused": 0, "error": 0}, 0.0
        kinds = rng.permutation(["ok", "error"] * 4 + ["refused"] * 7)
        for step, kind in enumerate(map(str, kinds)):
            service.get("/predict")
            body = {"ok": {"fire_id": f"a{step}", "temperature": float(step)}, "error": {"fire_id": "bad", "temperature": -step}}
            body["refused"] = [{"temperature": None}, {"temperature": [2]}, {"temperature": "3"}, b"{", b"[1]", {"temperature": True}, {}][sums["refused"] % 7]
            answer = service.post("/predict", body[kind])
            total += answer.seconds
            sums[kind] += 1
            right = {"ok": 200, "refused": 422, "error": 503}[kind]
            assert answer.status_code == right, f"{body[kind]} should get {right}, it gets {answer.status_code}"
            now = numbers_now(service)
            fallen = [key for key, value in last.items() if now.get(key, 0) < value and not key[0].endswith("_created")]
            assert not fallen, f"{fallen[0][0]} has become smaller: counters and histograms only grow"
            last = now
        found = {kind: last.get(("predictions_total", (("outcome", kind),)), 0) for kind in sums}
        assert found == sums, f"expected the counts {sums}, found {found} (before each POST there was a GET of /predict, which is not counted)"
        assert sum(value for (name, _), value in last.items() if name == "predictions_total") == 15, "each POST is counted exactly once, and nothing else"
        calls = sums["ok"] + sums["error"]
        assert last.get(("model_seconds_count", ())) == calls, f"{calls} calls of the model, model_seconds_count is {last.get(('model_seconds_count', ()))}"
        spent = last.get(("model_seconds_sum", ()), -1)
        assert calls * calm <= spent <= total, f"the calls took between {calls * calm:.2f} and {total:.2f} seconds in all, model_seconds_sum is {spent:.2f}"
        buckets = {float(dict(labels)["le"]): value for (name, labels), value in last.items() if name == "model_seconds_bucket"}
        assert list(dict(sorted(buckets.items())).values()) == sorted(buckets.values()) and max(buckets.values()) == calls, f"the buckets are cumulative, up to all {calls} calls, they are {buckets}"
        assert calm == 0 or buckets[0.1] == 0, "no call takes less than 0.1 seconds, but the bucket up to 0.1 is not empty"
### END HIDDEN TESTS

# %% [markdown]
# ## Labels come late
#
# Counters say that the service answers. Whether it is *right* shows when the fire is under control and its size is known: after hours for a small one, after weeks for a large one.
#
# **Before running:** it is 10 May 2023. How does the share of large fires among the fires whose outcome is known compare with the share among all fires so far?

# %%
season = log.query("year == 2023").dropna(subset="fire_start_date").copy()
season["day"] = pd.to_datetime(season["fire_start_date"]).dt.normalize()
season["known_on"] = pd.to_datetime(season["first_uc_date"]).dt.normalize()
days = pd.date_range("2023-05-01", "2023-09-30")
shares = pd.DataFrame(
    {
        "all fires so far": [season.loc[season["day"] <= day, "large"].mean() for day in days],
        "those known by then": [season.loc[season["known_on"] <= day, "large"].mean() for day in days],
    },
    index=days,
)
shares.loc[["2023-05-10", "2023-06-01", "2023-09-30"]].round(3)

# %%
figure, axis = plt.subplots()
for name in shares:
    axis.plot(shares.index, shares[name], label=name)
axis.set(title="What is known early looks harmless", xlabel="day in 2023", ylabel="share of large fires", ylim=(0, 0.25))
axis.tick_params(axis="x", rotation=30)
axis.legend()
plt.show()

# %% [markdown]
# The lower line lies below the upper one all season: large fires are unknown for longest. Whoever treats "not known yet" as "small" sees a model that warns too often, and turns it down in the middle of a bad season. So each prediction is logged with its id, its
# day and the version that made it, and joined with the labels that were known **by a given day**, no more.

# %% [markdown]
# ## Exercise 8: Join predictions with late labels (2 points, about 9 minutes)
#
# Write `known_labels(predictions, labels, day)`. `predictions` has the columns `request_id` (each once), `day` (when it was made), `version`, `probability`. `labels` has `request_id`, `known_on` and `large` (True or False). Labels get corrected: then an id has several rows, each with another `known_on`. Some ids in `labels` never
# were predictions.
#
# Return the predictions made on or before `day`, in their order, with all their columns and exactly one more, `large`: of the labels with `known_on` on or before `day` the one with the latest `known_on`; missing (`NaN` or `None`) if there is none. Both tables stay as they are.
#
# *By hand:* a fire of 1 May is said to be small on 2 May, and corrected to large on 9 May. On 1 May its label is missing, on 5 May it is False, on 9 May True.
#
# <details><summary>Hint</summary>Filter the labels first, then sort them by <code>known_on</code>, keep the last one of each id (<code>drop_duplicates(..., keep="last")</code>), and merge with <code>how="left"</code>.</details>

# %% exercise="labels"
def known_labels(predictions, labels, day):
    """Return the predictions made by a day, with the labels that were known by that day.

    predictions, labels: DataFrames, see above. day: Timestamp.
    """
    ### BEGIN SOLUTION
    known = labels[labels["known_on"] <= day].sort_values("known_on", kind="stable")
    latest = known.drop_duplicates("request_id", keep="last")[["request_id", "large"]]
    made = predictions[predictions["day"] <= day]
    return made.merge(latest, on="request_id", how="left")
    ### END SOLUTION

# %% free="labels"
predictions = pd.DataFrame(
    {"request_id": season["fire_number"], "day": season["day"], "version": "2019-1", "probability": 0.1}
)
labels = season.rename(columns={"fire_number": "request_id"})[["request_id", "known_on", "large"]]
known_labels(predictions, labels, pd.Timestamp("2023-05-10"))["large"].value_counts(dropna=False)

# %% check="labels" points=2
# Checks a label that is not known yet, one that is corrected, an id without prediction, and the future.
made = pd.DataFrame(
    {
        "request_id": ["b", "a", "c", "d"],
        "day": pd.to_datetime(["2023-05-01", "2023-05-01", "2023-05-03", "2023-05-20"]),
        "version": ["v2", "v1", "v1", "v2"],
        "probability": [0.1, 0.6, 0.2, 0.3],
    },
    index=[7, 3, 5, 1],
)
said = pd.DataFrame(
    {
        "request_id": ["a", "a", "zz", "b", "c"],
        "known_on": pd.to_datetime(["2023-05-09", "2023-05-02", "2023-05-02", "2023-05-05", "2023-07-01"]),
        "large": [True, False, True, True, True],
    }
)
for text, right in {"2023-05-01": [None, None], "2023-05-05": [True, False, None], "2023-05-09": [True, True, None]}.items():
    joined = known_labels(made, said, pd.Timestamp(text))
    assert isinstance(joined, pd.DataFrame), f"known_labels should return a DataFrame, it returned a {type(joined).__name__}"
    assert {*made.columns, "large"} == set(joined.columns), f"expected all columns of predictions, and 'large', no other, got {list(joined.columns)}"
    wanted = list(made["request_id"][: len(right)])
    assert list(joined["request_id"]) == wanted, (
        f"on {text} the predictions made so far are {wanted}, in this order and once each, got {list(joined['request_id'])}"
    )
    found = [None if pd.isna(value) else bool(value) for value in joined["large"]]
    assert found == right, (
        f"on {text} the labels known are {right}, you give {found}. What is not known yet is neither True nor False; of several labels, the latest known by then counts"
    )
### BEGIN HIDDEN TESTS
import numpy as np
import pandas as pd

rng = np.random.default_rng(81)
start = pd.Timestamp("2022-04-01")
for _ in range(12):
    size = int(rng.integers(20, 80))
    ids = [f"r{i:03}" for i in rng.permutation(200)[:size]]
    made = pd.DataFrame(
        {"request_id": ids, "day": start + pd.to_timedelta(rng.integers(0, 60, size), "D"), "version": rng.choice(["v1", "v2", "v3"], size), "probability": rng.random(size)},
        index=rng.permutation(size) + 9,
    )
    events = []
    for name in [*ids, "other-1", "other-2"]:
        for delay in sorted(rng.choice(120, int(rng.integers(0, 4)), replace=False)):
            events.append((name, start + pd.Timedelta(days=int(delay)), bool(rng.random() < 0.5)))
    said = pd.DataFrame(events, columns=["request_id", "known_on", "large"]).sample(frac=1, random_state=int(rng.integers(99)))
    before = made.copy(), said.copy()
    for offset in (0, 25, 59, 130):
        day = start + pd.Timedelta(days=offset)
        joined = known_labels(made, said, day)
        assert made.equals(before[0]) and said.equals(before[1]), "known_labels changes the tables it was given"
        kept = made[made["day"] <= day]
        assert list(joined["request_id"]) == list(kept["request_id"]), "expected each prediction made by the day once, in the given order"
        assert list(joined["version"]) == list(kept["version"]) and list(joined["probability"]) == list(kept["probability"]), "version and probability should stay with their prediction"
        for name, got in zip(joined["request_id"], joined["large"]):
            past = [(moment, value) for other, moment, value in events if other == name and moment <= day]
            right = max(past)[1] if past else None
            got = None if pd.isna(got) else bool(got)
            assert got == right, f"{offset} days after the start, {name} is known to be {right}, you say {got}. Its labels by then: {past}"
### END HIDDEN TESTS

# %% [markdown]
# ## A new model, step by step
#
# A new model passed all tests. That says what tests say. Two ways lead into service without a leap. In **shadow** it computes along: it sees each request, its answer is written down, nobody acts on it. As a **canary** it answers for a small part of the fires. Which part
# must be **sticky**: a fire whose risk is asked for five times must not jump between models. So the id of the fire decides, and nothing else.
#
# **Before running:** Python has a function `hash`, made for this. Why is it useless here?

# %%
def hashing():
    app = FastAPI()

    @app.get("/canary")
    def canary():
        return [f"WF{i:03}" for i in range(1, 60) if hash(f"WF{i:03}") % 10 == 0]

    return app


seen = []
for _ in range(2):
    with running(hashing) as service:
        seen.append(service.get("/canary").json())
print("the same fires after a restart:", seen[0] == seen[1])

# %% [markdown]
# `hash` of a text is another one in every process (as a protection against attacks), so each restart would deal the cards anew. A digest such as SHA-256 is the same everywhere.

# %% [markdown]
# ## Exercise 9: Shadow and canary (3 points, about 22 minutes)
#
# Write `canary_app(stable, candidate, share)`: two models (`version`, `predict(fire)`) and the share of fires, from 0 to 1, for which the candidate answers. `POST /predict` answers `{"probability": ..., "version": ...}` of the model that answered.
#
# - The `fire_id` decides. The same fire always gets the same model, also after a restart; of many fires a share of about `share` gets the candidate (four standard errors are allowed: of 200 fires and a share of 0.2, from 0.087 to 0.313). If the share is raised, fires that had the candidate keep it.
# - Candidate's fires: if the candidate raises, the stable model answers, with its version. (That it hangs for its own fires is not part of this exercise; you know from exercise 6 what to do.)
# - All other fires: the stable model answers, and the candidate sees the same fire **in shadow**: for each request a line of JSON, `{"fire_id": ..., "stable": ..., "candidate": ...}` (both probabilities), is appended to the file `shadow.jsonl` in the working
#   folder, soon after. If the candidate raises there, the answer is as ever; a line with `null` or no line are both right. If it **hangs** there, no answer waits for it, not even the hundredth; the lines of later requests may then be missing.
#
# <details><summary>Hint</summary><code>int(hashlib.sha256(text.encode()).hexdigest(), 16) % 10_000</code> is a number from 0 to 9,999 that is always the same; compare it with <code>share * 10_000</code>. Let the shadow run in a <code>ThreadPoolExecutor(2)</code> of its own (<code>submit</code>, and do not wait). FastAPI's background tasks use the same 40 threads as the answers: 40 hanging shadows, and nobody gets an answer.</details>

# %% exercise="canary"
def canary_app(stable, candidate, share):
    """Return an app whose POST /predict lets a candidate answer for a share of the fires.

    stable, candidate: have version and predict(fire). share: from 0 to 1.
    """
    ### BEGIN SOLUTION
    app = FastAPI()
    beside = ThreadPoolExecutor(1)

    def is_canary(fire_id):
        digest = hashlib.sha256(fire_id.encode()).hexdigest()
        return int(digest[:12], 16) / 16**12 < share

    def shadow(fire, answered):
        line = {"fire_id": fire["fire_id"], "stable": answered}
        line["candidate"] = candidate.predict(fire)
        with open("shadow.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    @app.post("/predict")
    def predict(fire: dict):
        if is_canary(fire["fire_id"]):
            try:
                return {"probability": candidate.predict(fire), "version": candidate.version}
            except Exception:
                return {"probability": stable.predict(fire), "version": stable.version}
        probability = stable.predict(fire)
        beside.submit(shadow, fire, probability)
        return {"probability": probability, "version": stable.version}

    return app
    ### END SOLUTION

# %% free="canary"
with running(canary_app, StandIn("v1", 0.2), StandIn("v2", 0.7), 0.25) as service:
    for fire in fires[:6]:
        print(fire["fire_id"], service.ask("/predict", fire))

# %% check="canary" points=3
# Checks the share on 200 fires, that it is sticky across a restart, the shadow, and a candidate that fails or hangs.
def versions(service, some):
    """The version that answers each fire: dict, fire_id -> version."""
    answers = service.load("/predict", some, at_once=4)
    bad = [answer.status_code for answer in answers if answer.status_code != 200]
    assert not bad, f"POST /predict should answer 200, it answers {bad[0]} {service.why()}"
    return {fire["fire_id"]: answer.json()["version"] for fire, answer in zip(some, answers)}


with running(canary_app, StandIn("v1", 0.2), StandIn("v2", 0.7), 0.2) as service:
    got = service.ask("/predict", fires[0])
    assert set(got) == {"probability", "version"}, f"expected probability and version, got {got}. What the shadow says is not for the dispatcher"
    assert (got["version"], got["probability"]) in [("v1", 0.2), ("v2", 0.7)], f"v1 says 0.2 and v2 says 0.7, but the answer is {got}: probability and version must be of the same model"
    first = versions(service, fires[:200])
    part = list(first.values()).count("v2") / 200
    assert 0.087 <= part <= 0.313, f"the share is 0.2, and of 200 fires {part:.3f} get the candidate: expected 0.087 to 0.313"
    assert versions(service, fires[:80][::-1]) == {name: first[name] for name in list(first)[:80]}, "the same fires asked again get other models: the fire_id alone must decide"
    asked = [fires[0]["fire_id"], *first, *list(first)[:80]]
    expected = sorted(name for name in asked if first[name] == "v1")  # a line for each request that v1 answered
    shadows = lambda: [line.get("fire_id") for line in noted(service, "shadow.jsonl")]  # noqa: E731
    assert eventually(lambda: len(shadows()) >= len(expected)), (
        f"{len(expected)} requests were answered by the stable model, but shadow.jsonl has {len(shadows())} lines: one for each request, soon after it"
    )
    own = [name for name in shadows() if first.get(name) == "v2"]
    assert not own, f"{len(own)} lines of shadow.jsonl are about fires that the candidate answers itself: they do not belong there"
    assert sorted(shadows()) == expected, f"shadow.jsonl should have {len(expected)} lines, one for each request that the stable model answered, it has {len(shadows())}"
    line = noted(service, "shadow.jsonl")[0]
    assert (line.get("stable"), line.get("candidate")) == (0.2, 0.7), f"expected stable 0.2 and candidate 0.7 in the line, got {line}"
with running(canary_app, StandIn("v1", 0.2), StandIn("v2", 0.7), 0.2) as service:
    assert versions(service, fires[:60]) == {name: first[name] for name in list(first)[:60]}, (
        "after a restart the same fires get other models. Python's hash() of a text is another one in each process, and so are random numbers"
    )
with running(canary_app, StandIn("v1", 0.2), StandIn("v2", 0.7), 0.5) as service:
    more = versions(service, fires[:60])
    left = [name for name, version in more.items() if version == "v1" and first[name] == "v2"]
    assert not left, f"the share was raised from 0.2 to 0.5, and {len(left)} fires lost the candidate: those who had it keep it"
with running(canary_app, StandIn("v1", 0.2), StandIn("v2", fails=True), 0.5) as service:
    assert set(versions(service, fires[:20]).values()) == {"v1"}, "the candidate raises: the stable model should answer, with its version"
with running(canary_app, StandIn("v1", 0.2), StandIn("v2", waits_for="never"), 0) as service:
    service.scene = "the candidate hangs in shadow"
    for fire in fires[:60]:
        assert service.ask("/predict", fire) == {"probability": 0.2, "version": "v1"}, "the candidate hangs in shadow: the stable model answers as ever"
### BEGIN HIDDEN TESTS
from mlelabs.data import load_wildfires
from mlelabs.service import eventually, quantile_ratio, running
from mlelabs.standins import StandIn, noted, sleeping_app
from mlelabs.traffic import replay

other = replay(load_wildfires(), 2015, 500)


def who(service, some):
    answers = service.load("/predict", some, at_once=4)
    assert all(answer.status_code == 200 for answer in answers), f"POST /predict should answer 200 {service.why()}"
    found = [answer.json() for answer in answers]
    assert all(one["probability"] == {"s": 0.125, "c": 0.875}[one["version"]] for one in found), "probability and version are not of the same model"
    return {fire["fire_id"]: one["version"] for fire, one in zip(some, found)}


parts = {}
for share, size in {0.05: 500, 0.35: 300, 1: 60}.items():
    with running(canary_app, StandIn("s", 0.125), StandIn("c", 0.875), share) as service:
        parts[share] = who(service, other[:size])
        part = list(parts[share].values()).count("c") / size
        slack = 4 * (share * (1 - share) / size) ** 0.5
        assert abs(part - share) <= slack + 1e-9, f"the share is {share}, and of {size} fires {part:.3f} get the candidate: expected {share} give or take {slack:.3f}"
assert all(parts[0.35][name] == "c" for name in parts[0.35] if parts[0.05][name] == "c"), "a raised share must not take the candidate away from a fire"
with running(canary_app, StandIn("s", 0.125), StandIn("c", 0.875), 0.35) as service:
    changed = {fire["fire_id"]: parts[0.35][fire["fire_id"]] for fire in other[200:260]}
    moved = [fire | {"temperature": 1.5, "wind_speed": None} for fire in other[200:260]]
    assert who(service, moved[::-1]) == changed, "the same fires, after a restart, in another order and with another temperature, should get the same models"
    assert who(service, moved[:10]) == {fire["fire_id"]: changed[fire["fire_id"]] for fire in moved[:10]}, "the same fires asked again should get the same models"
    names = sorted(fire["fire_id"] for fire in moved + moved[:10] if changed[fire["fire_id"]] == "s")
    lines = lambda: sorted(line["fire_id"] for line in noted(service, "shadow.jsonl"))  # noqa: E731
    assert eventually(lambda: len(lines()) >= len(names)) and lines() == names, "shadow.jsonl should hold a line for each request that the stable model answered"
    calls = noted(service, "c.calls")
    assert all(call in moved for call in calls), "the candidate should see the fire as it was sent"
with running(canary_app, StandIn("s", 0.125), StandIn("c", 0.875, fails=[fire["fire_id"] for fire in other[:10]]), 0) as service:
    assert set(who(service, other[:250]).values()) == {"s"}, "a share of 0: the stable model answers, and nobody else"
    good = {fire["fire_id"] for fire in other[10:20]}
    assert eventually(lambda: good <= {line["fire_id"] for line in noted(service, "shadow.jsonl")}), "after a failure in shadow, the next fires should be written down again"
with running(canary_app, StandIn("s", 0.125, sleeps=0.1), StandIn("c", waits_for="never"), 0) as service, running(sleeping_app, 0.1) as given:
    service.scene = "the candidate hangs in shadow"
    ratio = quantile_ratio(service, given, "/predict", other[0], at_once=4)
    assert ratio <= 3, f"the candidate hangs in shadow, and answers take {ratio:.1f} times as long as those of the stable model alone: no answer waits for the shadow"
with running(canary_app, StandIn("s", 0.125), StandIn("c", waits_for="never"), 0) as service:
    service.scene = "the candidate hangs in shadow"
    assert set(who(service, other[:120]).values()) == {"s"}, "the candidate hangs in shadow: the stable model answers"
### END HIDDEN TESTS

# %% [markdown]
# ## Change it while it runs
#
# At three in the morning the new model must go, and the old one come back. Nobody may notice. The trap is small: an answer needs the probability *and* the version, and between the two the model may change.
#
# **Before running:** the model below is replaced while it computes. Which version will the answer name?

# %%
state = {"model": StandIn("v1", 0.2)}


class Replaced(StandIn):
    """A model that is replaced while it computes: here we make happen what otherwise is chance."""

    def predict(self, fire):
        state["model"] = StandIn("v2", 0.9)
        return self.probability


state["model"] = Replaced("v1", 0.2)
probability = state["model"].predict(fires[0])
print({"probability": probability, "version": state["model"].version})

# %% [markdown]
# The answer says 0.2 and v2, which v2 never said. Weeks later somebody joins the log with the labels and blames the wrong model.

# %% [markdown]
# ## Exercise 10: Swap and roll back under load (3 points, about 17 minutes)
#
# Write `swap_app(load)`. `load(version)` returns a model (`version`, `predict(fire)`); it takes long and raises if it cannot. The app starts with `load("v1")`, for which it may wait, and answers
#
# - `POST /predict`: `{"probability": ..., "version": ...}`, both of the same model, at any time, also **while another model is loading**,
# - `POST /swap` with `{"version": "v2"}`: loads that model; answers 200 with `{"version": "v2"}` once it is in service; it waits for no answer that another model is still computing. (A body without `version` gets 409 or 422.) If it cannot be loaded, or if for `{"fire_id": "probe"}` it raises or returns no number from 0 to 1 (a text is none): 409, and everything stays as it is,
# - `POST /rollback`: brings back the model that was in service before the last swap, **without loading it**; 200 with `{"version": ...}`. 409 if there is none: before the first swap, and after a rollback until the next swap.
#
# Under load, no request fails.
#
# <details><summary>Hint</summary>Keep the model in service in one place, read it once at the start of each answer, and work with what you have read: <code>model = state["model"]</code>. Load and probe first, replace last. Functions that are not <code>async</code> run in threads, so a slow <code>load</code> stops nobody. Version and previous model may sit in a dict.</details>

# %% exercise="swap"
def swap_app(load):
    """Return an app with POST /predict, POST /swap and POST /rollback.

    load: function of a version, slow, returns a model or raises.
    """
    ### BEGIN SOLUTION
    app = FastAPI()
    state = {"model": load("v1"), "before": None}

    @app.post("/predict")
    def predict(fire: dict):
        serving = state["model"]
        return {"probability": serving.predict(fire), "version": serving.version}

    @app.post("/swap")
    def swap(wish: dict):
        try:
            new = load(wish["version"])
            fit = 0 <= new.predict({"fire_id": "probe"}) <= 1
        except Exception:
            fit = False
        if not fit:
            raise HTTPException(409, "this model is not fit for service")
        state["before"], state["model"] = state["model"], new
        return {"version": new.version}

    @app.post("/rollback")
    def rollback():
        if state["before"] is None:
            raise HTTPException(409, "there is nothing to go back to")
        state["model"], state["before"] = state["before"], None
        return {"version": state["model"].version}

    return app
    ### END SOLUTION

# %% free="swap"
with running(swap_app, Shelf({"v1": StandIn("v1", 0.2), "v2": StandIn("v2", 0.9)})) as service:
    print(service.ask("/predict", fires[0]))
    print(service.ask("/swap", {"version": "v2"}), service.ask("/predict", fires[0]))
    print(service.ask("/rollback"), service.ask("/predict", fires[0]))

# %% check="swap" points=3
# Checks a swap and a rollback under load, models that are not fit, and a swap in the middle of an answer.
says = {"v1": 0.2, "v2": 0.9}
models = {version: StandIn(version, says[version]) for version in says}
models |= {"silent": StandIn("silent", fails=True), "mad": StandIn("mad", 1.5)}
with running(swap_app, Shelf(models, waits_for={"v2": "loaded"})) as service, ThreadPoolExecutor(1) as pool:
    assert service.post("/rollback").status_code == 409, "before the first swap there is nothing to go back to: expected 409"
    with service.under_load("/predict", fires[:50]) as answers:
        assert eventually(lambda: len(answers) > 20), f"under load the service stops to answer {service.why()}"
        swapping = pool.submit(service.post, "/swap", {"version": "v2"})
        assert eventually(lambda: "v2" in noted(service, "loads") or swapping.done()), "POST /swap does not load the new model"
        assert not swapping.done(), f"POST /swap does not load the new model, it answers {swapping.result().status_code} {swapping.result().text[:200]} {service.why()}"
        count = len(answers)
        assert eventually(lambda: len(answers) > count + 20), "while the new model is loading, nobody gets an answer"
        (service.folder / "loaded").touch()
        status = swapping.result().status_code
        assert status == 200, f"POST /swap should answer 200, it answers {status} {service.why()}"
        count = len(answers)
        assert eventually(lambda: len(answers) > count + 20), "after the swap nobody gets an answer"
        got = service.ask("/rollback")
        assert got.get("version") == "v1", f"the rollback should bring back v1, it answers {got}"
        assert service.ask("/predict", fires[0]).get("version") == "v1", "after the rollback, v1 should answer"
    failed = [answer for answer in answers if answer[0] != 200]
    assert not failed, f"{len(failed)} of {len(answers)} requests failed during swap and rollback, the first with {failed[0]}"
    mixed = [found for _, found in answers if says.get(found.get("version")) != found.get("probability")]
    assert not mixed, f"v1 says 0.2 and v2 says 0.9, but an answer was {mixed[0]}: probability and version must be of the same model"
    assert {found["version"] for _, found in answers} == {"v1", "v2"}, "after the swap, v2 should have answered until the rollback"
    assert noted(service, "loads") == ["v1", "v2"], f"loaded were {noted(service, 'loads')}: a rollback loads nothing, a request neither"
    assert service.post("/rollback").status_code == 409, "after a rollback there is nothing more to go back to: expected 409"
    for version in ["unheard-of", "silent", "mad"]:
        status = service.post("/swap", {"version": version}).status_code
        assert status == 409, f"a swap to '{version}' (cannot be loaded, or gives no probability) should get 409, it gets {status} {service.why()}"
        assert service.ask("/predict", fires[0])["version"] == "v1", f"after the refused swap to '{version}', v1 should still answer"
slow = {"v1": StandIn("v1", 0.2, waits_for="answer"), "v2": StandIn("v2", 0.9)}
with running(swap_app, Shelf(slow)) as service, ThreadPoolExecutor(1) as pool:
    asked = pool.submit(service.ask, "/predict", fires[0])
    assert eventually(lambda: noted(service, "v1.calls")), "POST /predict does not call the model"
    service.scene = "v1 is still computing an answer while v2 is to come into service: a swap waits for no running answer"
    service.ask("/swap", {"version": "v2"})
    (service.folder / "answer").touch()
    got = asked.result()
    assert got == {"probability": 0.2, "version": "v1"}, f"v1 was computing when v2 came into service. Its answer should be 0.2 of v1, it is {got}: probability and version must be of the same model"
### BEGIN HIDDEN TESTS
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from mlelabs.service import eventually, running
from mlelabs.standins import Shelf, StandIn, noted

chances = {"v1": 0.0, "b": 1.0, "c": 0.375}
shelf = {name: StandIn(name, chances[name]) for name in chances}
shelf |= {"nan": StandIn("nan", float("nan")), "none": StandIn("none", None), "text": StandIn("text", "0.4"), "down": StandIn("down", fails=["probe"])}
some = [{"fire_id": f"g{i}"} for i in range(30)]
with running(swap_app, Shelf(shelf, waits_for={"c": "go"})) as service, ThreadPoolExecutor(1) as pool:
    assert service.post("/rollback").status_code == 409, "before the first swap: expected 409"
    with service.under_load("/predict", some) as answers:
        steps = []
        for path, body, right in [("/swap", "b", "b"), ("/rollback", None, "v1"), ("/swap", "b", "b"), ("/swap", "c", "c"), ("/rollback", None, "b")]:
            waiting = pool.submit(service.ask, path, {"version": body} if body else None)
            if body == "c":
                assert eventually(lambda: "c" in noted(service, "loads")), "POST /swap does not load the model"
                count = len(answers)
                assert eventually(lambda count=count: len(answers) > count + 10), "while a model is loading, nobody gets an answer"
                (service.folder / "go").touch()
            got = waiting.result()
            assert got == {"version": right}, f"POST {path} {body or ''} should answer with version {right}, got {got}"
            now = service.ask("/predict", some[0])
            assert now == {"probability": chances[right], "version": right}, f"after POST {path} {body or ''} the answer should be of {right}, it is {now}"
            count = len(answers)
            assert eventually(lambda count=count: len(answers) > count + 10), "nobody gets an answer any more"
        for version in ("nan", "none", "text", "down", "nothing"):
            status = service.post("/swap", {"version": version}).status_code
            assert status == 409, f"a swap to the model '{version}' (it cannot be loaded, or gives no number from 0 to 1 for the probe) should get 409, it gets {status}"
            assert service.ask("/predict", some[0])["version"] == "b", "after a refused swap everything should stay"
    failed = [answer for answer in answers if answer[0] != 200]
    assert not failed, f"{len(failed)} of {len(answers)} requests failed, the first with {failed[0]}"
    assert all(found["probability"] == chances[found["version"]] for _, found in answers), "probability and version are not of the same model"
    assert noted(service, "loads").count("b") == 2 and noted(service, "loads").count("v1") == 1, "a rollback should load nothing"
    assert service.post("/rollback").status_code == 409, "after a rollback, until the next swap: expected 409"
    assert service.ask("/swap", {"version": "b"}) == {"version": "b"}, "a version may come into service again"
late = {"v1": StandIn("v1", 0.25, waits_for="answer"), "b": StandIn("b", 0.75)}
with running(swap_app, Shelf(late)) as service, ThreadPoolExecutor(4) as pool:
    asked = [pool.submit(service.ask, "/predict", fire) for fire in some[:4]]
    assert eventually(lambda: len(noted(service, "v1.calls")) == 4), "four requests at a time should reach the model"
    service.scene = "v1 is still computing answers: a swap waits for none of them"
    service.ask("/swap", {"version": "b"})
    (service.folder / "answer").touch()
    assert all(one.result() == {"probability": 0.25, "version": "v1"} for one in asked), "answers that v1 had begun should be of v1"
### END HIDDEN TESTS

# %% [markdown]
# ## When to stop, and whom to wake
#
# The canary runs. After every 100 of its requests somebody looks at the errors and asks whether to stop. The rule is statistical: stop if the error rate is significantly higher (5 %) than that of the stable version.
#
# **Before running:** the candidate is exactly as good as the stable version (simulated, both fail for 2 % of the requests). There are 20 looks. How often will the rule stop it?

# %%
def significant(stable, canary, z=1.645):
    """True if the canary's error rate is significantly higher (one-sided, 5 % for z = 1.645)."""
    rate = np.concatenate([stable, canary]).mean()
    spread = np.sqrt(rate * (1 - rate) * (1 / len(stable) + 1 / len(canary)))
    return canary.mean() - stable.mean() > z * spread


at_end, at_any = 0, 0
for seed in range(200):
    looks = [significant(*look) for look in rollout(seed, 0.02, 0.02)]
    at_end += looks[-1]
    at_any += any(looks)
print(f"one look, at the end: stopped {at_end / 200:.0%} of good candidates")
print(f"stopped at any of 20 looks: {at_any / 200:.0%}")

# %% [markdown]
# The 5 % hold for one look (here it was a little more: with few errors the formula is rough, and chance does the rest). Each further look is a further chance to be unlucky. An **alert** has the same problem, with 1,440 looks a day. The figure shows a simulated day: errors per minute, and three incidents.

# %%
day, incidents = day_with_incidents(seed=3)
figure, axis = plt.subplots()
rate = day["errors"] / day["requests"].clip(lower=1)
axis.plot(day.index / 60, rate, linewidth=0.8)
for first, last in incidents:
    axis.axvspan(first / 60, last / 60, alpha=0.3, color="C1", label="incident" if first == incidents[0][0] else None)
axis.set(title="Not every spike is an incident", xlabel="hour of the day (simulated)", ylabel="share of requests that fail")
axis.legend(loc="upper center")
plt.show()
above = [int(minute) for minute in day.index[rate > 0.05]]
woken = []
for minute in above:
    if not woken or minute - woken[-1] >= 30:  # not again within half an hour
        woken.append(minute)
precision, recall, delay = score_alerts([woken], [incidents])
print(f"woken {len(woken)} times: precision {precision:.2f}, recall {recall:.2f}, delay {delay:.1f} minutes")

# %% [markdown]
# Outside the three shaded incidents there are many minutes above 5 %: at night, with few requests, one error is enough. If each of them wakes somebody (once in half an hour), most calls are for nothing, and soon the alert is switched off. An alert has a **precision** (how many alerts were about something), a **recall** (how many incidents were noticed) and a **delay**.

# %% [markdown]
# ## Exercise 11: A stop rule and an alert (2 points, about 16 minutes)
#
# Write `stop_canary(stable, canary)`. Both are arrays of all outcomes so far, True for a failed request; it is called after each 100 requests of the canary, up to 2,000. By then the stable version has had nine times as many. Return True to stop
# the canary. The answer depends on the two arrays alone, not on earlier calls. On hidden simulations: a canary as good as the stable version (both fail for 2 %) is stopped, at any of the 20 looks, in **at
# most 10 of 100** rollouts; one that fails for 5 % is stopped in **at least 95 of 100**, and in half of all 100 by the 8th look. (The check tries 60 of each, and allows a little more.)
#
# Write `alert_minutes(day)`. `day` has the columns `requests` and `errors`, one row per minute. Return the list of minutes at which somebody is woken. A decision uses only the minutes up to then, and after an alert in minute *t* the next comes in minute *t* + 30 at the earliest. On 30 hidden days like
# the one above: precision at least **0.7**, recall at least **0.9**, mean delay at most **5** minutes (an alert is right during an incident and 10 minutes after it).
#
# <details><summary>Hint</summary>For 20 looks, more than three standard errors instead of 1.645 keep false alarms rare. For the alert, sum errors and requests over the last minutes (<code>rolling(10)</code>), and ask also for a number of minutes that had any error: a burst is over after one.</details>

# %% exercise="rules"
def stop_canary(stable, canary):
    """Say whether the canary must be stopped, at one of up to 20 looks.

    stable, canary: arrays of booleans, True for each request that failed so far.
    """
    ### BEGIN SOLUTION
    everything = np.concatenate([stable, canary]).mean()
    error = math.sqrt(everything * (1 - everything) * (1 / len(stable) + 1 / len(canary)))
    return bool(canary.mean() - stable.mean() > 3.1 * error)
    ### END SOLUTION


def alert_minutes(day):
    """List the minutes at which somebody is woken.

    day: DataFrame with requests and errors, one row per minute.
    """
    ### BEGIN SOLUTION
    recent = day.rolling(10, min_periods=1).sum()
    bad_minutes = (day["errors"] > 0).rolling(10, min_periods=1).sum()
    hot = (recent["errors"] > 0.05 * recent["requests"]) & (bad_minutes >= 4)
    alerts = []
    for minute in np.flatnonzero(hot):
        if not alerts or minute - alerts[-1] > 30:
            alerts.append(int(minute))
    return alerts
    ### END SOLUTION

# %% free="rules"
print("stopped at look:", [number for number, look in enumerate(rollout(5, 0.02, 0.05), 1) if stop_canary(*look)][:1])
print("alerts:", alert_minutes(day), " incidents:", incidents)

# %% check="rules" points=2
# Checks 60 simulated rollouts, and alerts on 10 simulated days.
def stopped_at(seed, rate):
    """The look at which the canary is stopped, 99 if it never is."""
    for number, look in enumerate(rollout(seed, 0.02, rate), 1):
        answer = stop_canary(*look)
        assert isinstance(answer, (bool, np.bool_)), f"stop_canary should return True or False, it returned {answer!r}"
        if answer:
            return number
    return 99


same = stop_canary(np.arange(900) % 50 == 0, np.arange(100) % 50 == 0)
assert not same, "both fail for exactly 2 % at the first look, and the canary is stopped. Does stop_canary depend on earlier calls?"
good = [stopped_at(seed, 0.02) for seed in range(1000, 1060)]
again = [stopped_at(seed, 0.02) for seed in range(1000, 1010)]
assert again == good[:10], "the same rollouts as before are now judged otherwise: stop_canary should depend on its two arrays alone, not on earlier calls"
stops = sum(number <= 20 for number in good)
assert stops <= 8, f"{stops} of 60 canaries as good as the stable version are stopped. There are 20 looks: each needs more than a test with 5 % would ask"
bad = [stopped_at(seed, 0.05) for seed in range(2000, 2060)]
assert sum(number <= 20 for number in bad) >= 55, f"only {sum(number <= 20 for number in bad)} of 60 canaries that fail for 5 % are stopped"
assert np.median(bad) <= 8, f"canaries that fail for 5 % should be stopped by look 8 in half of the cases, you need {np.median(bad):g}: do not wait for the end"
days = [day_with_incidents(seed) for seed in range(100, 110)]
alarms = [alert_minutes(table.copy()) for table, _ in days]
for times in alarms:
    assert isinstance(times, list), f"alert_minutes should return a list, it returned a {type(times).__name__}"
    assert all(isinstance(t, (int, np.integer)) and 0 <= t < 1440 for t in times), "alerts are minutes: whole numbers from 0 to 1439"
    assert all(later - earlier >= 30 for earlier, later in zip(times, times[1:])), (
        f"within 30 minutes after an alert there should be no other, you give {times[:6]}"
    )
assert any(alarms), "in ten days with three incidents each, nobody is woken"
for (table, _), times in zip(days, alarms):
    for t in times[:2]:
        assert alert_minutes(table.head(t + 1).copy()) == [other for other in times if other <= t], (
            f"when the day is cut off behind the alert of minute {t}, alerts change: a decision may use only the minutes up to then"
        )
precision, recall, delay = score_alerts(alarms, [spans for _, spans in days])
assert precision >= 0.7, f"precision {precision:.2f}, wanted is 0.7: people are woken for nothing. Do a burst of one minute, or one error in a quiet night, raise an alert?"
assert recall >= 0.9, f"recall {recall:.2f}, wanted is 0.9: incidents pass unnoticed"
assert delay <= 5, f"the mean delay is {delay:.1f} minutes, wanted is 5: over how long a time do you average?"
### BEGIN HIDDEN TESTS
import numpy as np

from mlelabs.traffic import day_with_incidents, rollout, score_alerts


def look_of_stop(seed, rate):
    return next((number for number, look in enumerate(rollout(seed, 0.02, rate), 1) if stop_canary(*look)), 99)


good = [look_of_stop(seed, 0.02) for seed in range(71_000, 71_100)]
assert sum(number < 99 for number in good) <= 10, f"{sum(number < 99 for number in good)} of 100 good canaries are stopped, at most 10 may be: 20 looks are 20 chances to be unlucky"
bad = [look_of_stop(seed, 0.05) for seed in range(72_000, 72_100)]
assert sum(number < 99 for number in bad) >= 95, f"only {sum(number < 99 for number in bad)} of 100 bad canaries are stopped, expected 95"
assert np.median(bad) <= 8, f"half of the bad canaries should be stopped by look 8, you need {np.median(bad):g}"
spans, alarms = [], []
for seed in range(73_000, 73_030):
    table, incidents = day_with_incidents(seed)
    before = table.copy()
    alarms.append(list(alert_minutes(table)))
    spans.append(incidents)
    assert table.equals(before), "alert_minutes changes the table it was given"
    assert all(b - a >= 30 for a, b in zip(alarms[-1], alarms[-1][1:])), "within 30 minutes after an alert there should be no other"
    for cut in (400, 900, 1300):
        assert list(alert_minutes(table.head(cut))) == [t for t in alarms[-1] if t < cut], "a decision may use only the minutes up to then: with the rest of the day cut off, alerts change"
precision, recall, delay = score_alerts(alarms, spans)
assert precision >= 0.7 and recall >= 0.9 and delay <= 5, f"30 hidden days: precision {precision:.2f} (wanted 0.7), recall {recall:.2f} (0.9), delay {delay:.1f} minutes (5)"
### END HIDDEN TESTS

# %% [markdown]
# ## The recipe and the gate
#
# On your machine the service runs. On the server it arrives as a **container image**, built from a recipe, the `Dockerfile`; and a **gate** in the pipeline decides whether it may. You need no container engine here: both are text, and can be read. This is the recipe that came with the prototype.

# %%
first_recipe = """\
FROM python:latest
COPY . .
ENV API_KEY=8f2c-secret
RUN pip install -r requirements.txt
HEALTHCHECK CMD curl localhost:8000/ready || exit 1
CMD uvicorn app:app --reload
"""
for name, rest in read_dockerfile(first_recipe):
    print(f"{name:12}{rest}")

# %% [markdown]
# **Before reading on:** count what you would change. `latest` is another Python tomorrow. A copy of everything comes before the installation, so each changed line of code installs everything again. The key is in the image for all who can pull it. The process runs as root. The health check asks
# `/ready`, so a service that is still loading is declared ill. A command as plain text runs in a shell that swallows the signal to stop; a JSON list, `CMD ["program", "first argument", ...]`, needs no shell. `--reload` is for development. And uvicorn listens to 127.0.0.1, where nobody outside the container can reach it.
#
# The gate is a **workflow** of GitHub Actions, a text in YAML, where indentation says what belongs to what. This one came along:

# %%
first_workflow = """\
name: gate
on: push
env:
  DEPLOY_KEY: 8f2c-secret
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: pip install -r requirements.txt
      - run: pytest || true
  deploy:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: ./deploy.sh
"""
print("jobs:", list(yaml.safe_load(first_workflow)["jobs"]))

# %% [markdown]
# `on` says when it runs: whenever somebody pushes a change, to any branch. Each job gets a fresh machine (`runs-on`) and does its `steps` one after the other, until one fails. A step runs a command (`run`), or a ready-made action (`uses`; this one fetches the code). Jobs run at the same time, unless one says
# `needs: other`; and a job with an `if`, such as `if: github.actor == 'lindqvist'`, runs only where that holds; `github.ref` is what was pushed, the branch main for example as `refs/heads/main`. `env` sets variables, for the whole workflow, a job or a step.
#
# **Before reading on:** four things are wrong. `|| true` makes a success of every failure, so the tests stop nobody. `deploy` does not wait for `test`. It deploys every branch that somebody pushes. And the key stands in the file, at the top, where each job gets it: it belongs into the repository's secrets, and only
# `deploy` should fetch it.
#
# ## Exercise 12: Recipe and gate (2 points, about 18 minutes)
#
# Write `dockerfile()` and `workflow()`; each returns a text.
#
# The **Dockerfile**:
#
# - `FROM python:` with a version of at least two parts, such as `3.12-slim`,
# - `requirements.txt` is copied and installed (`-r`) **before** the code (folders and `.py` files) is copied,
# - no variable (`ENV`, `ARG`) whose name contains KEY, TOKEN, SECRET or PASSWORD,
# - a `USER` other than root (name or number) before the command, in the last stage if there are several,
# - a `HEALTHCHECK` that asks `/live` on the port of the service, and can fail,
# - as `CMD` a JSON list that starts uvicorn, without a shell, with `--host 0.0.0.0` and without `--reload`.
#
# The **workflow**:
#
# - YAML for GitHub Actions, run `on` push, at least to the branch main,
# - a job `test` whose steps run pytest and fail if it fails (no `continue-on-error`, no `|| true` or the like),
# - a job `deploy` that `needs` the job `test`, and whose `if` lets only pushes to main (`refs/heads/main`) through, and only when the tests have passed,
# - the job `deploy` writes `${{ secrets.DEPLOY_KEY }}`, at least once; the key stays out of the `env` of the whole workflow,
# - both jobs say `runs-on` and have `steps`.
#
# <details><summary>Hint</summary>A plain triple-quoted text will do; with an f-string the double braces would get lost. Begin with the two texts above and mend them line by line. A health check without curl: <code>python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/live')"</code>.</details>

# %% exercise="recipe"
def dockerfile():
    """Return the text of a Dockerfile for the service (app.py, started as app:app)."""
    ### BEGIN SOLUTION
    return """\
FROM python:3.12-slim
WORKDIR /service
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY app.py model.pkl manifest.json ./
RUN useradd --create-home triage
USER triage
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD python -c \\
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/live')"
CMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8000"]
"""
    ### END SOLUTION


def workflow():
    """Return the text of a GitHub Actions workflow that tests, and deploys only what is tested."""
    ### BEGIN SOLUTION
    return """\
name: gate
on: push
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: pip install --require-hashes -r requirements.txt
      - run: pytest
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: ./deploy.sh
        env:
          DEPLOY_KEY: ${{ secrets.DEPLOY_KEY }}
"""
    ### END SOLUTION

# %% free="recipe"
for name, rest in read_dockerfile(dockerfile()):
    print(f"{name:12}{rest}")

# %% check="recipe" points=2
# Checks each demand on the Dockerfile, then each demand on the workflow.
import re

text = dockerfile()
assert isinstance(text, str) and text.strip(), f"dockerfile should return a text, it returned {type(text).__name__}"
steps = read_dockerfile(text)
image, last = final_stage(steps)  # the last stage counts, and what it goes on from
assert steps[0][0] in ("FROM", "ARG") and image, "a Dockerfile begins with FROM"
assert image.startswith("python:"), f"the base should be a python image with a version, it is {image}"
parts = image.removeprefix("python:").split("-")[0].split("@")[0].split(".")
assert len(parts) >= 2 and all(part.isdigit() for part in parts), f"{image} may be another Python tomorrow: name a version of at least two parts"
runs = {i: re.sub(r"[\"',\[\]]+", " ", rest) for i, (name, rest) in enumerate(steps) if name == "RUN"}
install = [i for i, run in runs.items() if re.search(r"\binstall\b.*(-r|--requirements?)[ =]*\S*requirements\S*", run)]
without = [run for run in runs.values() if re.search(r"\binstall\b.*requirements\.txt", run)]
assert install or not without, f"'{without[0]}' looks for a package of the name requirements.txt: -r is missing"
assert install, "no RUN installs requirements.txt"
sources = {i: copied(rest) for i, (name, rest) in enumerate(steps) if name in ("COPY", "ADD")}
early = [source for i, found in sources.items() for source in found if i < install[0]]
assert early, "requirements.txt must be copied before it is installed"
code = [source for source in early if is_code(source)]
assert not code, f"code is copied before the installation ({code[0]}): each change of it would install everything again"
assert any(is_code(source) for i, found in sources.items() for source in found if i > install[0]), "the code is not copied after the installation"
for name, rest in steps:
    if name in ("ENV", "ARG"):
        bad = [variable for variable in variables(rest) if re.search("KEY|TOKEN|SECRET|PASSWORD", variable.upper())]
        assert not bad, f"{name} {rest}: what is secret comes when the container starts, not with the image"
command = [i for i, (name, _) in enumerate(last) if name == "CMD"]
assert len(command) == 1, f"expected one CMD, there are {len(command)}"
users = [rest for name, rest in last[: command[0]] if name == "USER"]
elsewhere = ". Each FROM begins anew, as root" if not users and any(name == "USER" for name, _ in steps) else ""
assert users and users[-1].split(":")[0].strip("\"'") not in ("root", "0"), f"the process should not run as root: name a USER before the command{elsewhere}"
health = ([rest for name, rest in last if name == "HEALTHCHECK"] or [""])[-1]
assert "/live" in health and "/ready" not in health, (
    f"the health check should ask /live, it is '{health}'. Who is not ready is not ill"
)
assert not re.search(r"(\|\||;)\s*(true\b|:|exit 0\b)", health), f"this health check can never fail: '{health}'"
try:
    words = json.loads(last[command[0]][1])
except ValueError:
    words = None
assert isinstance(words, list) and words, (
    "CMD should be a JSON list (with double quotes): as plain text it runs in a shell, and the signal to stop does not arrive"
)
words = [str(word) for word in words]
assert " " not in words[0], f"CMD is one text in a list: no program has the name '{words[0]}'. Each word is an element of its own"
assert words[0].rpartition("/")[2] not in ("sh", "bash", "ash", "dash", "zsh"), "CMD starts a shell, and the signal to stop does not arrive: let the list begin with uvicorn itself"
line = " ".join(words).replace("=", " ")
assert any(word.rpartition("/")[2] == "uvicorn" for word in words) and "--host 0.0.0.0" in line, f"the command should start uvicorn with --host 0.0.0.0, or nobody outside the container reaches it: {line}"
assert "--reload" not in line, "--reload is for development"
port = ([word for before, word in zip(line.split(), line.split()[1:]) if before == "--port"] or ["8000"])[0]
asked = re.search(r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d+)?/live", health)
assert asked is None or "UVICORN_PORT" in text or (asked[1] or ":80") == f":{port}", (
    f"uvicorn listens to port {port}, but the health check asks '{asked[0]}' (without a number that is port 80)"
)

text = workflow()
assert isinstance(text, str) and text.strip(), f"workflow should return a text, it returned {type(text).__name__}"
try:
    gate = yaml.safe_load(text)
except yaml.YAMLError as error:
    raise AssertionError(f"the workflow is not YAML: {error}") from None
assert isinstance(gate, dict) and isinstance(gate.get("jobs"), dict), "a workflow has jobs"
on = gate.get("on", gate.get(True))  # YAML takes the word on for true
assert on == "push" or (isinstance(on, (list, dict)) and "push" in on), f"the workflow should run on push, it runs on {on}"
push = (on["push"] if isinstance(on, dict) else None) or {}
wanted, unwanted = ([push[key]] if isinstance(push.get(key), str) else list(push.get(key) or []) for key in ("branches", "branches-ignore"))
reached = "tags" not in push if not wanted else any(re.fullmatch(str(branch).replace("*", ".*"), "main") for branch in wanted)
assert reached and "main" not in unwanted, f"the workflow runs on push, but not on a push to main: {push}. So nothing is ever deployed"
for name in ("test", "deploy"):
    job = gate["jobs"].get(name)
    assert isinstance(job, dict) and job.get("runs-on") and isinstance(job.get("steps"), list), f"the job '{name}' needs runs-on and steps"
    assert all(isinstance(step, dict) for step in job["steps"]), f"each step of the job '{name}' should say 'run: ...' or 'uses: ...'"
test, deploy = gate["jobs"]["test"], gate["jobs"]["deploy"]


def pytest_lines(step):
    """The lines of a step that run pytest, not those that install it or speak of it."""
    lines = str(step.get("run", "")).replace("\\\n", " ").splitlines()
    parts = {line: re.split(r"&&|\|\||;|\||\bthen\b", line) for line in lines if not line.strip().startswith("#")}
    return [line for line, some in parts.items() if any(re.search(r"(^|[\s/])(pytest|py\.test)\b", part) and not re.search(r"\b(install|add|echo|--version)\b", part) for part in some)]


def swallows(line, step):
    """True if pytest may fail in this line of a step, and the step goes on."""
    whole, behind = str(step["run"]), re.split(r"pytest|py\.test", line, maxsplit=1)[1]
    fails_later = re.search(r"exit\s+([1-9]|\$)|\bfalse\b", whole)
    shells = [step, *(place.get("defaults", {}).get("run", {}) for place in (test, gate))]
    pipefail = "pipefail" in whole or any(str(shell.get("shell", "")).startswith("bash") for shell in shells)
    excused = re.search(r"\|\|\s*(true\b|:|exit 0\b|echo\b|printf\b)", behind) or "set +e" in whole or re.match(r"\s*if\b", line)
    return bool(excused and not fails_later) or bool(re.search(r"(?<!\|)\|(?!\|)", behind) and not pipefail)


tests = [(line, step) for step in test["steps"] for line in pytest_lines(step)]
assert tests, "no step of the job test runs pytest"
lenient = test.get("continue-on-error") or any(step.get("continue-on-error") for _, step in tests)
swallowed = [line.strip() for line, step in tests if swallows(line, step)]
assert not lenient, "continue-on-error: the tests may fail, and the job goes on: that is no gate"
assert not swallowed, (
    f"'{swallowed[0]}': the tests may fail, and the job goes on: that is no gate. Of a pipe only the last program counts, unless the shell has pipefail; "
    "what follows || or stands behind if decides instead of pytest"
)
needs = deploy.get("needs", [])
assert "test" in ([needs] if isinstance(needs, str) else list(needs)), "the job deploy does not need the job test: both would run at the same time"
condition = str(deploy.get("if", "")).strip()
if condition.startswith("${{") and condition.endswith("}}"):
    condition = condition[3:-2].strip()
assert "${{" not in condition, f"the if of deploy is '{condition}': a comparison outside of the braces is a text, and a text that is not empty counts as true"
main = r"github\.ref\s*==\s*'refs/heads/main'|'refs/heads/main'\s*==\s*github\.ref\b|github\.ref_name\s*==\s*'main'"
assert re.search(main, condition) and not re.search(r"!\s*\(", condition), f"the job deploy should run only for refs/heads/main, its if is '{condition}'"
assert "||" not in condition, f"the job deploy should run only for refs/heads/main, but '||' lets others through: '{condition}'"
assert not re.search(r"always\(\)|cancelled\(\)|failure\(\)", condition), f"with '{condition}' the job deploy runs also when the tests have failed"
assert "{{" in json.dumps(deploy) or "secrets.DEPLOY_KEY" not in json.dumps(deploy), "one pair of braces is lost: ${{ secrets.DEPLOY_KEY }} needs two. In an f-string, double braces become single ones"
assert "secrets.DEPLOY_KEY" not in str(gate.get("env", "")), "the key stands in the env of the whole workflow, where each job sees it: only the job deploy needs it"
assert re.search(r"\$\{\{\s*secrets\.DEPLOY_KEY\s*\}\}", json.dumps(deploy)), "in the job deploy, the key should come as ${{ secrets.DEPLOY_KEY }}"
### BEGIN HIDDEN TESTS
import json

import yaml

from mlelabs.dockerfile import read_dockerfile

recipe, gate = dockerfile(), yaml.safe_load(workflow())
names = [name for name, _ in read_dockerfile(recipe)]
known = {"FROM", "WORKDIR", "COPY", "ADD", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "CMD", "ENV", "ARG", "LABEL", "STOPSIGNAL", "VOLUME", "SHELL", "ENTRYPOINT", "MAINTAINER", "ONBUILD"}
assert set(names) <= known, f"no instruction of a Dockerfile: {sorted(set(names) - known)}"
assert names.index("CMD") > names.index("FROM"), "FROM comes first"
assert recipe == dockerfile() and yaml.safe_load(workflow()) == gate, "each call should return the same text"
for job in gate["jobs"].values():
    for step in job["steps"]:
        assert isinstance(step, dict) and ("run" in step) != ("uses" in step), f"a step has either run or uses: {step}"
exposed = [word.split("/")[0] for name, rest in read_dockerfile(recipe) if name == "EXPOSE" for word in rest.split()]
words = " ".join(json.loads([rest for name, rest in read_dockerfile(recipe) if name == "CMD"][-1])).replace("=", " ").split()
port = words[words.index("--port") + 1] if "--port" in words else "8000"
assert not exposed or str(port) in exposed or exposed[0].startswith("$"), f"uvicorn listens to port {port}, but EXPOSE names {exposed}"
### END HIDDEN TESTS

# %% [markdown]
# ## Decision memo (3 points, about 15 minutes)
#
# Ms Lindqvist leads the night shift of the dispatch centre. She is no engineer. A new version of the model is ready, and the supplier proposes to install it on Friday evening "in one go, the tests are green". She must say yes or no. Write her **half a page** (about 150 to 250 words): your
# recommendation (how, in which steps, who decides at each), two or three findings with a number from this notebook each and what they mean for her shift, what she will see when something goes wrong, and what remains uncertain. One point each for a clear decision, for evidence that
# bears on it, and for honesty in plain language.

# %% [markdown] memo="memo" points=3
# **Rubric** (1 point each)
#
# 1. *Decision:* a clear recommendation in the first two sentences (yes, no, or in steps), who decides at each step, and a condition under which one goes back.
# 2. *Evidence:* two or three findings that bear on the decision, each with a correct figure of the student's own and its consequence for the shift.
# 3. *Honesty and language:* says what the steps cannot show, proposes an action with an owner, uses no unexplained technical term.
#
# **Example.** Please say no to Friday evening, and yes to three steps from Monday. First the new version computes along for a week, and nobody acts on it. Then it answers for one fire in ten; the same fire always gets the same version, and each answer names it. Our team
# looks after every hundred of its answers and takes it back if it fails clearly more often. Then it answers for all. Going back takes no reload: in our trial the version was changed and changed back while requests came in, and none was lost. Two findings matter for your shift.
# Early numbers look harmless: on 10 May 2023 only 12 % of the fires with a known outcome were large, but 18 % of all of them, because large fires stay open for longer. So a good first week proves little. And an alarm for every minute with more than 5 % errors would have
# woken you mostly for nothing; the rule we propose woke people for real incidents in most cases, in trials with invented incidents. If the model does not answer, your screen says "fallback": then a simple rule has answered, please judge for yourself. What we do not know: how
# the new version does in a season unlike the past ones. We ask your shift leader to note doubtful answers; our team goes through them each Monday.

# %% [markdown]
# ## What you have learned
#
# - A model travels with its manifest, and is checked before it is run. A request is refused by name, or answered with the number that training would have given; nothing in between.
# - Alive is not ready, and `async` is not fast. A model that hangs takes down what shares its threads.
# - The mean hides the tail. Counters grow, labels have few values, and outcomes come late, large ones last.
# - Shadow, canary, swap, rollback: each answer names its version, and the way back is tried before it is needed.
# - Each look at the numbers is a chance to be unlucky. An alert is judged by whom it wakes for nothing, and by what it misses.
#
# **In practice** a service runs as several copies behind a load balancer, which asks `/ready`; a platform does swaps and canaries for you, by the same rules. Digests and signatures come from a registry, logs and metrics go to other machines. Our load was at most ten requests at a time on one machine, with
# simulated faults. A real one is found by a load test at night, with real sizes.
#
# **Go further**
#
# - Kästner, *Machine Learning in Production*, chapters "Deploying a Model" and "Testing and Experimenting in Production".
# - Beyer et al., *Site Reliability Engineering* (O'Reilly 2016), chapters "Monitoring Distributed Systems" and "Service Level Objectives", free to read at sre.google: what to measure, and whom to wake.
# - Dean and Barroso, *The Tail at Scale* (Communications of the ACM 2013): why the slowest one per cent decides.
# - FastAPI's documentation, "Concurrency and async / await": when `def`, when `async def`.
#
# ## Declare your tools and sources
#
# AI assistants are allowed in this course and must be declared. Say what you used and for what, or "none".

# %% [markdown] free="sources"
# *Tools and sources I used:*

# %% [markdown]
# ## Hand in
#
# Press **Validate**, above the notebook. It saves your work, runs it from the top in a fresh kernel, and tells you in words whether this file can be handed in and what it would
# cost. Then download it (*File → Download*) and upload it, with its name unchanged, to the assignment in Moodle.
