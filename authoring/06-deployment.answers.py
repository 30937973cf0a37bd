# %% accept="package" name="a file handle, and one set comparison"
NEEDED = ["version", "features", "data_sha256", "trained_until"]


def save_model(model, folder, facts):
    for key in NEEDED:
        if key not in facts:
            raise ValueError(key)
    path = Path(folder, "model.pkl")
    with open(path, "wb") as file:
        pickle.dump(model, file)
    manifest = {**facts}
    manifest["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest["sklearn"] = sklearn.__version__
    with open(Path(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file, ensure_ascii=False)


def load_model(folder):
    with open(Path(folder, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    for key in NEEDED + ["sha256", "sklearn"]:
        if key not in manifest:
            raise ValueError(f"no {key}")
    with open(Path(folder, "model.pkl"), "rb") as file:
        content = file.read()
    fits = manifest["sklearn"] == sklearn.__version__
    if not fits or manifest["sha256"] != hashlib.sha256(content).hexdigest():
        raise ValueError("not to be trusted")
    return pickle.loads(content), manifest

# %% accept="package" name="dictionary lookups that fail, turned into ValueError"
def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_model(model, folder, facts):
    try:
        facts["version"], facts["features"], facts["data_sha256"], facts["trained_until"]
    except KeyError as error:
        raise ValueError(f"{error} is missing") from error
    (folder / "model.pkl").write_bytes(pickle.dumps(model, protocol=4))
    manifest = dict(facts, sha256=digest(folder / "model.pkl"), sklearn=sklearn.__version__)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))


def load_model(folder):
    manifest = json.loads((folder / "manifest.json").read_bytes())
    try:
        for key in ("version", "features", "data_sha256", "trained_until"):
            manifest[key]
        right = manifest["sha256"] == digest(folder / "model.pkl")
        same = manifest["sklearn"] == sklearn.__version__
    except KeyError as error:
        raise ValueError("incomplete manifest") from error
    if right and same:
        with (folder / "model.pkl").open("rb") as file:
            return pickle.load(file), manifest
    raise ValueError("another file or another version")

# %% reject="package" name="unpickles first, then compares" message="before it checked them"
def save_model(model, folder, facts):
    if not {"version", "features", "data_sha256", "trained_until"} <= set(facts):
        raise ValueError("facts are missing")
    data = pickle.dumps(model)
    manifest = facts | {"sha256": hashlib.sha256(data).hexdigest(), "sklearn": sklearn.__version__}
    (folder / "model.pkl").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def load_model(folder):
    data = (folder / "model.pkl").read_bytes()
    model = pickle.loads(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    for key in ("version", "features", "data_sha256", "trained_until", "sha256", "sklearn"):
        if key not in manifest:
            raise ValueError(key)
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise ValueError("another file")
    if manifest["sklearn"] != sklearn.__version__:
        raise ValueError("another version")
    return model, manifest

# %% reject="package" name="no digest is compared" message="compare the digest"
def save_model(model, folder, facts):
    if not {"version", "features", "data_sha256", "trained_until"} <= set(facts):
        raise ValueError("facts are missing")
    data = pickle.dumps(model)
    manifest = facts | {"sha256": hashlib.sha256(data).hexdigest(), "sklearn": sklearn.__version__}
    (folder / "model.pkl").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def load_model(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    if "sha256" not in manifest or manifest["sklearn"] != sklearn.__version__:
        raise ValueError("another version")
    try:
        return pickle.loads((folder / "model.pkl").read_bytes()), manifest
    except Exception:
        return None, manifest

# %% reject="package" name="any version of scikit-learn will do" message="which is not installed"
def save_model(model, folder, facts):
    if not {"version", "features", "data_sha256", "trained_until"} <= set(facts):
        raise ValueError("facts are missing")
    data = pickle.dumps(model)
    manifest = facts | {"sha256": hashlib.sha256(data).hexdigest(), "sklearn": sklearn.__version__}
    (folder / "model.pkl").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def load_model(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    data = (folder / "model.pkl").read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise ValueError("another file")
    return pickle.loads(data), manifest

# %% reject="package" name="writes into the dict it was given" message="make a new dict"
def save_model(model, folder, facts):
    if not {"version", "features", "data_sha256", "trained_until"} <= set(facts):
        raise ValueError("facts are missing")
    data = pickle.dumps(model)
    facts["sha256"] = hashlib.sha256(data).hexdigest()
    facts["sklearn"] = sklearn.__version__
    (folder / "model.pkl").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(facts))


def load_model(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    data = (folder / "model.pkl").read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest.get("sha256"):
        raise ValueError("another file")
    if manifest.get("sklearn") != sklearn.__version__:
        raise ValueError("another version")
    return pickle.loads(data), manifest

# %% reject="package" name="an incomplete manifest gives a KeyError" message="expected ValueError, got KeyError"
def save_model(model, folder, facts):
    if not {"version", "features", "data_sha256", "trained_until"} <= set(facts):
        raise ValueError("facts are missing")
    data = pickle.dumps(model)
    manifest = facts | {"sha256": hashlib.sha256(data).hexdigest(), "sklearn": sklearn.__version__}
    (folder / "model.pkl").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def load_model(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    data = (folder / "model.pkl").read_bytes()
    for key in ("version", "features", "data_sha256", "trained_until"):
        manifest[key]
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise ValueError("another file")
    if manifest["sklearn"] != sklearn.__version__:
        raise ValueError("another version")
    return pickle.loads(data), manifest

# %% accept="validate" name="by hand, without pydantic"
LIMITS = {
    "latitude": (49, 60, False),
    "longitude": (-120, -110, False),
    "temperature": (-50, 50, True),
    "relative_humidity": (0, 100, True),
}
TEXTS = {"fire_id": (1, 40, False), "fuel_type": (0, 20, True)}


def validating_app():
    app = FastAPI()

    def problems(fire):
        for name in [*LIMITS, *TEXTS]:
            if name not in fire:
                yield f"{name} is missing"
        for name, value in fire.items():
            if name in LIMITS:
                low, high, nullable = LIMITS[name]
                is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
                fine = is_number and low <= value <= high
            elif name in TEXTS:
                low, high, nullable = TEXTS[name]
                fine = isinstance(value, str) and low <= len(value) <= high and value.isprintable()
            else:
                fine = nullable = False
            if not fine and not (nullable and value is None):
                yield f"{ascii(name)}: {ascii(value)} is not allowed"

    @app.post("/predict")
    async def predict(request: Request):
        try:
            fire = json.loads(await request.body())
        except (ValueError, RecursionError):
            return JSONResponse({"error": "no JSON"}, 400)
        if not isinstance(fire, dict):
            return JSONResponse({"error": "no object"}, 422)
        found = list(problems(fire))
        if found:
            return JSONResponse({"errors": found}, 422)
        return {"accepted": fire["fire_id"]}

    return app

# %% accept="validate" name="pydantic in the function, refusals in plain text of JSON"
def validating_app():
    from typing import Annotated

    Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]

    class Fire(BaseModel, extra="forbid", strict=True):
        fire_id: Annotated[str, Field(min_length=1, max_length=40)]
        latitude: Annotated[Number, Field(ge=49, le=60)]
        longitude: Annotated[Number, Field(ge=-120, le=-110)]
        temperature: Annotated[Number, Field(ge=-50, le=50)] | None
        relative_humidity: Annotated[Number, Field(ge=0, le=100)] | None
        fuel_type: Annotated[str, Field(max_length=20)] | None

    app = FastAPI()

    @app.exception_handler(RequestValidationError)
    async def on_error(request: Request, exc: RequestValidationError):
        text = json.dumps([[list(e["loc"]), repr(e.get("input"))] for e in exc.errors()])
        return Response(text, status_code=422, media_type="application/json")

    @app.post("/predict")
    async def predict(fire: Fire):
        return {"accepted": fire.fire_id}

    return app

# %% accept="validate" name="takes the request itself and lets pydantic look at it"
class ThisFire(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    fire_id: str = Field(min_length=1, max_length=40)
    latitude: int | float = Field(ge=49, le=60)
    longitude: int | float = Field(ge=-120, le=-110)
    temperature: int | float | None = Field(ge=-50, le=50)
    relative_humidity: int | float | None = Field(ge=0, le=100)
    fuel_type: str | None = Field(max_length=20)


def validating_app():
    from pydantic import ValidationError

    app = FastAPI()

    @app.post("/predict")
    async def predict(request: Request):
        body = await request.body()
        try:
            fire = ThisFire.model_validate_json(body)
        except ValidationError as error:
            return JSONResponse({"wrong": ascii(error.errors())}, status_code=422)
        return {"accepted": fire.fire_id}

    return app

# %% reject="validate" name="status 200 with an error in the body" message="Is the check strict"
def validating_app():
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        if not 49 <= fire["latitude"] <= 60:
            return {"error": "latitude"}
        return {"accepted": fire["fire_id"]}

    return app

# %% reject="validate" name="not strict: a text becomes a number" message="latitude = '51.2' should be refused"
class Fire(BaseModel):
    model_config = ConfigDict(extra="forbid")
    fire_id: str = Field(min_length=1, max_length=40)
    latitude: float = Field(ge=49, le=60)
    longitude: float = Field(ge=-120, le=-110)
    temperature: float | None = Field(ge=-50, le=50)
    relative_humidity: float | None = Field(ge=0, le=100)
    fuel_type: str | None = Field(max_length=20)


def validating_app():
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: Fire):
        return {"accepted": fire.fire_id}

    return app

# %% reject="validate" name="a default for what may be null" message="a default would hide that it was forgotten"
class Fire(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    fire_id: str = Field(min_length=1, max_length=40)
    latitude: float = Field(ge=49, le=60)
    longitude: float = Field(ge=-120, le=-110)
    temperature: float | None = Field(None, ge=-50, le=50)
    relative_humidity: float | None = Field(None, ge=0, le=100)
    fuel_type: str | None = Field(None, max_length=20)


def validating_app():
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: Fire):
        return {"accepted": fire.fire_id}

    return app

# %% reject="validate" name="unknown fields are ignored" message="spelling mistake that somebody should hear of"
class Fire(BaseModel):
    model_config = ConfigDict(strict=True)
    fire_id: str = Field(min_length=1, max_length=40)
    latitude: float = Field(ge=49, le=60)
    longitude: float = Field(ge=-120, le=-110)
    temperature: float | None = Field(ge=-50, le=50)
    relative_humidity: float | None = Field(ge=0, le=100)
    fuel_type: str | None = Field(max_length=20)


def validating_app():
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: Fire):
        return {"accepted": fire.fire_id}

    return app

# %% reject="validate" name="FastAPI's own refusal of NaN" message="The refusal must not contain the NaN as a number"
class Fire(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    fire_id: str = Field(min_length=1, max_length=40)
    latitude: float = Field(ge=49, le=60)
    longitude: float = Field(ge=-120, le=-110)
    temperature: float | None = Field(ge=-50, le=50)
    relative_humidity: float | None = Field(ge=0, le=100)
    fuel_type: str | None = Field(max_length=20)


def validating_app():
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: Fire):
        return {"accepted": fire.fire_id}

    return app

# %% reject="validate" name="the refusal does not say what was wrong" message="should name the field"
class Fire(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    fire_id: str = Field(min_length=1, max_length=40)
    latitude: float = Field(ge=49, le=60)
    longitude: float = Field(ge=-120, le=-110)
    temperature: float | None = Field(ge=-50, le=50)
    relative_humidity: float | None = Field(ge=0, le=100)
    fuel_type: str | None = Field(max_length=20)


def validating_app():
    app = FastAPI()

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        return JSONResponse({"error": "invalid request"}, status_code=422)

    @app.post("/predict")
    def predict(fire: Fire):
        return {"accepted": fire.fire_id}

    return app

# %% reject="validate" name="stops at the first wrong field" message="are both wrong, but the refusal does not name"
class Fire(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    fire_id: str = Field(min_length=1, max_length=40)
    latitude: float = Field(ge=49, le=60)
    longitude: float = Field(ge=-120, le=-110)
    temperature: float | None = Field(ge=-50, le=50)
    relative_humidity: float | None = Field(ge=0, le=100)
    fuel_type: str | None = Field(max_length=20)


def validating_app():
    app = FastAPI()

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        first = error.errors()[0]
        return JSONResponse({"error": str(first["loc"]), "got": repr(first["input"])}, 422)

    @app.post("/predict")
    def predict(fire: Fire):
        return {"accepted": fire.fire_id}

    return app

# %% reject="validate" name="forgets to return the app" message="should return the FastAPI app, it returns NoneType"
def validating_app():
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        return {"accepted": fire["fire_id"]}

# %% accept="parity" name="a table of one row, filled column by column"
def scoring_app(pipeline, facts):
    app = FastAPI()

    @app.post("/predict")
    async def predict(request: Request):
        fire = await request.json()
        table = pd.DataFrame({name: [fire.get(name)] for name in facts["features"]})
        for name in facts["medians"]:
            table[name] = pd.to_numeric(table[name]).astype(float).fillna(facts["medians"][name])
        table["fuel_type"] = table["fuel_type"].fillna("Unknown").str.strip()
        moment = pd.to_datetime(fire["reported"])
        table["month"], table["hour"] = moment.month, moment.hour
        return {"probability": pipeline.predict_proba(table)[:, 1].item()}

    return app

# %% accept="parity" name="datetime and list(classes_), rounded to 7 digits"
def scoring_app(pipeline, facts):
    from datetime import datetime

    app = FastAPI()
    large = list(pipeline.classes_).index(True)

    def number(fire, name):
        value = fire[name]
        return facts["medians"][name] if value is None else value

    @app.post("/predict")
    def predict(fire: dict):
        moment = datetime.strptime(fire["reported"], "%Y-%m-%d %H:%M")
        features = {name: number(fire, name) for name in facts["medians"]}
        features["fuel_type"] = (fire["fuel_type"] or "Unknown").strip()
        features["month"] = moment.month
        features["hour"] = moment.hour
        row = pd.DataFrame({name: [features[name]] for name in facts["features"]})
        return {"probability": round(float(pipeline.predict_proba(row)[0][large]), 8)}

    return app

# %% reject="parity" name="a missing number becomes 0" message="are the gaps filled with the training medians?"
def scoring_app(pipeline, facts):
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        moment = pd.Timestamp(fire["reported"])
        row = {name: fire[name] or 0 for name in facts["medians"]}
        row |= {"fuel_type": (fire["fuel_type"] or "Unknown").strip(), "month": moment.month, "hour": moment.hour}
        table = pd.DataFrame([row])[facts["features"]]
        return {"probability": float(pipeline.predict_proba(table)[0, 1])}

    return app

# %% reject="parity" name="the training code, copied: median of one row" message="the app raised ValueError: Input X contains NaN"
def training_table_of(log):
    table = log[["temperature", "relative_humidity", "wind_speed"]].astype(float)
    table = table.fillna(table.median())
    table["fuel_type"] = log["fuel_type"].fillna("Unknown").str.strip()
    reported = pd.to_datetime(log["reported"])
    table["month"], table["hour"] = reported.dt.month, reported.dt.hour
    return table


def scoring_app(pipeline, facts):
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        table = training_table_of(pd.DataFrame([fire]))
        return {"probability": float(pipeline.predict_proba(table)[0, 1])}

    return app

# %% reject="parity" name="the column of the other class" message="That is the probability of a small fire"
def scoring_app(pipeline, facts):
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        moment = pd.Timestamp(fire["reported"])
        row = {n: facts["medians"][n] if fire[n] is None else fire[n] for n in facts["medians"]}
        row |= {"fuel_type": (fire["fuel_type"] or "Unknown").strip(), "month": moment.month, "hour": moment.hour}
        table = pd.DataFrame([row])[facts["features"]]
        return {"probability": float(pipeline.predict_proba(table)[0, 0])}

    return app

# %% reject="parity" name="trusts the order of the keys" message="with its keys in another order"
def scoring_app(pipeline, facts):
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        identity, reported, latitude, longitude, temperature, humidity, wind, fuel = list(fire.values())[:8]
        if not isinstance(reported, str) or not reported[:2] == "20":
            return {"probability": 0.0}
        given = {"temperature": temperature, "relative_humidity": humidity, "wind_speed": wind}
        row = {n: facts["medians"][n] if given[n] is None else given[n] for n in given}
        moment = pd.Timestamp(reported)
        row |= {"fuel_type": (fuel or "Unknown").strip(), "month": moment.month, "hour": moment.hour}
        table = pd.DataFrame([row])[facts["features"]]
        return {"probability": float(pipeline.predict_proba(table)[0, 1])}

    return app

# %% reject="parity" name="an unseen fuel becomes Unknown" message="pass it on as it is"
KNOWN = ["C1", "C2", "C3", "C4", "C6", "C7", "D1", "M1", "M2", "M3", "M4", "O1a", "O1b", "S1", "S2", "Unknown"]


def scoring_app(pipeline, facts):
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        moment = pd.Timestamp(fire["reported"])
        row = {n: facts["medians"][n] if fire[n] is None else fire[n] for n in facts["medians"]}
        fuel = (fire["fuel_type"] or "Unknown").strip()
        row |= {"fuel_type": fuel if fuel in KNOWN else "Unknown", "month": moment.month, "hour": moment.hour}
        table = pd.DataFrame([row])[facts["features"]]
        return {"probability": float(pipeline.predict_proba(table)[0, 1])}

    return app

# %% reject="parity" name="the predicted class instead of the probability" message="should get"
def scoring_app(pipeline, facts):
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        moment = pd.Timestamp(fire["reported"])
        row = {n: facts["medians"][n] if fire[n] is None else fire[n] for n in facts["medians"]}
        row |= {"fuel_type": (fire["fuel_type"] or "Unknown").strip(), "month": moment.month, "hour": moment.hour}
        table = pd.DataFrame([row])[facts["features"]]
        return {"probability": int(pipeline.predict(table)[0])}

    return app

# %% reject="parity" name="uses what another cell defines" message="knows only this cell"
def scoring_app(pipeline, facts):
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        row = pd.DataFrame([fire]).rename(columns={"reported": "fire_start_date"})
        table = training_table(row.fillna(facts["medians"]))
        return {"probability": float(pipeline.predict_proba(table)[0, 1])}

    return app

# %% accept="ready" name="a pool and its future"
def ready_app(load):
    app = FastAPI()
    loading = ThreadPoolExecutor(1).submit(load)

    def model_or_503():
        if not loading.done() or loading.exception():
            raise HTTPException(503)
        return loading.result()

    @app.get("/live")
    async def live():
        return "yes"

    @app.get("/ready")
    async def ready():
        model_or_503()
        return "yes"

    @app.post("/predict")
    def predict(fire: dict):
        model = model_or_503()
        return {"probability": model.predict(fire), "version": model.version}

    return app

# %% accept="ready" name="a lifespan with asyncio, and to_thread for the predictions"
def ready_app(load):
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def lifespan(app):
        app.state.task = asyncio.create_task(asyncio.to_thread(load))
        yield

    app = FastAPI(lifespan=lifespan)
    workers = ThreadPoolExecutor(16)

    def ready_model():
        task = app.state.task
        return task.result() if task.done() and task.exception() is None else None

    @app.get("/live")
    async def live():
        return Response(status_code=200)

    @app.get("/ready")
    async def ready():
        return Response(status_code=200 if ready_model() else 503)

    @app.post("/predict")
    async def predict(fire: dict):
        model = ready_model()
        if model is None:
            return JSONResponse({"detail": "loading"}, 503)
        loop = asyncio.get_running_loop()
        probability = await loop.run_in_executor(workers, model.predict, fire)
        return {"probability": probability, "version": model.version}

    return app

# %% reject="ready" name="loads before it serves" message="does not return its app within"
def ready_app(load):
    app = FastAPI()
    model = load()

    @app.get("/live")
    def live():
        return {}

    @app.get("/ready")
    def ready():
        return {}

    @app.post("/predict")
    def predict(fire: dict):
        return {"probability": model.predict(fire), "version": model.version}

    return app

# %% reject="ready" name="loads for each request" message="not for each request"
def ready_app(load):
    app = FastAPI()
    done = {}

    def first():
        load()
        done["ready"] = True

    threading.Thread(target=first, daemon=True).start()

    @app.get("/live")
    def live():
        return {}

    @app.get("/ready")
    def ready():
        if not done:
            raise HTTPException(503)

    @app.post("/predict")
    def predict(fire: dict):
        if not done:
            raise HTTPException(503)
        model = load()
        return {"probability": model.predict(fire), "version": model.version}

    return app

# %% reject="ready" name="async without await" message="computed at the same time"
def ready_app(load):
    app = FastAPI()
    state = {}
    threading.Thread(target=lambda: state.update(model=load()), daemon=True).start()

    @app.get("/live")
    async def live():
        return {}

    @app.get("/ready")
    async def ready():
        if "model" not in state:
            raise HTTPException(503)

    @app.post("/predict")
    async def predict(fire: dict):
        if "model" not in state:
            raise HTTPException(503)
        return {"probability": state["model"].predict(fire), "version": state["model"].version}

    return app

# %% reject="ready" name="ready says no with status 200" message="GET /ready should answer 503, it answers 200"
def ready_app(load):
    app = FastAPI()
    state = {}
    threading.Thread(target=lambda: state.update(model=load()), daemon=True).start()

    @app.get("/live")
    def live():
        return {}

    @app.get("/ready")
    def ready():
        return {"ready": "model" in state}

    @app.post("/predict")
    def predict(fire: dict):
        if "model" not in state:
            raise HTTPException(503)
        return {"probability": state["model"].predict(fire), "version": state["model"].version}

    return app

# %% reject="ready" name="not ready counts as not alive" message="GET /live should answer 200, it answers 503"
def ready_app(load):
    app = FastAPI()
    state = {}
    threading.Thread(target=lambda: state.update(model=load()), daemon=True).start()

    @app.get("/live")
    @app.get("/ready")
    def ready():
        if "model" not in state:
            raise HTTPException(503)

    @app.post("/predict")
    def predict(fire: dict):
        if "model" not in state:
            raise HTTPException(503)
        return {"probability": state["model"].predict(fire), "version": state["model"].version}

    return app

# %% reject="ready" name="one lock around the model" message="or a lock let one in"
def ready_app(load):
    app = FastAPI()
    state = {}
    lock = threading.Lock()
    threading.Thread(target=lambda: state.update(model=load()), daemon=True).start()

    @app.get("/live")
    def live():
        return {}

    @app.get("/ready")
    def ready():
        if "model" not in state:
            raise HTTPException(503)

    @app.post("/predict")
    def predict(fire: dict):
        if "model" not in state:
            raise HTTPException(503)
        with lock:
            return {"probability": state["model"].predict(fire), "version": state["model"].version}

    return app

# %% reject="ready" name="a request to a service that is not ready fails with 500" message="POST /predict should answer 503, it answers 500"
def ready_app(load):
    app = FastAPI()
    state = {}
    threading.Thread(target=lambda: state.update(model=load()), daemon=True).start()

    @app.get("/live")
    def live():
        return {}

    @app.get("/ready")
    def ready():
        if "model" not in state:
            raise HTTPException(503)

    @app.post("/predict")
    def predict(fire: dict):
        return {"probability": state["model"].predict(fire), "version": state["model"].version}

    return app

# %% accept="quantiles" name="np.interp on the bucket that reaches the count"
def bucket_quantile(buckets, q):
    limits = np.array(sorted(buckets))
    counts = np.array([buckets[limit] for limit in sorted(buckets)])
    if counts[-1] == 0:
        return float("nan")
    wanted = q * counts[-1]
    place = int(np.argmax(counts >= wanted))
    if np.isinf(limits[place]):
        return limits[-2]
    left, below = (limits[place - 1], counts[place - 1]) if place > 0 else (0, 0)
    return np.interp(wanted, [below, counts[place]], [left, limits[place]])


def two_services():
    a = np.full(1000, 2.0)
    a[::20] = 400.0
    b = np.random.default_rng(1).normal(1, 0.01, 1000)
    return a, b * (a.mean() / b.mean())

# %% accept="quantiles" name="goes over pairs of neighbours"
def bucket_quantile(buckets, q):
    pairs = [(0, 0), *sorted(buckets.items())]
    if pairs[-1][1] == 0:
        return np.nan
    for (low, before), (high, upto) in zip(pairs, pairs[1:]):
        if upto >= q * pairs[-1][1]:
            if high == float("inf"):
                return low
            part = (q * pairs[-1][1] - before) / (upto - before)
            return low * (1 - part) + high * part


def two_services():
    first = [1] * 985 + [10_001] * 15
    return first, [150.0, 152.0] * 500

# %% reject="quantiles" name="takes the counts as counts per bucket" message="The counts are cumulative already"
def bucket_quantile(buckets, q):
    total = sum(buckets.values())
    if total == 0:
        return math.nan
    seen, low = 0, 0
    for limit in sorted(buckets):
        if seen + buckets[limit] >= q * total:
            if limit == math.inf:
                return low
            return low + (limit - low) * (q * total - seen) / buckets[limit]
        seen += buckets[limit]
        low = limit


def two_services():
    return [1.0] * 980 + [1000.0] * 20, [20.98] * 1000

# %% reject="quantiles" name="the upper limit of the bucket" message="expected 30, got 50"
def bucket_quantile(buckets, q):
    if buckets[math.inf] == 0:
        return math.nan
    finite = [limit for limit in sorted(buckets) if limit != math.inf]
    for limit in finite:
        if buckets[limit] >= q * buckets[math.inf]:
            return limit
    return finite[-1]


def two_services():
    return [1.0] * 980 + [1000.0] * 20, [20.98] * 1000

# %% reject="quantiles" name="the open bucket gives infinity" message="expected the highest finite limit"
def bucket_quantile(buckets, q):
    if buckets[math.inf] == 0:
        return math.nan
    low, below = 0.0, 0
    for limit in sorted(buckets):
        if buckets[limit] >= q * buckets[math.inf]:
            return low + (limit - low) * (q * buckets[math.inf] - below) / (buckets[limit] - below)
        low, below = limit, buckets[limit]


def two_services():
    return [1.0] * 980 + [1000.0] * 20, [20.98] * 1000

# %% reject="quantiles" name="trusts the order of the dict" message="the limits come in any order"
def bucket_quantile(buckets, q):
    if buckets[math.inf] == 0:
        return math.nan
    low, below = 0.0, 0
    for limit, count in buckets.items():
        if count >= q * buckets[math.inf]:
            if limit == math.inf:
                return low
            return low + (limit - low) * (q * buckets[math.inf] - below) / (count - below)
        low, below = limit, count


def two_services():
    return [1.0] * 980 + [1000.0] * 20, [20.98] * 1000

# %% reject="quantiles" name="one slow request in a thousand" message="How many of 1,000 requests must be slow"
def bucket_quantile(buckets, q):
    if buckets[math.inf] == 0:
        return math.nan
    low, below = 0.0, 0
    for limit in sorted(buckets):
        if buckets[limit] >= q * buckets[math.inf]:
            if limit == math.inf:
                return low
            return low + (limit - low) * (q * buckets[math.inf] - below) / (buckets[limit] - below)
        low, below = limit, buckets[limit]


def two_services():
    return [1.0] * 999 + [19_981.0], [20.98] * 1000

# %% accept="fallback" name="async, wait_for and to_thread"
def careful_app(model, limit):
    app = FastAPI()

    @app.get("/live")
    async def live():
        return "ok"

    @app.post("/predict")
    async def predict(fire: dict):
        try:
            p = await asyncio.wait_for(asyncio.to_thread(model.predict, fire), limit)
            if isinstance(p, (int, float)) and 0 <= p <= 1:
                return {"probability": p, "source": "model"}
        except Exception as error:
            print("the model:", error)
        hot = fire["temperature"] is not None and fire["temperature"] >= 25
        dry = fire["relative_humidity"] is not None and fire["relative_humidity"] <= 30
        return {"probability": 0.3 if hot and dry else 0.05, "source": "fallback"}

    return app

# %% accept="fallback" name="a daemon thread and a queue per request"
def careful_app(model, limit):
    import queue

    app = FastAPI()

    @app.get("/live")
    def live():
        return {}

    def call(fire, box):
        try:
            box.put(model.predict(fire))
        except Exception:
            box.put(None)

    @app.post("/predict")
    def predict(fire: dict):
        box = queue.Queue()
        threading.Thread(target=call, args=(fire, box), daemon=True).start()
        try:
            answer = box.get(timeout=limit)
        except queue.Empty:
            answer = None
        if isinstance(answer, float) and answer >= 0 and answer <= 1:
            return {"probability": answer, "source": "model"}
        temperature = -99 if fire["temperature"] is None else fire["temperature"]
        humidity = 100 if fire["relative_humidity"] is None else fire["relative_humidity"]
        return {"probability": [0.05, 0.3][temperature >= 25 and humidity <= 30], "source": "fallback"}

    return app

# %% reject="fallback" name="tries three times" message="one call per request, no second try"
def careful_app(model, limit):
    app = FastAPI()
    pool = ThreadPoolExecutor(40)

    @app.get("/live")
    def live():
        return {}

    @app.post("/predict")
    def predict(fire: dict):
        for _ in range(3):
            try:
                p = pool.submit(model.predict, fire).result(timeout=limit)
                if 0 <= p <= 1:
                    return {"probability": p, "source": "model"}
            except Exception:
                continue
        t, h = fire["temperature"], fire["relative_humidity"]
        hot = t is not None and h is not None and t >= 25 and h <= 30
        return {"probability": 0.3 if hot else 0.05, "source": "fallback"}

    return app

# %% reject="fallback" name="a with block that waits for the hanging thread" message="gets no answer within"
def careful_app(model, limit):
    app = FastAPI()

    @app.get("/live")
    def live():
        return {}

    @app.post("/predict")
    def predict(fire: dict):
        try:
            with ThreadPoolExecutor(1) as pool:
                p = pool.submit(model.predict, fire).result(timeout=limit)
            if 0 <= p <= 1:
                return {"probability": p, "source": "model"}
        except Exception:
            pass
        t, h = fire["temperature"], fire["relative_humidity"]
        hot = t is not None and h is not None and t >= 25 and h <= 30
        return {"probability": 0.3 if hot else 0.05, "source": "fallback"}

    return app

# %% reject="fallback" name="does not say that the rule answered" message="with source 'fallback', got"
def careful_app(model, limit):
    app = FastAPI()
    pool = ThreadPoolExecutor(40)

    @app.get("/live")
    def live():
        return {}

    @app.post("/predict")
    def predict(fire: dict):
        t, h = fire["temperature"], fire["relative_humidity"]
        p = 0.3 if t is not None and h is not None and t >= 25 and h <= 30 else 0.05
        try:
            answer = pool.submit(model.predict, fire).result(timeout=limit)
            p = answer if 0 <= answer <= 1 else p
        except Exception:
            pass
        return {"probability": p, "source": "model"}

    return app

# %% reject="fallback" name="NaN is a number" message="the model returns NaN"
def careful_app(model, limit):
    app = FastAPI()
    pool = ThreadPoolExecutor(40)

    @app.get("/live")
    def live():
        return {}

    @app.post("/predict")
    def predict(fire: dict):
        try:
            p = float(pool.submit(model.predict, fire).result(timeout=limit))
            if p < 0 or p > 1:
                raise ValueError("no probability")
            return {"probability": p if p == p else None, "source": "model"}
        except Exception:
            pass
        t, h = fire["temperature"], fire["relative_humidity"]
        hot = t is not None and h is not None and t >= 25 and h <= 30
        return {"probability": 0.3 if hot else 0.05, "source": "fallback"}

    return app

# %% reject="fallback" name="catches errors, but waits for ever" message="POST /predict gets no answer within"
def careful_app(model, limit):
    app = FastAPI()

    @app.get("/live")
    def live():
        return {}

    @app.post("/predict")
    def predict(fire: dict):
        try:
            p = model.predict(fire)
            if 0 <= p <= 1:
                return {"probability": p, "source": "model"}
        except Exception:
            pass
        t, h = fire["temperature"], fire["relative_humidity"]
        hot = t is not None and h is not None and t >= 25 and h <= 30
        return {"probability": 0.3 if hot else 0.05, "source": "fallback"}

    return app

# %% reject="fallback" name="the rule fails where a value is missing" message="should answer 200, it answers 500"
def careful_app(model, limit):
    app = FastAPI()
    pool = ThreadPoolExecutor(40)

    @app.get("/live")
    def live():
        return {}

    @app.post("/predict")
    def predict(fire: dict):
        try:
            p = pool.submit(model.predict, fire).result(timeout=limit)
            if 0 <= p <= 1:
                return {"probability": p, "source": "model"}
        except Exception:
            pass
        hot = fire["temperature"] >= 25 and fire["relative_humidity"] <= 30
        return {"probability": 0.3 if hot else 0.05, "source": "fallback"}

    return app

# %% reject="fallback" name="an error of the model is an error of the service" message="should answer 200, it answers 503"
def careful_app(model, limit):
    app = FastAPI()

    @app.get("/live")
    def live():
        return {}

    @app.post("/predict")
    def predict(fire: dict):
        try:
            return {"probability": model.predict(fire), "source": "model"}
        except Exception:
            raise HTTPException(503, "no model")

    return app

# %% accept="metrics" name="a middleware that counts by status"
def measured_app(model):
    registry = prometheus_client.CollectorRegistry()
    counter = prometheus_client.Counter("predictions", "n", ["outcome"], registry=registry)
    names = {200: "ok", 422: "refused", 503: "error"}
    histogram = prometheus_client.Histogram(
        "model_seconds", "s", buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, math.inf), registry=registry
    )
    for name in names.values():
        counter.labels(name)
    app = FastAPI()

    class Body(BaseModel):
        model_config = ConfigDict(strict=True, extra="allow")
        temperature: float

    @app.middleware("http")
    async def count_it(request, call_next):
        response = await call_next(request)
        if request.url.path == "/predict" and request.method == "POST":
            counter.labels(names[response.status_code]).inc()
        return response

    @app.post("/predict")
    def predict(fire: Body):
        start = time.perf_counter()
        try:
            return {"probability": model.predict(fire.model_dump())}
        except Exception:
            raise HTTPException(503)
        finally:
            histogram.observe(time.perf_counter() - start)

    @app.get("/metrics")
    def metrics():
        return Response(prometheus_client.generate_latest(registry), media_type="text/plain")

    return app

# %% accept="metrics" name="reads the body itself, counts in finally"
def measured_app(model):
    app = FastAPI()
    counter = prometheus_client.Counter("predictions_total", "n", ["outcome"])
    histogram = prometheus_client.Histogram("model_seconds", "s", buckets=[0.05, 0.1, 0.25, 0.5, 1.0, 2.5])

    @histogram.time()
    def timed(fire):
        return model.predict(fire)

    @app.post("/predict")
    async def predict(request: Request):
        outcome, answer = "refused", JSONResponse({"wrong": "temperature"}, 422)
        try:
            fire = json.loads(await request.body())
            temperature = fire["temperature"]
            if type(temperature) in (int, float):
                outcome, answer = "error", JSONResponse({"wrong": "model"}, 503)
                p = await asyncio.to_thread(timed, fire)
                outcome, answer = "ok", {"probability": p}
        except Exception:
            pass
        counter.labels(outcome=outcome).inc()
        return answer

    @app.get("/metrics", response_class=PlainTextResponse)
    def metrics():
        return prometheus_client.generate_latest().decode()

    return app

# %% reject="metrics" name="counts in the function, so refusals are missed" message="never reaches your function"
class Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")
    temperature: float


def measured_app(model):
    app = FastAPI()
    counter = prometheus_client.Counter("predictions", "n", ["outcome"])
    histogram = prometheus_client.Histogram("model_seconds", "s", buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5])

    @app.post("/predict")
    def predict(fire: Body):
        try:
            with histogram.time():
                p = model.predict(fire.model_dump())
        except Exception:
            counter.labels("error").inc()
            raise HTTPException(503)
        counter.labels("ok").inc()
        return {"probability": p}

    @app.get("/metrics")
    def metrics():
        return PlainTextResponse(prometheus_client.generate_latest())

    return app

# %% reject="metrics" name="the id as a label" message="each value of a label is a series that is kept for months"
class Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")
    temperature: float


def measured_app(model):
    app = FastAPI()
    counter = prometheus_client.Counter("predictions", "n", ["outcome", "fire_id"])
    histogram = prometheus_client.Histogram("model_seconds", "s", buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5])

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        counter.labels("refused", "?").inc()
        return JSONResponse({}, 422)

    @app.post("/predict")
    def predict(fire: Body):
        try:
            with histogram.time():
                p = model.predict(fire.model_dump())
        except Exception:
            counter.labels("error", fire.fire_id).inc()
            raise HTTPException(503)
        counter.labels("ok", fire.fire_id).inc()
        return {"probability": p}

    @app.get("/metrics")
    def metrics():
        return PlainTextResponse(prometheus_client.generate_latest())

    return app

# %% reject="metrics" name="a counter of its own for each path" message="a label must not hold what differs"
class Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")
    temperature: float


def measured_app(model):
    app = FastAPI()
    counter = prometheus_client.Counter("predictions", "n", ["outcome"])
    visits = prometheus_client.Counter("visits", "n", ["path"])
    histogram = prometheus_client.Histogram("model_seconds", "s", buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5])

    @app.middleware("http")
    async def count_it(request, call_next):
        visits.labels(request.url.path).inc()
        return await call_next(request)

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        counter.labels("refused").inc()
        return JSONResponse({}, 422)

    @app.post("/predict")
    def predict(fire: Body):
        try:
            with histogram.time():
                p = model.predict(fire.model_dump())
        except Exception:
            counter.labels("error").inc()
            raise HTTPException(503)
        counter.labels("ok").inc()
        return {"probability": p}

    @app.get("/metrics")
    def metrics():
        return PlainTextResponse(prometheus_client.generate_latest())

    return app

# %% reject="metrics" name="measures only calls that went well" message="the model was called 14 times"
class Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")
    temperature: float


def measured_app(model):
    app = FastAPI()
    counter = prometheus_client.Counter("predictions", "n", ["outcome"])
    histogram = prometheus_client.Histogram("model_seconds", "s", buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5])

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        counter.labels("refused").inc()
        return JSONResponse({}, 422)

    @app.post("/predict")
    def predict(fire: Body):
        start = time.time()
        try:
            p = model.predict(fire.model_dump())
        except Exception:
            counter.labels("error").inc()
            raise HTTPException(503)
        histogram.observe(time.time() - start)
        counter.labels("ok").inc()
        return {"probability": p}

    @app.get("/metrics")
    def metrics():
        return PlainTextResponse(prometheus_client.generate_latest())

    return app

# %% reject="metrics" name="the default buckets" message="expected the buckets of the task"
class Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")
    temperature: float


def measured_app(model):
    app = FastAPI()
    counter = prometheus_client.Counter("predictions", "n", ["outcome"])
    histogram = prometheus_client.Histogram("model_seconds", "s")

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        counter.labels("refused").inc()
        return JSONResponse({}, 422)

    @app.post("/predict")
    def predict(fire: Body):
        try:
            with histogram.time():
                p = model.predict(fire.model_dump())
        except Exception:
            counter.labels("error").inc()
            raise HTTPException(503)
        counter.labels("ok").inc()
        return {"probability": p}

    @app.get("/metrics")
    def metrics():
        return PlainTextResponse(prometheus_client.generate_latest())

    return app

# %% reject="metrics" name="the text inside JSON" message="is not in Prometheus' text format"
class Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")
    temperature: float


def measured_app(model):
    app = FastAPI()
    counter = prometheus_client.Counter("predictions", "n", ["outcome"])

    @app.post("/predict")
    def predict(fire: Body):
        counter.labels("ok").inc()
        return {"probability": model.predict(fire.model_dump())}

    @app.get("/metrics")
    def metrics():
        return prometheus_client.generate_latest().decode()

    return app

# %% accept="labels" name="groupby and map"
def known_labels(predictions, labels, day):
    known = labels.loc[labels["known_on"].le(day)]
    latest = known.sort_values("known_on").groupby("request_id")["large"].last()
    made = predictions.loc[predictions["day"].le(day)].copy()
    made["large"] = made["request_id"].map(latest)
    return made

# %% accept="labels" name="a dictionary, row by row"
def known_labels(predictions, labels, day):
    latest = {}
    for row in labels.sort_values("known_on").itertuples():
        if row.known_on <= day:
            latest[row.request_id] = row.large
    made = predictions[predictions["day"] <= day]
    found = [latest.get(name) for name in made["request_id"]]
    return made.assign(large=pd.Series(found, index=made.index, dtype=object))

# %% reject="labels" name="not known yet counts as small" message="What is not known yet is neither True nor False"
def known_labels(predictions, labels, day):
    known = labels[labels["known_on"] <= day].sort_values("known_on")
    latest = known.drop_duplicates("request_id", keep="last")[["request_id", "large"]]
    joined = predictions[predictions["day"] <= day].merge(latest, on="request_id", how="left")
    joined["large"] = joined["large"].fillna(False)
    return joined

# %% reject="labels" name="uses labels before they exist" message="on 2023-05-01 the labels known are [None, None]"
def known_labels(predictions, labels, day):
    latest = labels.sort_values("known_on").drop_duplicates("request_id", keep="last")
    made = predictions[predictions["day"] <= day]
    return made.merge(latest[["request_id", "large"]], on="request_id", how="left")

# %% reject="labels" name="an inner join drops what is unlabelled" message="in this order and once each, got []"
def known_labels(predictions, labels, day):
    known = labels[labels["known_on"] <= day].sort_values("known_on")
    latest = known.drop_duplicates("request_id", keep="last")[["request_id", "large"]]
    return predictions[predictions["day"] <= day].merge(latest, on="request_id")

# %% reject="labels" name="keeps the first label" message="of several labels, the latest known by then counts"
def known_labels(predictions, labels, day):
    known = labels[labels["known_on"] <= day].sort_values("known_on")
    first = known.drop_duplicates("request_id")[["request_id", "large"]]
    return predictions[predictions["day"] <= day].merge(first, on="request_id", how="left")

# %% reject="labels" name="a corrected label doubles the prediction" message="in this order and once each"
def known_labels(predictions, labels, day):
    known = labels[labels["known_on"] <= day][["request_id", "large"]]
    return predictions[predictions["day"] <= day].merge(known, on="request_id", how="left")

# %% reject="labels" name="the last row of the file, not the latest" message="of several labels, the latest known by then counts"
def known_labels(predictions, labels, day):
    known = labels[labels["known_on"] <= day]
    latest = known.drop_duplicates("request_id", keep="last")[["request_id", "large"]]
    return predictions[predictions["day"] <= day].merge(latest, on="request_id", how="left")

# %% accept="canary" name="crc32, a queue and one worker thread"
def canary_app(stable, candidate, share):
    import queue
    import zlib

    app = FastAPI()
    todo = queue.Queue()

    def worker():
        while True:
            fire, said = todo.get()
            try:
                line = {"fire_id": fire["fire_id"], "stable": said, "candidate": candidate.predict(fire)}
            except Exception:
                continue
            with open("shadow.jsonl", "a") as file:
                print(json.dumps(line), file=file)

    threading.Thread(target=worker, daemon=True).start()

    @app.post("/predict")
    def predict(fire: dict):
        chosen = zlib.crc32(b"canary:" + fire["fire_id"].encode()) % 1000 < share * 1000
        if chosen:
            try:
                return {"probability": candidate.predict(fire), "version": candidate.version}
            except Exception:
                chosen = False
        else:
            p = stable.predict(fire)
            todo.put((fire, p))
            return {"probability": p, "version": stable.version}
        return {"probability": stable.predict(fire), "version": stable.version}

    return app

# %% accept="canary" name="md5 and asyncio, with a pool of its own"
def canary_app(stable, candidate, share):
    app = FastAPI()
    shadows = ThreadPoolExecutor(max_workers=3)
    lock = threading.Lock()

    def compare(fire, p):
        q = candidate.predict(fire)
        with lock:
            text = Path("shadow.jsonl").read_text() if Path("shadow.jsonl").exists() else ""
            text += json.dumps({"fire_id": fire["fire_id"], "stable": p, "candidate": q}) + "\n"
            Path("shadow.jsonl").write_text(text)

    @app.post("/predict")
    async def predict(fire: dict):
        number = int.from_bytes(hashlib.md5(fire["fire_id"].encode()).digest()[:4], "big")
        order = [stable]
        if number < share * 2**32:
            order = [candidate, stable]
        for model in order:
            try:
                p = await asyncio.to_thread(model.predict, fire)
            except Exception:
                continue
            if len(order) == 1:
                shadows.submit(compare, fire, p)
            return {"probability": p, "version": model.version}

    return app

# %% reject="canary" name="a coin for each request" message="the fire_id alone must decide"
def canary_app(stable, candidate, share):
    import random

    app = FastAPI()
    pool = ThreadPoolExecutor(2)

    def shadow(fire, p):
        line = {"fire_id": fire["fire_id"], "stable": p, "candidate": candidate.predict(fire)}
        with open("shadow.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    @app.post("/predict")
    def predict(fire: dict):
        if random.random() < share:
            return {"probability": candidate.predict(fire), "version": candidate.version}
        p = stable.predict(fire)
        pool.submit(shadow, fire, p)
        return {"probability": p, "version": stable.version}

    return app

# %% reject="canary" name="Python's hash" message="Python's hash() of a text is another one in each process"
def canary_app(stable, candidate, share):
    app = FastAPI()
    pool = ThreadPoolExecutor(1)

    def shadow(fire, p):
        line = {"fire_id": fire["fire_id"], "stable": p, "candidate": candidate.predict(fire)}
        with open("shadow.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    @app.post("/predict")
    def predict(fire: dict):
        if hash(fire["fire_id"]) % 100 < share * 100:
            return {"probability": candidate.predict(fire), "version": candidate.version}
        p = stable.predict(fire)
        pool.submit(shadow, fire, p)
        return {"probability": p, "version": stable.version}

    return app

# %% reject="canary" name="every fifth request" message="the fire_id alone must decide"
def canary_app(stable, candidate, share):
    app = FastAPI()
    pool = ThreadPoolExecutor(1)
    seen = {"n": 0}

    def shadow(fire, p):
        line = {"fire_id": fire["fire_id"], "stable": p, "candidate": candidate.predict(fire)}
        with open("shadow.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    @app.post("/predict")
    def predict(fire: dict):
        seen["n"] += 1
        if share > 0 and seen["n"] % max(1, round(1 / share)) == 1:
            return {"probability": candidate.predict(fire), "version": candidate.version}
        p = stable.predict(fire)
        pool.submit(shadow, fire, p)
        return {"probability": p, "version": stable.version}

    return app

# %% reject="canary" name="background tasks share the threads of the answers" message="gets no answer within"
def canary_app(stable, candidate, share):
    app = FastAPI()

    def is_canary(name):
        return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10_000 < share * 10_000

    def shadow(fire, p):
        try:
            line = {"fire_id": fire["fire_id"], "stable": p, "candidate": candidate.predict(fire)}
        except Exception:
            return
        with open("shadow.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    @app.post("/predict")
    def predict(fire: dict, tasks: BackgroundTasks):
        if is_canary(fire["fire_id"]):
            try:
                return {"probability": candidate.predict(fire), "version": candidate.version}
            except Exception:
                return {"probability": stable.predict(fire), "version": stable.version}
        p = stable.predict(fire)
        tasks.add_task(shadow, fire, p)
        return {"probability": p, "version": stable.version}

    return app

# %% reject="canary" name="waits for the shadow" message="gets no answer within"
def canary_app(stable, candidate, share):
    app = FastAPI()

    def is_canary(name):
        return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10_000 < share * 10_000

    @app.post("/predict")
    def predict(fire: dict):
        if is_canary(fire["fire_id"]):
            try:
                return {"probability": candidate.predict(fire), "version": candidate.version}
            except Exception:
                return {"probability": stable.predict(fire), "version": stable.version}
        p = stable.predict(fire)
        try:
            line = {"fire_id": fire["fire_id"], "stable": p, "candidate": candidate.predict(fire)}
            with open("shadow.jsonl", "a") as file:
                file.write(json.dumps(line) + "\n")
        except Exception:
            pass
        return {"probability": p, "version": stable.version}

    return app

# %% reject="canary" name="tells what the shadow said" message="What the shadow says is not for the dispatcher"
def canary_app(stable, candidate, share):
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        p, q = stable.predict(fire), candidate.predict(fire)
        with open("shadow.jsonl", "a") as file:
            file.write(json.dumps({"fire_id": fire["fire_id"], "stable": p, "candidate": q}) + "\n")
        return {"probability": p, "version": stable.version, "shadow": q}

    return app

# %% reject="canary" name="a failing candidate fails the request" message="it answers 500 (the app raised RuntimeError"
def canary_app(stable, candidate, share):
    app = FastAPI()
    pool = ThreadPoolExecutor(1)

    def shadow(fire, p):
        line = {"fire_id": fire["fire_id"], "stable": p, "candidate": candidate.predict(fire)}
        with open("shadow.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    @app.post("/predict")
    def predict(fire: dict):
        if int(hashlib.sha256(fire["fire_id"].encode()).hexdigest(), 16) % 10_000 < share * 10_000:
            return {"probability": candidate.predict(fire), "version": candidate.version}
        p = stable.predict(fire)
        pool.submit(shadow, fire, p)
        return {"probability": p, "version": stable.version}

    return app

# %% reject="canary" name="a raised share deals the cards anew" message="those who had it keep it"
def canary_app(stable, candidate, share):
    app = FastAPI()
    pool = ThreadPoolExecutor(1)

    def shadow(fire, p):
        line = {"fire_id": fire["fire_id"], "stable": p, "candidate": candidate.predict(fire)}
        with open("shadow.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    @app.post("/predict")
    def predict(fire: dict):
        text = f"{candidate.version}-{share}-{fire['fire_id']}"
        if int(hashlib.sha256(text.encode()).hexdigest(), 16) % 10_000 < share * 10_000:
            return {"probability": candidate.predict(fire), "version": candidate.version}
        p = stable.predict(fire)
        pool.submit(shadow, fire, p)
        return {"probability": p, "version": stable.version}

    return app

# %% accept="swap" name="a class that holds a stack, with a lock for changes"
class Stage:
    def __init__(self, load):
        self.load, self.lock = load, threading.Lock()
        self.models = (load("v1"), None)

    def swap(self, version):
        new = self.load(version)
        p = new.predict({"fire_id": "probe"})
        if not isinstance(p, (int, float)) or math.isnan(p) or p < 0 or p > 1:
            raise ValueError(version)
        with self.lock:
            self.models = (new, self.models[0])

    def back(self):
        with self.lock:
            if self.models[1] is None:
                raise LookupError
            self.models = (self.models[1], None)


def swap_app(load):
    app = FastAPI()
    stage = Stage(load)

    @app.post("/predict")
    def predict(fire: dict):
        current, _ = stage.models
        return {"version": current.version, "probability": current.predict(fire)}

    @app.post("/swap")
    def swap(body: dict):
        try:
            stage.swap(body["version"])
        except Exception as error:
            return JSONResponse({"refused": str(error)}, status_code=409)
        return {"version": stage.models[0].version}

    @app.post("/rollback")
    def rollback():
        try:
            stage.back()
        except LookupError:
            return JSONResponse({"refused": "nothing before"}, status_code=409)
        return {"version": stage.models[0].version}

    return app

# %% accept="swap" name="async, with threads for what is slow, and nonlocal names"
def swap_app(load):
    app = FastAPI()
    current = load("v1")
    previous = None

    @app.post("/predict")
    async def predict(fire: dict):
        mine = current
        probability = await asyncio.to_thread(mine.predict, fire)
        return {"probability": probability, "version": mine.version}

    def fetch(version):
        model = load(version)
        assert 0.0 <= model.predict({"fire_id": "probe"}) <= 1.0
        return model

    @app.post("/swap")
    async def swap(request: Request):
        nonlocal current, previous
        version = (await request.json())["version"]
        loop = asyncio.get_running_loop()
        try:
            new = await loop.run_in_executor(None, fetch, version)
        except Exception:
            raise HTTPException(status_code=409, detail=f"{version} is not fit")
        previous, current = current, new
        return {"version": version}

    @app.post("/rollback")
    async def rollback():
        nonlocal current, previous
        if not previous:
            raise HTTPException(status_code=409)
        current, previous = previous, None
        return {"version": current.version}

    return app

# %% reject="swap" name="the model is gone while the next one loads" message="requests failed during swap and rollback"
def swap_app(load):
    app = FastAPI()
    state = {"model": load("v1"), "before": None}

    @app.post("/predict")
    def predict(fire: dict):
        model = state["model"]
        return {"probability": model.predict(fire), "version": model.version}

    @app.post("/swap")
    def swap(wish: dict):
        old, state["model"] = state["model"], None
        try:
            state["model"] = load(wish["version"])
            fit = 0 <= state["model"].predict({"fire_id": "probe"}) <= 1
        except Exception:
            fit = False
        if not fit:
            state["model"] = old
            raise HTTPException(409)
        state["before"] = old
        return {"version": wish["version"]}

    @app.post("/rollback")
    def rollback():
        if state["before"] is None:
            raise HTTPException(409)
        state["model"], state["before"] = state["before"], None
        return {"version": state["model"].version}

    return app

# %% reject="swap" name="reads the model in service twice" message="must be of the same model"
def swap_app(load):
    app = FastAPI()
    state = {"model": load("v1"), "before": None}

    @app.post("/predict")
    def predict(fire: dict):
        return {"probability": state["model"].predict(fire), "version": state["model"].version}

    @app.post("/swap")
    def swap(wish: dict):
        try:
            new = load(wish["version"])
            fit = 0 <= new.predict({"fire_id": "probe"}) <= 1
        except Exception:
            fit = False
        if not fit:
            raise HTTPException(409)
        state["before"], state["model"] = state["model"], new
        return {"version": new.version}

    @app.post("/rollback")
    def rollback():
        if state["before"] is None:
            raise HTTPException(409)
        state["model"], state["before"] = state["before"], None
        return {"version": state["model"].version}

    return app

# %% reject="swap" name="loads in an async function" message="while the new model is loading, nobody gets an answer"
def swap_app(load):
    app = FastAPI()
    state = {"model": load("v1"), "before": None}

    @app.post("/predict")
    async def predict(fire: dict):
        model = state["model"]
        return {"probability": model.predict(fire), "version": model.version}

    @app.post("/swap")
    async def swap(wish: dict):
        new = load(wish["version"])
        state["before"], state["model"] = state["model"], new
        return {"version": new.version}

    @app.post("/rollback")
    async def rollback():
        if state["before"] is None:
            raise HTTPException(409)
        state["model"], state["before"] = state["before"], None
        return {"version": state["model"].version}

    return app

# %% reject="swap" name="rolls back by loading again" message="a rollback loads nothing"
def swap_app(load):
    app = FastAPI()
    state = {"model": load("v1"), "before": None}

    @app.post("/predict")
    def predict(fire: dict):
        model = state["model"]
        return {"probability": model.predict(fire), "version": model.version}

    @app.post("/swap")
    def swap(wish: dict):
        try:
            new = load(wish["version"])
            fit = 0 <= new.predict({"fire_id": "probe"}) <= 1
        except Exception:
            fit = False
        if not fit:
            raise HTTPException(409)
        state["before"], state["model"] = state["model"].version, new
        return {"version": new.version}

    @app.post("/rollback")
    def rollback():
        if state["before"] is None:
            raise HTTPException(409)
        state["model"], state["before"] = load(state["before"]), None
        return {"version": state["model"].version}

    return app

# %% reject="swap" name="no probe before the swap" message="a swap to 'silent'"
def swap_app(load):
    app = FastAPI()
    state = {"model": load("v1"), "before": None}

    @app.post("/predict")
    def predict(fire: dict):
        model = state["model"]
        return {"probability": model.predict(fire), "version": model.version}

    @app.post("/swap")
    def swap(wish: dict):
        try:
            new = load(wish["version"])
        except Exception:
            raise HTTPException(409)
        state["before"], state["model"] = state["model"], new
        return {"version": new.version}

    @app.post("/rollback")
    def rollback():
        if state["before"] is None:
            raise HTTPException(409)
        state["model"], state["before"] = state["before"], None
        return {"version": state["model"].version}

    return app

# %% reject="swap" name="a second rollback swaps forward again" message="after a rollback there is nothing more to go back to"
def swap_app(load):
    app = FastAPI()
    state = {"model": load("v1"), "before": None}

    @app.post("/predict")
    def predict(fire: dict):
        model = state["model"]
        return {"probability": model.predict(fire), "version": model.version}

    @app.post("/swap")
    def swap(wish: dict):
        try:
            new = load(wish["version"])
            fit = 0 <= new.predict({"fire_id": "probe"}) <= 1
        except Exception:
            fit = False
        if not fit:
            raise HTTPException(409)
        state["before"], state["model"] = state["model"], new
        return {"version": new.version}

    @app.post("/rollback")
    def rollback():
        if state["before"] is None:
            raise HTTPException(409)
        state["model"], state["before"] = state["before"], state["model"]
        return {"version": state["model"].version}

    return app

# %% reject="swap" name="a failed swap is told with status 200" message="should get 409, it gets 200"
def swap_app(load):
    app = FastAPI()
    state = {"model": load("v1"), "before": None}

    @app.post("/predict")
    def predict(fire: dict):
        model = state["model"]
        return {"probability": model.predict(fire), "version": model.version}

    @app.post("/swap")
    def swap(wish: dict):
        try:
            new = load(wish["version"])
            fit = 0 <= new.predict({"fire_id": "probe"}) <= 1
        except Exception:
            fit = False
        if not fit:
            return {"error": "not fit", "version": state["model"].version}
        state["before"], state["model"] = state["model"], new
        return {"version": new.version}

    @app.post("/rollback")
    def rollback():
        if state["before"] is None:
            raise HTTPException(409)
        state["model"], state["before"] = state["before"], None
        return {"version": state["model"].version}

    return app

# %% accept="rules" name="an exact test with a small level, and a loop over the minutes"
def stop_canary(stable, canary):
    from scipy.stats import binom

    expected = (stable.sum() + 1) / (len(stable) + 2)
    return binom.sf(canary.sum() - 1, len(canary), expected) < 0.0015


def alert_minutes(day):
    errors, requests = day["errors"].to_list(), day["requests"].to_list()
    alerts, quiet_until = [], 0
    for now in range(len(errors)):
        window = range(max(0, now - 7), now + 1)
        failed, asked = sum(errors[i] for i in window), sum(requests[i] for i in window)
        bad = sum(errors[i] >= 1 for i in window)
        if now >= quiet_until and failed > 0.05 * asked and bad >= 4 and failed >= 5:
            alerts.append(now)
            quiet_until = now + 31
    return alerts

# %% accept="rules" name="Fisher's test, and surprise against the usual rate"
def stop_canary(stable, canary):
    from scipy.stats import fisher_exact

    bad, worse = int(stable.sum()), int(canary.sum())
    table = [[worse, len(canary) - worse], [bad, len(stable) - bad]]
    return bool(fisher_exact(table, alternative="greater")[1] < 0.002)


def alert_minutes(day):
    recent = day.rolling(10, min_periods=1).sum()
    bad = day["errors"].gt(0).astype(int).rolling(10, min_periods=1).sum()
    expected = 0.005 * recent["requests"]
    surprise = (recent["errors"] - expected) / np.sqrt(expected + 1)
    ringing = surprise.gt(4) & bad.ge(4) & recent["errors"].gt(0.04 * recent["requests"])
    alerts = []
    for minute in day.index[ringing]:
        if all(minute - earlier > 30 for earlier in alerts):
            alerts.append(int(minute))
    return alerts

# %% reject="rules" name="a test with 5 % at every look" message="each needs more than a test with 5 % would ask"
def stop_canary(stable, canary):
    rate = np.concatenate([stable, canary]).mean()
    error = np.sqrt(rate * (1 - rate) * (1 / len(stable) + 1 / len(canary)))
    return bool(canary.mean() - stable.mean() > 1.645 * error)


def alert_minutes(day):
    recent = day.rolling(10, min_periods=1).sum()
    bad = (day["errors"] > 0).rolling(10, min_periods=1).sum()
    alerts = []
    for minute in np.flatnonzero((recent["errors"] > 0.05 * recent["requests"]) & (bad >= 4)):
        if not alerts or minute - alerts[-1] > 30:
            alerts.append(int(minute))
    return alerts

# %% reject="rules" name="higher is higher" message="are stopped. There are 20 looks"
def stop_canary(stable, canary):
    return bool(canary.mean() > stable.mean())


def alert_minutes(day):
    return []

# %% reject="rules" name="decides at the end" message="do not wait for the end"
def stop_canary(stable, canary):
    return len(canary) >= 2000 and bool(canary.mean() > 1.5 * stable.mean())


def alert_minutes(day):
    return []

# %% reject="rules" name="every bad minute wakes somebody" message="people are woken for nothing"
def stop_canary(stable, canary):
    rate = np.concatenate([stable, canary]).mean()
    error = np.sqrt(rate * (1 - rate) * (1 / len(stable) + 1 / len(canary)))
    return bool(canary.mean() - stable.mean() > 3 * error)


def alert_minutes(day):
    alerts = []
    for minute in np.flatnonzero(day["errors"] > 0.05 * day["requests"]):
        if not alerts or minute - alerts[-1] > 30:
            alerts.append(int(minute))
    return alerts

# %% reject="rules" name="averages over half an hour" message="over how long a time do you average?"
def stop_canary(stable, canary):
    rate = np.concatenate([stable, canary]).mean()
    error = np.sqrt(rate * (1 - rate) * (1 / len(stable) + 1 / len(canary)))
    return bool(canary.mean() - stable.mean() > 3 * error)


def alert_minutes(day):
    recent = day.rolling(30, min_periods=30).sum()
    alerts = []
    for minute in np.flatnonzero(recent["errors"] > 0.045 * recent["requests"]):
        if not alerts or minute - alerts[-1] > 30:
            alerts.append(int(minute))
    return alerts

# %% reject="rules" name="rings all the time" message="within 30 minutes after an alert"
def stop_canary(stable, canary):
    rate = np.concatenate([stable, canary]).mean()
    error = np.sqrt(rate * (1 - rate) * (1 / len(stable) + 1 / len(canary)))
    return bool(canary.mean() - stable.mean() > 3 * error)


def alert_minutes(day):
    recent = day.rolling(10, min_periods=1).sum()
    bad = (day["errors"] > 0).rolling(10, min_periods=1).sum()
    hot = (recent["errors"] > 0.05 * recent["requests"]) & (bad >= 4)
    return [int(minute) for minute in np.flatnonzero(hot)]

# %% reject="rules" name="looks into the future" message="may use only the minutes up to then"
def stop_canary(stable, canary):
    rate = np.concatenate([stable, canary]).mean()
    error = np.sqrt(rate * (1 - rate) * (1 / len(stable) + 1 / len(canary)))
    return bool(canary.mean() - stable.mean() > 3 * error)


def alert_minutes(day):
    around = day[::-1].rolling(10, min_periods=1).sum()[::-1]
    bad = (day["errors"] > 0)[::-1].rolling(10, min_periods=1).sum()[::-1]
    alerts = []
    for minute in np.flatnonzero((around["errors"] > 0.05 * around["requests"]) & (bad >= 5)):
        if not alerts or minute - alerts[-1] > 30:
            alerts.append(int(minute))
    return alerts

# %% accept="recipe" name="by digest, uid, environment of the shell, and the long forms of YAML"
def dockerfile():
    return "\n".join([
        "# the service of dispatch triage",
        "FROM python:3.12.8-slim@sha256:" + "ab" * 32,
        "COPY requirements.txt /srv/",
        "RUN python -m pip install -r /srv/requirements.txt",
        "ENV PYTHONUNBUFFERED=1",
        "WORKDIR /srv",
        "COPY . /srv",
        "USER 10001:10001",
        "HEALTHCHECK --interval=10s --timeout=2s CMD wget -q -O - http://localhost:8080/live || exit 1",
        'CMD ["python", "-m", "uvicorn", "app:app", "--host=0.0.0.0", "--port", "8080"]',
    ])


def workflow():
    return """
name: gate
on:
  push:
    branches: ["**"]
  pull_request: {}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v4
    - name: test
      run: |
        pip install -r requirements.txt
        python -m pytest -q
  deploy:
    runs-on: [self-hosted]
    needs: [test]
    if: ${{ github.event_name == 'push' && github.ref == 'refs/heads/main' }}
    env: {DEPLOY_KEY: "${{ secrets.DEPLOY_KEY }}"}
    steps:
    - run: ./deploy.sh
"""

# %% accept="recipe" name="written by yaml.dump"
def dockerfile():
    lines = ["ARG VERSION=3.13", "FROM python:3.13"]
    lines += ["WORKDIR /app", "COPY requirements.txt requirements.txt", "RUN pip install \\", "  -r requirements.txt"]
    lines += ["ADD app.py app.py", "USER nobody", "EXPOSE 8000/tcp"]
    lines += ['HEALTHCHECK CMD ["python", "check.py", "http://127.0.0.1:8000/live"]']
    lines += ["CMD " + json.dumps(["uvicorn", "app:app", "--host", "0.0.0.0"])]
    return "\n".join(lines)


def workflow():
    steps = [{"uses": "actions/checkout@v4"}, {"run": "pip install -r requirements.txt && pytest"}]
    key = {"DEPLOY_KEY": "${{ secrets.DEPLOY_KEY }}"}
    test = {"runs-on": "ubuntu-24.04", "steps": steps}
    deploy = {"runs-on": "ubuntu-24.04", "needs": ["test"], "if": "github.ref == 'refs/heads/main'"}
    deploy["steps"] = [{"run": "./deploy.sh", "env": key}]
    return yaml.dump({"name": "gate", "on": ["push"], "jobs": {"test": test, "deploy": deploy}})

# %% reject="recipe" name="the latest Python" message="may be another Python tomorrow"
def dockerfile():
    return """FROM python:latest
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return ""

# %% reject="recipe" name="copies everything first" message="each change of it would install everything again"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt app.py ./
COPY . .
RUN pip install -r requirements.txt
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return ""

# %% reject="recipe" name="a secret in the image" message="not with the image"
def dockerfile():
    return """FROM python:3.12-slim
ARG DEPLOY_TOKEN
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return ""

# %% reject="recipe" name="the health check asks for readiness" message="Who is not ready is not ill"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/ready
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return ""

# %% reject="recipe" name="reachable only from inside" message="nobody outside the container reaches it"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--port", "8000"]
"""


def workflow():
    return ""

# %% reject="recipe" name="as root, with a command for the shell" message="the process should not run as root"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
HEALTHCHECK CMD curl -f localhost:8000/live
CMD uvicorn app:app --host 0.0.0.0
"""


def workflow():
    return ""

# %% reject="recipe" name="deploys beside the tests" message="both would run at the same time"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy:
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="a gate that lets everything through" message="that is no gate"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest || true
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="deploys from every branch" message="should run only for refs/heads/main"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy:
    needs: test
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% accept="recipe" name="two stages with names, uv from an image, constraints of their own, a value that contains KEY"
def dockerfile():
    return """
ARG PYTHON=3.12
FROM --platform=linux/amd64 python:${PYTHON}-slim AS base
COPY --from=ghcr.io/astral-sh/uv:0.4.20 /uv /bin/uv
COPY constraints.txt ./
COPY ["requirements.txt", "/tmp/"]
RUN ["uv", "pip", "install", "--system", "-r", "/tmp/requirements.txt"]

FROM base
ENV MODEL=/app/models/monkey.pkl PYTHONUNBUFFERED=1
WORKDIR /app
COPY --chown=1000:1000 . .
USER 1000
ENTRYPOINT []
HEALTHCHECK CMD wget -q -O- http://localhost:9000/live || exit 1
CMD ["/usr/local/bin/uvicorn", "--port=9000", "--host", "0.0.0.0", "app:app"]
"""


def workflow():
    return """
"on":
  push:
    branches: [main, "dev/**"]
  pull_request:
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - run: ruff check . || true
  test:
    runs-on: ubuntu-latest
    steps:
      - run: |
          pip install -r requirements.txt pytest || pip install --no-cache-dir -r requirements.txt
          python -m pytest --maxfail=1 || exit 1
      - run: pytest --durations=5 | tee slow.txt
        shell: bash
  deploy:
    needs: [lint, test]
    if: github.event_name != 'pull_request' && github.ref_name == 'main'
    runs-on: ubuntu-latest
    env:
      DEPLOY_KEY: ${{secrets.DEPLOY_KEY}}
    steps:
      - run: ./deploy.sh
"""

# %% accept="recipe" name="an environment of an earlier stage, and a status that is passed on"
def dockerfile():
    return """
FROM python:3.12-slim AS build
COPY requirements.txt .
RUN pip install --prefix=/install -r requirements.txt
FROM python:3.12-slim
COPY --from=build /install /usr/local
COPY src/ src/
USER nobody
HEALTHCHECK CMD ["python", "src/check.py", "/live"]
CMD ["python", "-m", "uvicorn", "src.app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: |
          if ! pytest; then
            echo "the tests have failed"
            exit 1
          fi
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="pip without -r" message="-r is missing"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return ""

# %% reject="recipe" name="a user of the first stage only" message="Each FROM begins anew, as root"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
FROM python:3.12-slim
COPY --from=0 /app.py .
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return ""

# %% reject="recipe" name="one text in a list" message="no program has the name"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn app:app --host 0.0.0.0"]
"""


def workflow():
    return ""

# %% reject="recipe" name="a shell in a list" message="CMD starts a shell"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["sh", "-c", "uvicorn app:app --host 0.0.0.0"]
"""


def workflow():
    return ""

# %% reject="recipe" name="a health check that cannot fail" message="can never fail"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live || true
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return ""

# %% reject="recipe" name="a health check of another port" message="without a number that is port 80"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return ""

# %% reject="recipe" name="the status of tee instead of pytest" message="that is no gate"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest | tee report.txt
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="if pytest, and a message" message="that is no gate"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: if pytest; then echo well; else echo ill; fi
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="pytest is installed, not run" message="no step of the job test runs pytest"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pip install pytest
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="a push to other branches" message="not on a push to main"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: {push: {branches: [develop]}}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="a comparison outside of the braces" message="counts as true"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy:
    needs: test
    if: ${{ github.ref }} == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="main, or any push" message="lets others through"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main' || github.event_name == 'push'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="every branch that begins with main" message="should run only for refs/heads/main"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy:
    needs: test
    if: startsWith(github.ref, 'refs/heads/main')
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="also after failed tests" message="also when the tests have failed"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy:
    needs: test
    if: always() && github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="the key for the whole workflow" message="where each job sees it"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
env: {DEPLOY_KEY: '${{ secrets.DEPLOY_KEY }}'}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${{ secrets.DEPLOY_KEY }}
"""

# %% reject="recipe" name="an f-string that eats braces" message="one pair of braces is lost"
def dockerfile():
    return """FROM python:3.12-slim
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
USER triage
HEALTHCHECK CMD curl -f localhost:8000/live
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
"""


def workflow():
    return """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ${ secrets.DEPLOY_KEY }
"""

# %% reject="package" name="an assert where ValueError is promised" message="an assert vanishes"
def save_model(model, folder, facts):
    for entry in ["version", "features", "data_sha256", "trained_until"]:
        if entry not in facts:
            raise ValueError(f"{entry} is missing")
    data = pickle.dumps(model)
    (folder / "model.pkl").write_bytes(data)
    manifest = {**facts, "sha256": hashlib.sha256(data).hexdigest(), "sklearn": sklearn.__version__}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def load_model(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    data = (folder / "model.pkl").read_bytes()
    for entry in ["version", "features", "data_sha256", "trained_until", "sha256", "sklearn"]:
        assert entry in manifest, f"{entry} is missing"
    assert hashlib.sha256(data).hexdigest() == manifest["sha256"], "another digest"
    assert manifest["sklearn"] == sklearn.__version__, "another scikit-learn"
    return pickle.loads(data), manifest

# %% accept="ready" name="async, with a pool of its own of the usual size"
def ready_app(load):
    pool = ThreadPoolExecutor()
    app = FastAPI()
    state = {}

    def work():
        try:
            state["model"] = load()
        except Exception as error:
            state["error"] = str(error)

    threading.Thread(target=work, daemon=True).start()

    @app.get("/live")
    async def live():
        return {"live": True}

    @app.get("/ready")
    async def ready():
        return JSONResponse({"ready": "model" in state}, 200 if "model" in state else 503)

    @app.post("/predict")
    async def predict(fire: dict):
        if "model" not in state:
            return JSONResponse({}, 503)
        model = state["model"]
        p = await asyncio.wrap_future(pool.submit(model.predict, fire))
        return {"probability": p, "version": model.version}

    return app

# %% reject="ready" name="looks once a second whether the prediction is there" message="times that of a service"
def ready_app(load):
    app = FastAPI()
    state = {"model": None}
    pool = ThreadPoolExecutor(16)

    def work():
        state["model"] = load()

    threading.Thread(target=work, daemon=True).start()

    @app.get("/live")
    async def live():
        return {"live": True}

    @app.get("/ready")
    async def ready():
        if state["model"] is None:
            raise HTTPException(503, "loading")
        return {"ready": True}

    @app.post("/predict")
    async def predict(fire: dict):
        model = state["model"]
        if model is None:
            raise HTTPException(503, "loading")
        future = pool.submit(model.predict, fire)
        while not future.done():
            await asyncio.sleep(1)
        return {"probability": future.result(), "version": model.version}

    return app

# %% reject="fallback" name="async, and waits for the future without await" message="They wait for each other"
def careful_app(model, limit):
    app = FastAPI()
    pool = ThreadPoolExecutor(32)

    def rule(fire):
        temperature, humidity = fire.get("temperature"), fire.get("relative_humidity")
        if temperature is None or humidity is None:
            return 0.05
        return 0.3 if temperature >= 25 and humidity <= 30 else 0.05

    @app.get("/live")
    async def live():
        return {"live": True}

    @app.post("/predict")
    async def predict(fire: dict):
        try:
            p = pool.submit(model.predict, fire).result(timeout=limit)
            if isinstance(p, (int, float)) and 0 <= p <= 1:
                return {"probability": p, "source": "model"}
        except Exception:
            pass
        return {"probability": rule(fire), "source": "fallback"}

    return app

# %% reject="fallback" name="a text that looks like a number is accepted" message="that is no probability"
def careful_app(model, limit):
    app = FastAPI()
    pool = ThreadPoolExecutor(32)

    def rule(fire):
        temperature, humidity = fire.get("temperature"), fire.get("relative_humidity")
        if temperature is None or humidity is None:
            return 0.05
        return 0.3 if temperature >= 25 and humidity <= 30 else 0.05

    @app.get("/live")
    async def live():
        return {"live": True}

    @app.post("/predict")
    def predict(fire: dict):
        try:
            p = float(pool.submit(model.predict, fire).result(timeout=limit))
            if 0 <= p <= 1:
                return {"probability": p, "source": "model"}
        except Exception:
            pass
        return {"probability": rule(fire), "source": "fallback"}

    return app

# %% reject="fallback" name="after five failures the model is not asked for a while" message="eight fires in a row"
def careful_app(model, limit):
    app = FastAPI()
    pool = ThreadPoolExecutor(32)
    state = {"failures": 0, "closed_until": 0.0}

    def rule(fire):
        temperature, humidity = fire.get("temperature"), fire.get("relative_humidity")
        if temperature is None or humidity is None:
            return 0.05
        return 0.3 if temperature >= 25 and humidity <= 30 else 0.05

    @app.get("/live")
    async def live():
        return {"live": True}

    @app.post("/predict")
    def predict(fire: dict):
        if time.monotonic() >= state["closed_until"]:
            try:
                p = pool.submit(model.predict, fire).result(timeout=limit)
                if isinstance(p, (int, float)) and 0 <= p <= 1:
                    state["failures"] = 0
                    return {"probability": p, "source": "model"}
            except Exception:
                pass
            state["failures"] += 1
            if state["failures"] >= 5:
                state["closed_until"] = time.monotonic() + 5
        return {"probability": rule(fire), "source": "fallback"}

    return app

# %% reject="fallback" name="a pool with one thread" message="should be computed at the same time"
def careful_app(model, limit):
    app = FastAPI()
    pool = ThreadPoolExecutor(max_workers=1)

    def rule(fire):
        temperature, humidity = fire.get("temperature"), fire.get("relative_humidity")
        if temperature is None or humidity is None:
            return 0.05
        return 0.3 if temperature >= 25 and humidity <= 30 else 0.05

    @app.get("/live")
    async def live():
        return {"live": True}

    @app.post("/predict")
    def predict(fire: dict):
        try:
            p = pool.submit(model.predict, fire).result(timeout=limit)
            if isinstance(p, (int, float)) and 0 <= p <= 1:
                return {"probability": p, "source": "model"}
        except Exception:
            pass
        return {"probability": rule(fire), "source": "fallback"}

    return app

# %% accept="metrics" name="the app of prometheus_client, mounted"
class Fire(BaseModel):
    temperature: float
    model_config = {"extra": "allow", "strict": True}

def measured_app(model):
    app = FastAPI()
    answers = prometheus_client.Counter("predictions", "number of answers", ["outcome"])
    duration = prometheus_client.Histogram("model_seconds", "duration", buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5])
    app.mount("/metrics", prometheus_client.make_asgi_app())

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        answers.labels("refused").inc()
        return Response(status_code=422)

    @app.post("/predict")
    def predict(fire: Fire):
        try:
            with duration.time():
                p = model.predict(fire.model_dump())
        except Exception:
            answers.labels("error").inc()
            return Response(status_code=503)
        answers.labels("ok").inc()
        return {"probability": p}

    return app

# %% accept="metrics" name="the text written by hand"
def measured_app(model):
    app = FastAPI()
    lock = threading.Lock()
    outcomes = {"ok": 0, "refused": 0, "error": 0}
    limits = [0.05, 0.1, 0.25, 0.5, 1, 2.5, math.inf]
    counts, total = [0] * 7, [0.0, 0]

    def told(outcome):
        with lock:
            outcomes[outcome] += 1

    @app.exception_handler(RequestValidationError)
    def refused(request, error):
        told("refused")
        return JSONResponse({}, 422)

    class Fire(BaseModel):
        model_config = ConfigDict(extra="allow")
        temperature: float = Field(strict=True)

    @app.post("/predict")
    def predict(fire: Fire):
        begin = time.monotonic()
        try:
            p = model.predict(fire.model_dump())
        except Exception:
            told("error")
            raise HTTPException(503)
        finally:
            took = time.monotonic() - begin
            with lock:
                total[0] += took
                total[1] += 1
                for i, limit in enumerate(limits):
                    counts[i] += took <= limit
        told("ok")
        return {"probability": p}

    @app.get("/metrics")
    def metrics():
        lines = ["# HELP predictions_total outcomes", "# TYPE predictions_total counter"]
        lines += [f'predictions_total{{outcome="{k}"}} {v}' for k, v in outcomes.items()]
        lines += ["# TYPE model_seconds histogram"]
        for limit, count in zip(limits, counts):
            le = "+Inf" if math.isinf(limit) else str(limit)
            lines.append(f'model_seconds_bucket{{le="{le}"}} {count}')
        lines += [f"model_seconds_sum {total[0]}", f"model_seconds_count {total[1]}", ""]
        return PlainTextResponse("\n".join(lines))

    return app

# %% reject="metrics" name="a lenient number: a text becomes one" message="should get 422, it gets 200"
def measured_app(model):
    app = FastAPI()
    registry = prometheus_client.CollectorRegistry()
    outcomes = prometheus_client.Counter("predictions", "answers", ["outcome"], registry=registry)
    seconds = prometheus_client.Histogram("model_seconds", "seconds", buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5], registry=registry)

    @app.post("/predict")
    async def predict(request: Request):
        try:
            fire = await request.json()
            float(fire["temperature"])
        except (ValueError, KeyError, TypeError):
            outcomes.labels("refused").inc()
            raise HTTPException(422, "temperature must be a number")
        try:
            with seconds.time():
                p = await asyncio.to_thread(model.predict, fire)
        except Exception:
            outcomes.labels("error").inc()
            raise HTTPException(503, "the model failed")
        outcomes.labels("ok").inc()
        return {"probability": p}

    @app.get("/metrics")
    def metrics():
        return PlainTextResponse(prometheus_client.generate_latest(registry).decode())

    return app

# %% reject="metrics" name="a middleware counts other methods, too" message="which is not counted"
def measured_app(model):
    app = FastAPI()
    registry = prometheus_client.CollectorRegistry()
    outcomes = prometheus_client.Counter("predictions", "answers", ["outcome"], registry=registry)
    seconds = prometheus_client.Histogram("model_seconds", "seconds", buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5], registry=registry)

    @app.middleware("http")
    async def count(request, call_next):
        response = await call_next(request)
        if request.url.path == "/predict":
            outcome = {200: "ok", 422: "refused"}.get(response.status_code, "error")
            outcomes.labels(outcome).inc()
        return response

    @app.post("/predict")
    async def predict(request: Request):
        try:
            fire = await request.json()
        except ValueError:
            fire = None
        temperature = fire.get("temperature") if isinstance(fire, dict) else None
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)):
            raise HTTPException(422, "temperature must be a number")
        try:
            with seconds.time():
                p = await asyncio.to_thread(model.predict, fire)
        except Exception:
            raise HTTPException(503, "the model failed")
        return {"probability": p}

    @app.get("/metrics")
    def metrics():
        return PlainTextResponse(prometheus_client.generate_latest(registry).decode())

    return app

# %% reject="metrics" name="buckets that are not cumulative" message="the buckets are cumulative"
def measured_app(model):
    app = FastAPI()
    lock = threading.Lock()
    outcomes = {"ok": 0, "refused": 0, "error": 0}
    limits = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, math.inf]
    buckets = {limit: 0 for limit in limits}
    sums = {"seconds": 0.0, "count": 0}

    def count(outcome):
        with lock:
            outcomes[outcome] += 1

    def observe(value):
        with lock:
            sums["seconds"] += value
            sums["count"] += 1
            for limit in limits:
                if value <= limit:
                    buckets[limit] += 1
                    break

    @app.post("/predict")
    async def predict(request: Request):
        try:
            fire = await request.json()
        except ValueError:
            fire = None
        temperature = fire.get("temperature") if isinstance(fire, dict) else None
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)):
            count("refused")
            raise HTTPException(422, "temperature must be a number")
        start = time.perf_counter()
        try:
            p = await asyncio.to_thread(model.predict, fire)
        except Exception:
            count("error")
            raise HTTPException(503, "the model failed")
        finally:
            observe(time.perf_counter() - start)
        count("ok")
        return {"probability": p}

    @app.get("/metrics")
    def metrics():
        lines = ["# TYPE predictions_total counter"]
        lines += [f'predictions_total{{outcome="{name}"}} {number}' for name, number in outcomes.items()]
        lines += ["# TYPE model_seconds histogram"]
        for limit in limits:
            name = "+Inf" if limit == math.inf else str(limit)
            lines.append(f'model_seconds_bucket{{le="{name}"}} {buckets[limit]}')
        lines += [f"model_seconds_sum {sums['seconds']}", f"model_seconds_count {sums['count']}"]
        return PlainTextResponse("\n".join(lines) + "\n")

    return app

# %% reject="labels" name="known_on stays in the result" message="no other, got"
def known_labels(predictions, labels, day):
    known = labels[labels["known_on"] <= day].sort_values("known_on").drop_duplicates("request_id", keep="last")
    made = predictions[predictions["day"] <= day]
    return made.merge(known, on="request_id", how="left")

# %% accept="canary" name="blake2b, and a line with null where the candidate raises"
import queue

def canary_app(stable, candidate, share):
    app = FastAPI()
    waiting = queue.Queue(maxsize=1000)

    def worker():
        while True:
            fire, p = waiting.get()
            try:
                q = candidate.predict(fire)
            except Exception:
                q = None
            with Path("shadow.jsonl").open("a", encoding="utf-8") as file:
                json.dump({"fire_id": fire["fire_id"], "stable": p, "candidate": q}, file)
                file.write("\n")

    threading.Thread(target=worker, daemon=True).start()

    def is_canary(fire_id):
        digest = hashlib.blake2b(fire_id.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") < share * 2**64

    @app.post("/predict")
    def predict(fire: dict):
        model = candidate if is_canary(fire["fire_id"]) else stable
        try:
            p = model.predict(fire)
        except Exception:
            if model is stable:
                raise
            model, p = stable, stable.predict(fire)
        else:
            if model is stable:
                try:
                    waiting.put_nowait((fire, p))
                except queue.Full:
                    pass
        return {"probability": p, "version": model.version}

    return app

# %% reject="canary" name="ten buckets: a share of 5 per cent is none" message="the share is 0.05"
def canary_app(stable, candidate, share):
    app = FastAPI()
    pool = ThreadPoolExecutor(2)
    lock = threading.Lock()

    def chosen(fire_id):
        return int(hashlib.sha256(fire_id.encode()).hexdigest(), 16) % 10 < int(share * 10)

    def shadow(fire, said):
        line = {"fire_id": fire["fire_id"], "stable": said, "candidate": candidate.predict(fire)}
        with lock, open("shadow.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    @app.post("/predict")
    def predict(fire: dict):
        if chosen(fire["fire_id"]):
            try:
                return {"probability": candidate.predict(fire), "version": candidate.version}
            except Exception:
                return {"probability": stable.predict(fire), "version": stable.version}
        p = stable.predict(fire)
        pool.submit(shadow, fire, p)
        return {"probability": p, "version": stable.version}

    return app

# %% reject="canary" name="at most instead of less than: a share of 0 has candidates" message="a share of 0"
def canary_app(stable, candidate, share):
    app = FastAPI()
    pool = ThreadPoolExecutor(2)
    lock = threading.Lock()

    def chosen(fire_id):
        return int(hashlib.sha256(fire_id.encode()).hexdigest(), 16) % 100 <= share * 100

    def shadow(fire, said):
        line = {"fire_id": fire["fire_id"], "stable": said, "candidate": candidate.predict(fire)}
        with lock, open("shadow.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    @app.post("/predict")
    def predict(fire: dict):
        if chosen(fire["fire_id"]):
            try:
                return {"probability": candidate.predict(fire), "version": candidate.version}
            except Exception:
                return {"probability": stable.predict(fire), "version": stable.version}
        p = stable.predict(fire)
        pool.submit(shadow, fire, p)
        return {"probability": p, "version": stable.version}

    return app

# %% reject="canary" name="waits half a second for the shadow" message="no answer waits for the shadow"
def canary_app(stable, candidate, share):
    app = FastAPI()
    pool = ThreadPoolExecutor(2)
    lock = threading.Lock()

    def chosen(fire_id):
        return int(hashlib.sha256(fire_id.encode()).hexdigest(), 16) % 10_000 < share * 10_000

    def shadow(fire, said):
        line = {"fire_id": fire["fire_id"], "stable": said, "candidate": candidate.predict(fire)}
        with lock, open("shadow.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    @app.post("/predict")
    def predict(fire: dict):
        if chosen(fire["fire_id"]):
            try:
                return {"probability": candidate.predict(fire), "version": candidate.version}
            except Exception:
                return {"probability": stable.predict(fire), "version": stable.version}
        p = stable.predict(fire)
        try:
            pool.submit(shadow, fire, p).result(timeout=0.5)
        except Exception:
            pass
        return {"probability": p, "version": stable.version}

    return app

# %% reject="canary" name="a queue that blocks when it is full" message="the candidate hangs in shadow"
import queue


def canary_app(stable, candidate, share):
    app = FastAPI()
    waiting = queue.Queue(maxsize=64)

    def chosen(fire_id):
        return int(hashlib.sha256(fire_id.encode()).hexdigest(), 16) % 10_000 < share * 10_000

    def work():
        while True:
            fire, said = waiting.get()
            try:
                line = {"fire_id": fire["fire_id"], "stable": said, "candidate": candidate.predict(fire)}
            except Exception:
                continue
            with open("shadow.jsonl", "a") as file:
                file.write(json.dumps(line) + "\n")

    threading.Thread(target=work, daemon=True).start()

    @app.post("/predict")
    def predict(fire: dict):
        if chosen(fire["fire_id"]):
            try:
                return {"probability": candidate.predict(fire), "version": candidate.version}
            except Exception:
                return {"probability": stable.predict(fire), "version": stable.version}
        p = stable.predict(fire)
        waiting.put((fire, p))
        return {"probability": p, "version": stable.version}

    return app

# %% accept="swap" name="loads the first model beside, 503 until then"
def swap_app(load):
    app = FastAPI()
    state = {"model": None, "previous": None}

    def first():
        state["model"] = load("v1")

    threading.Thread(target=first, daemon=True).start()

    @app.post("/predict")
    def predict(fire: dict):
        model = state["model"]
        if model is None:
            raise HTTPException(503, "loading")
        return {"probability": model.predict(fire), "version": model.version}

    @app.post("/swap")
    def swap(wish: dict):
        try:
            new = load(wish["version"])
            p = new.predict({"fire_id": "probe"})
        except Exception:
            raise HTTPException(409)
        if not isinstance(p, (int, float)) or not 0 <= p <= 1:
            raise HTTPException(409)
        state["previous"], state["model"] = state["model"], new
        return {"version": new.version}

    @app.post("/rollback")
    def rollback():
        if state["previous"] is None:
            raise HTTPException(409)
        state["model"], state["previous"] = state["previous"], None
        return {"version": state["model"].version}

    return app

# %% reject="rules" name="remembers an earlier stop" message="depend on earlier calls"
stopped = []


def stop_canary(stable, canary):
    if stopped:
        return True
    rate = np.concatenate([stable, canary]).mean()
    spread = np.sqrt(rate * (1 - rate) * (1 / len(stable) + 1 / len(canary)))
    if canary.mean() - stable.mean() > 3.3 * spread:
        stopped.append(len(canary))
    return bool(stopped)


def alert_minutes(day):
    errors = day["errors"].rolling(10, min_periods=1).sum()
    requests = day["requests"].rolling(10, min_periods=1).sum()
    minutes = (day["errors"] > 0).rolling(10, min_periods=1).sum()
    woken = []
    for t in range(len(day)):
        bad = errors.iloc[t] > 0.04 * requests.iloc[t] and minutes.iloc[t] >= 3
        if bad and (not woken or t - woken[-1] >= 30):
            woken.append(t)
    return woken

# %% reject="package" name="refuses only older versions of scikit-learn" message="a later version of scikit-learn"
def save_model(model, folder, facts):
    for entry in ["version", "features", "data_sha256", "trained_until"]:
        if entry not in facts:
            raise ValueError(f"{entry} is missing")
    data = pickle.dumps(model)
    (folder / "model.pkl").write_bytes(data)
    manifest = {**facts, "sha256": hashlib.sha256(data).hexdigest(), "sklearn": sklearn.__version__}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def load_model(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in ["version", "features", "data_sha256", "trained_until", "sha256", "sklearn"]:
        if entry not in manifest:
            raise ValueError(f"{entry} is missing")
    data = (folder / "model.pkl").read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise ValueError("another digest")
    if manifest["sklearn"] < sklearn.__version__:
        raise ValueError("saved with an old scikit-learn")
    return pickle.loads(data), manifest

# %% reject="package" name="compares only the first eight characters of the digest" message="only begins like the right one"
def save_model(model, folder, facts):
    for entry in ["version", "features", "data_sha256", "trained_until"]:
        if entry not in facts:
            raise ValueError(f"{entry} is missing")
    data = pickle.dumps(model)
    (folder / "model.pkl").write_bytes(data)
    manifest = {**facts, "sha256": hashlib.sha256(data).hexdigest(), "sklearn": sklearn.__version__}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def load_model(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in ["version", "features", "data_sha256", "trained_until", "sha256", "sklearn"]:
        if entry not in manifest:
            raise ValueError(f"{entry} is missing")
    data = (folder / "model.pkl").read_bytes()
    if hashlib.sha256(data).hexdigest()[:8] != manifest["sha256"][:8]:
        raise ValueError("another digest")
    if manifest["sklearn"] != sklearn.__version__:
        raise ValueError("another scikit-learn")
    return pickle.loads(data), manifest

# %% reject="validate" name="longitude may be null, too" message="'longitude': None"
class Fire(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    fire_id: str = Field(min_length=1, max_length=40)
    latitude: float = Field(ge=49, le=60)
    longitude: float | None = Field(ge=-120, le=-110)
    temperature: float | None = Field(ge=-50, le=50)
    relative_humidity: float | None = Field(ge=0, le=100)
    fuel_type: str | None = Field(max_length=20)


def validating_app():
    app = FastAPI()

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        wrong = [{"field": repr(e["loc"]), "value": repr(e["input"])} for e in error.errors()]
        return JSONResponse({"wrong": wrong}, status_code=422)

    @app.post("/predict")
    def predict(fire: Fire):
        return {"accepted": fire.fire_id}

    return app

# %% reject="ready" name="tries to load again until it works" message="load is called again"
def ready_app(load):
    app = FastAPI()
    state = {"model": None}

    def work():
        while state["model"] is None:
            try:
                state["model"] = load()
            except Exception:
                time.sleep(1)

    threading.Thread(target=work, daemon=True).start()

    @app.get("/live")
    def live():
        return {"live": True}

    @app.get("/ready")
    def ready():
        if state["model"] is None:
            raise HTTPException(503, "loading")
        return {"ready": True}

    @app.post("/predict")
    def predict(fire: dict):
        model = state["model"]
        if model is None:
            raise HTTPException(503, "loading")
        return {"probability": model.predict(fire), "version": model.version}

    return app

# %% reject="ready" name="not ready while a prediction is computed" message="GET /ready should answer 200, it answers 503"
def ready_app(load):
    app = FastAPI()
    state = {"model": None, "busy": 0}
    lock = threading.Lock()

    def work():
        state["model"] = load()

    threading.Thread(target=work, daemon=True).start()

    @app.get("/live")
    def live():
        return {"live": True}

    @app.get("/ready")
    def ready():
        if state["model"] is None or state["busy"] > 0:
            raise HTTPException(503, "loading or busy")
        return {"ready": True}

    @app.post("/predict")
    def predict(fire: dict):
        model = state["model"]
        if model is None:
            raise HTTPException(503, "loading")
        with lock:
            state["busy"] += 1
        try:
            return {"probability": model.predict(fire), "version": model.version}
        finally:
            with lock:
                state["busy"] -= 1

    return app

# %% reject="fallback" name="one second, whatever the limit" message="answers after 1.2"
def careful_app(model, limit):
    app = FastAPI()
    pool = ThreadPoolExecutor(32)

    def rule(fire):
        temperature, humidity = fire.get("temperature"), fire.get("relative_humidity")
        if temperature is None or humidity is None:
            return 0.05
        return 0.3 if temperature >= 25 and humidity <= 30 else 0.05

    @app.get("/live")
    async def live():
        return {"live": True}

    @app.post("/predict")
    def predict(fire: dict):
        try:
            p = pool.submit(model.predict, fire).result(timeout=1.0)
            if isinstance(p, (int, float)) and 0 <= p <= 1:
                return {"probability": p, "source": "model"}
        except Exception:
            pass
        return {"probability": rule(fire), "source": "fallback"}

    return app

# %% accept="validate" name="by hand, and half a character in a text is accepted"
def number(low, high, null=False):
    def good(value):
        if value is None:
            return null
        return type(value) in (int, float) and low <= value <= high
    return good

def text(low, high, null=False):
    return lambda value: null if value is None else isinstance(value, str) and low <= len(value) <= high

CHECKS = dict(
    fire_id=text(1, 40), latitude=number(49, 60), longitude=number(-120, -110), temperature=number(-50, 50, True),
    relative_humidity=number(0, 100, True), fuel_type=text(0, 20, True),
)

def validating_app():
    app = FastAPI()

    @app.exception_handler(RequestValidationError)
    def no_dict(request, error):
        return JSONResponse({"problem": "a JSON object is wanted"}, 422)

    @app.post("/predict")
    def predict(fire: dict):
        problems = {name: repr(fire.get(name, "missing")) for name in CHECKS.keys() | fire.keys()
                    if name not in CHECKS or name not in fire or not CHECKS[name](fire[name])}
        if problems:
            raise HTTPException(422, detail=ascii(problems))
        return Response(json.dumps({"accepted": fire["fire_id"]}), media_type="application/json")

    return app

# %% reject="metrics" name="a gauge instead of a counter" message="is a gauge, which may fall"
def measured_app(model):
    app = FastAPI()
    registry = prometheus_client.CollectorRegistry()
    outcomes = prometheus_client.Gauge("predictions_total", "answers", ["outcome"], registry=registry)
    seconds = prometheus_client.Histogram("model_seconds", "seconds", buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5], registry=registry)

    @app.post("/predict")
    async def predict(request: Request):
        try:
            fire = await request.json()
        except ValueError:
            fire = None
        temperature = fire.get("temperature") if isinstance(fire, dict) else None
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)):
            outcomes.labels("refused").inc()
            raise HTTPException(422, "temperature must be a number")
        try:
            with seconds.time():
                p = await asyncio.to_thread(model.predict, fire)
        except Exception:
            outcomes.labels("error").inc()
            raise HTTPException(503, "the model failed")
        outcomes.labels("ok").inc()
        return {"probability": p}

    @app.get("/metrics")
    def metrics():
        return PlainTextResponse(prometheus_client.generate_latest(registry).decode())

    return app
