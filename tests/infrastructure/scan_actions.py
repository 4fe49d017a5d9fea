"""Prints the IAM actions that do not exist: python scan_actions.py ACTION ... (needs policy_sentry)."""

from __future__ import annotations

import sys

from policy_sentry.querying.all import get_all_actions

known = {action.lower() for action in get_all_actions()}
print(*sorted(action for action in sys.argv[1:] if action.lower() not in known), sep="\n")
