"""Fill the templates of this package."""

from __future__ import annotations

import html
import re
from typing import Any

from skaudio.exceptions import MissingDependencyError

__all__ = ["fill"]


def fill(template: str, **values: Any) -> str:
    """Fill a template of this package.

    Parameters
    ----------
    template : str
        Name of the file.
    **values : object
        What it contains.

    Returns
    -------
    str
        The text. In HTML, values are escaped.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingDependencyError(
            'Reports need Jinja, which is not installed: pip install "skaudio[report]".'
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("skaudio", "report"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["markdown"] = _escaped
    return environment.get_template(template).render(**values)


def _escaped(text: object) -> str:
    """Escape what Markdown, its tables or HTML would interpret."""
    escaped = re.sub(r"([\\`*_\[\]|#])", r"\\\1", html.escape(str(text), quote=False))
    return " ".join(escaped.split())
