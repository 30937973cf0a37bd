"""Dispatch triage: from what a partner agency sends to a crew on its way."""
