"""Results for people: annotated images and videos, JSON, tables, curves and HTML reports."""
