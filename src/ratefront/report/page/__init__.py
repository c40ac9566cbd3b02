"""``report.html``: the template, its style and script, and the data that fill it.

``write_report`` imports ``report_page``, and a notebook shows the table of ``page_tables``. This room translates the
described figure into plotly's data. It must not import matplotlib or the figures of ``report.bounds``.
"""
