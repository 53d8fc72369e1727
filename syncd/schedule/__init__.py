"""When things run: each target on its plan, retries, region discovery, and jobs such as the heartbeat."""

from syncd.schedule.schedule import Schedule
from syncd.schedule.triggers import interval_around

__all__ = ["Schedule", "interval_around"]
