"""A program that runs espeak-ng.

``_espeak.py`` runs it as a script. It reads a JSON object from standard input::

    {
        "library": "libespeak-ng.so",
        "data": "espeak-ng-data",
        "utterances": [["bed", "en-us+f1", 175, 50, 50, 0], ...],
    }

(text, voice, rate in words per minute, pitch and range from 0 to 99, seed), and writes to
standard output for each utterance the number of its samples, then the samples: 22,050 Hz,
both native ``int32`` and ``int16``.

It is a separate program because espeak-ng has state that its interface cannot reset, such as
the phase of the tremor in a voice, so that speech would depend on everything said before. A
new process always says the same. It also keeps C code that is not thread-safe, and is under
the GPL, out of the user's process.

Only the standard library may be imported: it starts without site-packages, in 40 ms.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_CHARACTERS = 1
_RATE, _PITCH, _RANGE = 1, 3, 4

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def _main():
    request = json.load(sys.stdin)
    library = _start(request["library"], request["data"])
    chunks = []

    @_Callback
    def collect(samples, n_samples, _events):
        if samples and n_samples > 0:
            chunks.append(ctypes.string_at(samples, 2 * n_samples))
        return 0

    library.espeak_SetSynthCallback(collect)
    for utterance in request["utterances"]:
        chunks.clear()
        _say(library, *utterance)
        encoded = b"".join(chunks)
        sys.stdout.buffer.write(struct.pack("=i", len(encoded) // 2) + encoded)


def _start(path, data):
    library = ctypes.CDLL(path)
    library.espeak_Initialize.argtypes = [
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
    ]
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_SetParameter.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _DONT_EXIT)
    if rate != 22050:
        sys.exit(f"espeak_Initialize returned {rate}; expected 22050")
    return library


def _say(library, text, voice, rate, pitch, pitch_range, seed):
    _check(library.espeak_SetVoiceByName(voice.encode()), f"voice {voice!r}")
    for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
        _check(library.espeak_SetParameter(parameter, value, 0), f"parameter {parameter}")
    library.espeak_ng_SetRandSeed(seed)
    encoded = text.encode() + b"\0"
    status = library.espeak_Synth(encoded, len(encoded), 0, _CHARACTERS, 0, _UTF8, None, None)
    _check(status, f"text {text!r}")
    _check(library.espeak_Synchronize(), f"text {text!r}")


def _check(status, what):
    if status != 0:
        sys.exit(f"espeak-ng returned error {status} for {what}")


if __name__ == "__main__":
    _main()
