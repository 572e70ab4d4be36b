"""One environment in three descriptions, and a plain install on Colab that only adds."""

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PYTHONS = ("3.11", "3.12", "3.13")
ADDED_ON_COLAB = {"av", "jaxtyping", "tyro", "wadler-lindig"}


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins(root):
    """Requirement lines of constraints.txt."""
    lines = (root / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def all_requirements(project):
    """Of the package and of every extra."""
    extras = project["optional-dependencies"].values()
    return [*project["dependencies"], *(text for extra in extras for text in extra)]


def versions_for(pins, python):
    """Pinned version of each package on Linux with one Python."""
    place = {
        "python_version": python,
        "python_full_version": f"{python}.5",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate(place)
    }


def resolve(requirements, python, constraints=None, tmp_path=None):
    """What an installer would install: name -> version."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--quiet", "--no-header"]
    command += ["--no-annotate", "--python-version", python, "--python-platform", "linux"]
    if constraints:
        command += ["--constraints", str(constraints)]
    done = subprocess.run(
        command, input="\n".join(requirements), capture_output=True, text=True, cwd=tmp_path
    )
    if done.returncode:
        network = re.search(r"connect|dns|timed? ?out|Failed to fetch|network", done.stderr, re.I)
        hint = "the package registry cannot be reached: " if network else "cannot be resolved: "
        pytest.fail(f"{hint}\n{done.stderr}")
    lines = [line.split(" ;")[0] for line in done.stdout.splitlines() if "==" in line]
    return dict(line.split("==") for line in lines)


def test_core_asks_for_lower_bounds_only(project):
    for text in project["dependencies"]:
        operators = [part.operator for part in Requirement(text).specifier]
        assert operators == [">="], text


@pytest.mark.parametrize("python", PYTHONS)
def test_constraints_meet_every_requirement(project, pins, python):
    versions = versions_for(pins, python)
    for requirement in map(Requirement, all_requirements(project)):
        pinned = versions.get(canonicalize_name(requirement.name))
        assert pinned, f"{requirement.name} is not pinned for Python {python}"
        assert requirement.specifier.contains(Version(pinned)), requirement


def test_constraints_are_exact_without_addresses_and_hold_what_they_must(root, pins):
    assert "://" not in (root / "constraints.txt").read_text()
    assert all([part.operator for part in pin.specifier] == ["=="] for pin in pins)
    for python in PYTHONS:
        versions = versions_for(pins, python)
        assert versions["torch"] == "2.11.0"
        assert versions["torchvision"] == "0.26.0"
        assert versions["torchaudio"] == "2.11.0"
        assert versions["jupyter-book"] == "1.0.4.post1"


@pytest.mark.parametrize("python", PYTHONS)
def test_constraints_name_all_that_gets_installed(root, project, pins, python):
    resolved = resolve(all_requirements(project), python, root / "constraints.txt")
    versions = versions_for(pins, python)
    assert {name: versions.get(name) for name in resolved} == resolved


def test_environment_for_conda_is_the_same(root, project):
    environment = yaml.safe_load((root / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert python == "python=3.12"
    assert pip == "pip"
    assert packages == {"pip": ["-c constraints.txt", "-e .[book,test]"]}
    assert {"book", "test"} <= set(project["optional-dependencies"])
    assert environment["name"] == project["name"]
    assert Version("3.12") in Requirement(f"python{project['requires-python']}").specifier


def test_the_setup_script_installs_the_same(root):
    script = (root / "tools" / "setup.sh").read_text()
    assert "-c constraints.txt -e '.[book,test]'" in script


def test_workflow_tests_every_python(root):
    workflow = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text())
    jobs = workflow["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == list(PYTHONS)
    assert any("bash .ci/run" in step.get("run", "") for step in jobs["test"]["steps"])
    assert any("make book" in step.get("run", "") for step in jobs["book"]["steps"])
    assert set(jobs["publish"]["needs"]) == {"test", "lint", "book"}


@pytest.mark.colab
def test_plain_install_on_colab_only_adds(root, project):
    """`pip install avlib` there must change nothing that Colab ships."""
    shipped = root / "tests" / "colab.txt"
    names = [line for line in shipped.read_text().splitlines() if not line.startswith("#")]
    before = resolve(names, "3.13")
    after = resolve(names + project["dependencies"], "3.13")
    assert {name: after.get(name) for name in before} == before
    assert set(after) - set(before) == ADDED_ON_COLAB
