"""Notices: what people outside the control room are told of nights and alarms, by mail or webhook, at least once."""
