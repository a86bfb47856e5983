"""Every public method of Clerk's Python SDK once, through each gateway that is named, with arguments made from its types.

Usage: python3 sweep.py NAME=http://127.0.0.1:PORT ...
Prints a JSON line for each call, which tests/sdk/sweep.py judges: see there.
"""

import collections.abc
import datetime
import enum
import hashlib
import inspect
import json
import sys
import typing
import uuid

import httpx
from clerk_backend_api import Clerk
from clerk_backend_api._hooks.types import BeforeRequestHook
from clerk_backend_api.basesdk import BaseSDK
from clerk_backend_api.types import Nullable, OptionalNullable
from pydantic import BaseModel

# Options of the SDK itself, not of the call.
OPTIONS = {"retries", "server_url", "timeout_ms", "http_headers", "url_variables", "accept_header_override"}
# Where the contract asks for more than the type does: strings and numbers by the names of their parameters.
STRINGS = {
    "blocked_country_codes": "VN",
    "created_by": "user_" + "a" * 27,
    "email_address": "canary@example.com",
    "organization_id": "org_" + "a" * 27,
    "redirect_url": "https://example.com/canary",
    # the spec: such keys begin with `role_set:`, and a colon in a path was once taken for ambiguous
    "role_set_key_or_id": "role_set:default",
    "subject": "user_" + "a" * 27,
}
NUMBERS = {"expires_in_seconds": 60, "lifetime": 60}


def value(hint, name):
    """A value of the type `hint`, with every optional part filled."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Nullable, OptionalNullable, typing.Annotated):
        return value(parts[0], name)
    if hasattr(hint, "__value__"):  # an alias that was declared as such
        return value(hint.__value__, name)
    if origin is typing.Literal:
        return parts[0]
    if origin is typing.Union or type(hint).__name__ == "UnionType":
        # a TypedDict is the same as the model beside it, and the model is checked when it is made
        kept = [part for part in parts if part is not type(None) and not typing.is_typeddict(part)]
        kept = [part for part in kept if not typing.get_args(part) or not typing.is_typeddict(typing.get_args(part)[0])]
        return value(kept[0], name)
    if origin in (list, collections.abc.Iterable, collections.abc.Sequence):
        return [value(parts[0], name)]
    if origin in (dict, collections.abc.Mapping):
        return {"key": value(parts[1], name)}
    if hint is typing.Any:
        return {"key": "canary"}
    if inspect.isclass(hint) and issubclass(hint, BaseModel):
        return hint(**{field: value(kind, field) for field, kind in fields(hint).items()})
    if inspect.isclass(hint) and issubclass(hint, enum.Enum):
        return next(iter(hint))
    plain = {
        str: STRINGS.get(name, "canary"),
        int: NUMBERS.get(name, 1),
        float: float(NUMBERS.get(name, 1)),
        bool: True,
        bytes: b"canary",
        datetime.datetime: datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc),
    }
    if hint not in plain:
        raise TypeError(f"`{name}` is of a type for which sweep.py makes no value: {hint}")
    return plain[hint]


def fields(model):
    hints = typing.get_type_hints(model)
    return {name: hints[name] for name in model.model_fields}


def methods(client):
    """Every public method, as the pair of its name and the function; the asynchronous twins send the same."""
    inherited = dir(BaseSDK)
    for api in client._sub_sdk_map:
        for name, function in inspect.getmembers(getattr(client, api), inspect.ismethod):
            if not name.startswith("_") and not name.endswith("_async") and name not in inherited:
                yield f"{api}.{name}", function


def arguments(function):
    hints = typing.get_type_hints(function)
    return {name: value(hints[name], name) for name in inspect.signature(function).parameters if name not in OPTIONS}


class Recorder(BeforeRequestHook):
    """Notes what the SDK sends, and gives each request a trace id by which the log and the upstream know it."""

    def __init__(self):
        self.requests = []

    def before_request(self, hook_ctx, request):
        trace = uuid.uuid4().hex
        request.headers["traceparent"] = f"00-{trace}-{trace[:16]}-01"
        multipart = request.headers.get("content-type", "").startswith("multipart/")
        self.requests.append({
            "trace": trace,
            "meant": hook_ctx.operation_id,
            "method": request.method,
            "target": request.url.raw_path.decode(),
            "version": request.headers.get("clerk-api-version"),
            "body": None if multipart else hashlib.sha256(request.read()).hexdigest(),
            "status": None,
        })
        return request

    def note_answer(self, response):
        self.requests[-1]["status"] = response.status_code


def sweep(bundle, url):
    recorder = Recorder()
    http = httpx.Client(timeout=10, event_hooks={"response": [recorder.note_answer]})
    # Without retries: by itself the SDK repeats a 5xx for an hour.
    client = Clerk(bearer_auth="sk_live_canary", server_url=f"{url}/v1", retry_config=None, client=http)
    client.sdk_configuration.__dict__["_hooks"].register_before_request_hook(recorder)
    for name, function in methods(client):
        recorder.requests = []
        error = None
        try:
            function(**arguments(function))
        except Exception as caught:  # the upstream's answer is `{}`, which few methods can read
            error = f"{type(caught).__name__}: {str(caught)[:200]}"
        print(json.dumps({"bundle": bundle, "call": name, "requests": recorder.requests, "error": error}))


for argument in sys.argv[1:]:
    sweep(*argument.split("=", 1))
