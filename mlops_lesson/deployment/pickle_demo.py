"""Why the registry keeps models as skops files: reading a pickle runs whatever its author wished.

The pickle made here wishes only to print a sentence. Never load a pickle from somebody you would not let use your
keyboard; see the warning in https://docs.python.org/3/library/pickle.html.
"""

import pickle
from typing import Any

SENTENCE = "This sentence was printed by a file that was only meant to be read."


class _Talker:
    """An object that is packed as a call: when it is read, the call is made."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, (SENTENCE,)


def pickle_that_talks() -> bytes:
    """Make a pickle that claims to be a model, and prints a sentence when it is read.

    Returns
    -------
    bytes
        The content of the file.
    """
    return pickle.dumps(_Talker())


def load_pickle(content: bytes) -> Any:
    """Read a pickle as `joblib` and `pickle` do: without asking what it will do. It runs the code in the file.

    Parameters
    ----------
    content : bytes
        The content of the file; use only what `pickle_that_talks` made.

    Returns
    -------
    object
        Whatever the file's code returned.
    """
    return pickle.loads(content)  # noqa: S301 - reading our own harmless file is the demonstration


def load_with_skops(content: bytes) -> str:
    """Offer the same kind of trick to skops, as the registry reads models, and return what it says.

    Parameters
    ----------
    content : bytes
        The content of a file that claims to be a model.

    Returns
    -------
    str
        Why nothing was run.
    """
    import zipfile

    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    from mlops_lesson.deployment.registry import TRUSTED_TYPES

    try:
        skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        return f"Refused: {error}"
    except (zipfile.BadZipFile, ValueError, KeyError):
        return "Refused: this is not a skops file, and skops reads nothing else. No code was run."
    return "Read: every type in the file is on the trusted list."


def model_with_a_function() -> bytes:
    """Make a skops file whose model holds the function `print`, which is not on the registry's trusted list.

    Returns
    -------
    bytes
        The content of the file.
    """
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    return skops.io.dumps(FunctionTransformer(func=print))
