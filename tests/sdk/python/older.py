"""An older major of Clerk's Python SDK through a running gateway (config/quickstart.yaml) to the built-in stand-in: what it
sends to update a user arrives as it sends it. It asks for an older API version and puts metadata into the update.

Usage: python3 older.py http://127.0.0.1:PORT MAJOR
Every secret sent here contains the word `canary`, for which .ci/sdk then looks in the gateway's log.
"""

import sys
import time

from clerk_backend_api import Clerk
from clerk_backend_api.models import ClerkErrors

URL, MAJOR = sys.argv[1] + "/v1", sys.argv[2]
# Without retries: by itself the SDK repeats a 5xx for an hour.
users = Clerk(bearer_auth="sk_live_canary", server_url=URL, retry_config=None).users
failures = 0


def check(name, run):
    """Runs one check; it fails by raising or by returning anything false."""
    global failures
    try:
        assert run(), "not what was expected"
        print(f"ok    python {MAJOR}  {name}")
    except Exception as error:  # every failure is reported, none stops the others
        failures += 1
        print(f"FAIL  python {MAJOR}  {name}: {type(error).__name__}: {str(error)[:300]}")


def refused(**params):
    try:
        users.update(user_id=user_id, **params)
    except ClerkErrors as error:
        return error.data.errors[0].code == "gateway_policy_denied"
    raise AssertionError("the call was not refused")


tag = f"py{MAJOR}{time.time_ns()}"
created = users.create(
    email_address=[f"{tag}-1@example.com", f"{tag}-2@example.com"],
    phone_number=["+15555550140"],
    username=tag,
    password="canary long enough",
    public_metadata={"made": {"by": "python"}},
)
user_id = created.id
DATE, MILLIS = "2012-10-20T07:15:20.902Z", 1350717320902

# Every parameter of update() of the time, with what the answer must then show.
PARAMETERS = [
    ({"external_id": f"{tag}-ext"}, lambda user: user.external_id == f"{tag}-ext"),
    ({"first_name": "Zoë 👋", "last_name": None}, lambda user: user.first_name == "Zoë 👋" and user.last_name is None),
    (
        {"primary_email_address_id": created.email_addresses[1].id, "notify_primary_email_address_changed": True},
        lambda user: user.primary_email_address_id == created.email_addresses[1].id,
    ),
    ({"primary_phone_number_id": created.phone_numbers[0].id}, lambda user: user.primary_phone_number_id),
    ({"username": f"{tag}_renamed"}, lambda user: user.username == f"{tag}_renamed"),
    ({"profile_image_id": "img_portcullis"}, lambda user: user.has_image),
    ({"password": "canary another", "sign_out_of_other_sessions": True}, lambda user: user.password_enabled),
    ({"password_digest": "$2a$10$canary", "password_hasher": "bcrypt"}, lambda user: user.password_enabled),
    ({"skip_password_checks": False}, lambda user: user.id == user_id),
    ({"totp_secret": "canary-totp", "backup_codes": ["canary-1"]}, lambda user: user.totp_enabled),
    ({"delete_self_enabled": False, "create_organizations_limit": 3}, lambda user: user.create_organizations_limit == 3),
    ({"create_organization_enabled": False}, lambda user: user.create_organization_enabled is False),
    ({"legal_accepted_at": DATE, "skip_legal_checks": True}, lambda user: user.legal_accepted_at == MILLIS),
    ({"created_at": DATE}, lambda user: user.created_at == MILLIS),
    ({"public_metadata": {"Plan": "pro"}}, lambda user: user.public_metadata == {"Plan": "pro"}),
    ({"private_metadata": {"snake_case": "canary"}}, lambda user: user.private_metadata == {"snake_case": "canary"}),
    ({"unsafe_metadata": {"camelCase": [1.5, None]}}, lambda user: user.unsafe_metadata == {"camelCase": [1.5, None]}),
]
if MAJOR == "5":
    PARAMETERS += [
        ({"locale": "vi-VN"}, lambda user: user.locale == "vi-VN"),
        ({"bypass_client_trust": True}, lambda user: user.id == user_id),
    ]
for params, shows in PARAMETERS:
    check(f"update {', '.join(params)}", lambda: shows(users.update(user_id=user_id, **params)))

everything = {name: value for params, _ in PARAMETERS for name, value in params.items()} | {"first_name": "All"}
check("update with every parameter at once", lambda: users.update(user_id=user_id, **everything).first_name == "All")
check("update without parameters", lambda: users.update(user_id=user_id).id == user_id)
check(
    "update_metadata merges",
    lambda: users.update_metadata(user_id=user_id, public_metadata={"Plan": None, "a": 1}).public_metadata == {"a": 1},
)
check(
    "update skip_password_checks with a production key is refused",
    lambda: refused(password="canary", skip_password_checks=True),
)
check("delete", lambda: users.delete(user_id=user_id).deleted)

sys.exit(1 if failures else 0)
