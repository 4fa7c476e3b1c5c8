"""A real identity provider on the loopback address: Canaille, with three people, two groups and one client, in its memory alone.

Run as a script with PORT and REDIRECT_URI; it serves until stopped.
"""

import sys

CLIENT, SECRET = "penstock-console", "a-secret-between-console-and-provider"
PEOPLE = {"olga": ("night shift", "grid-operators"), "victor": ("only visits", "visitors"), "mallory": ("not of this city", None)}


def serve(port: int, redirect_uri: str) -> None:
    from canaille import create_app
    from canaille.app import models
    from canaille.backends import Backend
    from canaille.oidc.jose import make_default_rsa_jwk

    url = f"http://localhost:{port}"
    app = create_app(
        {
            "SECRET_KEY": "only for this test",
            "SERVER_NAME": f"localhost:{port}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory", "CAPTCHA_ENABLED": False},
            "CANAILLE_OIDC": {"ACTIVE_JWKS": [make_default_rsa_jwk().as_dict(private=True)]},
        }
    )
    with app.app_context():
        groups: dict[str, list[object]] = {}
        for name, (password, group) in PEOPLE.items():
            user = models.User(user_name=name, family_name=name, formatted_name=name, emails=[f"{name}@city.example"], password=password)
            Backend.instance.save(user)
            if group:
                groups.setdefault(group, []).append(user)
        for group, members in groups.items():
            Backend.instance.save(models.Group(display_name=group, members=members))
        client = models.Client(
            client_id=CLIENT,
            client_secret=SECRET,
            client_name="Penstock",
            client_uri=redirect_uri.rsplit("/", 1)[0],
            redirect_uris=[redirect_uri],
            post_logout_redirect_uris=[redirect_uri, redirect_uri.rsplit("/", 1)[0]],
            grant_types=["authorization_code"],
            response_types=["code"],
            scope=["openid", "profile", "email", "groups"],
            token_endpoint_auth_method="client_secret_basic",
        )
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)
    app.run(host="127.0.0.1", port=port, threaded=True)
    sys.stdout.write(url)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
