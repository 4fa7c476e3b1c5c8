"""The leak watch in service: readings in, cases, sensor faults and what people found out; one pass at night and every quarter-hour."""
