"""Stand-ins for models in lab 6: their behaviour is known, so that of the service around shows.

They live in the process of the service and work in its folder (see mlelabs.service). There they
note each call, and there they wait for files: whoever tests decides when they go on.
"""

import contextlib
import json
import time
import uuid
from pathlib import Path

GIVE_UP = 60  # seconds; nobody waits that long
MEET = 8  # seconds; calls that arrive together are together within milliseconds


class StandIn:
    """A model with a `version` and a method `predict(fire)`, which returns a probability.

    probability: what it returns. waits_for: name of a file without which it does not answer.
    sleeps: seconds that an answer takes. fails: always, or a list of fire_ids. meets: a number of
    calls that must be in `predict` at the same time, or all of them fail.
    """

    def __init__(self, version, probability=0.5, waits_for="", sleeps=0, fails=False, meets=0):
        self.version, self.probability, self.waits_for = version, probability, waits_for
        self.sleeps, self.fails, self.meets = sleeps, fails, meets

    def predict(self, fire):
        fire = dict(fire)
        note(f"{self.version}.calls", fire)
        if self.waits_for:
            wait_for(self.waits_for)
        if self.meets:
            meet(self.meets)
        time.sleep(self.sleeps)
        if self.fails is True or (self.fails and fire.get("fire_id") in self.fails):
            raise RuntimeError(f"the model {self.version} is gone")
        return self.probability


class Shelf:
    """Call it with a version to load that model; it notes that, and may have to wait for a file.

    models: dict, version -> model. waits_for: dict, version -> name of the file.
    Raises KeyError for a version that it does not hold.
    """

    def __init__(self, models, waits_for=None):
        self.models, self.waits_for = models, waits_for or {}

    def __call__(self, version):
        note("loads", version)
        if version in self.waits_for:
            wait_for(self.waits_for[version])
        return self.models[version]


class Loader:
    """Call it to load a model; it notes that, waits for a file if it shall, and may fail."""

    def __init__(self, model, waits_for="", fails=False):
        self.model, self.waits_for, self.fails = model, waits_for, fails

    def __call__(self):
        note("loads", self.model.version)
        if self.waits_for:
            wait_for(self.waits_for)
        if self.fails:
            raise OSError("the model's file cannot be read")
        return self.model


def note(name, what):
    """Append a line of JSON to a file."""
    with open(name, "a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")


def noted(service, name):
    """What has been noted in a file of a service, as a list; a line being written is left out."""
    path = service.folder / name
    if not path.exists():
        return []
    *lines, last = path.read_text("utf-8").splitlines() or [""]
    found = [json.loads(line) for line in lines]
    with contextlib.suppress(ValueError):
        found.append(json.loads(last))
    return found


def wait_for(name):
    """Wait until a file is there."""
    give_up = time.monotonic() + GIVE_UP
    while not Path(name).exists() and time.monotonic() < give_up:
        time.sleep(0.005)


def meet(number):
    """Wait until `number` calls are here. Raises RuntimeError, now and later, if they are not."""
    Path("meeting").mkdir(exist_ok=True)
    (Path("meeting") / uuid.uuid4().hex).touch()
    give_up = time.monotonic() + MEET
    while len(list(Path("meeting").iterdir())) < number:
        if time.monotonic() > give_up or Path("missed").exists():
            Path("missed").touch()
            raise RuntimeError("the calls came one after the other")
        time.sleep(0.005)


def sleeping_app(seconds):
    """An app whose answers take this long, however many are asked for at a time: a baseline."""
    import asyncio

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        await asyncio.sleep(seconds)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    return app
