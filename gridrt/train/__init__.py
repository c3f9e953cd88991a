"""Training: the schedule, the iterations, and a state on disk from which a stopped run is resumed."""

from gridrt.train.data import TrainingData
from gridrt.train.schedule import SCHEDULES, Schedule
from gridrt.train.settings import Settings
from gridrt.train.trainer import Trainer

__all__ = ["SCHEDULES", "Schedule", "Settings", "Trainer", "TrainingData"]
