"""openlineage: lineage in other programs' words (OpenLineage 2-0-2), in and out.

`routes` takes events at `/api/v1/lineage`; `wire` reads them, `translate` turns them into what the loop keeps; `emit` writes
events of the feed as OpenLineage events for subscriptions. README.md says what is spoken and what is not.
"""
