"""Training: the schedule, the iterations, and a state on disk from which a stopped run is resumed."""

from gridrt.training.data import TrainingData
from gridrt.training.schedule import SCHEDULES, Schedule
from gridrt.training.settings import Settings
from gridrt.training.trainer import Trainer

__all__ = ["SCHEDULES", "Schedule", "Settings", "Trainer", "TrainingData"]
