"""Settings that hold for every test."""

import signal

from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# A shell starts what it sends to the background deaf to Ctrl-C, and all that this starts stays deaf. Tests that
# interrupt a command need one that hears.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
