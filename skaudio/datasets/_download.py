"""Download archives and unpack them to the data folder.

An archive is downloaded and unpacked in a temporary folder next to its destination,
and moved there in one step at the end. If anything fails, or the user interrupts, no
incomplete files are left.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from skaudio._progress import progress_bar
from skaudio.exceptions import DatasetError

__all__ = ["RemoteArchive", "data_home_path", "fetch_archive", "get_data_home"]

_VARIABLE = "SKAUDIO_DATA"


@dataclass(frozen=True)
class RemoteArchive:
    """A ``.tar.gz`` file on the network.

    Attributes
    ----------
    url : str
        Its URL.
    sha256 : str
        SHA-256 of the file, in hexadecimal.
    layout : str
        Names of the unpacked recordings, for messages.
    root : str, default="."
        The folder of the recordings in the archive.
    """

    url: str
    sha256: str
    layout: str
    root: str = "."


def get_data_home(data_home: str | os.PathLike | None = None) -> str:
    """Return the folder that data sets are fetched to.

    As in scikit-learn, it is created if it does not exist.

    Parameters
    ----------
    data_home : str or PathLike, default=None
        The folder; ``~`` stands for the user's home. None means the environment
        variable ``SKAUDIO_DATA``, or if that is not set, ``skaudio`` in the user's data
        folder, such as ``~/.local/share/skaudio`` on Linux. It is not a cache folder, which
        might be cleared when disk space is low, since downloads can take an hour.

    Returns
    -------
    str
        Its path.

    See Also
    --------
    sklearn.datasets.get_data_home : The same for scikit-learn's own data sets.

    Examples
    --------
    >>> import os
    >>> import tempfile
    >>> from skaudio.datasets import get_data_home
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     home = get_data_home(os.path.join(folder, "recordings"))
    ...     os.path.basename(home), os.path.isdir(home)
    ('recordings', True)
    """
    home = data_home_path(data_home)
    home.mkdir(parents=True, exist_ok=True)
    return str(home)


def data_home_path(data_home: str | os.PathLike | None) -> Path:
    """Return the path of :func:`get_data_home` without creating the folder.

    Parameters
    ----------
    data_home : str, PathLike or None
        As in :func:`get_data_home`.

    Returns
    -------
    Path
        Its path.
    """
    if data_home is None:
        # An empty variable counts as not set: "" would be the current folder.
        data_home = os.environ.get(_VARIABLE) or None
    if data_home is None:
        import platformdirs

        data_home = platformdirs.user_data_dir("skaudio", appauthor=False)
    return Path(data_home).expanduser()


def fetch_archive(
    archive: RemoteArchive,
    folder: Path,
    *,
    need: str,
    download_if_missing: bool,
    keep: Callable[[str], bool] = lambda name: True,
) -> None:
    """Download an archive and unpack it to a folder.

    Existing files are not changed.

    Parameters
    ----------
    archive : RemoteArchive
        What to download.
    folder : Path
        Destination of the recordings.
    need : str
        A clause that says what is missing, the beginning of error messages.
    download_if_missing : bool
        False raises the error without downloading.
    keep : callable, default=everything
        Function of the name of a file or folder in the archive that returns whether it is
        added to an existing folder.

    Raises
    ------
    DatasetError
        If this fails; the message says what to do manually.
    """
    manually = (
        f"To do this manually, download {archive.url} (SHA-256 {archive.sha256}) and unpack it "
        f"so that the recordings are {folder / archive.layout}. If you have them elsewhere, "
        f"pass data_home or set the environment variable {_VARIABLE}."
    )
    if not download_if_missing:
        raise DatasetError(f"{need}, and download_if_missing=False. {manually}")
    outer = sys.exception()
    try:
        _fetch(archive, folder, keep)
    except (OSError, ValueError, EOFError, tarfile.TarError, zlib.error) as error:
        reason = _innermost(error, outer)
        raise DatasetError(f"{need}, and fetching failed: {reason}. {manually}") from error


def _fetch(archive: RemoteArchive, folder: Path, keep: Callable[[str], bool]) -> None:
    # On the same disk as the destination, so that files can be moved by renaming.
    parent = folder if folder.is_dir() else folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".skaudio-", dir=parent) as temporary:
        unpacked = Path(temporary, "unpacked")
        unpacked.mkdir()
        _unpack(_download(archive, temporary), unpacked)
        _move(unpacked / archive.root, folder, keep)


def _download(archive: RemoteArchive, folder: str) -> str:
    import pooch

    return pooch.retrieve(
        archive.url,
        known_hash=f"sha256:{archive.sha256}",
        fname="archive.tar.gz",
        path=folder,
        downloader=_stream,
    )


def _stream(url: str, path: str, _pooch: object) -> None:
    """Download one file and, unlike pooch's own downloader, always close the connection."""
    import requests

    # The archive itself, without further compression by the server.
    headers = {"Accept-Encoding": "identity"}
    with requests.get(url, headers=headers, stream=True, timeout=30) as response:
        response.raise_for_status()
        n_bytes = int(response.headers.get("Content-Length", 0)) or None
        with (
            open(path, "wb") as file,
            progress_bar(total=n_bytes, desc="download", unit="B", unit_scale=True) as progress,
        ):
            for chunk in response.iter_content(chunk_size=2**18):
                file.write(chunk)
                progress.update(len(chunk))


def _unpack(path: str, folder: Path) -> None:
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        # Check all of them before writing the first.
        for member in members:
            _check_member(member, folder)
        files = [member for member in members if member.isfile()]
        for member in progress_bar(files, desc="unpack", unit="file"):
            archive.extract(member, folder, filter="data")


def _check_member(member: tarfile.TarInfo, folder: Path) -> None:
    """Reject names and links that point outside the folder, and devices."""
    for path in (PurePosixPath(member.name), PureWindowsPath(member.name)):
        if path.is_absolute() or path.drive or path.root or ".." in path.parts:
            raise tarfile.OutsideDestinationError(member, str(folder / path))
    tarfile.data_filter(member, str(folder))


def _move(source: Path, folder: Path, keep: Callable[[str], bool]) -> None:
    try:
        source.rename(folder)
        return
    except OSError:
        # The folder existed already, or another process has just created it.
        if not folder.is_dir():
            raise
    moved: list[Path] = []
    try:
        for entry in sorted(source.iterdir()):
            target = folder / entry.name
            if keep(entry.name) and not target.exists():
                entry.rename(target)
                moved.append(target)
    except BaseException:
        # Also on interrupts: add all missing entries or none.
        for target in moved:
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        raise


def _innermost(error: BaseException, outer: BaseException | None) -> str:
    """Return the message of the original error, such as 'Connection refused'.

    `outer` is an error that the user's own code was already handling.
    """
    while True:
        inner = error.__cause__
        if inner is None and not error.__suppress_context__:
            inner = error.__context__
        if inner is None or inner is outer:
            return str(error).strip().rstrip(".") or type(error).__name__
        error = inner
