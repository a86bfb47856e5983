"""Clerk's Python SDK through a running gateway (config/quickstart.yaml) to the built-in stand-in.

Usage: python3 e2e.py http://127.0.0.1:PORT
Every secret sent here contains the word `canary`, for which .ci/sdk then looks in the gateway's log.
"""

import sys
import time

from clerk_backend_api import Clerk
from clerk_backend_api.models import ClerkErrors

URL = sys.argv[1] + "/v1"
# Without retries: by itself the SDK repeats a 5xx for an hour.
live = Clerk(bearer_auth="sk_live_canary", server_url=URL, retry_config=None).users
test = Clerk(bearer_auth="sk_test_canary", server_url=URL, retry_config=None).users
failures = 0


def check(name, run):
    """Runs one check; it fails by raising or by returning anything false."""
    global failures
    try:
        assert run(), "not what was expected"
        print(f"ok    python  {name}")
    except Exception as error:  # every failure is reported, none stops the others
        failures += 1
        print(f"FAIL  python  {name}: {type(error).__name__}: {str(error)[:300]}")


def failure(call, **params):
    """The typed error that the call must end in."""
    try:
        call(**params)
    except ClerkErrors as error:
        return error
    raise AssertionError("the call was not refused")


def refused(call, **params):
    error = failure(call, **params)
    first = error.data.errors[0]
    assert error.status_code == 422
    assert first.code == "gateway_policy_denied"
    assert first.meta["param_name"] == "skip_password_checks"
    return first.message and first.long_message


tag = f"py{time.time_ns()}"
created = live.create(
    email_address=[f"{tag}-1@example.com", f"{tag}-2@example.com"],
    phone_number=["+15555550120", "+15555550121"],
    web3_wallet=["0x00000000000000000000000000000000000000b1", "0x00000000000000000000000000000000000000b2"],
    username=tag,
    password="canary long enough",
    skip_password_requirement=False,
    public_metadata={"made": {"by": "python"}},
)
user_id = created.id
DATE, MILLIS = "2012-10-20T07:15:20.902Z", 1350717320902

# Every parameter of update(), with what the answer must then show. Some change nothing that a user shows.
PARAMETERS = [
    ({"external_id": f"{tag}-ext"}, lambda user: user.external_id == f"{tag}-ext"),
    ({"first_name": "Zoë 👋"}, lambda user: user.first_name == "Zoë 👋"),
    ({"last_name": "Nguyễn"}, lambda user: user.last_name == "Nguyễn"),
    ({"first_name": None, "last_name": None}, lambda user: user.first_name is None and user.last_name is None),
    (
        {"primary_email_address_id": created.email_addresses[1].id, "notify_primary_email_address_changed": True},
        lambda user: user.primary_email_address_id == created.email_addresses[1].id,
    ),
    (
        {"primary_phone_number_id": created.phone_numbers[1].id},
        lambda user: user.primary_phone_number_id == created.phone_numbers[1].id,
    ),
    (
        {"primary_web3_wallet_id": created.web3_wallets[1].id},
        lambda user: user.primary_web3_wallet_id == created.web3_wallets[1].id,
    ),
    ({"username": f"{tag}_renamed"}, lambda user: user.username == f"{tag}_renamed"),
    ({"profile_image_id": "img_portcullis"}, lambda user: user.has_image),
    ({"password": "canary another"}, lambda user: user.password_enabled),
    ({"password": "canary yet another", "sign_out_of_other_sessions": True}, lambda user: user.password_enabled),
    ({"password_digest": "$2a$10$canary", "password_hasher": "bcrypt"}, lambda user: user.password_enabled),
    ({"skip_password_checks": False}, lambda user: user.id == user_id),
    ({"totp_secret": "canary-totp"}, lambda user: user.totp_enabled and user.two_factor_enabled),
    ({"backup_codes": ["canary-1", "canary-2"]}, lambda user: user.backup_code_enabled),
    ({"delete_self_enabled": False}, lambda user: user.delete_self_enabled is False),
    ({"create_organization_enabled": False}, lambda user: user.create_organization_enabled is False),
    ({"create_organizations_limit": 3}, lambda user: user.create_organizations_limit == 3),
    ({"legal_accepted_at": DATE}, lambda user: user.legal_accepted_at == MILLIS),
    ({"skip_legal_checks": True}, lambda user: user.id == user_id),
    ({"created_at": DATE}, lambda user: user.created_at == MILLIS),
    ({"locale": "vi-VN"}, lambda user: user.locale == "vi-VN"),
    ({"bypass_client_trust": True}, lambda user: user.bypass_client_trust),
]
for params, shows in PARAMETERS:
    check(f"update {', '.join(params)}", lambda: shows(live.update(user_id=user_id, **params)))

everything = {name: value for params, _ in PARAMETERS for name, value in params.items()} | {"first_name": "All"}
check("update with every parameter at once", lambda: live.update(user_id=user_id, **everything).first_name == "All")
check("update without parameters", lambda: live.update(user_id=user_id).id == user_id)

check(
    "update_metadata merges",
    lambda: live.update_metadata(user_id=user_id, public_metadata={"made": {"in": 2026, "by": None}}).public_metadata
    == {"made": {"in": 2026}},
)
check(
    "replace_metadata replaces",
    lambda: live.replace_metadata(user_id=user_id, public_metadata={"fresh": True}).public_metadata == {"fresh": True},
)

WEAK = {"password": "canary", "skip_password_checks": True}
check(
    "update skip_password_checks with a production key is refused",
    lambda: refused(live.update, user_id=user_id, **WEAK),
)
check(
    "create skip_password_checks with a production key is refused",
    lambda: refused(live.create, username=f"{tag}_no", **WEAK),
)
check(
    "update skip_password_checks with a development key passes",
    lambda: test.update(user_id=user_id, **WEAK).password_enabled,
)

check("list", lambda: [user.id for user in live.list(request={"user_id": [user_id], "limit": 5})] == [user_id])
check("count", lambda: live.count(request={}).total_count >= 1)
check("get of an unknown user", lambda: failure(live.get, user_id="user_portcullis_nobody").status_code == 404)
check("delete", lambda: live.delete(user_id=user_id).deleted)
check("get of the deleted user", lambda: failure(live.get, user_id=user_id).status_code == 404)

sys.exit(1 if failures else 0)
