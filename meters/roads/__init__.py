"""Other roads in: files, watched folders, head-end messages, loggers over MQTT."""
