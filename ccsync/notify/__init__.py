"""Tells people who are not looking: webhooks, Slack-compatible services, programs. What is told is `core/notice.py`."""
