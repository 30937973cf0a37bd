"""All doors (make, conda, Binder, CI) lead to the same versions, and say so truthfully."""

import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mlelabs.instructor import build

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SUPPORTED = SpecifierSet(PROJECT["project"]["requires-python"])
PYTHONS = [minor for minor in (f"3.{n}" for n in range(40)) if f"{minor}.1" in SUPPORTED]
PLATFORMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "mac": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}


def lock_entries(lock=LOCK):
    """Every entry of a lock: its requirement and the options that follow it."""
    for line in lock.replace("\\\n", "").splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement, *options = line.split(" --")
            yield Requirement(requirement), ["--" + option.strip() for option in options]


def pins(environment=None):
    """The versions that the lock gives in an environment (default: this one), by package."""
    environment = {**default_environment(), "extra": "", **(environment or {})}
    found = {}
    for requirement, _ in lock_entries():
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} is pinned twice for {environment}"
            found[name] = str(requirement.specifier).removeprefix("==")
    return found


def wanted():
    """Everything that pyproject.toml asks for, at run time and for building."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"].values()
    texts = [*project["dependencies"], *PROJECT["build-system"]["requires"]]
    return [Requirement(text) for text in [*texts, *(text for extra in extras for text in extra)]]


def run(*command, cwd=ROOT):
    """Run a tool of this environment; return its exit code and all that it printed."""
    tool, *arguments = command
    done = subprocess.run([BIN / tool, *arguments], cwd=cwd, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


# The lock


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_lock_answers_pyproject(python, platform):
    environment = {"python_version": python, "python_full_version": f"{python}.1"}
    locked = pins({**environment, **PLATFORMS[platform]})
    for requirement in wanted():
        version = locked.get(canonicalize_name(requirement.name), "nothing")
        assert version != "nothing" and version in requirement.specifier, (
            f"pyproject.toml asks for '{requirement}', the lock has {version}: run `make lock`"
        )
    for limit in map(Requirement, PROJECT["tool"]["uv"]["constraint-dependencies"]):
        assert limit.name not in locked or locked[limit.name] in limit.specifier, str(limit)


def test_lock_was_compiled_by_the_command_of_the_makefile():
    command = re.search(r"uv --quiet (pip compile .+?) \$\(ARGS\)", MAKEFILE)[1]
    header = re.search(r"^#    uv (.+)$", LOCK, re.M)[1]
    assert header == command


def test_lock_holds_exact_versions_hashes_and_no_address():
    for requirement, options in lock_entries():
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
        assert options, f"{requirement} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", option) for option in options)
    assert not re.search(r"://|index-url|find-links|trusted-host| @ ", LOCK)


def test_this_environment_is_the_lock():
    locked = pins()
    assert len(locked) > 100
    # not all of sys.path: setuptools adds a folder of packages of its own once it is imported
    found = metadata.distributions(path=[sysconfig.get_path("purelib")])
    installed = {canonicalize_name(d.name): d.version for d in found}
    wrong = {name: installed.get(name) for name in locked if installed.get(name) != locked[name]}
    assert not wrong, f"not as in the lock: {wrong}"


def test_lock_is_complete():
    """Whatever a locked package needs is locked as well, in a version that suits it."""
    locked, extras = pins(), {name: {""} for name in pins()}
    for requirement, _ in [*((r, None) for r in wanted()), *lock_entries()]:
        extras.get(canonicalize_name(requirement.name), set()).update(requirement.extras)
    for name in locked:
        for requirement in map(Requirement, metadata.requires(name) or []):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras[name]):
                version = locked.get(canonicalize_name(requirement.name), "nothing")
                assert version != "nothing" and version in requirement.specifier, (
                    f"{name} needs '{requirement}', the lock has {version}"
                )


# conda and Binder


def binder_python():
    """The Python version that binder/ asks for."""
    text = (ROOT / "binder/runtime.txt").read_text(encoding="utf-8")
    return re.fullmatch(r"python-(\d\.\d+)\n", text)[1]


def test_conda_takes_python_from_conda_and_the_rest_from_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, from_pip = environment["dependencies"]
    assert python == f"python={binder_python()}" and binder_python() in PYTHONS
    assert pip.startswith("pip>=")
    assert from_pip == {"pip": ["-r requirements.txt"]}


def test_binder_takes_the_lock():
    names = {path.name for path in (ROOT / "binder").iterdir()}
    assert names == {"postBuild", "requirements.txt", "runtime.txt"}
    # the students' part of the lock: the same versions and hashes, all that the labs need
    whole = {str(requirement): set(options) for requirement, options in lock_entries()}
    lock = (ROOT / "binder/requirements.txt").read_text(encoding="utf-8")
    part = {str(requirement): set(options) for requirement, options in lock_entries(lock)}
    names = {canonicalize_name(Requirement(entry).name) for entry in part}
    versions = {entry.partition(";")[0].strip(): options for entry, options in whole.items()}
    for entry, options in part.items():
        assert versions.get(entry.partition(";")[0].strip()) == options, f"{entry}: run `make lock`"
    needed = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    assert {canonicalize_name(Requirement(text).name) for text in needed} <= names
    maintain = PROJECT["project"]["optional-dependencies"]["maintain"]
    spare = {"playwright", "ruff", "jupytext", "jupyter-repo2docker", "furo"}
    assert spare <= {Requirement(text).name for text in maintain} and not spare & names
    command = re.findall(r"uv --quiet (pip compile .+)$", MAKEFILE, re.M)[1]
    assert re.search(r"^#    uv (.+)$", lock, re.M)[1] == command


def test_binder_builds_what_we_mean(tmp_path):
    for name in ("environment.yml", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "binder", tmp_path / "binder", symlinks=True)
    user = ["--user-id", "1000", "--user-name", "jovyan"]
    code, dockerfile = run(
        "jupyter-repo2docker", "--no-build", "--debug", *user, ".", cwd=tmp_path
    )
    assert code == 0, dockerfile
    assert f"conda environment for python={binder_python()}" in dockerfile
    steps = [
        'pip install --no-cache-dir -r "binder/requirements.txt"',
        "src/ ${REPO_DIR}/",  # only behind the lock: a changed lab leaves its layer cached
        "RUN ./binder/postBuild",
    ]
    places = [dockerfile.find(step) for step in steps]
    assert -1 not in places and places == sorted(places), dict(zip(steps, places, strict=True))
    assert "env update" not in dockerfile, "Binder would build conda's environment.yml"
    assert "pip install --no-cache-dir ." not in dockerfile, "Binder would take unpinned versions"


def test_the_project_brings_no_version_of_its_own():
    """Everywhere the project is installed behind the lock, without dependencies or downloads."""
    files = ("Makefile", "binder/postBuild", "environment.yml", "README.md")
    for name in files:
        lines = [x for x in (ROOT / name).read_text(encoding="utf-8").splitlines() if "-e ." in x]
        assert lines, f"{name} does not install the project"
        for line in lines:
            assert "--no-deps" in line and "--no-build-isolation" in line, f"{name}: {line}"


# CI


def workflow(name):
    """A workflow of the hosted CI."""
    return yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))


def test_hosted_ci_runs_make_test_on_every_supported_python():
    job = workflow("ci")["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == PYTHONS
    for test in (job, workflow("newest")["jobs"]["test"]):
        assert ".ci/run" in [step.get("run") for step in test["steps"]]
    assert (ROOT / ".ci/run").read_text(encoding="utf-8").endswith("\nexec make test\n")


def test_make_refuses_other_pythons():
    named = re.search(r"version not in \((.+)\)", MAKEFILE)[1]
    assert re.findall(r"[\d.]+", named) == PYTHONS


def test_workflows_are_safe():
    code, report = run("zizmor", "--offline", "--no-progress", ".github")
    assert code == 0, report


def test_code_is_clean():
    code, report = run("ruff", "check", "--no-cache", ".")
    assert code == 0, report


# README


def test_readme_names_only_targets_that_exist():
    targets = set(re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.M)[1].split())
    assert all(re.search(rf"^{target}:", MAKEFILE, re.M) for target in targets)
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.M))
    assert {"lab", "test"} <= named <= targets


def test_readme_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)|^\[[^]]+\]: (\S+)$", README, re.M):
        target = "".join(link)
        if "://" not in target:
            assert (ROOT / target).exists(), f"README.md links to {target}"


def test_binder_links_open_the_student_repository_at_files_that_exist():
    home = PROJECT["tool"]["mlelabs"]["students"]
    pages = [README, build.student_readme(), build.pages()[ROOT / "labs/README.md"]]
    links = [link for page in pages for link in re.findall(r"mybinder\.org/v2/(\S+?)[)\s]", page)]
    assert len(links) >= 2 * len(build.labs())
    for link in links:
        prefix = f"gh/{home}/HEAD?urlpath=lab/tree/"
        assert link.startswith(prefix), f"{link} does not start with {prefix}"
        assert (ROOT / link.removeprefix(prefix)).exists(), link
    assert f"[students]: https://github.com/{home}\n" in README


def test_jupyterlab_opens_the_front_page():
    config = (ROOT / ".jupyter/jupyter_lab_config.py").read_text(encoding="utf-8")
    page = re.search(r'default_url = "/lab/tree/(.+)"', config)[1]
    assert (ROOT / page).is_file()
