"""Everything is in pyproject.toml but this: the records of results/ go into the built package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRecords(build_py):
    """Copies `results/` to `avlib/results`, where `avlib.records` looks without a clone."""

    def run(self) -> None:
        """Build as usual; an editable install reads the clone and needs no copy."""
        super().run()
        if not self.editable_mode:
            inside = Path(self.build_lib, "avlib", "results")
            shutil.rmtree(inside, ignore_errors=True)
            shutil.copytree("results", inside)


setup(cmdclass={"build_py": BuildWithRecords})
