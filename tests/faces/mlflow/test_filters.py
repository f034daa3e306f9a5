"""Filters and orders of MLflow's clients become values, or an error that names what was not understood."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.mlflow.entities import EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS, TRACES
from loopline.faces.mlflow.errors import Fault
from loopline.faces.mlflow.filters import LISTED, LONGEST, MOST, ORDERS, field_of, filter_of, order_of
from loopline.nouns.query import Clause, Order


@pytest.mark.parametrize(
    ("text", "part", "key", "op", "value"),
    [
        ("metrics.a > 1", "metric", "a", ">", 1.0),
        ("metric.a>=-1.5e-3", "metric", "a", ">=", -0.0015),
        ("metrics.a > .5", "metric", "a", ">", 0.5),
        ("metrics.a > 1e400", "metric", "a", ">", float("inf")),
        ("`metrics`.acc != 1.", "metric", "acc", "!=", 1.0),
        ("metrics.`a b` < 1", "metric", "a b", "<", 1.0),
        ('metrics."a b" <= 1', "metric", "a b", "<=", 1.0),
        ("params.a.b.c = 'x'", "param", "a.b.c", "=", "x"),
        ("parameters.order = 'x'", "param", "order", "=", "x"),
        ('params.a = "it\'s"', "param", "a", "=", "it's"),
        ("params.a = 'it''s'", "param", "a", "=", "it's"),
        ("params.a = ''", "param", "a", "=", ""),
        ("tags.mlflow.source.name LIKE 'x%'", "tag", "mlflow.source.name", "like", "x%"),
        ("tag.ünï ilike 'X'", "tag", "ünï", "ilike", "X"),
        ("tags.a is null", "tag", "a", "is null", None),
        ("params.a IS  NOT\nNULL", "param", "a", "is not null", None),
        ("run_id in ('a',\"b\",)", "attribute", "run_id", "in", ("a", "b")),
        ("attr.run_id NOT IN ('a')", "attribute", "run_id", "not in", ("a",)),
        ("start_time > 5", "attribute", "start_time", ">", 5),
        ("Created > 5", "attribute", "start_time", ">", 5),
        ("attribute.`Run name` = 'x'", "attribute", "run_name", "=", "x"),
        ("run.status != 'FAILED'", "attribute", "status", "!=", "FAILED"),
        ("datasets.context IN ('x', 'y')", "dataset", "context", "in", ("x", "y")),
    ],
)
def test_a_comparison_of_runs_is_read(text: str, part: str, key: str, op: str, value: object) -> None:
    """Every way of writing a key, an operator and a value is understood."""
    assert filter_of(RUNS, text) == (Clause(part, key, op, value),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a>1 AND params.b='x'",
        "metrics.a > 1 and\tparams.b = 'x'",
        "metrics.a > 1 params.b = 'x' AND",
        "AND metrics.a>1 AND AND params.b='x'",
    ],
)
def test_comparisons_are_joined_by_and_or_by_nothing(text: str) -> None:
    """A filter is a list of comparisons, with AND wherever somebody has put one."""
    assert [one.key for one in filter_of(RUNS, text)] == ["a", "b"]


def test_no_filter_is_no_condition() -> None:
    """Nothing and blanks hold for everything."""
    assert filter_of(RUNS, "") == filter_of(RUNS, "  \n") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metric.acc >= 0.94; metrics.rmse < 1", "Search filter contained multiple expression"),
        ("metrics.a > 1;", r"Invalid clause\(s\) in filter string"),
        ("m.acc >= 0.94", "Invalid entity type 'm'"),
        ("acc >= 0.94", "Invalid attribute key 'acc'"),
        ("metrics.A > 0.1 OR params.B = 'LR'", r"Invalid clause\(s\) in filter string: 'OR params"),
        ("metrics.A > 0.1 NAND params.B = 'LR'", r"Invalid"),
        ("metrics.A > 0.1 AND (params.B = 'LR')", r"Invalid clause\(s\) in filter string: '\(params"),
        ("`metrics.A > 0.1", r"Invalid clause\(s\)"),
        ("param`.A > 0.1", r"Invalid clause\(s\)"),
        ("0.5 < metrics.a", r"Invalid clause\(s\)"),
        ("metrics.a", r"Invalid clause\(s\)"),
        ("metrics. > 1", r"Invalid clause\(s\)"),
        ("metrics.a >", "Expected a value"),
        ("params.'acc = LR", r"Invalid clause\(s\)"),
        ("params.acc = LR", "not quoted or unidentified quote"),
        ("run_id = `x`", "not quoted or unidentified quote"),
        ("params.acc = 5", "Expected a quoted string value for param"),
        ("run_id = 1", "Expected a quoted string value for attribute"),
        ("metrics.acc != 'abc'", "Expected numeric value type for metric. Found 'abc'"),
        ("metrics.acc > inf", "Expected numeric value type for metric. Found inf"),
        ("start_time > 'x'", "Expected numeric value type for numeric attribute: start_time"),
        ("params.acc > '1'", "Invalid comparator '>' not one of"),
        ("metrics.a == 1", "Invalid comparator '==' not one of"),
        ("metrics.a <> 1", "Invalid comparator '<>'"),
        ("tags.a rlike 'x'", "Invalid comparator 'RLIKE'"),
        ("tags.a NOT LIKE 'x'", r"Invalid clause\(s\)"),
        ("metrics.a is null", "IS NULL / IS NOT NULL is only supported for params and tags"),
        ("datasets.foo = 'x'", "Invalid dataset key 'foo'"),
        ("run_id in ()", "expected a non-empty list"),
        ("run_id in (1, 2)", "expected string values"),
        ("run_id in ('a' 'b')", "ill-formed list"),
        ("run_id in ('a'", "ill-formed list"),
        ("run_id in 'a'", "write a list"),
        ("run_id = ('a')", "Invalid comparator '=' for a list"),
        ("run_name in ('a')", "No comparison with a list"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_named(text: str, message: str) -> None:
    """A filter that is none is refused in the words that clients' users know."""
    with pytest.raises(Fault, match=message) as raised:
        filter_of(RUNS, text)
    assert raised.value.status == 400


def test_a_filter_has_an_end() -> None:
    """More comparisons, and more values in a list, than anybody writes are refused."""
    filter_of(RUNS, " AND ".join(["metrics.a > 1"] * MOST))
    with pytest.raises(Fault, match=f"at most {MOST} comparisons"):
        filter_of(RUNS, " AND ".join(["metrics.a > 1"] * (MOST + 1)))
    with pytest.raises(Fault, match=f"at most {LONGEST} values"):
        filter_of(RUNS, f"run_id IN ({', '.join(['1'.join(chr(39) * 2)] * (LONGEST + 1))})")


@pytest.mark.parametrize(
    ("entity", "text", "found"),
    [
        (EXPERIMENTS, "name like 'a%'", Clause("attribute", "name", "like", "a%")),
        (EXPERIMENTS, "experiment_id IN ('1','2')", Clause("attribute", "experiment_id", "in", ("1", "2"))),
        (EXPERIMENTS, "creation_time > 5", Clause("attribute", "creation_time", ">", 5)),
        (REGISTERED_MODELS, "tags.`mlflow.prompt.is_prompt` = 'true'", Clause("tag", "mlflow.prompt.is_prompt", "=", "true")),
        (MODEL_VERSIONS, "version_number >= '2'", Clause("attribute", "version_number", ">=", 2)),
        (MODEL_VERSIONS, "source_path = 's'", Clause("attribute", "source_path", "=", "s")),
        (LOGGED_MODELS, "params.a = 3", Clause("param", "a", "=", "3")),
        (LOGGED_MODELS, "creation_time > 5", Clause("attribute", "creation_timestamp", ">", 5)),
        (TRACES, "timestamp > 5", Clause("attribute", "timestamp_ms", ">", 5)),
        (TRACES, "name = 'x'", Clause("tag", "mlflow.traceName", "=", "x")),
        (TRACES, "trace.run_id = 'x'", Clause("metadata", "mlflow.sourceRun", "=", "x")),
        (TRACES, "span.attributes.a.b LIKE 'x'", Clause("span", "attributes.a.b", "like", "x")),
        (TRACES, "feedback.q > 3", Clause("feedback", "q", ">", 3.0)),
        (TRACES, "feedback.q = 'yes'", Clause("feedback", "q", "=", "yes")),
    ],
)  # fmt: skip
def test_each_entity_has_its_own_words(entity: object, text: str, found: Clause) -> None:
    """What an attribute is called, and what it means, is the entity's."""
    assert filter_of(entity, text) == (found,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entity", "text", "message"),
    [
        (EXPERIMENTS, "name > 'a'", "Invalid comparator '>'"),
        (EXPERIMENTS, "params.a = 'x'", "Invalid entity type 'params'"),
        (EXPERIMENTS, "creation_time > 1.5", "Invalid value for numeric attribute 'creation_time'"),
        (REGISTERED_MODELS, "version_number > 1", "Invalid attribute key 'version_number'"),
        (REGISTERED_MODELS, "name is null", "is only supported for nothing here"),
        (MODEL_VERSIONS, "version_number = 1.0", "Invalid value for numeric attribute"),
        (LOGGED_MODELS, "foo = 'x'", "Invalid attribute key 'foo'"),
        (TRACES, "span.foo = 'x'", "Invalid span key 'foo'"),
        (TRACES, "feedback.q = 3", "Expected a quoted string value for feedback"),
    ],
)
def test_each_entity_refuses_what_it_has_not(entity: object, text: str, message: str) -> None:
    """A comparator or a key that an entity has not is refused."""
    with pytest.raises(Fault, match=message):
        filter_of(entity, text)  # type: ignore[arg-type]


def test_orders_are_read() -> None:
    """A field with or without a direction, in any case and any quotes."""
    found = order_of(RUNS, ["metrics.`a b` DESC", "params.x.y", "Created desc", 'tags."k" ASC', "run_name"])
    assert found == (
        Order("metric", "a b", descending=True), Order("param", "x.y"), Order("attribute", "start_time", descending=True),
        Order("tag", "k"), Order("attribute", "run_name"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([""], "Could not be parsed"),
        (["metrics.a desc desc"], "Could not be parsed"),
        (["metrics.a, params.b"], "Could not be parsed"),
        (["metrics.a down"], "Invalid ordering key"),
        (["foo"], "Invalid attribute key 'foo'"),
        (["datasets.name"], "nothing is ordered by datasets"),
        (["metrics.a", "metric.a desc"], "duplicate fields"),
        (["Created", "start_time"], "duplicate fields"),
    ],
)
def test_what_is_no_order_is_refused(texts: list[str], message: str) -> None:
    """An order that is none is refused in the words that clients' users know."""
    with pytest.raises(Fault, match=message):
        order_of(RUNS, texts)


def test_a_field_of_a_document_needs_no_quotes() -> None:
    """Logged models are ordered by documents: all behind the first dot is the key."""
    assert field_of(LOGGED_MODELS, "metrics.val loss", descending=True) == Order("metric", "val loss", descending=True)
    assert field_of(LOGGED_MODELS, "creation_time") == Order("attribute", "creation_timestamp")
    for name in ("params.a", "foo", "spans.a"):
        with pytest.raises(Fault, match="Invalid"):
            field_of(LOGGED_MODELS, name)


_PIECES = st.sampled_from([
    "metrics.", "params.", "tags.", "`", '"', "'", "a", " ", "=", ">", "<=", "!=", "LIKE", "IN", "(", ")", ",", "AND", "NOT",
    "IS", "NULL", "1", "1.5e3", "-", ".", ";", "start_time", "run_id", "ü", "\\", "%", "desc", "datasets.name",
])  # fmt: skip


@given(
    st.lists(_PIECES, max_size=12).map("".join) | st.lists(_PIECES, max_size=12).map(" ".join) | st.text(max_size=40)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Never anything else happens, whatever a client writes."""
    for entity in (RUNS, EXPERIMENTS, MODEL_VERSIONS, LOGGED_MODELS, TRACES):
        with suppress(Fault):
            filter_of(entity, text)
        with suppress(Fault):
            order_of(entity, [text])


def test_lists_and_orders_have_an_end() -> None:
    """Before a database says that it is too much for it."""
    some = f"attributes.run_id IN ({', '.join(['1'.join(chr(39) * 2)] * LONGEST)})"
    filter_of(RUNS, " AND ".join([some] * (LISTED // LONGEST)))
    with pytest.raises(Fault, match=f"at most {LISTED} values"):
        filter_of(RUNS, " AND ".join([some] * (LISTED // LONGEST + 1)))
    order_of(RUNS, [f"metrics.m{at}" for at in range(ORDERS)])
    with pytest.raises(Fault, match=f"at most {ORDERS} fields"):
        order_of(RUNS, [f"metrics.m{at}" for at in range(ORDERS + 1)])
