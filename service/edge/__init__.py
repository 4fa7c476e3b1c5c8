"""A station that reads on its own and forwards to the central, and the central that receives: one authenticated HTTPS connection."""
