"""Configuration of Sphinx.

Building needs no network. Links to the documentation of other projects do: they are only
created when the environment variable SKAUDIO_DOCS_INTERSPHINX is set.
"""

import os
import re
import shutil
from pathlib import Path

from skaudio import __version__

project = "skaudio"
author = "The skaudio developers"
copyright = author  # noqa: A001
release = version = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "literal"
nitpicky = False

autodoc_typehints = "none"
autosummary_generate = True
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "skaudio"
html_show_sourcelink = False
# The navigation bar already links to these pages.
html_sidebars = {page.stem: [] for page in Path(__file__).parent.glob("*.rst")}
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"benchmarks/",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "parallel": 2,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
}

if os.environ.get("SKAUDIO_DOCS_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "joblib": ("https://joblib.readthedocs.io/en/stable/", None),
        "librosa": ("https://librosa.org/doc/latest/", None),
        "matplotlib": ("https://matplotlib.org/stable/", None),
        "numpy": ("https://numpy.org/doc/stable/", None),
        "python": ("https://docs.python.org/3/", None),
        "scipy": ("https://docs.scipy.org/doc/scipy/", None),
        "sklearn": ("https://scikit-learn.org/stable/", None),
    }

CHANGES = Path(__file__).parent.parent / "CHANGES.md"


def changes_as_rst(markdown):
    """Turn the sections of CHANGES.md into reStructuredText.

    Parameters
    ----------
    markdown : str
        The text; below the first second-level heading only headings, lists and code.

    Returns
    -------
    str
        The text from the first second-level heading on.
    """
    lines = []
    for line in markdown[markdown.index("\n## ") :].splitlines():
        heading = re.fullmatch(r"(##+) (.*)", line)
        if heading is None:
            lines.append(line.replace("`", "``"))
        else:
            underline = {2: "-", 3: "~"}[len(heading[1])]
            lines += [heading[2], underline * len(heading[2])]
    return "\n".join(lines) + "\n"


def _append_changes(app, docname, source):
    if docname == "changes":
        app.env.note_dependency(str(CHANGES))
        source[0] += changes_as_rst(CHANGES.read_text(encoding="utf-8"))


def _copy_page(app, exception):
    """Put the page of the example, if that was run, into the documentation."""
    page = Path(__file__).parent.parent / "examples" / "skaudio-output" / "page"
    if exception is None and app.builder.name == "html":
        target = Path(app.outdir) / "page"
        if page.exists():
            shutil.copytree(page, target, dirs_exist_ok=True)
        elif not (target / "index.html").exists():
            target.mkdir(exist_ok=True)
            (target / "index.html").write_text("The gallery was not run.", encoding="utf-8")


def setup(app):
    """Connect to Sphinx.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application.
    """
    app.connect("source-read", _append_changes)
    app.connect("build-finished", _copy_page)
