"""What somebody asks DuckDB of a bucket: write Parquet in parts, read it by a glob, read CSV."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb
import duckdb_ext

address, bucket = sys.argv[1:]
(extension,) = Path(duckdb_ext.__path__[0]).rglob("httpfs.duckdb_extension")
db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
db.execute(f"LOAD '{extension}'")
db.execute(
    "CREATE SECRET door (TYPE s3, KEY_ID 'any', SECRET 'any', REGION 'eu-west-3', USE_SSL false, URL_STYLE 'path',"
    f" ENDPOINT '{address}')"
)
for month in (1, 2):
    db.execute(
        f"COPY (SELECT {month} AS month, range AS n, hash(range) AS h FROM range(300000)) TO 's3://{bucket}/{month}/t.parquet'"
    )
db.execute(f"COPY (SELECT 'LH1' AS flight, 12 AS delay) TO 's3://{bucket}/t.csv'")
said = {
    "rows": db.execute(
        f"SELECT month, count(*), sum(n) FROM read_parquet('s3://{bucket}/*/t.parquet') GROUP BY 1 ORDER BY 1"
    ).fetchall(),
    "csv": db.execute(f"SELECT * FROM read_csv('s3://{bucket}/t.csv')").fetchall(),
    "glob": [
        row[0] for row in db.execute(f"SELECT file FROM glob('s3://{bucket}/**/*.parquet') ORDER BY 1").fetchall()
    ],
}
print(json.dumps(said, default=int))
