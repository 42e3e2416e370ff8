import base64
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isogloss.app.serve.answer import cut_rows, number_lists, write_answer
from isogloss.app.serve.limits import Limits
from isogloss.app.serve.problems import Problem
from isogloss.app.serve.request import Request, read_request

RELAXED = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
LIMITS = Limits(request_passages=5)


def read(fields, **options):
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return read_request(
        body, **({"names": ("m", "long/m"), "dim": 384, "limits": LIMITS} | options)
    )


def refused(fields):
    with pytest.raises(Problem) as caught:
        read(fields)
    return caught.value


def test_a_whole_number_may_have_a_point():
    assert read({"model": "m", "input": "a", "dimensions": 64.0}).dimensions == 64


def test_a_string_is_a_list_of_one():
    assert read({"model": "m", "input": "a"}).texts == ["a"]
    assert read({"model": "long/m", "input": ["a", "b"], "user": 3}).texts == ["a", "b"]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "document"),
        ({"input_type": "query"}, "query"),
        ({"input_type": "search_query"}, "query"),
        ({"input_type": "passage"}, "document"),
        ({"model": "m@query"}, "query"),
        ({"model": "m@document"}, "document"),
        ({"model": "m@query", "input_type": "query"}, "query"),
    ],
)
def test_which_prompt(fields, kind):
    assert read({"model": "m", "input": "a"} | fields).kind == kind


@pytest.mark.parametrize(
    ("change", "status", "param", "said"),
    [
        ({"model": None}, 400, "model", "missing"),
        ({"model": 3}, 400, "model", "a number"),
        ({"model": "n"}, 404, "model", "'n'"),
        ({"model": "m@both"}, 404, "model", "m@both"),
        ({"model": "m@query", "input_type": "document"}, 400, "input_type", "leave one out"),
        ({"input": None}, 400, "input", "missing"),
        ({"input": []}, 400, "input", "empty list"),
        ({"input": ""}, 400, "input", "empty string"),
        ({"input": ["a", ""]}, 400, "input", "input[1]"),
        ({"input": [1, 2]}, 400, "input", "token numbers"),
        ({"input": [[1, 2], [3]]}, 400, "input", "token numbers"),
        ({"input": ["a", None]}, 400, "input", "input[1] is null"),
        ({"input": {"a": 1}}, 400, "input", "an object"),
        ({"input": [True]}, 400, "input", "true or false"),
        ({"input": ["a"] * 6}, 413, "input", "--request-passages"),
        ({"encoding_format": "hex"}, 400, "encoding_format", "'hex'"),
        ({"encoding_format": 1}, 400, "encoding_format", "a number"),
        ({"dimensions": 0}, 400, "dimensions", "1 to 384"),
        ({"dimensions": 385}, 400, "dimensions", "1 to 384"),
        ({"dimensions": 10**100}, 400, "dimensions", "1 to 384"),
        ({"dimensions": 2.5}, 400, "dimensions", "give a whole number, 1 to"),
        ({"dimensions": True}, 400, "dimensions", "true or false"),
        ({"input_type": "both"}, 400, "input_type", "'both'"),
        ({"dimension": 3}, 400, "dimension", "did you mean 'dimensions'"),
    ],
)
def test_each_mistake_is_named(change, status, param, said):
    problem = refused({"model": "m", "input": "a"} | change)
    assert (problem.status, problem.param) == (status, param)
    assert said in problem.message
    assert set(json.loads(problem.body())["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b"\xff\xfe", b"nul", b'{"model": NaN}', b"[" * 100_000,
     b'{"model":"m","input":"\\ud800"}', b'{"model":"m","input":' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_what_is_no_request_is_refused(body):
    assert refused(body).status == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@RELAXED
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "model": JSON | st.just("m"),
            "input": JSON | st.lists(st.text()),
            "encoding_format": JSON | st.sampled_from(["float", "base64"]),
            "dimensions": JSON | st.integers(1, 400),
            "input_type": JSON,
            "user": JSON,
        },
    )
)
def test_any_object_is_read_or_refused(fields):
    try:
        request = read(fields)
    except Problem as problem:
        assert 400 <= problem.status < 500
        assert "\n" not in problem.message
    else:
        assert request.texts
        assert all(isinstance(text, str) and text for text in request.texts)


@RELAXED
@given(st.binary())
def test_any_bytes_are_read_or_refused(body):
    with pytest.raises(Problem):
        read(body)


@RELAXED
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_come_back_bit_for_bit(values):
    vector = np.array([values], np.float32)
    back = np.array(json.loads(f"[{number_lists(vector)[0]}]"), np.float32)
    assert (back == vector[0]).all()


def test_numbers_of_many_vectors_come_back():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((500, 384)).astype(np.float32) / 20
    back = [json.loads(f"[{row}]") for row in number_lists(vectors)]
    assert (np.array(back).astype(np.float32) == vectors).all()


def test_base64_holds_the_same_bits():
    vectors = np.random.default_rng(1).standard_normal((3, 8)).astype(np.float32)
    body = json.loads(write_answer(Request("m", ["a"] * 3, base64=True), vectors, 7, {"x": 1}))
    back = [np.frombuffer(base64.b64decode(row["embedding"]), "<f4") for row in body["data"]]
    assert (np.array(back) == vectors).all()
    assert [row["index"] for row in body["data"]] == [0, 1, 2]
    assert (body["usage"], body["x"]) == ({"prompt_tokens": 7, "total_tokens": 7}, 1)


def test_cut_vectors_have_unit_length():
    vectors = np.random.default_rng(2).standard_normal((4, 8)).astype(np.float32)
    cut = cut_rows(vectors, 3)
    np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(cut[0] / cut[0, 0], vectors[0, :3] / vectors[0, 0], rtol=1e-5)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[" * 100_000, "the body is nested too deeply"),
        (b'{"dimensions": ' + b"1" * 5000 + b"}", "holds a number with thousands of digits"),
        (b'{"model": ', "not JSON: it goes wrong at line 1, column 11"),
        (b"\xff", "not JSON: it is not UTF-8"), (b'{"dimensions": NaN}', "NaN is no JSON"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_told_in_plain_words(body, told):
    with pytest.raises(Problem) as raised:
        read_request(body, names=("lexical",), dim=384, limits=LIMITS)
    assert told in raised.value.message and raised.value.code == "invalid_json"
    assert "recursion" not in raised.value.message
