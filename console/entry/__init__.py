"""How the web server enters the console where `app.py` alone is not enough."""
