"""Run the examples of the pages, each page in a folder of its own::

pytest --doctest-glob="*.rst" docs/*.rst
"""

import pytest


@pytest.fixture(autouse=True)
def folder_of_the_page(tmp_path, monkeypatch):
    """What a page writes does not stay."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
