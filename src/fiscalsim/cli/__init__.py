"""The command line: words in, the same `run`, `compare` and reports as everywhere else, exit codes out.

Knows commands, streams and exit codes (0 done, 2 bad input or usage, 3 no solution, 4 a saved run fails its check, 5 a fault of ours).
Must not compute. Everything heavy is imported by the command that needs it, so that `fiscalsim --help` answers at once.
Figures and paths go to stdout, notes and progress to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from fiscalsim.cli import assessing, computing, lists, looking, packs, reviewing, risking, serving  # noqa: F401  (each puts its commands on the app)
from fiscalsim.cli.terminal import Settings, app, print_error
from fiscalsim.errors import FiscalsimError

INTERRUPTED = 130
ANYWHERE = ("--json", "--debug")  # options that may stand before or after the command; so may --lang


def main(argv: Sequence[str] | None = None) -> None:
    """Entry of `fiscalsim`: run a command, turn each error into lines on stderr and its exit code. Always raises SystemExit."""
    os.environ.update({name: os.environ.get(name) or "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")})  # same bits as in a batch
    words = _options_first(sys.argv[1:] if argv is None else list(argv))
    try:
        app(words, prog_name="fiscalsim")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except FiscalsimError as error:
        if Settings.debug:
            raise
        print_error(error)
        sys.exit(error.exit_code)
    except Exception as error:
        if Settings.debug:
            raise
        print_error(FiscalsimError(f"{type(error).__name__}: {error} (a fault of the program; --debug shows where)"))
        sys.exit(FiscalsimError.exit_code)


def _options_first(words: list[str]) -> list[str]:
    """The words with --lang, --json and --debug moved to the front, where the parser looks for them."""
    front: list[str] = []
    rest: list[str] = []
    queue = iter(words)
    for word in queue:
        if word in ANYWHERE or word.startswith("--lang="):
            front.append(word)
        elif word == "--lang":
            front += [word, *([value] if (value := next(queue, None)) is not None else [])]
        else:
            rest.append(word)
    return front + rest
