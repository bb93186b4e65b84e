# SPDX-License-Identifier: BSD-2-Clause
"""The frame around a case written in Python; see README.md for how to add one."""

import signal
import sys
import traceback

from lablib.lab import Lab
from lablib.verdict import Fail, Skip


def run(main):
    """Runs main(lab). Prints the figures that it returns, or the reason why not, as last line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    lab = Lab.from_env()
    code = 1
    try:
        figures = main(lab)
        code = 0
    except Skip as skip:
        figures, code = str(skip), 77
    except Fail as fail:
        traceback.print_exc()
        figures = str(fail)
    except (KeyboardInterrupt, SystemExit):
        figures = "stopped"
    except Exception as err:  # the case itself is wrong; say so and keep the trace in the log
        traceback.print_exc()
        figures = f"{type(err).__name__}: {err}"
    finally:
        lab.close()
    print(" ".join((figures or "").split()), flush=True)
    sys.exit(code)
