"""Why a carbon total moved: index decomposition, weather-normalised savings, and how sure both are."""
