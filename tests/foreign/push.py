"""Stands in for FCM, APNs, a Web Push service and a webhook receiver, and holds what comes to the rules of libraries
that others wrote: PyJWT, Google's discovery document of FCM, http_ece, standardwebhooks and cloudevents.

    push.py PORT APNS_PUBLIC_PEM FCM_PUBLIC_PEM WEBHOOK_SECRET

Speaks HTTP/1.1 and HTTP/2 without TLS. GET /report gives all that came, as JSON; what breaks a rule gets 400 and is in the
report with its problem.
"""

import asyncio
import base64
import importlib.resources
import json
import sys
import urllib.parse

import http_ece
import jwt
import standardwebhooks
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypercorn.asyncio import serve
from hypercorn.config import Config

PORT, APNS_PEM, FCM_PEM, SECRET = sys.argv[1:5]
BASE = f"http://127.0.0.1:{PORT}"
TEAM, KEY, TOPIC = "DEF123GHIJ", "ABC123DEFG", "com.roost.app"
BROWSER, AUTH = ec.generate_private_key(ec.SECP256R1()), b"sixteen bytes ok"
DISCOVERY = json.loads(
    (importlib.resources.files("googleapiclient.discovery_cache") / "documents" / "fcm.v1.json").read_text()
)
report = []


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key):
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def subscription():
    keys = {"p256dh": b64(point(BROWSER.public_key())), "auth": b64(AUTH)}
    return {"endpoint": f"{BASE}/push/s1", "expirationTime": None, "keys": keys}


def conform(value, schema, path):
    """Holds a value to a schema of Google's discovery format: every field known, and of its type."""
    if "$ref" in schema:
        schema = DISCOVERY["schemas"][schema["$ref"]]
    kind = schema.get("type")
    if kind == "object":
        assert isinstance(value, dict), f"{path} is no object"
        extra = schema.get("additionalProperties")
        for name, inner in value.items():
            known = schema.get("properties", {}).get(name, extra)
            assert known is not None, f"{path}.{name} is not known to FCM"
            conform(inner, known, f"{path}.{name}")
    elif kind == "array":
        assert isinstance(value, list), f"{path} is no list"
        for inner in value:
            conform(inner, schema["items"], f"{path}[]")
    elif kind == "string":
        assert isinstance(value, str), f"{path} is no string"
        if "enum" in schema:
            assert value in schema["enum"], f"{path} is {value!r}; known are {schema['enum']}"
        if schema.get("format") == "google-duration":
            assert value.endswith("s") and float(value[:-1]) >= 0, f"{path} is {value!r}, no duration"
    elif kind in ("integer", "number"):
        assert isinstance(value, (int, float)), f"{path} is no number"
    elif kind == "boolean":
        assert isinstance(value, bool), f"{path} is no boolean"
    else:
        raise AssertionError(f"{path} has a type that is not known here: {kind}")


def token(headers, body):
    form = dict(urllib.parse.parse_qsl(body.decode()))
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer", form["grant_type"]
    claims = jwt.decode(form["assertion"], FCM_PEM_TEXT, algorithms=["RS256"], audience=f"{BASE}/token")
    assert claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging", claims
    assert claims["exp"] - claims["iat"] == 3600 and claims["iss"] == "push@roost.example", claims
    return {"access_token": "ya29.t", "expires_in": 3599, "token_type": "Bearer"}, None


def fcm(headers, body):
    assert headers["authorization"] == "Bearer ya29.t", headers["authorization"]
    request = json.loads(body)
    conform(request, {"$ref": "SendMessageRequest"}, "request")
    method = DISCOVERY["resources"]["projects"]["resources"]["messages"]["methods"]["send"]
    assert method["path"] == "v1/{+parent}/messages:send" and method["httpMethod"] == "POST", method
    return {"name": "projects/roost-7/messages/1"}, request["message"]["data"]["doorstep_trigger"]


def apns(headers, body, version):
    assert version == "2", f"HTTP/{version}"
    scheme, _, bearer = headers["authorization"].partition(" ")
    assert scheme == "bearer", scheme
    header = jwt.get_unverified_header(bearer)
    claims = jwt.decode(bearer, APNS_PEM_TEXT, algorithms=["ES256"], options={"verify_aud": False})
    assert header["alg"] == "ES256" and header["kid"] == KEY and claims["iss"] == TEAM, (header, claims)
    assert headers["apns-topic"] == TOPIC and headers["apns-push-type"] == "alert", headers
    assert headers["apns-priority"] == "10" and int(headers["apns-expiration"]) > 0, headers
    payload = json.loads(body)
    assert len(body) <= 4096 and payload["aps"]["alert"]["title"], payload
    assert headers["apns-collapse-id"] == payload["trigger"], headers
    return {}, payload["trigger"]


def webpush(headers, body):
    assert headers["content-encoding"] == "aes128gcm" and headers["urgency"] == "high", headers
    assert int(headers["ttl"]) >= 0 and len(headers["topic"]) <= 32, headers
    scheme, _, parts = headers["authorization"].partition(" ")
    assert scheme == "vapid", scheme
    parts = dict(part.strip().split("=", 1) for part in parts.split(","))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(parts["k"]))
    claims = jwt.decode(parts["t"], public, algorithms=["ES256"], audience=BASE)
    assert claims["sub"] == "mailto:push@roost.example", claims
    plain = http_ece.decrypt(body, private_key=BROWSER, auth_secret=AUTH, version="aes128gcm")
    message = json.loads(plain)
    assert message["trigger"] == headers["topic"] and message["title"], message
    return {}, message["trigger"]


def webhook(headers, body):
    # Both secrets sign while one replaces the other: a receiver that knows either is content.
    for secret in SECRET.split(","):
        standardwebhooks.Webhook(secret).verify(body, headers)
    message = HTTPMessage(headers={"content-type": headers["content-type"]}, body=body)
    event = from_structured_event(message, JSONFormat())
    assert event.get_type() == "trigger.qualified" and event.get_id() == headers["webhook-id"], event
    assert event.get_data()["trigger"] == event.get_id(), event.get_data()
    return {}, event.get_id()


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    path, status = scope["path"], 200
    try:
        if path == "/report":
            answer, who = report, None
        elif path == "/subscription":
            answer, who = subscription(), None
        elif path == "/token":
            (answer, trigger), who = token(headers, body), None
        elif path == "/v1/projects/roost-7/messages:send":
            (answer, trigger), who = fcm(headers, body), "fcm"
        elif path.startswith("/3/device/"):
            (answer, trigger), who = apns(headers, body, scope["http_version"]), "apns"
        elif path == "/push/s1":
            (answer, trigger), who = webpush(headers, body), "webpush"
        elif path == "/hook":
            (answer, trigger), who = webhook(headers, body), "webhook"
        else:
            raise AssertionError(f"nothing is at {path}")
        if who:
            report.append({"provider": who, "trigger": trigger})
    except Exception as problem:
        status, answer = 400, {}
        report.append({"provider": path, "problem": f"{type(problem).__name__}: {problem}"})
    data = json.dumps(answer).encode()
    fields = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": data})


APNS_PEM_TEXT, FCM_PEM_TEXT = open(APNS_PEM).read(), open(FCM_PEM).read()
config = Config()
config.bind, config.accesslog, config.errorlog = [f"127.0.0.1:{PORT}"], None, None
asyncio.run(serve(app, config))
