"""The Now page: the city at a glance."""
