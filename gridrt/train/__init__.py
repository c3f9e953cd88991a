"""Training: a schedule, the iterations, and a state on disk from which a killed run goes on."""

from gridrt.train.schedule import SCHEDULES, Schedule
from gridrt.train.trainer import Settings, Trainer

__all__ = ["SCHEDULES", "Schedule", "Settings", "Trainer"]
