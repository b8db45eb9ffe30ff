"""What an exported file says about itself, and the check that it is whole.

The description is a JSON object in the file's metadata, under the key ``skaudio``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from skaudio.exceptions import ModelFileError

__all__ = ["FORMAT_VERSION", "Contract", "sealed", "unsealed"]

# Increase this when readers of the last version would misunderstand a file.
FORMAT_VERSION = 1

# After the model, a field that ONNX does not define and readers skip, as for every Protocol
# Buffers message: number 15000, of 32 bytes, the SHA-256 of all before it.
_SEAL = b"\xc2\xa9\x07\x20"


@dataclass(frozen=True)
class Contract:
    """The description of an exported model.

    Attributes
    ----------
    classes : list of str, int, float or bool
        Labels, in the order of the probabilities.
    unknown_label : str, int or None
        Label of rejected clips, whose index is -1; None if no clip is rejected.
    threshold : float or None
        The lowest score of a clip that is not rejected.
    input : str
        ``"waveforms"``, of shape (n_clips, n_samples), or ``"features"``.
    shape : list of int
        Shape of one clip.
    sample_rate : int or None
        Rate of the waveforms, in Hz. Recordings are mixed to one channel, resampled to it, and cut
        or followed by zeros to the length of a clip. Samples are between -1 and 1.
    front_end : dict or None
        Name of the transformer and its parameters.
    network : dict
        Name of the classifier, the number of its weights, and their ``quantization``, if any.
    training : dict
        Clips of each class, epochs, and loss and accuracy on the augmented training clips in the
        last one.
    versions : dict of str to str
        Of skaudio and the libraries that the model was trained and exported with.
    format_version : int
        Version of this description.
    """

    classes: list[Any]
    unknown_label: Any
    threshold: float | None
    input: str
    shape: list[int]
    sample_rate: int | None
    front_end: dict[str, Any] | None
    network: dict[str, Any]
    training: dict[str, Any]
    versions: dict[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        """Write the description.

        Returns
        -------
        str
            A JSON object.
        """
        return json.dumps(
            asdict(self),
            ensure_ascii=False,
            allow_nan=False,
            default=lambda value: value.tolist(),  # NumPy's numbers and arrays
        )

    @classmethod
    def from_json(cls, text: str | None, *, path: str) -> Contract:
        """Read the description.

        Parameters
        ----------
        text : str or None
            The JSON object; None if the file has none.
        path : str
            The file to name in messages.

        Returns
        -------
        Contract
            The description.

        Raises
        ------
        ModelFileError
            If it is missing or of a newer version.
        """
        if text is None:
            raise ModelFileError(
                f"{path} is a model, but not one of skaudio: it does not say which sounds it takes "
                "and what its outputs mean. Write it with skaudio.export.to_onnx."
            )
        try:
            described = json.loads(text)
            version = described["format_version"]
            if version <= FORMAT_VERSION:
                known = {field.name for field in fields(cls)}  # others may be added
                contract = cls(**{name: described[name] for name in known & set(described)})
                if not (isinstance(contract.classes, list) and isinstance(contract.shape, list)):
                    raise TypeError("classes and shape must be lists")
                return contract
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ModelFileError(f"The description of {path} cannot be read: {error}.") from error
        raise ModelFileError(
            f"{path} has format version {version}, and this release of skaudio reads versions up "
            f"to {FORMAT_VERSION}. Install a newer one: pip install --upgrade skaudio."
        )


def sealed(model: bytes) -> bytes:
    """Append the hash of a model.

    Parameters
    ----------
    model : bytes
        A serialised ONNX model.

    Returns
    -------
    bytes
        The model, still of the format, which ends with its hash.
    """
    return model + _SEAL + hashlib.sha256(model).digest()


def unsealed(data: bytes, *, path: str) -> bytes:
    """Check the hash at the end of a file.

    Parameters
    ----------
    data : bytes
        The whole file.
    path : str
        Its name, for messages.

    Returns
    -------
    bytes
        The model.

    Raises
    ------
    ModelFileError
        If there is no hash, or another one.
    """
    model, seal, digest = data[:-36], data[-36:-32], data[-32:]
    if seal != _SEAL or hashlib.sha256(model).digest() != digest:
        raise ModelFileError(
            f"{path} is not a model of skaudio, or was damaged or changed since it was exported. "
            "Copy or export it again."
        )
    return model
