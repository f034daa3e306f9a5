"""Tell which fields, and which questions, lakeFS's own SDK does not know. Reads JSON: names by model, words by operation."""

from __future__ import annotations

import inspect
import json
import sys

import lakefs_sdk

asked = json.load(sys.stdin)
unknown = []
for model, names in asked["models"].items():
    fields = getattr(lakefs_sdk, model).__fields__
    unknown += [f"{model}.{name}" for name in names if name not in fields]
for operation, names in asked["operations"].items():
    api, _, name = operation.partition(".")
    words = inspect.signature(getattr(getattr(lakefs_sdk, api), name)).parameters
    unknown += [f"{operation}({word})" for word in names if word not in words]
print(json.dumps(unknown))
