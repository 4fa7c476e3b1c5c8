"""Cases: what somebody has to see to, from found to rated, for leaks, outages, bad meters and alarms."""
