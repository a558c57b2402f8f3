"""Queries in parts of which each has as few clauses as a server takes.

A server counts the conditions of a query wherever they stand in it, and refuses one with more than
`indices.query.bool.max_clause_count`, 1,024 if nobody changed it. A text of a thousand characters
may have some hundred words, each of which is looked for in several fields. But each filter of a
`function_score` is counted by itself. So what has too many conditions is cut into portions, each of
which becomes such a filter.
"""

from __future__ import annotations

from collections.abc import Sequence

from kchat_search.engines.opensearch.mapping import Json
from kchat_search.engines.opensearch.portions import portions

MOST_CLAUSES = 1_000
"""Conditions of a portion, and of what is left."""
_OF_NESTED = 2
"""Conditions that a server adds to one on nested documents."""


def fitted(body: Json) -> Json:
    """The body of a search with its queries cut; what it finds and scores is the same."""
    cut = dict(body)
    cut["query"] = _scoring(body["query"])
    if "post_filter" in body:
        cut["post_filter"] = _fitted(body["post_filter"])
    if "aggs" in body:
        cut["aggs"] = {
            name: {**one, "filter": _fitted(one["filter"])} if "filter" in one else one
            for name, one in body["aggs"].items()
        }
    return cut


def _scoring(query: Json) -> Json:
    """A query cut where it does not score."""
    if _clauses(query) <= MOST_CLAUSES:
        return query
    if "script_score" in query:
        scored = query["script_score"]
        return {"script_score": {**scored, "query": _scoring(scored["query"])}}
    bool_ = query.get("bool", {})
    if "should" in bool_ and "minimum_should_match" not in bool_:
        filters = [_portion("filter", [_fitted(one)]) for one in bool_["filter"]]
        return {"bool": {**bool_, "filter": filters}}
    return _fitted(query)


def _fitted(query: Json) -> Json:
    """A query that only filters, cut."""
    if _clauses(query) <= MOST_CLAUSES:
        return query
    if "nested" in query:
        nested = query["nested"]
        return {"nested": {**nested, "query": _fitted(nested["query"])}}
    bool_ = dict(query["bool"])
    for kind in ("filter", "should", "must_not"):
        parts = [_fitted(part) for part in bool_.get(kind, ())]
        while sum(map(_clauses, parts)) > MOST_CLAUSES // 3:
            parts = [_portion(kind, some) for some in portions(parts, _clauses, MOST_CLAUSES)]
        if parts:
            bool_[kind] = parts
    return {"bool": bool_}


def _portion(kind: str, parts: Sequence[Json]) -> Json:
    """What fulfils all of these; any of them, where they stand among what should or must not be."""
    part: Json = {"bool": {"filter": list(parts)}}
    if kind != "filter":
        part = {"bool": {"should": list(parts), "minimum_should_match": 1}}
    return {
        "function_score": {
            "functions": [{"filter": part, "weight": 2}],
            "boost_mode": "replace",
            "min_score": 2,  # what does not fulfil it scores 1
        }
    }


def _clauses(query: Json) -> int:
    """How many conditions a server counts, at most."""
    ((kind, content),) = query.items()
    match kind:
        case "bool":
            parts = (content.get(one, ()) for one in ("filter", "should", "must_not"))
            return sum(_clauses(part) for some in parts for part in some)
        case "nested":
            return _OF_NESTED + _clauses(content["query"])
        case "script_score":
            return _clauses(content["query"])
        case "constant_score":
            return _clauses(content["filter"])
        case "intervals":
            ((field, rule),) = content.items()
            del field
            return sum(len(text["match"]["query"]) for text in rule["all_of"]["intervals"])
    return 1
