"""`live` on real kernels: ipywidgets 8 as installed, and 7.7.1 as on Colab."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

CELL = """
import ipywidgets
from avlib.viz.live import live
from avlib.viz.questions import predict_then_reveal

calls = []

def keep(threshold=0.5, name="violin", loud=True, count=3):
    calls.append((threshold, name, loud, count))
    print(f"call {len(calls)}: {threshold} {name} {loud} {count}")
    return "returned" if loud else None

live(
    keep, predict_then_reveal("What?", ["this", "that"], 0, "This."),
    threshold=(0.0, 1.0, 0.05), name=["violin", "flute"], loud=False, count=(1, 9, 2),
)
"""
MOVE = """
import gc
box = next(item for item in gc.get_objects() if isinstance(item, ipywidgets.VBox))
threshold, name, loud, count, output = box.children
threshold.value = 0.25
name.value = "flute"
loud.value = False
count.value = 7
print(ipywidgets.__version__, [type(child).__name__ for child in box.children])
print(calls)
"""
COLAB = ("ipywidgets==7.7.1", "ipython==7.34.0", "ipykernel==6.17.1")
LAST = "[(0.5, 'violin', True, 3), (0.25, 'violin', True, 3), (0.25, 'flute', True, 3), "
LAST += "(0.25, 'flute', False, 3), (0.25, 'flute', False, 7)]"
KINDS = "['FloatSlider', 'Dropdown', 'Checkbox', 'IntSlider', 'Output']"


def execute(python, folder, monkeypatch, setting):
    """Run the cells on a kernel of that interpreter, as a book's build does."""
    kernel = folder / "kernels" / "under-test"
    kernel.mkdir(parents=True, exist_ok=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "under test", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(folder))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delenv("AVLIB_LIVE", raising=False)
    if setting:
        monkeypatch.setenv("AVLIB_LIVE", setting)
    cells = [CELL] if setting != "yes" else [CELL, MOVE]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    client = NotebookClient(notebook, kernel_name="under-test", timeout=120)
    client.execute()
    return [cell.outputs for cell in notebook.cells], client


def printed(outputs):
    return "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stdout")


def check_static(python, folder, monkeypatch):
    (outputs,), _ = execute(python, folder, monkeypatch, "")
    assert printed(outputs) == "call 1: 0.5 violin True 3\n"
    bundles = [output.data for output in outputs if "data" in output]
    assert not any("application/vnd.jupyter.widget-view+json" in bundle for bundle in bundles)
    assert bundles[0]["text/plain"] == "'returned'"
    assert 'data-kind="predict"' in bundles[1]["text/html"]
    orders = ("this; that", "that; this")  # shuffled, see avlib.viz.questions
    assert bundles[1]["text/plain"] in [f"Predict first: What? Choices: {o}." for o in orders]


def check_live(python, folder, monkeypatch, version):
    (first, second), client = execute(python, folder, monkeypatch, "yes")
    (bundle,) = [output.data for output in first if "data" in output]
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] in client.widget_state
    assert "predict" not in bundle.get("text/html", "")  # widgets stand in for the component
    said, calls = printed(second).splitlines()
    assert said.split()[0].startswith(version)
    assert said.split(maxsplit=1)[1] == KINDS
    assert calls == LAST


def test_ipywidgets_8_static(tmp_path, monkeypatch):
    check_static(sys.executable, tmp_path, monkeypatch)


def test_ipywidgets_8_live(tmp_path, monkeypatch):
    check_live(sys.executable, tmp_path, monkeypatch, "8.")


@pytest.fixture(scope="module")
def colab_python(tmp_path_factory):
    """An interpreter with Colab's widgets in front of everything else that is installed here."""
    folder = tmp_path_factory.mktemp("seven") / "env"
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [uv, "pip", "install", "-q", "--python", python, *COLAB],
        check=True,
        env={**os.environ, "UV_SYSTEM_CERTS": "true"},
    )
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True)
    root = Path(__file__).resolve().parent.parent
    rest = f"{root}\n{sysconfig.get_path('purelib')}\n"
    (Path(own.stdout.strip()) / "after.pth").write_text(rest)
    return python


@pytest.mark.colab
def test_ipywidgets_7_static(colab_python, tmp_path, monkeypatch):
    check_static(colab_python, tmp_path, monkeypatch)


@pytest.mark.colab
def test_ipywidgets_7_live(colab_python, tmp_path, monkeypatch):
    check_live(colab_python, tmp_path, monkeypatch, "7.7.1")
