"""The GIL changes hands by the clock: every 5 ms by default, not every hundred bytecodes."""

import sys

assert sys.getswitchinterval() == 0.005
# What the articles mean was `sys.setcheckinterval`. It went in 3.9.
assert not hasattr(sys, "setcheckinterval")
