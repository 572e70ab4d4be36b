"""An environment with what Google Colab ships, and kernels in it: what test_notebooks.py stands on.

It lies in `.venv-colab` and is brought to exactly its list before each run, so that nothing of an
earlier one is left; only wheels are taken, as there.
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

VERSIONS = ("3.13", "3.12", "3.11")  # Colab's own first, else the nearest there is
# What runs the notebooks and the tests. Colab has this ipykernel; the rest it could have.
TOOLS = ("ipykernel==6.17.1", "pytest>=8", "hypothesis>=6", "mir_eval==0.8.2")
UV = [sys.executable, "-m", "uv"]
LIST = """import importlib.metadata as m, json
print(json.dumps({d.name.lower().replace("_", "-"): d.version for d in m.distributions()}))"""
FAKE = """import sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")"""


def find_python():
    """A Python of the newest version of `VERSIONS` that is on this machine."""
    named = os.environ.get("AVLIB_COLAB_PYTHON")
    pyenv = os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))
    for version in VERSIONS:
        places = [named] if named else []
        places += [shutil.which(f"python{version}", path=p) for p in os.get_exec_path()]
        places += sorted(glob.glob(f"{pyenv}/versions/{version}.*/bin/python"), reverse=True)
        for place in filter(None, places):
            code = f"import sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
            if not subprocess.run([place, "-c", code], capture_output=True).returncode:
                return place, version
    raise FileNotFoundError(f"no Python of {', '.join(VERSIONS)} was found")


def run(command, **options):
    """Run a program; what it said is in the error if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command[:6]}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@dataclass(frozen=True)
class ColabLike:
    """The environment; `version` of Python, and `clone`: the working tree as a tagged commit."""

    folder: Path
    version: str
    clone: Path
    repository: str

    @property
    def python(self):
        return self.folder / "bin" / "python"

    def environment(self):
        """As a shell on Colab: its programs first; the public repository is the local clone."""
        inherited = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return {
            **inherited,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "OMP_NUM_THREADS": "1",  # two things run side by side, on machines with two cores
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": f"url.{self.clone.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": self.repository,
            "GIT_CONFIG_KEY_1": "safe.directory",
            "GIT_CONFIG_VALUE_1": "*",
        }

    def packages(self):
        """Installed distributions and their versions."""
        return json.loads(run([str(self.python), "-I", "-c", LIST]))

    def execute(self, notebook, place, timeout=600):
        """Run all cells in a kernel of this environment, in the empty folder `place`.

        Returns (seconds of the clock, CPU seconds of the kernel and what it started).
        """
        kernel = place / "jupyter" / "kernels" / "colab-like"
        kernel.mkdir(parents=True, exist_ok=True)
        command = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": command, "display_name": "Colab-like", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps({**spec, "env": self.environment()}))
        work = place / "content"
        work.mkdir(exist_ok=True)
        code = "import os; print(sum(os.times()[:4]))"
        clock = nbformat.v4.new_code_cell(code, metadata={"tags": ["clock"]})
        notebook.cells.append(clock)
        started = time.monotonic()
        # Its own list of kernels, so that several notebooks can run side by side.
        specs = KernelSpecManager(kernel_dirs=[str(kernel.parent)])
        manager = AsyncKernelManager(kernel_name="colab-like", kernel_spec_manager=specs)
        client = NotebookClient(
            notebook, km=manager, timeout=timeout, resources={"metadata": {"path": str(work)}}
        )
        client.owns_km = True  # else the kernel would outlive the notebook
        client.execute()
        return time.monotonic() - started, float(clock.outputs[0]["text"])


def make_environment(root, folder):
    """A fresh environment with Colab's versions and our tools, and nothing else."""
    os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")
    python, version = find_python()
    here = folder / "bin" / "python"
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    if not here.exists() or run([str(here), "-c", code]).strip() != version:
        run([*UV, "venv", "--quiet", "--clear", "--seed", "--python", python, str(folder)])
    names = (root / "tests" / "colab.txt").read_text() + "\n".join(TOOLS) + "\n"
    at = ["--python", str(here), "--only-binary", ":all:", "--quiet"]
    lock = run([*UV, "pip", "compile", "-", "--no-header", "--no-annotate", *at], input=names)
    run([*UV, "pip", "sync", "-", *at], input=lock)
    return version


def tagged_clone(root, place, tag):
    """The working tree, with what is not committed yet, as a repository with one tagged commit."""
    files = run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root).split("\0")
    for name in files:
        if (root / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, place / name)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
    run([*git, "init", "-q"], cwd=place)
    run([*git, "add", "-A", "-f"], cwd=place)
    run([*git, "commit", "-q", "-m", "as it is"], cwd=place)
    run([*git, "tag", tag], cwd=place)
    return place
