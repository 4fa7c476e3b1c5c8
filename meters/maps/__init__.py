"""Register maps: what the words of a device mean, from files, from other tools, from the device itself."""
