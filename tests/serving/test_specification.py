"""specification: the bytes of a service."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.nouns.digest import digest_of
from loopline.nouns.service import Arm, Batching, Labels, Limits, Monitor, Objectives, Recording, Service
from loopline.nouns.signature import Column, Signature
from loopline.serving.specification import dump_service, load_service

words = st.text(max_size=5)
several = st.lists(words, max_size=3).map(tuple)
numbers = st.floats(min_value=0.001, max_value=1e6)
spans = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=400))
digests = st.binary(max_size=3).map(digest_of)
columns = st.builds(
    Column,
    words,
    st.sampled_from(["FP64", "BYTES"]),
    st.just((-1,)),
    st.booleans(),
    st.none() | numbers,
    st.none(),
    several,
)
signatures = st.builds(Signature, st.lists(columns, max_size=3).map(tuple), st.lists(columns, max_size=2).map(tuple))
arms = st.builds(
    Arm, words, words, digests, words, words, st.none() | digests, signatures, st.none() | digests,
    st.integers(1, 9), st.just(value=False), st.booleans(),
)  # fmt: skip
monitors = st.builds(
    Monitor, words, st.sampled_from(["data", "drift", "quality", "service"]), spans, spans, st.integers(1, 999),
    st.dictionaries(words, numbers, max_size=2), several, st.integers(1, 3), st.integers(1, 3),
    st.sampled_from(["low", "medium", "high"]),
)  # fmt: skip
services = st.builds(
    Service, words, st.lists(arms, min_size=1, max_size=3, unique_by=lambda arm: arm.name).map(tuple), several, words, several,
    st.integers(1, 9), st.builds(Recording, numbers, several), st.builds(Batching, st.integers(1, 99), spans),
    st.builds(Limits, st.integers(0, 1 << 40), spans, spans), st.builds(Labels, words, several, words, words),
    st.lists(monitors, max_size=2).map(tuple), st.builds(Objectives, spans, numbers, numbers, spans),
    st.booleans(),
)  # fmt: skip
PLAIN = Service("service/a", (Arm("main", "model/a@1", digest_of(b"a")),))


@given(services)
def test_what_is_written_is_read_again(service: Service) -> None:
    """Any service comes back whole, and the same one has the same bytes."""
    data = dump_service(service)
    assert load_service(data) == service
    assert dump_service(load_service(data)) == data


def test_equal_services_have_equal_bytes() -> None:
    """Neither the order of bounds nor how a number is written makes another version."""
    one = Monitor("m", "drift", bounds={"effect": 1.0, "q": 0.5})
    other = Monitor("m", "drift", bounds={"q": 0.5, "effect": 1})
    assert one == other
    assert dump_service(replace(PLAIN, monitors=(one,))) == dump_service(replace(PLAIN, monitors=(other,)))


@pytest.mark.parametrize("path", [(), ("arms", 0), ("limits",), ("arms", 0, "signature")])
def test_an_unknown_key_is_refused_wherever_it_stands(path: tuple[str | int, ...]) -> None:
    """What is not understood is not served."""
    value = json.loads(dump_service(PLAIN))
    place = value
    for step in path:
        place = place[step]
    place["colour"] = "red"
    with pytest.raises(Invalid) as caught:
        load_service(json.dumps(value).encode())
    assert (caught.value.kind, caught.value.facts["key"]) == ("unknown-key", "colour")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff", b'{"format": 1, "name": 3, "arms": []}']
)
def test_other_bytes_are_refused(data: bytes) -> None:
    """Bytes that are no specification say so."""
    with pytest.raises(Invalid) as caught:
        load_service(data)
    assert caught.value.kind == "bad-service"


@pytest.mark.parametrize(
    "arms",
    [
        (),
        (replace(PLAIN.arms[0], shadow=True),),
        (replace(PLAIN.arms[0], weight=0),),
        (replace(PLAIN.arms[0], weight=-1), replace(PLAIN.arms[0], name="b")),
        (PLAIN.arms[0], PLAIN.arms[0]),
    ],
)
def test_what_answers_nothing_is_no_service(arms: tuple[Arm, ...]) -> None:
    """There is an arm with traffic, weights are no debts, and each arm has its own name."""
    with pytest.raises(Invalid) as caught:
        dump_service(replace(PLAIN, arms=arms))
    assert caught.value.kind == "bad-service"


def test_a_newer_format_is_refused() -> None:
    """What another Loopline wrote is not guessed at."""
    with pytest.raises(Invalid) as caught:
        load_service(dump_service(PLAIN).replace(b'"format":1', b'"format":2'))
    assert caught.value.kind == "unknown-key"
