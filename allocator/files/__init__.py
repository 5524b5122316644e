"""Reading and writing instances and plans, as NDJSON or Parquet."""
