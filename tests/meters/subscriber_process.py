"""A subscriber that a test may kill: `python subscriber_process.py PORT SPOOL`."""

import sys
import time
from pathlib import Path

from meters.roads.subscriber import Subscriber
from tests.meters.test_subscriber import BROKER, subscriptions

if __name__ == "__main__":
    source = Subscriber(BROKER.model_copy(update={"url": f"mqtt://127.0.0.1:{sys.argv[1]}"}), subscriptions(), Path(sys.argv[2]), Path())
    source.start()
    time.sleep(60)
