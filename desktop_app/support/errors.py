"""The three ways a piece of work can end badly; everything else is a bug."""

from __future__ import annotations


class LensbenchError(Exception):
    """Something the user can mend: one sentence that says what is wrong, with what, and what to do.

    Attributes:
        exit_code: The status with which the command line ends.
    """

    exit_code = 1


class BadInputError(LensbenchError):
    """A prompt, option or file that cannot be used."""

    exit_code = 2


class ModelLoadError(LensbenchError):
    """A model that cannot be loaded."""

    exit_code = 3


class MemoryExhaustedError(LensbenchError):
    """Too little memory after every fallback."""

    exit_code = 4


class FixableError(BadInputError):
    """Bad input for which the repair is known.

    Attributes:
        code: The warning code of the contract, such as `answer_shared_prefix`.
        fix: The repaired prompt row as data, or None where no repair is known.
    """

    def __init__(self, message: str, code: str, fix: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.fix = fix


def first_line(error: BaseException, most: int) -> str:
    """Return the first line of what a library says, cut to `most` characters; else its kind."""
    lines = str(error).strip().splitlines()
    return lines[0][:most] if lines else type(error).__name__


MISFITS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a result raises that lacks a part, or has one of another form: files may say so."""


def unfit(error: BaseException) -> str:
    """Return the sentence for a result that cannot be drawn as its analysis draws them."""
    return (
        f"This result is incomplete and cannot be drawn ({type(error).__name__}: "
        f"{first_line(error, 200)}): export it as .json to see what there is."
    )


class Cancelled(BaseException):
    """The user asked to stop. A BaseException, so that a library's broad `except` cannot eat it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out, on the GPU or the CPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text
