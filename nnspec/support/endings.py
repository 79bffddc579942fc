"""Words for how a process has ended."""

import signal


def ending_of(code: int) -> str:
    """Return what a return code says, which is less than 0 where a signal has ended the process."""
    if code >= 0:
        return f"exit code {code}"
    number = -code
    how = signal.Signals(number).name if number in list(signal.Signals) else str(number)
    return f"{how}, {signal.strsignal(number)}"
