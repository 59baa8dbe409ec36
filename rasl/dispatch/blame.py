"""What is kept and logged about a failure: enough to find its place, and no value of anybody's."""

import traceback
from pathlib import Path

from rasl import log

_OURS = f"{Path(log.__file__).parent}/"
_LONGEST = 500


def blame(error: BaseException) -> str:
    """Name an error and the place in our code where it was raised.

    Only errors of ours also say their text: a library's often holds the value that it could not take.
    """
    kind = type(error)
    name = kind.__name__
    text = f"{name}: {error}" if kind.__module__.startswith("rasl.") and str(error) else name
    places = [
        f"{frame.filename.removeprefix(_OURS)}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(_OURS)
    ]
    return log.redact(f"{text} ({places[-1]})" if places else text)[:_LONGEST]
