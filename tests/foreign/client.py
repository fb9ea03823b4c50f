#!/usr/bin/env python3
"""Drives a running server with grpcio, knowing nothing of it but what reflection says.

    client.py ADDRESS      exit status 0 when everything was as expected

Needs grpcio, grpcio-reflection and grpcio-health-checking.
"""
import queue
import sys
import time

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICES = ["Campaign", "Customer", "Decision", "Device", "Region"]


class Client:
    """Calls methods by name with dictionaries, by the descriptors that the server reflects."""

    def __init__(self, channel):
        self.channel = channel
        self.database = ProtoReflectionDescriptorDatabase(channel)
        self.pool = DescriptorPool(self.database)

    def method(self, service, name):
        return self.pool.FindServiceByName(f"doorstep.v1.{service}Service").FindMethodByName(name)

    def message(self, service, name, value):
        return json_format.ParseDict(value, GetMessageClass(self.method(service, name).input_type)())

    def call(self, service, name, value):
        method = self.method(service, name)
        path = f"/doorstep.v1.{service}Service/{name}"
        reader = GetMessageClass(method.output_type).FromString
        kinds = {
            (False, False): self.channel.unary_unary,
            (False, True): self.channel.unary_stream,
            (True, True): self.channel.stream_stream,
        }
        kind = kinds[method.client_streaming, method.server_streaming]
        stub = kind(path, request_serializer=lambda m: m.SerializeToString(), response_deserializer=reader)
        if method.client_streaming:
            return stub(iter([self.message(service, name, v) for v in value]), timeout=20)
        return stub(self.message(service, name, value), timeout=20)


    def stream(self, service, name, values):
        """A call of a method that streams both ways, with what comes out of a queue until None does."""
        method = self.method(service, name)
        reader = GetMessageClass(method.output_type).FromString
        path = f"/doorstep.v1.{service}Service/{name}"
        stub = self.channel.stream_stream(
            path, request_serializer=lambda m: m.SerializeToString(), response_deserializer=reader
        )
        return stub((self.message(service, name, value) for value in iter(values.get, None)), timeout=30)


def plain(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def refused(code, action):
    try:
        action()
    except grpc.RpcError as error:
        assert error.code() == code, f"expected {code}, got {error.code()}: {error.details()}"
        return error.details()
    raise AssertionError(f"expected {code}, got an answer")


def in_app(client, start):
    """An app in front gets its message on the stream, and confirms it; nothing is pushed."""
    body = "{{ place.brand }} at {{ event.kind }}"
    message = {"title": "Hi {{ customer.traits.name | default: 'you' }}", "body": body}
    campaign = {"name": "campaigns/mocha", "regions": {"brands": ["roost"]}, "topic": "offers", "message": message}
    bad = {**campaign, "message": {**message, "body": "{{ place.nmae }}"}}
    details = refused(
        grpc.StatusCode.INVALID_ARGUMENT, lambda: client.call("Campaign", "CreateCampaign", {"campaign": bad})
    )
    assert "campaign.message.body at line 1, column 4" in details, details
    client.call("Campaign", "CreateCampaign", {"campaign": campaign})
    shown = plain(client.call("Campaign", "PreviewMessage", {"campaign": {"name": "campaigns/mocha"}}))
    assert shown["message"]["title"] == "Hi a sample", shown
    customer = {"name": "customers/eve", "location_consent": {"granted": True}, "topics": ["offers"]}
    client.call("Customer", "CreateCustomer", {"customer": {**customer, "traits": {"name": {"text": "Eve"}}}})
    device = "customers/eve/devices/phone"
    client.call("Customer", "CreateDevice", {"device": {"name": device, "platform": "PLATFORM_IOS"}})
    client.call("Campaign", "UpdateCampaign", {"campaign": {"name": "campaigns/latte", "paused": True}})

    batches = queue.Queue()
    fix = {"latitude": 39.7447, "longitude": -104.9925, "accuracy_m": 6}
    now = time.time()
    pings = [
        {"sequence": n, "observe_time": stamp(now - 60 + n), "fix": fix, "app_state": "APP_STATE_FOREGROUND"}
        for n in range(1, 61)
    ]
    batches.put({"device": device, "pings": pings})
    answers = client.stream("Device", "StreamPings", batches)
    offered, acks = None, 0
    while offered is None or acks < 1:
        answer = plain(next(answers))
        acks += "ack" in answer
        offered = answer.get("in_app", offered)
    assert offered["message"]["title"] == "Hi Eve" and offered["message"]["body"] == "roost at enter", offered
    assert offered["campaign"] == "campaigns/mocha", offered
    receipts = [
        {"trigger": offered["trigger"], "kind": "RECEIPT_KIND_RECEIVED"},
        {"trigger": "unknown", "kind": "RECEIPT_KIND_RECEIVED"},
    ]
    batches.put({"receipts": receipts})
    ack = plain(next(answers))["ack"]
    assert ack["unknown_triggers"] == ["unknown"], ack
    batches.put(None)
    assert list(answers) == []
    opened = [{"trigger": offered["trigger"], "kind": "RECEIPT_KIND_OPENED"}]
    assert not plain(client.call("Device", "ReportReceipts", {"device": device, "receipts": opened}))
    triggers = []
    for watched in client.call("Decision", "WatchTriggers", {"campaign": "campaigns/mocha"}):
        triggers.append(plain(watched)["trigger"])
        break
    assert triggers[0]["state"] == "DELIVERY_STATE_DELIVERED" and "open_time" in triggers[0], triggers
    assert [attempt["provider"] for attempt in triggers[0]["attempts"]] == ["in-app"], triggers
    client.call("Customer", "DeleteCustomer", {"name": "customers/eve"})


def main(address):
    channel = grpc.insecure_channel(address)
    health = health_pb2_grpc.HealthStub(channel)
    for service in SERVICES:
        name = f"doorstep.v1.{service}Service"
        answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING, name
    client = Client(channel)
    reflected = set(client.database.get_services())
    assert reflected >= {f"doorstep.v1.{s}Service" for s in SERVICES}, reflected

    place = {"name": "places/corner", "brand": "roost", "time_zone": "America/Denver", "tags": ["cafe"]}
    circle = {"center": {"latitude": 39.7447, "longitude": -104.9925}, "radius_m": 60}
    region = {"name": "regions/corner-door", "place": "places/corner", "circle": circle, "dwell_time": "3600s"}
    batch = {"places": [place], "regions": [region]}
    answer = plain(client.call("Region", "BatchUpsertRegions", batch))
    assert answer == {"created": 2}, answer

    bad = {"region": {"name": "regions/bad", "place": "places/corner", "circle": {**circle, "radius_m": 5}}}
    details = refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: client.call("Region", "CreateRegion", bad))
    assert "region.circle.radius_m" in details, details

    campaign = {
        "name": "campaigns/latte",
        "regions": {"brands": ["roost"]},
        "transition": "TRANSITION_KIND_ENTER",
        "topic": "offers",
        "message": {"title": "A latte?", "body": "On your right."},
        "caps": [{"scope": "CAP_SCOPE_CUSTOMER", "limit": 1, "window": "86400s"}],
    }
    client.call("Campaign", "CreateCampaign", {"campaign": campaign})
    customer = {"name": "customers/ada", "location_consent": {"granted": True}, "topics": ["offers"]}
    client.call("Customer", "CreateCustomer", {"customer": customer})
    device = {"name": "customers/ada/devices/phone", "platform": "PLATFORM_ANDROID"}
    client.call("Customer", "CreateDevice", {"device": device})
    refused(grpc.StatusCode.ALREADY_EXISTS, lambda: client.call("Customer", "CreateDevice", {"device": device}))

    start = time.time() - 600
    pings = [
        {
            "sequence": n,
            "observe_time": stamp(start + 5 * n),
            # Due north towards the door at walking pace, then a stay.
            "fix": {"latitude": min(39.7427 + 0.00006 * n, 39.7447), "longitude": -104.9925, "accuracy_m": 6},
        }
        for n in range(1, 101)
    ]
    batches = [{"device": device["name"], "want_transitions": True, "pings": pings[:50]}, {"pings": pings[50:]}]
    acks = [plain(answer)["ack"] for answer in client.call("Device", "StreamPings", batches)]
    assert [int(ack["last_kept_sequence"]) for ack in acks] == [50, 100], acks
    kinds = [t["kind"] for ack in acks for t in ack.get("transitions", [])]
    assert kinds == ["TRANSITION_KIND_ENTER"], kinds

    again = {"device": device["name"], "want_transitions": True, "pings": pings[:50]}
    ack = plain(client.call("Device", "UploadPings", again))["ack"]
    assert {r["reason"] for r in ack["refusals"]} == {"REFUSAL_REASON_DUPLICATE"} and "transitions" not in ack, ack

    watched = plain(next(iter(client.call("Decision", "WatchTriggers", {}))))
    assert watched["trigger"]["campaign"] == "campaigns/latte", watched
    listed = plain(client.call("Decision", "ListDecisions", {"parent": "customers/ada"}))
    names = [decision["name"] for decision in listed["decisions"]]
    assert watched["trigger"]["decision"] in names, (watched, names)
    explained = plain(client.call("Decision", "ExplainDecision", {"name": watched["trigger"]["decision"]}))
    assert explained["sentences"] and explained["triggers"], explained
    assert "39.74" not in str(explained), "an explanation holds no coordinates"

    in_app(client, start)
    client.call("Customer", "DeleteCustomer", {"name": "customers/ada"})
    refused(grpc.StatusCode.NOT_FOUND, lambda: client.call("Customer", "GetCustomer", {"name": "customers/ada"}))
    assert not plain(client.call("Decision", "ListDecisions", {"parent": "customers/-"})), "deletion left decisions"
    print("grpcio: health, reflection, catalogue, stream, resend, in-app message, watch, explain and delete are as expected")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
