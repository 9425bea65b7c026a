"""The tests read English."""

import os

os.environ["RADDLE_LANG"] = "en"
