"""Exit statuses of the command; 0 is success."""

from __future__ import annotations

USER_ERROR = 1
GATE_NOT_MET = 3
INTERRUPTED = 130
