"""How TensorFlow is started: quietly, and as one of several workers where TF_CONFIG says so.

``TF_CONFIG`` is TensorFlow's own convention: JSON that names all workers and which of them this
process is. All must be started with the same command, on the same music.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Final

from live.errors import UserError
from live.quiet import quiet

CONFIG: Final = "TF_CONFIG"


def load_tensorflow() -> None:
    """Import TensorFlow without the notes that it prints as it starts.

    It writes some of them past every setting it has, so its way to the terminal is shut meanwhile.
    What goes wrong is raised all the same.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with quiet():
        import tensorflow

        # The first operation brings up the rest, with more to say. Several workers must be told
        # of each other before it.
        if not several_workers():
            tensorflow.zeros(())


def several_workers() -> bool:
    """Return whether this process is one of several workers."""
    return len(_workers()[0]) > 1


def is_chief() -> bool:
    """Return whether this process is the one that writes files and talks."""
    names, own = _workers()
    return not names or names[0] == own


def _workers() -> tuple[list[str], str]:
    """Return the workers of TF_CONFIG, the chief first, and which one this is.

    Raises:
        UserError: TF_CONFIG is not what TensorFlow takes.
    """
    told = os.environ.get(CONFIG)
    if not told:
        return [], ""
    try:
        config = json.loads(told)
        cluster, task = config["cluster"], config["task"]
        names = [
            f"{kind} {i}" for kind in ("chief", "worker") for i in range(len(cluster.get(kind, [])))
        ]
        own = f"{task['type']} {int(task['index'])}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{CONFIG} is not valid; it is JSON such as "
            '{"cluster": {"worker": ["host:port", "host:port"]}, '
            '"task": {"type": "worker", "index": 0}}'
        ) from error
    if own not in names:
        raise UserError(f"{CONFIG} says that this is {own}, but names {', '.join(names) or 'none'}")
    return names, own


def strategy() -> Any:
    """Return TensorFlow's strategy: all workers of TF_CONFIG, or this process alone."""
    import tensorflow as tf

    if not several_workers():
        return tf.distribute.get_strategy()
    with quiet():
        return tf.distribute.MultiWorkerMirroredStrategy()


def faster_products() -> Any:
    """Return float32 or bfloat16, whichever this machine multiplies matrices faster in.

    Only processors with instructions for bfloat16 gain by it; there it trains up to twice as fast.
    """
    import tensorflow as tf

    def seconds(kind: tf.DType) -> float:
        matrix = tf.cast(tf.random.normal((1024, 1024)), kind)
        times = []
        for _ in range(5):
            began = time.perf_counter()
            tf.matmul(matrix, matrix).numpy()
            times.append(time.perf_counter() - began)
        return min(times)

    return min((tf.float32, tf.bfloat16), key=seconds)
