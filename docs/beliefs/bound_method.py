"""A bound method is pickled as its instance and a name; only an instance that cannot be pickled stops it."""

import pickle
import threading


class Plain:
    def __init__(self):
        self.factor = 2

    def times(self, number):
        return self.factor * number


class Locked(Plain):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


assert pickle.loads(pickle.dumps(Plain().times))(21) == 42
try:
    pickle.dumps(Locked().times)
except TypeError as error:
    assert "lock" in str(error)
else:
    raise AssertionError("a lock was pickled")
