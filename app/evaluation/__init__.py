"""Results of an evaluation as HTML: headlines, charts, tables and cases, shared by the page and the report.

Pure; everything from the results is escaped. Every function takes results that `report.check` has passed.
"""
