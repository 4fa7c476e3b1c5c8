"""Streamlit's command line without the requests it makes to the internet: `penstock console` starts it in the place of `streamlit`.

For a page of another site that asks for a socket, the web server looks its own public address up on the internet before it refuses, and
answers nobody meanwhile. A control room has no internet, and nobody reaches a console by an address that it must ask for.
"""

from streamlit import net_util
from streamlit.web.cli import main


def no_public_address() -> None:
    """In the place of `streamlit.net_util.get_external_ip`: it is not asked for."""


if __name__ == "__main__":
    setattr(net_util, "get_external_ip", no_public_address)  # noqa: B010 - a function of a module cannot be assigned otherwise
    main(prog_name="streamlit")
