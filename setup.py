"""Builds the package: folders of the web app that lie at the top of the repository go into it.

Everything else is said in ``pyproject.toml``.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SITE = ("templates", "static", "demo_output", "plot_data")
"""What ``app`` shows; in a checkout it is found beside ``app``, in a package inside of it."""


class BuildWithSite(build_py):
    """Copies :data:`SITE` to ``app/site``, except for an editable installation."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in SITE:
            target = Path(self.build_lib) / "app" / "site" / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(name, target)


setup(cmdclass={"build_py": BuildWithSite})
