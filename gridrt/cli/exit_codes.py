"""What the command's exit status means. 0 is done; 3 is a gate that was not met."""

from __future__ import annotations

USER_ERROR = 1
USAGE_ERROR = 2
INTERRUPTED = 130
