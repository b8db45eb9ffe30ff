"""Run the examples of the pages, each page in its own temporary folder::

pytest --doctest-glob="*.rst" docs/*.rst
"""

import pytest


@pytest.fixture(autouse=True)
def folder_of_the_page(tmp_path, monkeypatch):
    """Write files to a temporary folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
